/* A worker that acknowledges preambles, then swallows or echoes what follows.
 *
 *   worker tcp 127.0.0.1 PORT                     own a port
 *   worker unix PATH                              own a UNIX socket (a backend of HAProxy)
 *   worker netshare CONTROL ADDRESS [LANE]        be behind a shared port
 *
 * One process, one thread, epoll. It reads at once from what it accepts, because the preamble
 * nearly always came with the connection: a server that owns its port can hardly do better. */
#define _GNU_SOURCE
#include "common.h"
#include "worker.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <unistd.h>

enum state { PREAMBLE, CHOOSE, SINKING, ECHOING };

struct client {
    unsigned char state;
    unsigned char handed_over; /* somebody else may still hold the socket */
    size_t size;               /* of kept */
    unsigned char *kept;       /* a preamble that is not complete, or an echo not sent yet */
};

int poller;
static struct client *clients; /* by descriptor */
static size_t limit;
static int listening = -1;
static unsigned char buffer[1 << 18];

void watch(int fd, unsigned events)
{
    struct epoll_event event = {.events = events, .data.fd = fd};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) < 0)
        die("epoll_ctl");
}

static void rewatch(int fd, unsigned events)
{
    struct epoll_event event = {.events = events, .data.fd = fd};
    if (epoll_ctl(poller, EPOLL_CTL_MOD, fd, &event) < 0)
        die("epoll_ctl");
}

/* Where the preamble ends; 0 when it goes on, -1 when it is none. */
static long preamble_end(const unsigned char *data, size_t size)
{
    static const unsigned char start[] = {0, 1, 0, 1, 2, 2}; /* version 1.0, duplex, via */
    size_t at = sizeof start, length = 0;
    for (size_t i = 0; i < size && i < sizeof start; i++)
        if (i != 2 && data[i] != start[i])
            return -1;
    for (int shift = 0;; shift += 7) { /* the via's size, 7 bits a byte */
        if (at >= size)
            return 0;
        if (shift > 14)
            return -1;
        length |= (size_t)(data[at] & 0x7f) << shift;
        if (data[at++] < 0x80)
            break;
    }
    at += length;
    if (at + 3 > size)
        return size > MAX_PREAMBLE ? -1 : 0;
    if (data[at] != 3 || data[at + 2] != 0x0c) /* known encoding, preamble end */
        return -1;
    return (long)at + 3;
}

static void keep(struct client *client, const unsigned char *data, size_t size)
{
    unsigned char *more = realloc(client->kept, client->size + size);
    if (more == NULL)
        die("realloc");
    memcpy(more + client->size, data, size);
    client->kept = more;
    client->size += size;
}

static void finish(int fd, int watched)
{
    struct client *client = &clients[fd];
    /* A socket that the service has not closed yet would stay in epoll after our close. */
    if (watched && client->handed_over)
        epoll_ctl(poller, EPOLL_CTL_DEL, fd, NULL);
    free(client->kept);
    memset(client, 0, sizeof *client);
    close(fd);
}

