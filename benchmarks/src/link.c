/* The worker's side of a shared port: AMP boxes with descriptors beside them, and the fast lane.
 *
 * docs/protocol.rst says what goes over the wire. This is the least that a worker has to do; it
 * serves one address, and never gives a connection back. */
#define _GNU_SOURCE
#include "common.h"
#include "worker.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { MAX_DESCRIPTORS = 64, MAX_BOX = 1 << 18, MAX_MESSAGE = 128 * 1024 };

static int service = -1, lane = -1, batches, lost;

/* Bytes of the link that are not dealt with yet, and descriptors that no box has named yet. */
static unsigned char received[MAX_BOX];
static size_t received_size;
static int arrived[4096];
static unsigned long arrived_first, arrived_next; /* ordinals; at most 4096 between them */

static uint32_t big32(const unsigned char *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return ntohl(value);
}

static size_t big16(const unsigned char *at)
{
    return (size_t)at[0] << 8 | at[1];
}

static void send_all(int fd, const unsigned char *data, size_t size)
{
    while (size > 0) {
        ssize_t sent = send(fd, data, size, MSG_NOSIGNAL);
        if (sent >= 0)
            data += sent, size -= (size_t)sent;
        else if (errno == EAGAIN) { /* the service reads always: it will not be long */
            struct pollfd writable = {.fd = fd, .events = POLLOUT};
            poll(&writable, 1, 5000);
        } else if (errno != EINTR)
            die("the service is gone");
    }
}

/* Read with room for descriptors, which go to fds. The size, 0 at the end, -1 for nothing now. */
static ssize_t receive(int fd, void *data, size_t size, int flags, int *fds, size_t *count)
{
    union {
        struct cmsghdr aligned;
        char bytes[CMSG_SPACE(sizeof(int) * MAX_DESCRIPTORS)];
    } control;
    struct iovec into = {.iov_base = data, .iov_len = size};
    struct msghdr message = {.msg_iov = &into, .msg_iovlen = 1,
                             .msg_control = &control, .msg_controllen = sizeof control};
    ssize_t got;
    *count = 0;
    do
        got = recvmsg(fd, &message, flags | MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    if (got < 0) {
        if (errno == EAGAIN)
            return -1;
        return 0; /* reset: the same as its end */
    }
    errno = 0;
    if (message.msg_flags & (MSG_CTRUNC | MSG_TRUNC)) /* no descriptor left for a client */
        die("a connection got lost: raise the limit of descriptors");
    for (struct cmsghdr *one = CMSG_FIRSTHDR(&message); one; one = CMSG_NXTHDR(&message, one))
        if (one->cmsg_level == SOL_SOCKET && one->cmsg_type == SCM_RIGHTS) {
            size_t bytes = one->cmsg_len - CMSG_LEN(0);
            memcpy(fds + *count, CMSG_DATA(one), bytes);
            *count += bytes / sizeof(int);
        }
    return got;
}

/* ---- AMP ------------------------------------------------------------------------------- */

/* Add a key and its value to a box. */
static unsigned char *pair(unsigned char *at, const char *key, const void *value, size_t size)
{
    size_t key_size = strlen(key);
    *at++ = 0;
    *at++ = (unsigned char)key_size;
    memcpy(at, key, key_size);
    at += key_size;
    *at++ = (unsigned char)(size >> 8);
    *at++ = (unsigned char)size;
    memcpy(at, value, size);
    return at + size;
}

struct value {
    const unsigned char *data;
    size_t size;
};

enum key { COMMAND, ASK, ANSWER, DESCRIPTION, SOCKET, READ_DATA, READ_MORE, LANE, BASE, KEYS };

static const char *const names[KEYS] = {
    [COMMAND] = "_command", [ASK] = "_ask", [ANSWER] = "_answer",
    [DESCRIPTION] = "_error_description", [SOCKET] = "socket", [READ_DATA] = "readData",
    [READ_MORE] = "readData.1", [LANE] = "lane", [BASE] = "baseAddress",
};

/* Take the box at the beginning apart: its size, or 0 when it is not whole yet. */
static size_t take_box(const unsigned char *data, size_t size, struct value box[KEYS])
{
    size_t at = 0;
    memset(box, 0, sizeof(struct value) * KEYS);
    for (;;) {
        if (at + 2 > size)
            return 0;
        size_t key_size = big16(data + at);
        const unsigned char *key = data + at + 2;
        at += 2 + key_size;
        if (key_size == 0)
            return at;
        if (at + 2 > size)
            return 0;
        size_t value_size = big16(data + at);
        at += 2 + value_size;
        if (at > size)
            return 0;
        for (int i = 0; i < KEYS; i++)
            if (key_size == strlen(names[i]) && memcmp(key, names[i], key_size) == 0)
                box[i] = (struct value){data + at - value_size, value_size};
    }
}

/* The descriptor that a value names by its ordinal. */
static int named(struct value value)
{
    char digits[24] = "";
    memcpy(digits, value.data, value.size < 20 ? value.size : 20);
    unsigned long ordinal = strtoul(digits, NULL, 10);
    if (ordinal < arrived_first || ordinal >= arrived_next)
        errno = 0, die("descriptor %lu did not come", ordinal);
    if (ordinal == arrived_first)
        arrived_first++;
    return arrived[ordinal % 4096];
}

static int is(struct value value, const char *text)
{
    return value.size == strlen(text) && memcmp(value.data, text, value.size) == 0;
}

static void registered(struct value box[KEYS], const char *wanted)
{
    if (box[LANE].data) {
        lane = named(box[LANE]);
        batches = strcmp(wanted, "batches") == 0;
        watch(lane, EPOLLIN);
    }
    printf("registered %.*s lane=%s\n", (int)box[BASE].size, (const char *)box[BASE].data,
           lane < 0 ? "amp" : wanted);
}

/* Deal with every whole box; wanted is the lane that Register asked for. */
static int take_boxes(const char *wanted)
{
    static unsigned char answers[1 << 16];
    unsigned char *end = answers;
    size_t at = 0, size;
    int was_registered = 0;
    struct value box[KEYS];
    while ((size = take_box(received + at, received_size - at, box)) > 0) {
        at += size;
        if (box[DESCRIPTION].data)
            errno = 0, die("the service says: %.*s", (int)box[DESCRIPTION].size,
                           (const char *)box[DESCRIPTION].data);
        if (is(box[COMMAND], "Duplicate")) {
            if (box[READ_MORE].data || !box[SOCKET].data || !box[READ_DATA].data)
                errno = 0, die("more bytes came with a connection than a benchmark sends");
            adopt(named(box[SOCKET]), box[READ_DATA].data, box[READ_DATA].size);
            if (end > answers + sizeof answers - 512)
                send_all(service, answers, (size_t)(end - answers)), end = answers;
            end = pair(end, "_answer", box[ASK].data, box[ASK].size < 255 ? box[ASK].size : 255);
            *end++ = 0, *end++ = 0;
        } else if (box[ANSWER].data) {
            registered(box, wanted);
            was_registered = 1;
        } /* else RoutesChanged: nothing is given back here */
    }
    if (at == 0 && received_size == sizeof received)
        errno = 0, die("a box is larger than %zu bytes", sizeof received);
    received_size -= at;
    memmove(received, received + at, received_size);
    send_all(service, answers, (size_t)(end - answers)); /* all at once: one system call */
    return was_registered;
}

/* Read from the link; whether there was anything. */
static int read_link(int flags)
{
    int fds[MAX_DESCRIPTORS];
    size_t count;
    ssize_t got = receive(service, received + received_size, sizeof received - received_size,
                          flags, fds, &count);
    if (got < 0)
        return 0;
    for (size_t i = 0; i < count; i++)
        arrived[arrived_next++ % 4096] = fds[i];
    if (got == 0) {
        lost = 1;
        return 0;
    }
    received_size += (size_t)got;
    return 1;
}

void link_open(const char *control, const char *base_address, const char *wanted)
{
    struct sockaddr_un address = unix_address(control);
    unsigned char box[4096], *end = box;
    if (strlen(base_address) > 2048 || (wanted && strlen(wanted) > 32))
        errno = 0, die("the address is too long");
    service = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(service, (struct sockaddr *)&address, sizeof address) < 0)
        die("%s", control);
    end = pair(end, "_command", "Register", 8);
    end = pair(end, "_ask", "1", 1);
    end = pair(end, "version", "1", 1);
    end = pair(end, "baseAddress", base_address, strlen(base_address));
    if (wanted)
        end = pair(end, "lane", wanted, strlen(wanted));
    *end++ = 0, *end++ = 0;
    send_all(service, box, (size_t)(end - box));
    do
        if (!read_link(0))
            errno = 0, die("the service left before it answered");
    while (!take_boxes(wanted ? wanted : ""));
    watch(service, EPOLLIN);
}

