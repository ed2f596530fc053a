/* Clients: many connections from one thread, with epoll. Prints one line of JSON.
 *
 *   loadgen MODE HOST PORT VIA COUNT FLIGHT SECONDS [PID...]
 *
 * rate    COUNT connections, FLIGHT at a time: connect, send a preamble, wait for the ack, close
 * storm   queue COUNT connections at a stopped server, wake the processes PID, wait for every ack
 * hold    open COUNT connections, say so, and keep them until standard input ends
 * bulk    COUNT connections send as much as they can for SECONDS
 * echo    COUNT connections send 64 bytes and wait for them to come back, for SECONDS
 *
 * VIA may end in *N: then there are N of them, VIA/1 to VIA/N, for the connections in turn.
 * SECONDS bounds every mode; what is not done by then is counted as failed. Clients come from
 * the addresses 127.0.0.1 to 127.0.0.16 in turn, so that ports in TIME_WAIT do not run out. */
#define _GNU_SOURCE
#include "common.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { SOURCES = 16, MESSAGE = 64, CHUNK = 1 << 18, MAX_VIAS = 4096 };
enum phase { CONNECTING, WAITING, ESTABLISHED, CLOSED };

struct connection {
    int fd;
    enum phase phase;
    uint32_t expected;      /* bytes of the echo that are still to come */
    uint64_t started;
    unsigned long turn;     /* how many were opened before */
};

static int poller;
static struct sockaddr_in server;
static struct preamble {
    size_t size;
    unsigned char bytes[MAX_PREAMBLE];
} *preambles;
static unsigned long vias;
static struct connection *connections;
static long opened, done, failed, waiting;
static uint64_t deadline, last_done;
static uint32_t *latencies; /* in nanoseconds */
static size_t samples, samples_limit;

static void make_preamble(struct preamble *preamble, const char *via)
{
    size_t size = strlen(via), rest = size;
    unsigned char *at = preamble->bytes;
    if (size < 1 || size > 2048)
        errno = 0, die("the via has to have 1 to 2048 bytes");
    memcpy(at, "\0\1\0\1\2\2", 6), at += 6; /* version 1.0, duplex, via */
    for (; rest > 0x7f; rest >>= 7) /* its size, 7 bits a byte, the lowest first */
        *at++ = (unsigned char)(rest | 0x80);
    *at++ = (unsigned char)rest;
    memcpy(at, via, size), at += size;
    memcpy(at, "\3\10\14", 3), at += 3; /* binary with dictionary; preamble end */
    preamble->size = (size_t)(at - preamble->bytes);
}

static void make_preambles(const char *via)
{
    char text[2100];
    const char *star = strchr(via, '*');
    vias = star ? (unsigned long)number(star + 1) : 1;
    if (vias < 1 || vias > MAX_VIAS || strlen(via) > 2048)
        errno = 0, die("there are 1 to %d vias, of at most 2048 bytes", MAX_VIAS);
    preambles = calloc(vias, sizeof *preambles);
    if (!preambles)
        die("starting");
    for (unsigned long i = 0; i < vias; i++) {
        if (star)
            snprintf(text, sizeof text, "%.*s/%lu", (int)(star - via), via, i + 1);
        make_preamble(&preambles[i], star ? text : via);
    }
}

static void sample(uint64_t started, uint64_t now)
{
    uint64_t taken = now - started;
    if (samples < samples_limit)
        latencies[samples++] = taken > UINT32_MAX ? UINT32_MAX : (uint32_t)taken;
}

static void poll_for(struct connection *connection, int operation, unsigned events)
{
    struct epoll_event event = {.events = events, .data.ptr = connection};
    if (epoll_ctl(poller, operation, connection->fd, &event) < 0)
        die("epoll_ctl");
}

static void give_up(struct connection *connection)
{
    if (connection->phase == WAITING)
        waiting--;
    close(connection->fd);
    connection->phase = CLOSED;
    failed++;
}

/* Send the preamble if the connection is up: on loopback it nearly always is at once. */
static void greet(struct connection *connection)
{
    const struct preamble *preamble = &preambles[connection->turn % vias];
    ssize_t sent = send(connection->fd, preamble->bytes, preamble->size, MSG_NOSIGNAL);
    if (sent == (ssize_t)preamble->size) {
        connection->phase = WAITING;
        waiting++;
    } else if (sent >= 0 || errno != EAGAIN)
        give_up(connection); /* not even a preamble fits: there is nobody */
}

