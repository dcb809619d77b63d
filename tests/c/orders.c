/* Batches of packed orders: every one of them, on a thread of the host's and with loops, and broken batches. */
#include "batch.h"
#include "support.h"

/* ---- Writing a batch ---- */

static void begin(batch *b, const char *call) {
    batch_begin(b);
    batch_put_text(b, call);
}

/* A call about one handle with at most one text. */
static void simple(batch *b, const char *call, uint64_t handle, const char *text) {
    begin(b, call);
    batch_put(b, handle, 8);
    if (text != NULL) {
        batch_put_text(b, text);
    }
    batch_end(b);
}

/* Everybody, or a room, but not this socket. */
static void put_target(batch *b, roomcast_namespace ns, const char *room, roomcast_socket except) {
    batch_put(b, ns, 8);
    batch_put(b, room == NULL ? ROOMCAST_TARGET_ALL : 0, 4);
    batch_put(b, room != NULL, 4);
    if (room != NULL) {
        batch_put_text(b, room);
    }
    batch_put(b, 0, 4);
    batch_put(b, 0, 4);
    batch_put(b, except != 0, 4);
    if (except != 0) {
        batch_put(b, except, 8);
    }
}

static void put_message(batch *b, const char *name, const char *args, const char *blob) {
    batch_put_text(b, name);
    batch_put_text(b, args);
    batch_put(b, blob != NULL, 4);
    if (blob != NULL) {
        batch_put_text(b, blob);
    }
    batch_put(b, ROOMCAST_RELIABLE, 4);
    batch_put(b, ROOMCAST_MESSAGE_LOCAL, 4);
    batch_put(b, 0, 8);
}

static void emit(batch *b, roomcast_namespace ns, const char *room, roomcast_socket except, const char *name) {
    begin(b, "emit");
    put_target(b, ns, room, except);
    put_message(b, name, "[1]", NULL);
    batch_end(b);
}

static size_t carried_out(world *w, const batch *b) {
    size_t done = 99;
    OK(roomcast_orders_packed(w->broker, b->at, b->len, &done));
    return done;
}

/* ---- What they do ---- */

