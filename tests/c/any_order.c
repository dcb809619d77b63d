/* Calls in any order on handles that live, are stale or never were, with texts that are no texts: on the broker's thread,
 * and on a second one through a remote, with and without loops. Nothing may break, no call may find a bug in the library,
 * and a handle that never was is never taken for one. FUZZ_SEED chooses other calls than the last time. */
#include "support.h"

#include <pthread.h>

#define CLIENTS 3
#define POOL 64
#define STEPS 20000

typedef struct dice {
    uint32_t state;
} dice;

typedef struct pool {
    uint64_t handles[POOL];
    size_t count;
} pool;

/* What calls are made of. */
typedef struct hand {
    dice chance;
    pool sockets, connections, spaces, acks;
} hand;

static volatile unsigned touched; /* what is lent is read */

static uint32_t roll(dice *d, uint32_t sides) {
    d->state ^= d->state << 13;
    d->state ^= d->state >> 17;
    d->state ^= d->state << 5;
    return (d->state >> 3) % sides;
}

static void keep(pool *p, uint64_t handle, dice *d) {
    if (handle != 0)
        p->handles[p->count < POOL ? p->count++ : roll(d, POOL)] = handle;
}

/* Live or stale, of another kind, or out of thin air. */
static uint64_t handle(hand *h, const pool *p) {
    switch (roll(&h->chance, 12)) {
    case 0:
        return 0;
    case 1:
        return ((uint64_t)roll(&h->chance, 16) << 60) | ((uint64_t)roll(&h->chance, 9) << 32) | roll(&h->chance, 40);
    case 2:
        return UINT64_MAX - roll(&h->chance, 3);
    case 3:
        p = &h->connections;
        break;
    default:
        break;
    }
    return p->count == 0 ? 7 : p->handles[roll(&h->chance, (uint32_t)p->count)];
}

static roomcast_slice text(hand *h) {
    static char longest[20000];
    static const char *const texts[] = {"",      "a",     "room",    "[]",   "[1,\"two\"]", "[{\"_placeholder\":true,\"num\":0}]",
                                        "[",     "null",  "/",       "/x",   "/t-1",        "connect",
                                        "\xff",  "\xc3",  "a,b",     "{}",   "\"",          "127.0.0.1"};
    roomcast_slice found;
    uint32_t n = roll(&h->chance, 22);
    switch (n) {
    case 18:
        found.ptr = NULL;
        found.len = 0;
        return found;
    case 19:
        found.ptr = NULL;
        found.len = 3;
        return found;
    case 20:
        memset(longest, 'x', sizeof longest);
        found.ptr = longest;
        found.len = sizeof longest;
        return found;
    case 21:
        found.ptr = "a\0b";
        found.len = 3;
        return found;
    default:
        return slice(texts[n]);
    }
}

#define T(name) (const char *)name.ptr, name.len

static void touch(roomcast_slice bytes) {
    size_t i;
    for (i = 0; i < bytes.len; i++)
        touched += ((const unsigned char *)bytes.ptr)[i];
}

static void sound(roomcast_status status) {
    CHECK(status <= 0);
    CHECK(status != ROOMCAST_ERROR_PANIC && status != ROOMCAST_ERROR_POISONED && status != ROOMCAST_ERROR_BUSY);
}

/* ---- What both threads can emit ---- */

typedef struct parcel {
    roomcast_target target;
    roomcast_message message;
    roomcast_slice rooms[2], except_rooms[1], attachments[2];
    roomcast_socket sockets[2], except[1];
} parcel;

static void pack(parcel *p, hand *h) {
    roomcast_slice name = text(h), args = text(h);
    dice *d = &h->chance;
    memset(p, 0, sizeof *p);
    p->rooms[0] = text(h);
    p->rooms[1] = slice("a");
    p->except_rooms[0] = text(h);
    p->attachments[0] = slice("bytes");
    p->attachments[1] = text(h);
    p->sockets[0] = handle(h, &h->sockets);
    p->sockets[1] = handle(h, &h->sockets);
    p->except[0] = handle(h, &h->sockets);
    p->target.struct_size = roll(d, 40) == 0 ? roll(d, 8) : (uint32_t)sizeof p->target;
    p->target.flags = roll(d, 3) == 0 ? roll(d, 3) : 0;
    p->target.ns = handle(h, &h->spaces);
    p->target.rooms = p->rooms;
    p->target.room_count = roll(d, 3);
    p->target.sockets = p->sockets;
    p->target.socket_count = roll(d, 3);
    p->target.except_rooms = p->except_rooms;
    p->target.except_room_count = roll(d, 2);
    p->target.except_sockets = p->except;
    p->target.except_socket_count = roll(d, 2);
    p->message.struct_size = roll(d, 40) == 0 ? roll(d, 8) : (uint32_t)sizeof p->message;
    p->message.delivery = roll(d, 5);
    p->message.flags = roll(d, 8) == 0 ? roll(d, 4) : 0;
    p->message.key = roll(d, 3);
    p->message.name = (const char *)name.ptr;
    p->message.name_len = name.len;
    p->message.args = (const char *)args.ptr;
    p->message.args_len = args.len;
    p->message.attachments = p->attachments;
    p->message.attachment_count = roll(d, 3);
}