/* How much of it could be sent; -1 when the connection is broken. */
static ssize_t send_some(int fd, const void *data, size_t size)
{
    ssize_t sent;
    do
        sent = send(fd, data, size, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    if (sent < 0)
        return errno == EAGAIN ? 0 : -1;
    return sent;
}

static int echo(int fd, const unsigned char *data, size_t size)
{
    ssize_t sent = send_some(fd, data, size);
    if (sent < 0)
        return -1;
    if ((size_t)sent < size) {
        keep(&clients[fd], data + sent, size - (size_t)sent);
        rewatch(fd, EPOLLOUT); /* read no more until this is away */
    }
    return 0;
}

/* Deal with what came; -1 when the connection is to be closed. */
static int feed(int fd, const unsigned char *data, size_t size)
{
    struct client *client = &clients[fd];
    if (client->state == SINKING)
        return 0;
    if (client->state == ECHOING)
        return echo(fd, data, size);
    if (client->state == PREAMBLE) {
        if (client->kept) { /* rare: the rest of one that came in pieces */
            keep(client, data, size);
            data = client->kept, size = client->size;
        }
        long end = preamble_end(data, size);
        if (end == 0 && client->kept == NULL)
            keep(client, data, size);
        if (end <= 0)
            return (int)end;
        static const unsigned char ack = ACK;
        if (send_some(fd, &ack, 1) != 1)
            return -1; /* a connection whose first byte cannot be sent is gone */
        client->state = CHOOSE;
        data += end, size -= (size_t)end;
    }
    if (size == 0) {
        free(client->kept);
        client->kept = NULL, client->size = 0;
        return 0;
    }
    if (size < 3 || data[0] != RECORD || data[1] != 1 || (data[2] != SINK && data[2] != ECHO))
        return -1; /* three bytes come together */
    client->state = data[2] == SINK ? SINKING : ECHOING;
    unsigned char *kept = client->kept; /* data may point into it */
    client->kept = NULL, client->size = 0;
    int result = size > 3 ? feed(fd, data + 3, size - 3) : 0;
    free(kept);
    return result;
}

void adopt(int fd, const unsigned char *data, size_t size)
{
    if ((size_t)fd >= limit)
        errno = 0, die("descriptor %d is beyond the limit", fd);
    clients[fd].handed_over = 1;
    watch(fd, EPOLLIN);
    if (feed(fd, data, size) < 0)
        finish(fd, 1);
}

static void readable(int fd)
{
    ssize_t size = recv(fd, buffer, sizeof buffer, 0);
    if (size < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (size <= 0 || feed(fd, buffer, (size_t)size) < 0)
        finish(fd, 1);
}

static void writable(int fd)
{
    struct client *client = &clients[fd];
    ssize_t sent = send_some(fd, client->kept, client->size);
    if (sent < 0) {
        finish(fd, 1);
        return;
    }
    client->size -= (size_t)sent;
    memmove(client->kept, client->kept + sent, client->size);
    if (client->size == 0) {
        free(client->kept);
        client->kept = NULL;
        rewatch(fd, EPOLLIN);
    }
}

static void accept_some(void)
{
    for (int i = 0; i < 64; i++) {
        int fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
                return;
            if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
                usleep(10000); /* they wait in the queue until somebody leaves */
                return;
            }
            die("accept4");
        }
        ssize_t size = recv(fd, buffer, sizeof buffer, 0);
        if (size == 0 || (size < 0 && errno != EAGAIN && errno != EINTR)) {
            finish(fd, 0);
            continue;
        }
        watch(fd, EPOLLIN);
        if (size > 0 && feed(fd, buffer, (size_t)size) < 0)
            finish(fd, 1);
    }
}

static void listen_tcp(const char *host, const char *port)
{
    int on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)number(port))};
    errno = 0;
    if (inet_pton(AF_INET, host, &address.sin_addr) != 1)
        die("%s is not an IPv4 address", host);
    listening = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(listening, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    setsockopt(listening, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* accepted ones inherit it */
    if (bind(listening, (struct sockaddr *)&address, sizeof address) < 0)
        die("%s:%s", host, port);
}

static void listen_unix(const char *path)
{
    struct sockaddr_un address = unix_address(path);
    listening = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (bind(listening, (struct sockaddr *)&address, sizeof address) < 0)
        die("%s", path);
}

int main(int count, char **arguments)
{
    signal(SIGPIPE, SIG_IGN);
    limit = raise_descriptor_limit();
    clients = calloc(limit, sizeof *clients);
    poller = epoll_create1(EPOLL_CLOEXEC);
    if (clients == NULL || poller < 0)
        die("starting");
    if (count == 4 && strcmp(arguments[1], "tcp") == 0)
        listen_tcp(arguments[2], arguments[3]);
    else if (count == 3 && strcmp(arguments[1], "unix") == 0)
        listen_unix(arguments[2]);
    else if ((count == 4 || count == 5) && strcmp(arguments[1], "netshare") == 0)
        link_open(arguments[2], arguments[3], count == 5 ? arguments[4] : NULL);
    else
        errno = 0, die("worker tcp HOST PORT | unix PATH | netshare CONTROL ADDRESS [LANE]");
    if (listening >= 0) {
        if (listen(listening, 4096) < 0)
            die("listen");
        watch(listening, EPOLLIN);
        printf("listening\n");
    }
    fflush(stdout);

    struct epoll_event events[256];
    for (;;) {
        int ready = epoll_wait(poller, events, 256, -1);
        if (ready < 0 && errno != EINTR)
            die("epoll_wait");
        for (int i = 0; i < ready; i++) {
            int fd = events[i].data.fd;
            if (fd == listening)
                accept_some();
            else if (!link_event(fd)) {
                if (events[i].events & EPOLLOUT)
                    writable(fd);
                else
                    readable(fd);
            }
        }
    }
}
