/*
 * A worker in C: plain POSIX on Linux, one thread, no library.
 *
 * It shows what docs/protocol.rst asks of a worker that takes many connections: the fast lane in
 * batches, sockets that are used again, draining, and registering anew after a restart of the
 * service. What it serves is an echo: every message of a net.tcp client comes back as it went.
 *
 *     cc -o worker worker.c
 *     ./worker [-s] [-n CLIENTS] net.tcp://+:8808/echo
 *
 * -s shares the address with other workers that say so, too; -n is how many clients it takes.
 * Started by the service it serves what it was started for, and ends when the service does.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum {
    MAX_MESSAGE = 65536, /* WCF's MaxReceivedMessageSize */
    MAX_VIA = 2048,
    MAX_CONTENT_TYPE = 256,
    MAX_BOX = 131072,    /* of the service; those to a worker with a lane are small */
    LANE_MESSAGE = 131072,
    LANE_SOCKETS = 64,
    IDLE = 120,          /* seconds; WCF's IdleTimeout */
    GOODBYE = 10,        /* seconds that a refused client has for reading why */
};
#define FAULTS "http://schemas.microsoft.com/ws/2006/05/framing/faults/"

struct bytes {
    unsigned char *data;
    size_t size, room;
};

static void append(struct bytes *to, const void *data, size_t size)
{
    if (to->size + size > to->room) {
        to->room = 2 * (to->size + size);
        to->data = realloc(to->data, to->room);
        if (!to->data)
            abort();
    }
    if (size)
        memcpy(to->data + to->size, data, size);
    to->size += size;
}

static void consume(struct bytes *from, size_t size)
{
    from->size -= size;
    memmove(from->data, from->data + size, from->size);
}

enum phase {
    AWAY,        /* no link; again at `again` */
    REGISTERING, /* Register is not answered yet */
    SERVING,
    DRAINING,    /* told to Drain: until the last client has left, or `deadline` */
    DRAINED,     /* Drained was said */
    UNREGISTERING,
    LEAVING,     /* no link, and none is wanted: until the last client has left */
};

enum state {
    PREAMBLE,  /* the first one, or one after End */
    MESSAGES,  /* it was acknowledged */
    RETURNING, /* this preamble is not ours: the socket goes back over the lane */
    GOING,     /* nothing more is read; what is to be sent is sent */
    REFUSED,   /* the fault is sent, and our half closed: until the client has closed its own */
};

struct client {
    struct client *next;
    int fd;
    enum state state;
    struct bytes in, out;
    unsigned char via[MAX_VIA]; /* that of its first preamble */
    size_t via_size;
    bool over;                  /* the client has closed its half */
    unsigned epoch;
    unsigned char peer[255];    /* as the lane named it: behind a balancer */
    unsigned char peer_size;
    time_t last;                /* when something came or went */
};

static enum phase phase = AWAY;
static bool inherited, registered_once;
static int wire = -1, lane = -1, arrived = -1;
static struct bytes wire_in, wire_out;
static double again, deadline = 1e300; /* in the seconds of now() */
static int failures;
static const char *address;
static char *registered; /* as the service answered it */
static bool shared;
static struct client *clients;
static unsigned count, most = 500, epoch;

/* Answers that the lane is owed, and connections of its last message that are to go back. */
static unsigned adopted, gone;
static struct {
    int fds[LANE_SOCKETS];
    unsigned count;
    bool busy; /* a word goes before them: there is no room for them now */
    struct bytes parts[LANE_SOCKETS], peers[LANE_SOCKETS];
} back;
static bool quiet; /* there was nothing in the lane when it was read last */

static volatile sig_atomic_t terminated;

