/* The C tests' harness and its Socket.IO client. It must not hide a failure: whatever is unexpected ends the program. */
#include "support.h"

#include "sockets.h"

#include <time.h>

void fail(const char *file, int line, const char *what) {
    char text[256] = "";
    roomcast_last_error(text, sizeof text);
    fprintf(stderr, "%s:%d: %s (last error: %s)\n", file, line, what, text);
    exit(1);
}

void check_status(const char *file, int line, const char *call, roomcast_status expected, roomcast_status got) {
    if (got != expected) {
        char text[256];
        snprintf(text, sizeof text, "%.160s is %d, not %d", call, (int)got, (int)expected);
        fail(file, line, text);
    }
}

void check_text(const char *file, int line, const char *text) {
    char last[256];
    roomcast_last_error(last, sizeof last);
    if (strncmp(last, text, strlen(text)) != 0) {
        fail(file, line, text);
    }
}

roomcast_slice slice(const char *text) {
    roomcast_slice made;
    made.ptr = text;
    made.len = strlen(text);
    return made;
}

int slice_is(roomcast_slice given, const char *text) {
    return given.len == strlen(text) && memcmp(given.ptr, text, given.len) == 0;
}

roomcast_message message_of(const char *name, const char *args) {
    roomcast_message made;
    CLEAR(made);
    made.struct_size = sizeof made;
    made.name = name;
    made.name_len = strlen(name);
    made.args = args;
    made.args_len = strlen(args);
    return made;
}

uint64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

size_t scaled(size_t full) {
    const char *percent = getenv("ROOMCAST_TEST_PERCENT");
    return percent ? full * (size_t)atoi(percent) / 100 : full;
}