static void all_of_them(uint32_t loops) {
    roomcast_config config;
    roomcast_namespace guarded;
    roomcast_socket sa, sb, asking;
    client *a, *b;
    seen event;
    world w;
    batch orders;
    uint64_t tag;
    OK(roomcast_config_init(&config, sizeof config));
    config.loops = loops;
    world_open(&w, &config);
    OK(roomcast_add_namespace(w.broker, ROOMCAST_TEXT("/staff"), 1, &guarded));
    a = client_connect(&w, "/", NULL);
    event = world_wait(&w, ROOMCAST_EVENT_CONNECT);
    sa = event.socket;
    seen_free(&event);
    b = client_connect(&w, "/", NULL);
    event = world_wait(&w, ROOMCAST_EVENT_CONNECT);
    sb = event.socket;
    seen_free(&event);

    CLEAR(orders);
    simple(&orders, "join", sa, "red");
    begin(&orders, "change_rooms");
    batch_put(&orders, sb, 8);
    batch_put(&orders, 0, 4);
    batch_put(&orders, 2, 4);
    batch_put_text(&orders, "blue");
    batch_put_text(&orders, "left");
    batch_end(&orders);
    simple(&orders, "leave", sb, "left");
    begin(&orders, "set_tag");
    batch_put(&orders, sa, 8);
    batch_put(&orders, UINT64_MAX, 8);
    batch_end(&orders);
    emit(&orders, w.ns, "red", 0, "to-red");
    emit(&orders, w.ns, "left", 0, "to-nobody");
    emit(&orders, w.ns, NULL, sa, "but-a");
    begin(&orders, "send");
    batch_put(&orders, sa, 8);
    put_message(&orders, "blob", "[{\"_placeholder\":true,\"num\":0}]", "bytes");
    batch_end(&orders);
    begin(&orders, "sockets_join");
    put_target(&orders, w.ns, NULL, 0);
    batch_put(&orders, 1, 4);
    batch_put_text(&orders, "all");
    batch_end(&orders);
    begin(&orders, "sockets_leave");
    put_target(&orders, w.ns, "blue", 0);
    batch_put(&orders, 1, 4);
    batch_put_text(&orders, "all");
    batch_end(&orders);
    emit(&orders, w.ns, "all", 0, "to-all");
    CHECK(carried_out(&w, &orders) == 11);
    client_expect(&w, a, "42[\"to-red\",1]");
    client_expect(&w, a, "451-[\"blob\",{\"_placeholder\":true,\"num\":0}]");
    client_expect(&w, a, "bytes");
    client_expect(&w, a, "42[\"to-all\",1]");
    client_expect(&w, b, "42[\"but-a\",1]");
    OK(roomcast_get_tag(w.broker, sa, &tag));
    CHECK(tag == UINT64_MAX);

    /* An answer to what a client asked, and the way into a guarded namespace. */
    client_say(a, "427[\"ask\"]");
    event = world_wait(&w, ROOMCAST_EVENT_MESSAGE);
    CLEAR(orders);
    begin(&orders, "ack");
    batch_put(&orders, sa, 8);
    batch_put(&orders, event.ack, 8);
    batch_put_text(&orders, "[\"ok\"]");
    batch_put(&orders, 0, 4);
    batch_end(&orders);
    seen_free(&event);
    CHECK(carried_out(&w, &orders) == 1);
    client_expect(&w, a, "437[\"ok\"]");
    client_say(a, "40/staff,");
    event = world_wait(&w, ROOMCAST_EVENT_CONNECT_REQUEST);
    CLEAR(orders);
    begin(&orders, "reject");
    batch_put(&orders, event.socket, 8);
    batch_put_text(&orders, "no");
    batch_put(&orders, UINT32_MAX, 4);
    batch_end(&orders);
    seen_free(&event);
    CHECK(carried_out(&w, &orders) == 1);
    client_expect(&w, a, "44/staff,{\"message\":\"no\"}");
    client_say(a, "40/staff,");
    event = world_wait(&w, ROOMCAST_EVENT_CONNECT_REQUEST);
    asking = event.socket;
    seen_free(&event);
    CLEAR(orders);
    simple(&orders, "accept", asking, NULL);
    begin(&orders, "send");
    batch_put(&orders, asking, 8);
    put_message(&orders, "hello", "", NULL);
    batch_end(&orders);
    simple(&orders, "leave_all", sa, NULL);
    emit(&orders, w.ns, "red", 0, "to-nobody");
    CHECK(carried_out(&w, &orders) == 4);
    CHECK(strncmp(client_next(&w, a, NULL), "40/staff,{\"sid\":", 16) == 0);
    client_expect(&w, a, "42/staff,[\"hello\"]");

    /* Everybody goes. */
    CLEAR(orders);
    begin(&orders, "disconnect");
    batch_put(&orders, sa, 8);
    batch_put(&orders, 0, 4);
    batch_end(&orders);
    begin(&orders, "disconnect_sockets");
    put_target(&orders, w.ns, NULL, 0);
    batch_put(&orders, 1, 4);
    batch_end(&orders);
    begin(&orders, "drain");
    batch_put(&orders, 1000, 8);
    batch_put_text(&orders, "bye");
    batch_end(&orders);
    CHECK(carried_out(&w, &orders) == 3);
    event = world_wait(&w, ROOMCAST_EVENT_DRAINED);
    seen_free(&event);
    CLEAR(orders);
    begin(&orders, "stop_draining");
    batch_end(&orders);
    CHECK(carried_out(&w, &orders) == 1);
    world_close(&w);
}

/* The text says which record, and what in it. */
static void said_of_records(world *w, roomcast_socket s) {
    batch bad;
#define REFUSED(status, text)                                                           \
    do {                                                                                \
        IS(status, roomcast_orders_packed(w->broker, bad.at, bad.len, NULL));           \
        SAYS("roomcast_orders_packed: record " text);                                   \
        CLEAR(bad);                                                                     \
    } while (0)
    CLEAR(bad);
    simple(&bad, "leave", s, "room");
    simple(&bad, "join", s, "");
    REFUSED(ROOMCAST_ERROR_BAD_ROOM, "1: room: the name is empty");
    simple(&bad, "join", s, "\xff");
    REFUSED(ROOMCAST_ERROR_BAD_UTF8, "0: room: not UTF-8");
    simple(&bad, "accept", 0, NULL);
    REFUSED(ROOMCAST_ERROR_NO_HANDLE, "0: socket: there is no handle: it is 0");
    begin(&bad, "join");
    batch_put(&bad, s, 8);
    batch_put(&bad, 99, 4);
    batch_end(&bad);
    REFUSED(ROOMCAST_ERROR_BAD_VALUE, "0: room: the record ends before it does");
    begin(&bad, "change_rooms");
    batch_put(&bad, s, 8);
    batch_put(&bad, 0, 4);
    batch_put(&bad, 2, 4);
    batch_put_text(&bad, "one");
    batch_put_text(&bad, "\xff");
    batch_end(&bad);
    REFUSED(ROOMCAST_ERROR_BAD_UTF8, "0: join[1]: not UTF-8");
    begin(&bad, "disconnect");
    batch_put(&bad, s, 8);
    batch_put(&bad, 2, 4);
    batch_end(&bad);
    REFUSED(ROOMCAST_ERROR_BAD_VALUE, "0: close: it is 0 or 1");
    begin(&bad, "emit");
    batch_put(&bad, w->ns, 8);
    batch_put(&bad, ROOMCAST_TARGET_ALL, 4);
    batch_put(&bad, 0, 4);
    batch_put(&bad, 1, 4);
    batch_put(&bad, s, 8);
    batch_put(&bad, 0, 4);
    batch_put(&bad, 0, 4);
    put_message(&bad, "name", "[]", NULL);
    batch_end(&bad);
    REFUSED(ROOMCAST_ERROR_BAD_VALUE, "0: target.flags: ROOMCAST_TARGET_ALL is everybody");
    begin(&bad, "send");
    batch_put(&bad, s, 8);
    put_message(&bad, "name", "[]", NULL);
    bad.at[bad.len - 12] = 64;
    batch_end(&bad);
    REFUSED(ROOMCAST_ERROR_BAD_VALUE, "0: message.flags: it is a sum of ROOMCAST_MESSAGE_ values");
    simple(&bad, "accept", s, NULL);
    bad.at[0] = 12;
    REFUSED(ROOMCAST_ERROR_BAD_VALUE, "0: size: it is a multiple of 8");
#undef REFUSED
}