static void open_one(struct connection *connection)
{
    static unsigned long turn;
    int on = 1;
    struct sockaddr_in source = {.sin_family = AF_INET};
    source.sin_addr.s_addr = htonl((uint32_t)(INADDR_LOOPBACK + turn % SOURCES));
    connection->turn = turn++;
    connection->started = now_ns();
    connection->phase = CONNECTING;
    connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (connection->fd < 0)
        die("socket");
    /* Or bind() would take a port for all destinations, of which there are too few. */
    setsockopt(connection->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    if (bind(connection->fd, (struct sockaddr *)&source, sizeof source) < 0)
        die("bind");
    opened++;
    if (connect(connection->fd, (struct sockaddr *)&server, sizeof server) < 0 &&
        errno != EINPROGRESS) {
        give_up(connection);
        return;
    }
    greet(connection);
    if (connection->phase == CONNECTING)
        poll_for(connection, EPOLL_CTL_ADD, EPOLLOUT);
    else if (connection->phase == WAITING)
        poll_for(connection, EPOLL_CTL_ADD, EPOLLIN);
}

/* An event of a connection that is not established yet. */
static void advance(struct connection *connection, int closing)
{
    unsigned char ack = 0;
    if (connection->phase == CONNECTING) {
        greet(connection);
        if (connection->phase == WAITING)
            poll_for(connection, EPOLL_CTL_MOD, EPOLLIN);
        return;
    }
    ssize_t got = recv(connection->fd, &ack, 1, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got != 1 || ack != ACK) {
        give_up(connection);
        return;
    }
    last_done = now_ns();
    sample(connection->started, last_done);
    waiting--, done++;
    connection->phase = ESTABLISHED;
    if (closing) {
        close(connection->fd);
        connection->phase = CLOSED;
    }
}

/* Deal with what is ready; fewer than flight stay unanswered while there are more to open. */
static void establish(long count, long flight, int closing)
{
    struct epoll_event events[256];
    for (long i = 0; i < flight && opened < count; i++)
        open_one(&connections[closing ? i : opened]);
    while (done + failed < count && now_ns() < deadline) {
        int ready = epoll_wait(poller, events, 256, 100);
        if (ready < 0 && errno != EINTR)
            die("epoll_wait");
        for (int i = 0; i < ready; i++) {
            struct connection *connection = events[i].data.ptr;
            if (connection->phase > WAITING)
                continue; /* an established one that the server has closed */
            advance(connection, closing);
            if (connection->phase > WAITING && opened < count)
                open_one(closing ? connection : &connections[opened]);
        }
    }
    failed = count - done;
}

static void storm(long count, long pids, char **stopped)
{
    struct epoll_event events[256];
    uint64_t patience = now_ns() + (deadline - now_ns()) / 2;
    while (opened < count)
        open_one(&connections[opened]);
    while (waiting < opened - failed && now_ns() < patience) {
        int ready = epoll_wait(poller, events, 256, 100);
        for (int i = 0; i < ready; i++)
            advance(events[i].data.ptr, 1);
    }
    errno = 0;
    if (waiting < count)
        die("only %ld of %ld connections could be queued", waiting, count);
    uint64_t start = now_ns();
    for (long i = 0; i < count; i++)
        connections[i].started = start;
    for (long i = 0; i < pids; i++)
        if (kill((pid_t)number(stopped[i]), SIGCONT) < 0)
            die("kill");
    establish(count, 0, 1);
}

static int wait_for(struct epoll_event *events)
{
    int ready = epoll_wait(poller, events, 256, 100);
    if (ready < 0 && errno != EINTR)
        die("epoll_wait");
    return ready;
}

/* Say what is wanted, in a record of its own. */
static void choose(struct connection *connection, char wanted)
{
    const char record[] = {RECORD, 1, wanted};
    if (send(connection->fd, record, sizeof record, MSG_NOSIGNAL) != sizeof record)
        die("a message could not be sent");
}

/* How many bytes a second went away; the first fifth of the time does not count. */
static double bulk(long count, double seconds)
{
    static char chunk[CHUNK];
    struct epoll_event events[256];
    uint64_t bytes = 0, start = now_ns(), end = start + (uint64_t)(seconds * 1e9);
    uint64_t count_from = start + (end - start) / 5, now;
    /* One record: a size of three bytes, seven bits each, and as much as is left. */
    memset(chunk, 0, sizeof chunk);
    chunk[0] = RECORD;
    for (int i = 0; i < 3; i++)
        chunk[i + 1] = (char)(((CHUNK - 4) >> 7 * i & 0x7f) | (i < 2 ? 0x80 : 0));
    for (long i = 0; i < count; i++) {
        choose(&connections[i], SINK);
        connections[i].expected = 0; /* how much of a chunk is away */
        poll_for(&connections[i], EPOLL_CTL_MOD, EPOLLOUT);
    }
    while ((now = now_ns()) < end) {
        int ready = wait_for(events);
        for (int i = 0; i < ready; i++) {
            struct connection *connection = events[i].data.ptr;
            size_t away = connection->expected;
            ssize_t sent = send(connection->fd, chunk + away, CHUNK - away, MSG_NOSIGNAL);
            if (sent < 0 && errno != EAGAIN)
                die("a connection broke");
            if (sent > 0)
                connection->expected = (uint32_t)((away + (size_t)sent) % CHUNK);
            if (sent > 0 && now >= count_from)
                bytes += (uint64_t)sent;
        }
    }
    return (double)bytes / ((double)(end - count_from) / 1e9);
}

static void say(struct connection *connection)
{
    static char message[MESSAGE] = {RECORD, MESSAGE - 2};
    connection->started = now_ns();
    connection->expected = MESSAGE;
    if (send(connection->fd, message, sizeof message, MSG_NOSIGNAL) != sizeof message)
        die("a message could not be sent");
}

static void echo(long count, double seconds)
{
    char message[MESSAGE];
    struct epoll_event events[256];
    uint64_t end = now_ns() + (uint64_t)(seconds * 1e9);
    samples = 0; /* forget the connecting */
    for (long i = 0; i < count; i++) {
        choose(&connections[i], ECHO);
        say(&connections[i]);
    }
    while (now_ns() < end) {
        int ready = wait_for(events);
        for (int i = 0; i < ready; i++) {
            struct connection *connection = events[i].data.ptr;
            ssize_t got = recv(connection->fd, message, connection->expected, 0);
            if (got < 0 && (errno == EAGAIN || errno == EINTR))
                continue;
            if (got <= 0)
                die("a connection broke");
            connection->expected -= (uint32_t)got;
            if (connection->expected == 0) {
                sample(connection->started, now_ns());
                say(connection);
            }
        }
    }
}

static int by_value(const void *one, const void *other)
{
    uint32_t a = *(const uint32_t *)one, b = *(const uint32_t *)other;
    return (a > b) - (a < b);
}

static double percentile(double part)
{
    return samples ? latencies[(size_t)(part * (double)(samples - 1))] / 1e3 : 0;
}

/* One line of JSON: counts, seconds, how many a second, and latencies in microseconds. */
static void report(const char *mode, double seconds, double rate)
{
    qsort(latencies, samples, sizeof *latencies, by_value);
    printf("{\"mode\": \"%s\", \"done\": %ld, \"failed\": %ld, \"seconds\": %.6f, "
           "\"rate\": %.1f, \"p50\": %.1f, \"p90\": %.1f, \"p99\": %.1f, \"max\": %.1f}\n",
           mode, done, failed, seconds, rate, percentile(0.5), percentile(0.9),
           percentile(0.99), percentile(1));
    fflush(stdout);
}

int main(int count, char **arguments)
{
    errno = 0;
    if (count < 8)
        die("loadgen rate|storm|hold|bulk|echo HOST PORT VIA COUNT FLIGHT SECONDS [PID...]");
    const char *mode = arguments[1];
    long total = number(arguments[5]), flight = number(arguments[6]);
    double seconds = atof(arguments[7]);
    if (seconds <= 0 || seconds > 600)
        die("SECONDS is above 0 and at most 600");
    server = (struct sockaddr_in){.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)number(arguments[3]))};
    if (inet_pton(AF_INET, arguments[2], &server.sin_addr) != 1)
        die("%s is not an IPv4 address", arguments[2]);
    make_preambles(arguments[4]);
    signal(SIGPIPE, SIG_IGN);

    int timed = !strcmp(mode, "bulk") || !strcmp(mode, "echo");
    int closing = !strcmp(mode, "rate") || !strcmp(mode, "storm");
    if (!timed && !closing && strcmp(mode, "hold"))
        die("%s is no mode", mode);
    if ((size_t)(strcmp(mode, "rate") ? total : flight) + 16 > raise_descriptor_limit())
        die("%ld connections are more than there may be descriptors", total);
    samples_limit = timed ? (size_t)(seconds * 1e6) : (size_t)total;
    latencies = malloc(samples_limit * sizeof *latencies + 1);
    connections = calloc((size_t)(total > flight ? total : flight), sizeof *connections);
    poller = epoll_create1(EPOLL_CLOEXEC);
    if (!latencies || !connections || poller < 0)
        die("starting");

    uint64_t start = now_ns();
    deadline = start + (uint64_t)((timed ? 10 : seconds) * 1e9);
    if (!strcmp(mode, "storm")) {
        storm(total, count - 8, arguments + 8);
        start = connections[0].started;
    } else
        establish(total, flight, closing);
    double taken = (double)(last_done - start) / 1e9;
    if (timed && failed)
        errno = 0, die("%ld of %ld connections failed", failed, total);
    if (!strcmp(mode, "bulk"))
        report(mode, seconds, bulk(total, seconds));
    else if (timed) {
        echo(total, seconds);
        report(mode, seconds, (double)samples / seconds);
    } else
        report(mode, done ? taken : 0, done ? (double)done / taken : 0);
    if (!strcmp(mode, "hold")) {
        char byte;
        while (read(0, &byte, 1) > 0)
            ;
    }
    return failed ? 2 : 0;
}