uint32_t next_random(uint32_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

/* ---- Bytes that grow ---- */

typedef struct bytes {
    unsigned char *at;
    size_t len, cap;
} bytes;

static void push(bytes *b, const void *from, size_t len) {
    if (b->len + len > b->cap) {
        b->cap = (b->len + len) * 2;
        b->at = (unsigned char *)realloc(b->at, b->cap);
        CHECK(b->at != NULL);
    }
    if (len > 0) {
        memcpy(b->at + b->len, from, len);
    }
    b->len += len;
}

static void drop(bytes *b, size_t len) {
    b->len -= len;
    memmove(b->at, b->at + len, b->len);
}

static char *copy(const void *from, size_t len) {
    char *made = (char *)malloc(len + 1);
    CHECK(made != NULL);
    if (len > 0) {
        memcpy(made, from, len);
    }
    made[len] = 0;
    return made;
}

/* ---- The broker ---- */

void world_open(world *w, const roomcast_config *config) {
    memset(w, 0, sizeof *w);
    OK(roomcast_new(ROOMCAST_ABI_VERSION, config, &w->broker));
    OK(roomcast_listen(w->broker, "127.0.0.1", 9, 0, &w->port));
    CHECK(w->port != 0);
    OK(roomcast_find_namespace(w->broker, "/", 1, &w->ns));
}

static void client_free(client *c);

void world_close(world *w) {
    size_t i;
    for (i = 0; i < w->client_count; i++) {
        client_free(w->clients[i]);
    }
    for (i = 0; i < w->event_count; i++) {
        seen_free(&w->events[i]);
    }
    free(w->events);
    roomcast_free(w->broker);
    memset(w, 0, sizeof *w);
}

static void keep(world *w, const roomcast_event *event) {
    bytes parts;
    size_t i;
    seen made;
    memset(&made, 0, sizeof made);
    memset(&parts, 0, sizeof parts);
    for (i = 0; i < event->part_count; i++) {
        if (i > 0) {
            push(&parts, ",", 1);
        }
        push(&parts, event->parts[i].ptr, event->parts[i].len);
    }
    made.kind = event->kind;
    made.flags = event->flags;
    made.code = event->code;
    made.socket = event->socket;
    made.connection = event->connection;
    made.ns = event->ns;
    made.ack = event->ack;
    made.tag = event->tag;
    made.context = event->context;
    made.name = copy(event->name, event->name_len);
    made.data = copy(event->data, event->data_len);
    made.parts = copy(parts.at, parts.len);
    made.name_len = event->name_len;
    made.data_len = event->data_len;
    made.part_count = event->part_count;
    free(parts.at);
    if (w->event_count == w->event_cap) {
        w->event_cap = w->event_cap * 2 + 16;
        w->events = (seen *)realloc(w->events, w->event_cap * sizeof *w->events);
        CHECK(w->events != NULL);
    }
    w->events[w->event_count++] = made;
}

void seen_free(seen *event) {
    free(event->name);
    free(event->data);
    free(event->parts);
    memset(event, 0, sizeof *event);
}

void world_drain(world *w) {
    roomcast_event events[32];
    size_t count = 0, i;
    do {
        OK(roomcast_events(w->broker, events, sizeof *events, 32, &count));
        for (i = 0; i < count; i++) {
            keep(w, &events[i]);
        }
    } while (count > 0);
}

static void client_turn(client *c);

void world_turn(world *w) {
    size_t i;
    /* Clients first: a wait for something that they have not sent yet would be in vain. */
    for (i = 0; i < w->client_count; i++) {
        client_turn(w->clients[i]);
    }
    OK(roomcast_poll(w->broker, 1));
    if (!w->holds) {
        world_drain(w);
    }
    for (i = 0; i < w->client_count; i++) {
        client_turn(w->clients[i]);
    }
}

int world_has(const world *w, uint32_t kind) {
    size_t i;
    for (i = 0; i < w->event_count; i++) {
        if (w->events[i].kind == kind) {
            return 1;
        }
    }
    return 0;
}

seen world_wait(world *w, uint32_t kind) {
    seen found;
    size_t i = 0;
    UNTIL(w, world_has(w, kind));
    while (w->events[i].kind != kind) {
        i++;
    }
    found = w->events[i];
    w->event_count--;
    memmove(&w->events[i], &w->events[i + 1], (w->event_count - i) * sizeof *w->events);
    return found;
}

/* ---- The client ---- */

typedef struct message {
    size_t len;
    char *text;
} message;

struct client {
    int fd, gone, reads, upgraded;
    bytes in, out;
    message *messages;
    size_t count, cap, taken, pings;
    char sid[128];
};

static int dial(uint16_t port) {
    struct sockaddr_in to;
    int fd = socket_open();
    memset(&to, 0, sizeof to);
    to.sin_family = AF_INET;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = htons(port);
    CHECK(fd >= 0);
    /* To a listener on the same machine this does not wait for the broker. */
    CHECK(connect(fd, (struct sockaddr *)&to, sizeof to) == 0);
    CHECK(socket_unblock(fd) == 0);
    return fd;
}

static void queue_frame(client *c, int opcode, const void *from, size_t len) {
    static const unsigned char mask[4] = {0x12, 0x34, 0x56, 0x78};
    unsigned char head[14];
    size_t used = 2, i, start;
    head[0] = (unsigned char)(0x80 | opcode);
    if (len < 126) {
        head[1] = (unsigned char)(0x80 | len);
    } else if (len < 65536) {
        head[1] = 0x80 | 126;
        head[2] = (unsigned char)(len >> 8);
        head[3] = (unsigned char)len;
        used = 4;
    } else {
        head[1] = 0x80 | 127;
        for (i = 0; i < 8; i++) {
            head[2 + i] = (unsigned char)((uint64_t)len >> (56 - 8 * i));
        }
        used = 10;
    }
    memcpy(head + used, mask, 4);
    push(&c->out, head, used + 4);
    start = c->out.len;
    push(&c->out, from, len);
    for (i = 0; i < len; i++) {
        c->out.at[start + i] ^= mask[i % 4];
    }
}

static void receive(client *c, const unsigned char *from, size_t len) {
    if (len == 1 && from[0] == '2') {
        c->pings++;
        queue_frame(c, 1, "3", 1);
        return;
    }
    if (c->count == c->cap) {
        c->cap = c->cap * 2 + 16;
        c->messages = (message *)realloc(c->messages, c->cap * sizeof *c->messages);
        CHECK(c->messages != NULL);
    }
    c->messages[c->count].text = copy(from, len);
    c->messages[c->count++].len = len;
}

/* Takes one frame of the server's from what was read at `from`; these are neither masked nor fragmented. Returns its length, 0
 * if it is not all there. */
static size_t take_frame(client *c, size_t from) {
    const unsigned char *at = c->in.at + from;
    size_t head = 2, len, i, there = c->in.len - from;
    if (there < 2) {
        return 0;
    }
    len = at[1];
    CHECK((at[0] & 0x80) != 0 && len < 128);
    if (len >= 126) {
        head = len == 126 ? 4 : 10;
        if (there < head) {
            return 0;
        }
        for (len = 0, i = 2; i < head; i++) {
            len = len << 8 | at[i];
        }
    }
    if (there < head + len) {
        return 0;
    }
    switch (at[0] & 15) {
    case 1:
    case 2:
        receive(c, at + head, len);
        break;
    case 8:
        queue_frame(c, 8, at + head, len);
        break;
    case 9:
        queue_frame(c, 10, at + head, len);
        break;
    default:
        fail(__FILE__, __LINE__, "an unknown frame");
    }
    return head + len;
}

static void client_turn(client *c) {
    unsigned char buffer[4096];
    size_t taken = 0, frame;
    ptrdiff_t got;
    while (!c->gone && c->out.len > 0) {
        got = socket_send(c->fd, c->out.at, c->out.len);
        if (got < 0) {
            c->gone = !socket_would_block();
            break;
        }
        drop(&c->out, (size_t)got);
    }
    while (!c->gone && c->reads) {
        got = socket_recv(c->fd, buffer, sizeof buffer);
        if (got <= 0) {
            c->gone = got == 0 || !socket_would_block();
            break;
        }
        push(&c->in, buffer, (size_t)got);
    }
    if (!c->upgraded) {
        static const char end[] = "\r\n\r\n";
        size_t i;
        for (i = 0; i + 4 <= c->in.len && memcmp(c->in.at + i, end, 4) != 0; i++) {
        }
        if (i + 4 > c->in.len) {
            return;
        }
        if (memcmp(c->in.at, "HTTP/1.1 101", 12) != 0) {
            c->gone = 1;
            c->in.len = 0;
            return;
        }
        drop(&c->in, i + 4);
        c->upgraded = 1;
    }
    if (c->in.len > 0) {
        while ((frame = take_frame(c, taken)) > 0) {
            taken += frame;
        }
        drop(&c->in, taken);
    }
}

client *client_open(world *w) {
    static const char head[] = "GET /socket.io/?EIO=4&transport=websocket&token=a%20b HTTP/1.1\r\nHost: localhost\r\n"
                               "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                               "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nX-Test: yes\r\n\r\n";
    client *c = (client *)calloc(1, sizeof *c);
    CHECK(c != NULL && w->client_count < MAX_CLIENTS);
    c->fd = dial(w->port);
    c->reads = 1;
    push(&c->out, head, sizeof head - 1);
    w->clients[w->client_count++] = c;
    return c;
}

client *client_connect(world *w, const char *ns, const char *auth) {
    client *c = client_open(w);
    const char *answer, *sid;
    char packet[512];
    int holds = w->holds;
    answer = client_next(w, c, NULL);
    CHECK(answer[0] == '0');
    snprintf(packet, sizeof packet, "40%s%s%s", strcmp(ns, "/") ? ns : "", strcmp(ns, "/") ? "," : "", auth ? auth : "");
    client_say(c, packet);
    w->holds = 0;
    answer = client_next(w, c, NULL);
    w->holds = holds;
    if (memcmp(answer, "40", 2) == 0) {
        sid = strstr(answer, "\"sid\":\"");
        CHECK(sid != NULL && sscanf(sid + 7, "%127[^\"]", c->sid) == 1);
    }
    return c;
}

void client_say(client *c, const char *packet) { queue_frame(c, 1, packet, strlen(packet)); }

void client_say_binary(client *c, const void *from, size_t len) { queue_frame(c, 2, from, len); }

const char *client_next(world *w, client *c, size_t *len) {
    UNTIL(w, c->taken < c->count);
    if (len != NULL) {
        *len = c->messages[c->taken].len;
    }
    return c->messages[c->taken++].text;
}

void client_expect(world *w, client *c, const char *packet) {
    const char *got = client_next(w, c, NULL);
    if (strcmp(got, packet) != 0) {
        fprintf(stderr, "got %.200s instead of %.200s\n", got, packet);
        fail(__FILE__, __LINE__, "another message was expected");
    }
}

size_t client_waiting(const client *c) { return c->count - c->taken; }

int client_gone(const client *c) { return c->gone; }

size_t client_pings(const client *c) { return c->pings; }

const char *client_sid(const client *c) { return c->sid; }

void client_read(client *c, int reads) { c->reads = reads; }

void client_vanish(client *c, int reset) {
    struct linger hard;
    hard.l_onoff = 1;
    hard.l_linger = 0;
    if (reset) {
        CHECK(setsockopt(c->fd, SOL_SOCKET, SO_LINGER, (const char *)&hard, sizeof hard) == 0);
    }
    socket_close(c->fd);
    c->fd = -1;
    c->gone = 1;
}

void client_remove(world *w, client *c) {
    size_t i = 0;
    while (w->clients[i] != c) {
        i++;
    }
    w->clients[i] = w->clients[--w->client_count];
    client_free(c);
}

static void client_free(client *c) {
    size_t i;
    if (c->fd >= 0) {
        socket_close(c->fd);
    }
    for (i = 0; i < c->count; i++) {
        free(c->messages[i].text);
    }
    free(c->messages);
    free(c->in.at);
    free(c->out.at);
    free(c);
}

size_t http_get(world *w, const char *path, char *out, size_t cap) {
    char head[512];
    size_t len = 0;
    ptrdiff_t got = 1;
    uint64_t end = now_ms() + 60000;
    int fd = dial(w->port);
    snprintf(head, sizeof head, "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", path);
    CHECK(socket_send(fd, head, strlen(head)) == (ptrdiff_t)strlen(head));
    while (got != 0) {
        world_turn(w);
        CHECK(now_ms() < end && len + 1 < cap);
        got = socket_recv(fd, out + len, cap - 1 - len);
        CHECK(got >= 0 || socket_would_block());
        len += got > 0 ? (size_t)got : 0;
    }
    out[len] = 0;
    socket_close(fd);
    return len;
}