static void broken_ones(void) {
    world w;
    batch good, bad;
    roomcast_socket s;
    roomcast_status status;
    client *c;
    seen event;
    uint8_t *exact;
    size_t done, i, n;
    uint32_t random = 2463534242u;
    world_open(&w, NULL);
    c = client_connect(&w, "/", NULL);
    event = world_wait(&w, ROOMCAST_EVENT_CONNECT);
    s = event.socket;
    seen_free(&event);
    CLEAR(good);
    simple(&good, "join", s, "room");
    emit(&good, w.ns, "room", 0, "one");
    begin(&good, "change_rooms");
    batch_put(&good, s, 8);
    batch_put(&good, 1, 4);
    batch_put_text(&good, "room");
    batch_put(&good, 0, 4);
    batch_end(&good);
    CHECK(carried_out(&w, &good) == 3);
    client_expect(&w, c, "42[\"one\",1]");

    /* It ends at the one that fails, with that one's error; what came before is done. */
    bad = good;
    simple(&bad, "join", s + ((uint64_t)1 << 40), "room");
    simple(&bad, "join", s, "never");
    IS(ROOMCAST_ERROR_GONE, roomcast_orders_packed(w.broker, bad.at, bad.len, &done));
    SAYS("roomcast_orders_packed: record 3: the handle is dead");
    CHECK(done == 3);
    client_expect(&w, c, "42[\"one\",1]");
    /* A call that is not there, and one that is no order. */
    CLEAR(bad);
    simple(&bad, "jump", s, "room");
    IS(ROOMCAST_ERROR_BAD_VALUE, roomcast_orders_packed(w.broker, bad.at, bad.len, NULL));
    SAYS("roomcast_orders_packed: record 0: call: there is no such order");
    CLEAR(bad);
    simple(&bad, "members", w.ns, "room");
    IS(ROOMCAST_ERROR_BAD_VALUE, roomcast_orders_packed(w.broker, bad.at, bad.len, NULL));
    CLEAR(bad);
    simple(&bad, "send_message", 1, "engine_only");
    status = roomcast_orders_packed(w.broker, bad.at, bad.len, NULL);
    CHECK(status == ROOMCAST_ERROR_WRONG_KIND);
    SAYS("roomcast_orders_packed: record 0: conn: the handle is of another kind");
    said_of_records(&w, s);

    /* Cut anywhere, and with bytes changed, in a buffer of exactly that size, so that the sanitizer sees a read past it. */
    for (i = 0; i < good.len; i++) {
        exact = (uint8_t *)malloc(i + 1);
        CHECK(exact != NULL);
        memcpy(exact, good.at, i);
        status = roomcast_orders_packed(w.broker, exact, i, &done);
        CHECK(done <= 3 && (status == ROOMCAST_OK || status == ROOMCAST_ERROR_BAD_VALUE));
        free(exact);
    }
    n = scaled(200000);
    for (i = 0; i < n; i++) {
        size_t changes = 1 + next_random(&random) % 4;
        exact = (uint8_t *)malloc(good.len);
        CHECK(exact != NULL);
        memcpy(exact, good.at, good.len);
        while (changes-- > 0) {
            exact[next_random(&random) % good.len] = (uint8_t)(next_random(&random) % 3 ? next_random(&random) : 0xff);
        }
        done = 99;
        status = roomcast_orders_packed(w.broker, exact, good.len, &done);
        CHECK(done <= 3 && status <= 0 && status > ROOMCAST_ERROR_PANIC);
        free(exact);
        if (i % 64 == 0) {
            world_turn(&w);
        }
    }
    OK(roomcast_send(w.broker, s, ROOMCAST_TEXT("end"), NULL, 0));
    while (strcmp(client_next(&w, c, NULL), "42[\"end\"]") != 0) {
    }
    CHECK(!client_gone(c));
    world_close(&w);
}

int main(void) {
    all_of_them(0);
    all_of_them(2);
    broken_ones();
    return 0;
}
