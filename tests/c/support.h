/* What the C tests share: checks, a broker with its events kept, and a Socket.IO client on a non-blocking socket in the
 * same thread. It must not use anything of the library that a host could not use. */
#ifndef SUPPORT_H
#define SUPPORT_H

#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif

#include "roomcast.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Ends the program with the place and the library's last error. */
void fail(const char *file, int line, const char *what);

#define CHECK(condition) ((condition) ? (void)0 : fail(__FILE__, __LINE__, #condition))

/* The call has to return this status. */
#define IS(status, call) check_status(__FILE__, __LINE__, #call, (status), (call))
#define OK(call) IS(ROOMCAST_OK, call)
void check_status(const char *file, int line, const char *call, roomcast_status expected, roomcast_status got);

/* What the last error begins with. */
#define SAYS(text) check_text(__FILE__, __LINE__, (text))
void check_text(const char *file, int line, const char *text);

/* All bits 0, in C and in C++. */
#define CLEAR(object) memset(&(object), 0, sizeof(object))

roomcast_slice slice(const char *text);
int slice_is(roomcast_slice given, const char *text);

/* An event with these arguments, a JSON array. */
roomcast_message message_of(const char *name, const char *args);

/* Milliseconds of a clock that only goes forward. */
uint64_t now_ms(void);

/* How much of the work of a long test is to be done: 100 of 100, less under valgrind (ROOMCAST_TEST_PERCENT). */
size_t scaled(size_t full);

/* Numbers in no order, the same ones in each run; the state is not 0. */
uint32_t next_random(uint32_t *state);

/* ---- A broker and its clients, turned together ---- */

#define MAX_CLIENTS 64

/* A copy of an event. */
typedef struct seen {
    uint32_t kind, flags, code;
    uint64_t socket, connection, ns, ack, tag, context;
    char *name, *data;
    char *parts; /* all of them, separated by commas */
    size_t name_len, data_len, part_count;
} seen;

typedef struct client client;

typedef struct world {
    roomcast_broker *broker;
    roomcast_namespace ns; /* "/" */
    uint16_t port;
    client *clients[MAX_CLIENTS];
    size_t client_count;
    seen *events; /* those nobody has waited for */
    size_t event_count, event_cap;
    int holds; /* events are not drained */
} world;

/* Makes a broker that listens on a free port of 127.0.0.1; NULL is the default configuration. */
void world_open(world *w, const roomcast_config *config);
void world_close(world *w);
/* One turn: the broker polls, its events are drained, the clients read and write. */
void world_turn(world *w);
void world_drain(world *w);
/* Turns until an event of this kind was drained, and takes it out. Free it by seen_free. */
seen world_wait(world *w, uint32_t kind);
/* Whether an event of this kind is waiting. */
int world_has(const world *w, uint32_t kind);
void seen_free(seen *event);

/* Turns until the condition holds; a minute is too long. */
#define UNTIL(w, condition)                                                                                                  \
    do {                                                                                                                     \
        uint64_t until_end = now_ms() + 60000;                                                                               \
        while (!(condition)) {                                                                                               \
            world_turn(w);                                                                                                   \
            CHECK(now_ms() < until_end && "the condition: " #condition);                                                     \
        }                                                                                                                    \
    } while (0)

/* ---- A client ---- */

/* Opens a WebSocket and Engine.IO on it. */
client *client_open(world *w);
/* And connects to a namespace ("/" or "/name") with an auth object (or NULL); returns once the server has answered. */
client *client_connect(world *w, const char *ns, const char *auth);
/* Sends a text message, Engine.IO's packet type included, for example 42["hi"]. */
void client_say(client *c, const char *packet);
void client_say_binary(client *c, const void *bytes, size_t len);
/* Turns until the next message, which has to be this text. */
void client_expect(world *w, client *c, const char *packet);
/* Turns until the next message and returns it, until the next call. */
const char *client_next(world *w, client *c, size_t *len);
/* Messages received and not taken. */
size_t client_waiting(const client *c);
/* Its connection ended, or its handshake was refused. */
int client_gone(const client *c);
/* Heartbeats it got, and answered. */
size_t client_pings(const client *c);
/* The id the server gave it, its own room. */
const char *client_sid(const client *c);
/* While it does not read, the kernel's buffers fill. */
void client_read(client *c, int reads);
/* Ends the TCP connection: with a reset (1), or by a plain close. */
void client_vanish(client *c, int reset);
/* Closes it and takes it out of the world. */
void client_remove(world *w, client *c);
/* The answer to a plain GET, up to its end. */
size_t http_get(world *w, const char *path, char *out, size_t cap);

#ifdef __cplusplus
}
#endif

#endif