/* ---- the fast lane --------------------------------------------------------------------- */

/* u16 n; n times u32 size of the data, u8 size of the peer's text; n times peer, data. */
static uint32_t take_batch(const unsigned char *data, size_t size, const int *fds, size_t count)
{
    errno = 0;
    size_t n = size >= 2 ? big16(data) : 0, at = 2 + 5 * n;
    if (n == 0 || n != count || at > size)
        die("a batch of %zu came with %zu descriptors, in %zu bytes", n, count, size);
    for (size_t i = 0; i < n; i++) {
        const unsigned char *sizes = data + 2 + 5 * i;
        size_t length = big32(sizes);
        at += sizes[4];
        if (at > size || length == 0 || length > size - at)
            die("connection %zu of a batch does not fit into it", i);
        adopt(fds[i], data + at, length);
        at += length;
    }
    return (uint32_t)n;
}

static void read_lane(void)
{
    static unsigned char data[MAX_MESSAGE];
    int fds[MAX_DESCRIPTORS];
    size_t count;
    uint32_t adopted = 0;
    for (int turn = 0; turn < 64; turn++) {
        ssize_t got = receive(lane, data, sizeof data, MSG_DONTWAIT, fds, &count);
        if (got < 0)
            break;
        if (got == 0) {
            lost = 1;
            break;
        }
        if (batches)
            adopted += take_batch(data, (size_t)got, fds, count);
        else if (count == 1) {
            adopt(fds[0], data, (size_t)got);
            adopted++;
        } else
            errno = 0, die("a record came with %zu descriptors", count);
        if (batches && adopted >= MAX_DESCRIPTORS)
            break; /* answer first: it frees the sender */
    }
    if (adopted) {
        uint32_t answer[2] = {htonl(adopted), 0};
        send_all(lane, (unsigned char *)answer, sizeof answer);
    }
}

int link_event(int fd)
{
    if (fd != service && fd != lane)
        return 0;
    if (fd == lane)
        read_lane();
    else if (read_link(MSG_DONTWAIT))
        take_boxes("");
    if (lost) {
        fprintf(stderr, "the service is gone\n");
        exit(0);
    }
    return 1;
}