/* ---- The second thread ---- */

typedef struct other {
    roomcast_remote *remote;
    hand mine;
    size_t steps;
} other;

static void *from_afar(void *data) {
    other *o = (other *)data;
    hand *h = &o->mine;
    roomcast_remote *clone;
    roomcast_slice a, b;
    parcel p;
    size_t i;
    for (i = 0; i < o->steps; i++) {
        roomcast_socket who = handle(h, &h->sockets);
        a = text(h);
        b = text(h);
        switch (roll(&h->chance, 15)) {
        case 9:
            sound(roomcast_remote_set_tag(o->remote, who, roll(&h->chance, 9)));
            break;
        case 10:
            sound(roll(&h->chance, 3) ? roomcast_remote_accept(o->remote, who) : roomcast_remote_reject(o->remote, who, T(a), NULL, 0));
            break;
        case 11:
            sound(roomcast_remote_ack(o->remote, who, roll(&h->chance, 3), NULL, 0, &a, roll(&h->chance, 2)));
            break;
        case 12:
            sound(roomcast_remote_leave_all(o->remote, who));
            break;
        case 0:
            sound(roomcast_remote_join(o->remote, who, T(a)));
            break;
        case 1:
            sound(roomcast_remote_leave(o->remote, who, T(a)));
            break;
        case 2:
            sound(roomcast_remote_change_rooms(o->remote, who, &a, 1, &b, 1));
            break;
        case 3:
            if (roll(&h->chance, 50) == 0)
                sound(roomcast_remote_disconnect(o->remote, who, roll(&h->chance, 2)));
            break;
        case 4:
            sound(roomcast_remote_emit(o->remote, handle(h, &h->spaces), T(a), who, T(b), NULL, 0));
            break;
        case 5:
            sound(roomcast_remote_send(o->remote, handle(h, &h->spaces), who, T(a), T(b)));
            break;
        case 6:
            sound(roomcast_remote_wake(o->remote));
            break;
        case 7:
            OK(roomcast_remote_clone(o->remote, &clone));
            roomcast_remote_free(o->remote);
            o->remote = clone;
            break;
        case 8:
            if (roll(&h->chance, 200) == 0)
                sound(roomcast_remote_drain(o->remote, roll(&h->chance, 3), T(a)));
            else
                sound(roomcast_remote_stop_draining(o->remote));
            break;
        default:
            pack(&p, h);
            sound(roomcast_remote_emit_to(o->remote, &p.target, &p.message));
        }
    }
    return NULL;
}

/* ---- The broker's thread ---- */

