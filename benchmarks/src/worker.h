/* The two halves of the worker: clients (worker.c) and the service that brings them (link.c). */
#ifndef NETSHARE_BENCH_WORKER_H
#define NETSHARE_BENCH_WORKER_H

#include <stddef.h>

/* The one epoll descriptor; an event's data is the descriptor it is about. */
extern int poller;
void watch(int fd, unsigned events);

/* Serve a connection; data is what was read of it already, at least one byte. */
void adopt(int fd, const unsigned char *data, size_t size);

/* Register an address with the service at a control socket. lane is NULL for Duplicate over AMP,
 * "records" or "batches" for the fast lane. Says on standard output which lane it came to. */
void link_open(const char *control, const char *base_address, const char *lane);

/* Whether a descriptor is the link or its lane; if so its event was dealt with. */
int link_event(int fd);

#endif