static void on_term(int number)
{
    (void)number;
    terminated = 1;
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* --- Boxes on the link ------------------------------------------------------------------- */

/* Queue a box: keys and values in turn, all of them text; NULL is the end. */
static void send_box(const char *key, ...)
{
    va_list rest;
    va_start(rest, key);
    for (const char *part = key; part; part = va_arg(rest, const char *)) {
        size_t size = strlen(part);
        append(&wire_out, (unsigned char[]){(unsigned char)(size >> 8), (unsigned char)size}, 2);
        append(&wire_out, part, size);
    }
    va_end(rest);
    append(&wire_out, "\0", 2);
}

struct box {
    struct {
        char *key, *value; /* with a zero behind, which the wire does not have */
    } pairs[32];
    int count;
};

static const char *get(const struct box *box, const char *key)
{
    for (int at = 0; at < box->count; at++)
        if (!strcmp(box->pairs[at].key, key))
            return box->pairs[at].value;
    return NULL;
}

static void forget(struct box *box)
{
    while (box->count--) {
        free(box->pairs[box->count].key);
        free(box->pairs[box->count].value);
    }
}

/* Take a box out of what came: its size, 0 when it is not whole yet, -1 when it makes no sense. */
static long take_box(struct box *box)
{
    const unsigned char *data = wire_in.data;
    char *key = NULL;
    long taken = wire_in.size > MAX_BOX ? -1 : 0;
    box->count = 0;
    for (size_t at = 0, size; wire_in.size - at >= 2; at += size) {
        size = (size_t)data[at] << 8 | data[at + 1];
        at += 2;
        if (!key && (!size || size > 255)) {
            taken = size ? -1 : (long)at;
            break;
        }
        if (wire_in.size - at < size)
            break;
        char *text = strndup((const char *)data + at, size);
        if (!key) {
            key = text;
            continue;
        }
        if (box->count < 32) {
            box->pairs[box->count].key = key;
            box->pairs[box->count++].value = text;
        } else {
            free(key);
            free(text);
        }
        key = NULL;
    }
    free(key);
    if (taken <= 0)
        forget(box);
    return taken;
}

/* --- Clients ----------------------------------------------------------------------------- */

static void refuse(struct client *client, const char *fault)
{
    unsigned char size = (unsigned char)(strlen(FAULTS) + strlen(fault));
    append(&client->out, (unsigned char[]){0x08, size}, 2);
    append(&client->out, FAULTS, strlen(FAULTS));
    append(&client->out, fault, strlen(fault));
    client->state = GOING;
}

enum reading { WHOLE, MORE, LONG };

/* A size of the framing: 7 bits a byte, the lowest first. */
static enum reading read_size(const struct bytes *in, size_t *at, size_t limit, size_t *size)
{
    *size = 0;
    for (unsigned shift = 0; shift < 35; shift += 7) {
        if (*at >= in->size)
            return MORE;
        unsigned char byte = in->data[(*at)++];
        *size |= (size_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return *size > limit ? LONG : WHOLE;
    }
    return LONG;
}

/* Find a text of the preamble; `at` moves behind it. */
static enum reading read_text(const struct bytes *in, size_t *at, size_t limit, size_t *size)
{
    enum reading reading = read_size(in, at, limit, size);
    if (reading == WHOLE && in->size - *at < *size)
        return MORE;
    *at += reading == WHOLE ? *size : 0;
    return reading;
}

/* Read a preamble if it is whole; whether there may be more to do. */
static bool read_preamble(struct client *client)
{
    static const unsigned char head[] = {0, 1, 0, 1, 2, 2}; /* version 1.0, mode duplex, via */
    const struct bytes *in = &client->in;
    size_t at = sizeof head, via, type;
    enum reading reading;

    for (size_t one = 0; one < sizeof head && one < in->size; one++)
        if (in->data[one] != head[one] && one != 2) { /* the minor version means nothing */
            if (one == 1)
                refuse(client, "UnsupportedVersion");
            else if (one == 4)
                refuse(client, "UnsupportedMode");
            else
                client->state = GOING; /* not net.tcp */
            return true;
        }
    if (in->size < at)
        return false;
    reading = read_text(in, &at, MAX_VIA, &via);
    if (reading == LONG)
        refuse(client, "ViaTooLong");
    if (reading != WHOLE)
        return reading == LONG;
    const unsigned char *asked = in->data + at - via;
    if (!client->via_size) {
        memcpy(client->via, asked, via);
        client->via_size = via;
    } else if (phase >= DRAINING || client->epoch != epoch || via != client->via_size ||
               memcmp(asked, client->via, via)) {
        client->state = RETURNING;
        return true;
    }
    if (in->size - at < 2)
        return false;
    unsigned char encoding = in->data[at++];
    if (encoding == 0x04) { /* a content type by its name: an echo takes any */
        reading = read_text(in, &at, MAX_CONTENT_TYPE, &type);
        if (reading == LONG)
            refuse(client, "ContentTypeTooLong");
        if (reading != WHOLE)
            return reading == LONG;
    } else {
        at++;
    }
    if (in->size == at)
        return false;
    if (encoding != 0x03 && encoding != 0x04)
        client->state = GOING;
    else if (in->data[at] == 0x09)
        refuse(client, "UpgradeInvalid");
    else if (in->data[at] != 0x0c)
        client->state = GOING;
    else {
        append(&client->out, "\x0b", 1);
        client->state = MESSAGES;
        consume(&client->in, at + 1);
    }
    return true;
}

/* Read a message, or End, if it is whole; whether there may be more to do. */
static bool read_message(struct client *client)
{
    size_t at = 1, size;
    if (!client->in.size)
        return false;
    if (client->in.data[0] == 0x07) {
        append(&client->out, "\x07", 1); /* End for End; the client may use the socket again */
        client->state = PREAMBLE;
        consume(&client->in, 1);
        return true;
    }
    if (client->in.data[0] != 0x06) {
        client->state = GOING;
        return true;
    }
    enum reading reading = read_size(&client->in, &at, MAX_MESSAGE, &size);
    if (reading == LONG) {
        refuse(client, "MaxMessageSizeExceededFault");
        return true;
    }
    if (reading == MORE || client->in.size - at < size)
        return false;
    append(&client->out, client->in.data, at + size);
    consume(&client->in, at + size);
    return true;
}

static void work(struct client *client)
{
    bool more = true;
    while (more && client->out.size < MAX_MESSAGE)
        more = client->state == PREAMBLE   ? client->in.size && read_preamble(client)
               : client->state == MESSAGES ? read_message(client)
                                           : false;
}

static struct client *adopt(int fd, const void *data, size_t size, const void *peer, size_t named)
{
    struct client *client = calloc(1, sizeof *client);
    if (!client)
        abort();
    client->fd = fd;
    client->epoch = epoch;
    client->peer_size = (unsigned char)named;
    if (named)
        memcpy(client->peer, peer, named);
    append(&client->in, data, size);
    client->last = time(NULL);
    client->next = clients;
    clients = client;
    count++;
    work(client);
    return client;
}

/* Close and forget a client. Never shutdown() one that goes back: others have the connection. */
static void end_client(struct client *client)
{
    struct client **from = &clients;
    while (*from != client)
        from = &(*from)->next;
    *from = client->next;
    close(client->fd);
    free(client->in.data);
    free(client->out.data);
    free(client);
    count--;
}

/* Whether the client is to be read. */
static bool wanted(const struct client *client)
{
    if (client->over)
        return false;
    if (client->state == REFUSED)
        return true;
    return (client->state == PREAMBLE || client->state == MESSAGES) && !client->out.size;
}

/* Read and write what can be; whether the client is still there. */
static bool serve(struct client *client, short events)
{
    static unsigned char data[16384];
    if (events & (POLLIN | POLLHUP | POLLERR) && wanted(client)) {
        ssize_t size = recv(client->fd, data, sizeof data, MSG_DONTWAIT);
        if (size < 0 && errno != EAGAIN && errno != EINTR)
            return end_client(client), false;
        client->over = !size;
        if (size > 0 && client->state != REFUSED) {
            client->last = time(NULL);
            append(&client->in, data, (size_t)size);
        }
    }
    work(client);
    while (client->out.size) {
        ssize_t size =
            send(client->fd, client->out.data, client->out.size, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (size < 0 && errno != EAGAIN && errno != EINTR)
            return end_client(client), false;
        if (size < 0)
            return true;
        client->last = time(NULL);
        consume(&client->out, (size_t)size);
        work(client);
    }
    if (client->state == GOING) {
        /* Closing now would make the kernel throw away what the client has not read yet. */
        client->state = REFUSED;
        shutdown(client->fd, SHUT_WR);
    }
    bool idle = client->state == PREAMBLE && !client->in.size;
    int patience = client->state == REFUSED ? GOODBYE : IDLE;
    if (client->state == RETURNING)
        return lane >= 0 ? true : (end_client(client), false);
    if (client->over || (idle && phase == LEAVING) || time(NULL) - client->last > patience)
        return end_client(client), false;
    return true;
}

/* --- The lane ---------------------------------------------------------------------------- */

/* Send a message, with descriptors if there are any: 1, 0 when there is no room, -1 at its end. */
static int lane_send(const struct bytes *payload, const int *fds, unsigned many)
{
    union {
        struct cmsghdr align;
        char space[CMSG_SPACE(LANE_SOCKETS * sizeof(int))];
    } control;
    struct iovec part = {payload->data, payload->size};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (many) {
        memset(&control, 0, sizeof control);
        message.msg_control = &control;
        message.msg_controllen = CMSG_SPACE(many * sizeof(int));
        struct cmsghdr *head = CMSG_FIRSTHDR(&message);
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        head->cmsg_len = CMSG_LEN(many * sizeof(int));
        memcpy(CMSG_DATA(head), fds, many * sizeof(int));
    }
    if (sendmsg(lane, &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
        return 1;
    /* ETOOMANYREFS: too many descriptors of this user are under way just now. */
    return errno == EAGAIN || errno == EINTR || errno == ETOOMANYREFS ? 0 : -1;
}

static void append_number(struct bytes *to, size_t value, int size)
{
    while (size--)
        append(to, (unsigned char[]){(unsigned char)(value >> 8 * size)}, 1);
}

/* Give connections back, in the form in which they came. */
static int give_back(const int *fds, const struct bytes *parts, const struct bytes *peers,
                     unsigned many)
{
    struct bytes payload = {0};
    append_number(&payload, many, 2);
    for (unsigned at = 0; at < many; at++) {
        append_number(&payload, parts[at].size, 4);
        append_number(&payload, peers[at].size, 1);
    }
    for (unsigned at = 0; at < many; at++) {
        append(&payload, peers[at].data, peers[at].size);
        append(&payload, parts[at].data, parts[at].size);
    }
    int sent = lane_send(&payload, fds, many);
    free(payload.data);
    return sent;
}

/* Forget the last connection that was to go back, and close it if that is still ours to do. */
static void forget_back(int fd)
{
    back.count--;
    free(back.parts[back.count].data);
    free(back.peers[back.count].data);
    if (fd >= 0)
        close(fd);
}

/* Send what the lane is owed, as far as it has room; false at its end. */
static bool flush_lane(void)
{
    int sent = 1;
    if (adopted || gone) {
        struct bytes answer = {0};
        append_number(&answer, adopted, 4);
        append_number(&answer, gone, 4);
        if ((sent = lane_send(&answer, NULL, 0)) == 1)
            adopted = gone = 0;
        free(answer.data);
    }
    if (sent == 1 && back.busy) {
        struct bytes word = {(unsigned char[]){1}, 1, 1};
        back.busy = (sent = lane_send(&word, NULL, 0)) != 1;
    }
    if (sent == 1 && back.count &&
        (sent = give_back(back.fds, back.parts, back.peers, back.count)) == 1)
        while (back.count)
            forget_back(back.fds[back.count - 1]);
    for (struct client *client = clients, *next; client && sent == 1; client = next) {
        struct bytes peer = {client->peer, client->peer_size, 0};
        next = client->next;
        if (client->state == RETURNING && !client->out.size &&
            (sent = give_back(&client->fd, &client->in, &peer, 1)) == 1)
            end_client(client);
    }
    return sent >= 0;
}

static bool lane_owes(void)
{
    if (adopted || gone || back.count)
        return true;
    for (const struct client *client = clients; client; client = client->next)
        if (client->state == RETURNING && !client->out.size)
            return true;
    return false;
}

enum take { ADOPT, ADOPT_ALL, GIVE_BACK };

/* Take the connections of a batch; false when it is none. */
static bool take_batch(const unsigned char *data, size_t size, const int *fds, unsigned many,
                       enum take how)
{
    size_t at = 2 + 5 * (size_t)many;
    unsigned one;
    bool whole = size >= at && (unsigned)(data[0] << 8 | data[1]) == many;
    for (one = 0; whole && one < many; one++) {
        const unsigned char *sizes = data + 2 + 5 * one, *name = data + at;
        size_t read = (size_t)sizes[0] << 24 | sizes[1] << 16 | sizes[2] << 8 | sizes[3];
        size_t named = sizes[4];
        struct sockaddr_storage peer;
        socklen_t length = sizeof peer;
        whole = size - at >= named && size - at - named >= read;
        if (!whole)
            break;
        at += named + read;
        if (how == ADOPT && (back.count || count >= most)) {
            back.busy = true; /* what comes behind it has to go back, too: answers have an order */
        } else if (how != GIVE_BACK) {
            if (!getpeername(fds[one], (struct sockaddr *)&peer, &length)) {
                adopt(fds[one], name + named, read, name, named);
                adopted++;
            } else {
                close(fds[one]);
                gone++;
            }
            continue;
        } else {
            adopted++;
        }
        back.fds[back.count] = fds[one];
        back.parts[back.count] = back.peers[back.count] = (struct bytes){0};
        append(&back.parts[back.count], name + named, read);
        append(&back.peers[back.count++], name, named);
    }
    while (one < many)
        close(fds[one++]);
    return whole && at == size;
}

/* Read what is in the lane, until something has to go back; false at its end. */
static bool read_lane(enum take how)
{
    static unsigned char data[LANE_MESSAGE];
    bool again_once = true;
    while (!back.count) {
        union {
            struct cmsghdr align;
            char space[CMSG_SPACE(LANE_SOCKETS * sizeof(int))];
        } control;
        struct iovec part = {data, sizeof data};
        struct msghdr message = {.msg_iov = &part,
                                 .msg_iovlen = 1,
                                 .msg_control = &control,
                                 .msg_controllen = sizeof control};
        int fds[LANE_SOCKETS];
        unsigned many = 0;
        ssize_t size = recvmsg(lane, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        if (size < 0 && (errno == EINTR || (errno == ECONNRESET && again_once))) {
            again_once = errno == EINTR; /* what the service had sent comes after that */
            continue;
        }
        if (size < 0) {
            quiet = true;
            return errno == EAGAIN;
        }
        for (struct cmsghdr *head = CMSG_FIRSTHDR(&message); head;
             head = CMSG_NXTHDR(&message, head))
            if (head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS) {
                many = (unsigned)((head->cmsg_len - CMSG_LEN(0)) / sizeof(int));
                memcpy(fds, CMSG_DATA(head), many * sizeof(int));
            }
        if (message.msg_flags & (MSG_CTRUNC | MSG_TRUNC)) {
            while (many)
                close(fds[--many]);
            return false; /* no descriptors left, or nonsense */
        }
        if (!size && !many)
            return false;
        if (!many)
            epoch++; /* a RoutesChanged */
        else if (!take_batch(data, (size_t)size, fds, many, how))
            return false;
    }
    return true;
}

/* --- The link ---------------------------------------------------------------------------- */

/* The link is gone, or is to go. Only we can serve what the service has sent already. */
static void close_link(void)
{
    if (lane >= 0) {
        while (back.count) {
            unsigned last = back.count - 1;
            adopt(back.fds[last], back.parts[last].data, back.parts[last].size,
                  back.peers[last].data, back.peers[last].size);
            forget_back(-1);
        }
        read_lane(ADOPT_ALL);
        close(lane);
    }
    if (wire >= 0)
        close(wire);
    if (arrived >= 0)
        close(arrived);
    wire = lane = arrived = -1;
    wire_in.size = wire_out.size = 0;
    adopted = gone = 0;
    back.busy = false;
    epoch++; /* routes may change and we are not told */
    if (inherited || terminated || phase >= DRAINING) {
        phase = LEAVING;
        return;
    }
    double wait = failures < 5 ? 0.02 * (1 << failures) : 0.4;
    failures++;
    again = now() + wait * (0.5 + drand48() / 2);
    phase = AWAY;
}

static bool may_be_the_service(int fd)
{
    struct ucred peer;
    socklen_t size = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size))
        return false;
    const struct passwd *user = getpwnam("netshare");
    return peer.uid == 0 || peer.uid == geteuid() || (user && peer.uid == user->pw_uid);
}

static void connect_link(void)
{
    const char *path = getenv("NETSHARE_CONTROL"), *runtime = getenv("XDG_RUNTIME_DIR");
    const char *link = getenv("NETSHARE_LINK");
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    if (link) {
        inherited = true;
        wire = atoi(link);
        fcntl(wire, F_SETFD, FD_CLOEXEC);
        unsetenv("NETSHARE_LINK");
    } else {
        if (path && *path)
            snprintf(to.sun_path, sizeof to.sun_path, "%s", path);
        else if (runtime)
            snprintf(to.sun_path, sizeof to.sun_path, "%s/netshare/control", runtime);
        if (!*to.sun_path || (!(path && *path) && access(to.sun_path, F_OK)))
            strcpy(to.sun_path, "/run/netshare/control");
        wire = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (wire < 0 || connect(wire, (struct sockaddr *)&to, sizeof to)) {
            if (!registered_once) {
                fprintf(stderr, "no service answers at %s: %s\n", to.sun_path, strerror(errno));
                exit(1);
            }
            close_link();
            return;
        }
        if (!may_be_the_service(wire)) {
            fprintf(stderr, "%s belongs to a user who may not be the service\n", to.sun_path);
            exit(1);
        }
    }
    char pid[16];
    snprintf(pid, sizeof pid, "%d", (int)getpid());
    send_box("_command", "Register", "_ask", "register", "version", "1", "baseAddress", address,
             "pid", pid, "lane", "batches", "drains", "True", "shared", shared ? "True" : "False",
             NULL);
    phase = REGISTERING;
}

static void drained(void)
{
    char connections[16];
    snprintf(connections, sizeof connections, "%u", count);
    send_box("_command", "Drained", "_ask", "drained", "baseAddress", registered, "connections",
             connections, NULL);
    phase = DRAINED;
}

static void unregister(void)
{
    send_box("_command", "Unregister", "_ask", "unregister", "baseAddress", registered, NULL);
    phase = UNREGISTERING;
}

static void answered_register(const char *as)
{
    if (arrived < 0) {
        fprintf(stderr, "this service has no fast lane to offer\n");
        exit(1);
    }
    lane = arrived;
    arrived = -1;
    free(registered);
    registered = strdup(as);
    registered_once = true;
    failures = 0;
    phase = SERVING;
    printf("registered %s\n", registered);
    fflush(stdout);
}

/* What the service says: a command, or the answer to one of ours. */
static void handle(const struct box *box)
{
    const char *command = get(box, "_command"), *ask = get(box, "_ask");
    const char *answer = get(box, "_answer"), *error = get(box, "_error");
    const char *tag = answer ? answer : error ? error : "";
    if (error) {
        const char *why = get(box, "_error_description");
        fprintf(stderr, "%s\n", why ? why : get(box, "_error_code"));
    }
    if (!strcmp(tag, "register")) {
        const char *as = get(box, "baseAddress");
        if (answer && as) {
            answered_register(as);
        } else if (registered_once) {
            close_link(); /* another worker may have had the address meanwhile: later again */
        } else {
            exit(1);
        }
    } else if (!strcmp(tag, "drained") || !strcmp(tag, "unregister")) {
        quiet = false;
        phase = inherited && phase == DRAINED ? DRAINED : LEAVING; /* it gets a SIGTERM */
    } else if (command && ask && !strcmp(command, "Drain")) {
        const char *seconds = get(box, "deadline");
        deadline = now() + (seconds ? atoi(seconds) : 0);
        send_box("_answer", ask, NULL);
        quiet = false;
        phase = DRAINING;
    } else if (command && ask && !strcmp(command, "Ping")) {
        char connections[16];
        snprintf(connections, sizeof connections, "%u", count);
        send_box("_answer", ask, "connections", connections, "returning", "0", NULL);
    } else if (command && ask) {
        send_box("_error", ask, "_error_code", "UNHANDLED", "_error_description",
                 "this worker does not know it", NULL);
    }
}

/* Read the link; false at its end. */
static bool read_link(void)
{
    static char data[16384];
    union {
        struct cmsghdr align;
        char space[CMSG_SPACE(LANE_SOCKETS * sizeof(int))];
    } control;
    struct iovec part = {data, sizeof data};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control,
        .msg_controllen = sizeof control};
    ssize_t size = recvmsg(wire, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (size < 0)
        return errno == EAGAIN || errno == EINTR;
    for (struct cmsghdr *head = CMSG_FIRSTHDR(&message); head; head = CMSG_NXTHDR(&message, head))
        for (size_t at = CMSG_LEN(0); at + sizeof(int) <= head->cmsg_len; at += sizeof(int)) {
            if (arrived >= 0)
                close(arrived); /* only the lane ever comes over this link */
            memcpy(&arrived, (char *)head + at, sizeof(int));
        }
    append(&wire_in, data, (size_t)size);
    struct box box;
    long taken = 0;
    while (wire >= 0 && (taken = take_box(&box)) > 0) {
        consume(&wire_in, (size_t)taken);
        handle(&box);
        forget(&box);
    }
    return size && taken >= 0;
}

static bool write_link(void)
{
    while (wire >= 0 && wire_out.size) {
        ssize_t size = send(wire, wire_out.data, wire_out.size, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (size < 0)
            return errno == EAGAIN || errno == EINTR;
        consume(&wire_out, (size_t)size);
    }
    return true;
}

/* --- Everything in turn ------------------------------------------------------------------ */

/* What follows from how things stand. */
static void next_step(void)
{
    if (phase == AWAY && now() >= again)
        connect_link();
    if (phase == DRAINING &&
        ((!count && quiet && !lane_owes()) || now() >= deadline))
        drained();
    if (terminated && (phase == AWAY || phase == REGISTERING))
        exit(0);
    if (terminated && phase == SERVING)
        unregister();
    if (terminated && (phase == DRAINING || phase == DRAINED))
        phase = LEAVING;
    if (phase == LEAVING && wire >= 0 && quiet && !lane_owes())
        close_link();
    if (phase == LEAVING && wire < 0 && (!count || now() >= deadline))
        exit(0);
}

static void turn(const sigset_t *open)
{
    static struct pollfd *polled;
    static size_t room;
    if (room < count + 2) {
        room = 2 * (count + 2);
        polled = realloc(polled, room * sizeof *polled);
        if (!polled)
            abort();
    }
    polled[0] = (struct pollfd){wire, (short)(POLLIN | (wire_out.size ? POLLOUT : 0)), 0};
    polled[1] = (struct pollfd){
        lane, (short)((back.count ? 0 : POLLIN) | (lane_owes() ? POLLOUT : 0)), 0};
    size_t many = 2;
    for (const struct client *client = clients; client; client = client->next)
        polled[many++] = (struct pollfd){
            client->state == RETURNING && !client->out.size ? -1 : client->fd,
            (short)((wanted(client) ? POLLIN : 0) | (client->out.size ? POLLOUT : 0)), 0};
    const struct timespec second = {phase == SERVING ? 1 : 0, phase == SERVING ? 0 : 10000000};
    int ready = ppoll(polled, many, &second, open);
    many = 2;
    for (struct client *client = clients, *next; client; client = next, many++) {
        next = client->next;
        serve(client, ready > 0 ? polled[many].revents : 0);
    }
    if (lane >= 0) {
        enum take how = phase == SERVING ? ADOPT : GIVE_BACK;
        if (!read_lane(how) || !flush_lane())
            close_link();
    }
    if (wire >= 0 && (!read_link() || !write_link()))
        close_link();
}

int main(int argc, char **argv)
{
    int option;
    while ((option = getopt(argc, argv, "sn:")) != -1) {
        if (option == 's')
            shared = true;
        else if (option == 'n' && atoi(optarg) > 0)
            most = (unsigned)atoi(optarg);
        else
            optind = argc;
    }
    if (optind != argc - 1) {
        fprintf(stderr, "usage: %s [-s] [-n CLIENTS] net.tcp://HOST:PORT/PATH\n", argv[0]);
        return 2;
    }
    address = argv[optind];

    /* As many descriptors as are allowed; those of one message have to fit behind our clients. */
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur < most + 2 * LANE_SOCKETS)
        most = limit.rlim_cur > 3 * LANE_SOCKETS ? (unsigned)limit.rlim_cur - 2 * LANE_SOCKETS : 1;

    /* SIGTERM comes only while we wait, so that none is overlooked. */
    sigset_t term, open;
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    sigprocmask(SIG_BLOCK, &term, &open);
    sigaction(SIGTERM, &(struct sigaction){.sa_handler = on_term}, NULL);
    srand48((long)getpid());
    for (;;) {
        next_step();
        turn(&open);
    }
}