static void ask(world *w, hand *h) {
    const roomcast_namespace *spaces = NULL;
    const roomcast_socket *sockets = NULL;
    const roomcast_slice *rooms = NULL;
    const roomcast_stat *stats = NULL;
    roomcast_handshake handshake;
    roomcast_slice name, room = text(h);
    size_t count = 0, i;
    uint32_t flag;
    uint64_t found;
    roomcast_socket who = handle(h, &h->sockets);
    roomcast_namespace ns = handle(h, &h->spaces);
    roomcast_status status;

    status = roomcast_members(w->broker, ns, T(room), &sockets, &count);
    sound(status);
    for (i = 0; status == ROOMCAST_OK && i < count; i++)
        keep(&h->sockets, sockets[i], &h->chance);
    status = roomcast_sockets_in(w->broker, ns, &sockets, &count);
    sound(status);
    for (i = 0; status == ROOMCAST_OK && i < count; i++)
        keep(&h->sockets, sockets[i], &h->chance);
    OK(roomcast_namespaces(w->broker, &spaces, &count));
    for (i = 0; i < count; i++)
        keep(&h->spaces, spaces[i], &h->chance);
    status = roomcast_rooms_of(w->broker, who, &rooms, &count);
    sound(status);
    for (i = 0; status == ROOMCAST_OK && i < count; i++)
        touch(rooms[i]);
    status = roomcast_rooms_in(w->broker, ns, &rooms, &count);
    sound(status);
    for (i = 0; status == ROOMCAST_OK && i < count; i++)
        touch(rooms[i]);
    sound(roomcast_is_member(w->broker, who, T(room), &flag));
    if (roomcast_socket_id(w->broker, who, &name) == ROOMCAST_OK)
        touch(name);
    if (roomcast_namespace_name(w->broker, ns, &name) == ROOMCAST_OK)
        touch(name);
    sound(roomcast_find_socket(w->broker, T(room), &found));
    sound(roomcast_namespace_of(w->broker, who, &found));
    if (roomcast_connection_of(w->broker, who, &found) == ROOMCAST_OK)
        keep(&h->connections, found, &h->chance);
    sound(roomcast_queued_bytes(w->broker, who, &count));
    sound(roomcast_is_websocket(w->broker, handle(h, &h->connections), &flag));
    sound(roomcast_is_msgpack(w->broker, handle(h, &h->connections), &flag));
    CLEAR(handshake);
    handshake.struct_size = sizeof handshake;
    if (roomcast_get_handshake(w->broker, who, &handshake) == ROOMCAST_OK) {
        touch(handshake.address);
        touch(handshake.url);
        for (i = 0; i < handshake.header_count; i++)
            touch(handshake.headers[i].value);
    }
    OK(roomcast_stats(w->broker, &stats, &count));
    CHECK(count > 10);
    /* The highest generation there is, in a slot that nothing has reached. */
    IS(ROOMCAST_ERROR_GONE, roomcast_namespace_of(w->broker, 0x2fffffff00ffffffu, &found));
}

static void packed(world *w, hand *h) {
    const uint8_t *events = NULL;
    uint8_t batch[80];
    size_t len = 0, done = 0, i;
    if (roll(&h->chance, 20) == 0) {
        sound(roomcast_events_packed(w->broker, 1 + roll(&h->chance, 10), &events, &len));
        for (i = 0; i < len; i++)
            touched += events[i];
    }
    for (i = 0; i < sizeof batch; i++)
        batch[i] = (uint8_t)(roll(&h->chance, 3) == 0 ? roll(&h->chance, 256) : 0);
    sound(roomcast_emit_packed(w->broker, batch, roll(&h->chance, sizeof batch), &done));
    sound(roomcast_orders_packed(w->broker, batch, roll(&h->chance, sizeof batch), &done));
}

static void call(world *w, hand *h) {
    roomcast_socket who = handle(h, &h->sockets);
    roomcast_connection conn = handle(h, &h->connections);
    roomcast_namespace ns = handle(h, &h->spaces);
    roomcast_slice a = text(h), b = text(h), c = text(h);
    roomcast_broker *broker = w->broker;
    roomcast_receipt receipt;
    roomcast_ack_id ack = 0;
    size_t changed;
    parcel p;
    switch (roll(&h->chance, 28)) {
    case 0:
    case 1:
        sound(roomcast_join(broker, who, T(a)));
        break;
    case 2:
        sound(roomcast_leave(broker, who, T(a)));
        break;
    case 3:
        sound(roomcast_leave_all(broker, who));
        break;
    case 4:
        sound(roomcast_change_rooms(broker, who, &a, roll(&h->chance, 2), &b, roll(&h->chance, 2), &changed));
        break;
    case 5:
        sound(roomcast_accept(broker, who));
        break;
    case 6:
        sound(roomcast_reject(broker, who, T(a), T(b)));
        break;
    case 7:
        if (roll(&h->chance, 30) == 0)
            sound(roomcast_disconnect(broker, who, roll(&h->chance, 2)));
        break;
    case 8:
        sound(roomcast_allow(broker, conn));
        break;
    case 9:
        sound(roll(&h->chance, 2) ? roomcast_refuse(broker, conn, T(a)) : roomcast_refuse_with(broker, conn, 401, "text/plain", 10, T(a)));
        sound(roomcast_add_header(broker, conn, "X-A", 3, T(b)));
        break;
    case 10:
        if (roll(&h->chance, 60) == 0)
            sound(roomcast_close_connection(broker, conn));
        break;
    case 11:
        sound(roomcast_send_text(broker, conn, T(a)));
        break;
    case 12:
        sound(roomcast_send_binary(broker, conn, a.ptr, a.len));
        break;
    case 13:
        sound(roomcast_ack(broker, who, roll(&h->chance, 9), T(a), &b, roll(&h->chance, 2)));
        break;
    case 14:
        if (roomcast_add_namespace(broker, T(a), roll(&h->chance, 3), &ns) == ROOMCAST_OK)
            keep(&h->spaces, ns, &h->chance);
        break;
    case 15:
        sound(roomcast_add_pattern(broker, T(a), roll(&h->chance, 2), roll(&h->chance, 3)));
        break;
    case 16:
        sound(roomcast_find_namespace(broker, T(a), &ns));
        break;
    case 17:
        sound(roomcast_serve(broker, T(a), T(b), c.ptr, c.len, NULL, 0));
        sound(roomcast_serve_encoded(broker, T(a), T(b), c.ptr, c.len));
        break;
    case 18:
        if (roll(&h->chance, 40) == 0)
            sound(roomcast_drain(broker, roll(&h->chance, 3), T(a)));
        else
            sound(roomcast_stop_draining(broker));
        break;
    case 19:
        ask(w, h);
        break;
    case 20:
        packed(w, h);
        break;
    case 21:
        sound(roomcast_emit(broker, ns, T(a), who, T(b), T(c)));
        break;
    case 22:
        sound(roomcast_send(broker, who, T(a), T(b)));
        break;
    case 23:
        pack(&p, h);
        sound(roomcast_emit_with_ack(broker, &p.target, &p.message, (int64_t)roll(&h->chance, 3) - 1, roll(&h->chance, 9), &ack, &receipt));
        break;
    default:
        pack(&p, h);
        sound(roomcast_emit_to(broker, &p.target, &p.message, &receipt));
    }
}

