/* What the load generator and the worker share: time, errors, and the framing preamble. */
#ifndef NETSHARE_BENCH_COMMON_H
#define NETSHARE_BENCH_COMMON_H

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#define ACK 0x0b          /* PreambleAck, [MC-NMF] 2.2.3 */
#define MAX_PREAMBLE 4096 /* via of at most 2048 bytes, content type of at most 256 */
/* All behind a preamble is records of a Duplex session, since some dispatchers follow them: the
   first has one byte, which says what is wanted. */
#define RECORD 6
#define SINK 'S'          /* swallow what follows */
#define ECHO 'E'          /* ... or send it back */

/* Say what went wrong and end; with errno's text when there is one. */
static inline void __attribute__((noreturn, format(printf, 1, 2))) die(const char *format, ...)
{
    int error = errno;
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    if (error)
        fprintf(stderr, ": %s", strerror(error));
    fputc('\n', stderr);
    exit(1);
}

static inline uint64_t now_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/* As many descriptors as this process may have. */
static inline size_t raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        die("getrlimit");
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
        die("setrlimit");
    return limit.rlim_cur;
}

static inline struct sockaddr_un unix_address(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path)
        errno = 0, die("the path of a UNIX socket is too long: %s", path);
    strcpy(address.sun_path, path);
    return address;
}

/* The value of an argument that has to be a number from 1 on. */
static inline long number(const char *text)
{
    char *end;
    errno = 0;
    long value = strtol(text, &end, 10);
    if (errno || *end || end == text || value < 1)
        errno = 0, die("%s is not a number from 1 on", text);
    return value;
}

#endif