/* What the clients' events bring, taken out of the world. */
static void hear(world *w, hand *h) {
    size_t i;
    for (i = 0; i < w->event_count; i++) {
        keep(&h->sockets, w->events[i].socket, &h->chance);
        keep(&h->connections, w->events[i].connection, &h->chance);
        keep(&h->spaces, w->events[i].ns, &h->chance);
        seen_free(&w->events[i]);
    }
    w->event_count = 0;
}

static void play(uint32_t seed, uint32_t loops) {
    static world w;
    static hand h;
    static other o;
    roomcast_config config;
    pthread_t thread;
    client *clients[CLIENTS];
    size_t i, steps = scaled(STEPS);
    memset(&w, 0, sizeof w);
    memset(&h, 0, sizeof h);
    memset(&o, 0, sizeof o);
    OK(roomcast_config_init(&config, sizeof config));
    config.loops = loops;
    config.room_events = seed & 1;
    world_open(&w, &config);
    h.chance.state = seed;
    keep(&h.spaces, w.ns, &h.chance);
    OK(roomcast_add_pattern(w.broker, ROOMCAST_TEXT("/t-*"), 1, 1));
    for (i = 0; i < CLIENTS; i++) {
        clients[i] = client_connect(&w, "/", NULL);
        client_say(clients[i], "40/t-1,");
        client_say(clients[i], "421[\"question\"]");
    }
    world_turn(&w);
    hear(&w, &h);
    o.mine = h;
    o.mine.chance.state = seed ^ 0x5bd1e995u;
    o.steps = steps;
    OK(roomcast_remote_new(w.broker, &o.remote));
    CHECK(pthread_create(&thread, NULL, from_afar, &o) == 0);
    for (i = 0; i < steps; i++) {
        call(&w, &h);
        if (i % 64 == 0) {
            world_turn(&w);
            hear(&w, &h);
        }
    }
    CHECK(pthread_join(thread, NULL) == 0);
    world_turn(&w);
    for (i = 0; i < CLIENTS; i++)
        client_remove(&w, clients[i]);
    world_close(&w);
    IS(ROOMCAST_ERROR_CLOSED, roomcast_remote_wake(o.remote));
    roomcast_remote_free(o.remote);
}

/* On a thread that ends, as valgrind takes what the library keeps for the process's first thread for a leak. */
static void *play_all(void *data) {
    uint32_t seed = *(uint32_t *)data, loops;
    for (loops = 0; loops <= 2; loops++)
        play(seed + loops + 1, loops);
    return NULL;
}

int main(void) {
    const char *given = getenv("FUZZ_SEED");
    uint32_t seed = given == NULL ? 0x5eed : (uint32_t)strtoul(given, NULL, 10);
    pthread_t thread;
    printf("FUZZ_SEED=%lu\n", (unsigned long)seed);
    CHECK(pthread_create(&thread, NULL, play_all, &seed) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    return 0;
}
