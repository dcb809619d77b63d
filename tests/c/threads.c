/* Two threads at one broker, callbacks that call back, remotes that outlive their broker, brokers that go while others
 * produce. Every misuse has an answer, none has an effect. */
#include "support.h"

#include <pthread.h>
#include <sched.h>

static void start(pthread_t *thread, void *(*run)(void *), void *data) { CHECK(pthread_create(thread, NULL, run, data) == 0); }

static void finish(pthread_t thread) { CHECK(pthread_join(thread, NULL) == 0); }

/* ---- Two threads: BUSY ---- */

static void *poll_forever(void *data) {
    roomcast_broker *broker = (roomcast_broker *)data;
    roomcast_status status;
    do { /* the other thread may be in a flush just then */
        status = roomcast_poll(broker, -1);
    } while (status == ROOMCAST_ERROR_BUSY);
    OK(status);
    return NULL;
}

static void two_threads(void) {
    world w;
    pthread_t thread;
    roomcast_remote *remote;
    char text[256];
    int32_t number;
    world_open(&w, NULL);
    OK(roomcast_remote_new(w.broker, &remote));
    start(&thread, poll_forever, w.broker);
    while (roomcast_flush(w.broker) == ROOMCAST_OK) {
        sched_yield();
    }
    IS(ROOMCAST_ERROR_BUSY, roomcast_flush(w.broker));
    IS(ROOMCAST_ERROR_BUSY, roomcast_poll(w.broker, 0));
    IS(ROOMCAST_ERROR_BUSY, roomcast_next_timeout(w.broker, &number));
    IS(ROOMCAST_ERROR_BUSY, roomcast_emit_all(w.broker, w.ns, 0, ROOMCAST_TEXT("e"), NULL, 0));
    roomcast_free(w.broker); /* leaves it be */
    roomcast_last_error(text, sizeof text);
    CHECK(strstr(text, "roomcast_free: another call is running") == text);
    OK(roomcast_remote_wake(remote));
    finish(thread);
    OK(roomcast_flush(w.broker));
    roomcast_remote_free(remote);
    world_close(&w);
}

typedef struct hammer {
    roomcast_router *router;
    size_t done;
} hammer;

static void *hammer_router(void *data) {
    hammer *h = (hammer *)data;
    size_t n = scaled(200000);
    while (h->done < n) {
        roomcast_status status = h->done % 2 ? roomcast_router_join(h->router, 0, ROOMCAST_TEXT("r"))
                                             : roomcast_router_leave(h->router, 0, ROOMCAST_TEXT("r"));
        CHECK(status == ROOMCAST_OK || status == ROOMCAST_ERROR_BUSY);
        if (status == ROOMCAST_OK) {
            h->done++;
        } else {
            sched_yield();
        }
    }
    return NULL;
}

static void two_threads_at_a_router(void) {
    pthread_t thread;
    hammer a, b;
    uint32_t ns;
    CLEAR(a);
    OK(roomcast_router_new(ROOMCAST_ABI_VERSION, &a.router));
    OK(roomcast_router_add_namespace(a.router, &ns));
    OK(roomcast_router_add(a.router, 0, ns, 0));
    b = a;
    start(&thread, hammer_router, &a);
    hammer_router(&b);
    finish(thread);
    roomcast_router_free(a.router);
}

/* ---- Callbacks that call back: BUSY ---- */

typedef struct caller {
    roomcast_broker *broker;
    size_t calls;
} caller;

static void call_back(void *data) {
    caller *c = (caller *)data;
    char text[256];
    if (c->broker == NULL) {
        return;
    }
    IS(ROOMCAST_ERROR_BUSY, roomcast_poll(c->broker, 0));
    IS(ROOMCAST_ERROR_BUSY, roomcast_flush(c->broker));
    IS(ROOMCAST_ERROR_BUSY, roomcast_close(c->broker, 0));
    roomcast_free(c->broker);
    roomcast_last_error(text, sizeof text);
    CHECK(strstr(text, "roomcast_free: another call is running") == text);
    c->calls++;
}

static void on_log(void *data, uint32_t level, const char *text, size_t len) {
    CHECK(level > 0 && text != NULL && len > 0);
    call_back(data);
}

static size_t on_id(void *data, char *out, size_t cap) {
    call_back(data);
    CHECK(cap > 3);
    memcpy(out, "one", 3);
    return 3;
}

static void callbacks(void) {
    world w;
    roomcast_config config;
    caller logger, generator;
    CLEAR(logger);
    CLEAR(generator);
    OK(roomcast_config_init(&config, sizeof config));
    config.log = on_log;
    config.log_data = &logger;
    config.log_level = ROOMCAST_LOG_DEBUG;
    config.id_generator = on_id;
    config.id_generator_data = &generator;
    world_open(&w, &config);
    logger.broker = generator.broker = w.broker;
    client_connect(&w, "/", NULL);
    CHECK(logger.calls > 0 && generator.calls > 0);
    world_close(&w);
}

/* ---- Remotes ---- */

static roomcast_target everyone(roomcast_namespace ns) {
    roomcast_target target;
    CLEAR(target);
    target.struct_size = sizeof target;
    target.flags = ROOMCAST_TARGET_ALL;
    target.ns = ns;
    return target;
}

static roomcast_message hello(void) {
    roomcast_message message;
    CLEAR(message);
    message.struct_size = sizeof message;
    message.name = "hello";
    message.name_len = 5;
    return message;
}

static void remotes(void) {
    world w;
    client *c;
    seen event;
    roomcast_config config;
    roomcast_remote *remote, *clone;
    roomcast_socket s;
    roomcast_slice room = slice("r");
    roomcast_target target;
    roomcast_message message = hello();
    const roomcast_stat *stats;
    size_t i, count, queued = 0;
    uint64_t failures = 0;
    uint32_t yes;
    roomcast_status status;
    OK(roomcast_config_init(&config, sizeof config));
    config.remote_queue = 8;
    world_open(&w, &config);
    target = everyone(w.ns);
    OK(roomcast_remote_new(w.broker, &remote));
    OK(roomcast_remote_clone(remote, &clone));
    IS(ROOMCAST_ERROR_NULL, roomcast_remote_clone(remote, NULL));
    IS(ROOMCAST_ERROR_NULL, roomcast_remote_emit(remote, w.ns, NULL, 1, 0, "e", 1, NULL, 0));
    IS(ROOMCAST_ERROR_NO_HANDLE, roomcast_remote_emit_all(remote, 0, 0, "e", 1, NULL, 0));
    IS(ROOMCAST_ERROR_WRONG_KIND, roomcast_remote_join(remote, w.ns, ROOMCAST_TEXT("r")));
    IS(ROOMCAST_ERROR_BAD_VALUE, roomcast_remote_disconnect(remote, 2ull << 60 | 1ull << 32, 5));
    c = client_connect(&w, "/", NULL);
    event = world_wait(&w, ROOMCAST_EVENT_CONNECT);
    s = event.socket;
    seen_free(&event);
    /* The order of one caller is kept, over its clones too. */
    OK(roomcast_remote_join(remote, s, ROOMCAST_TEXT("r")));
    OK(roomcast_remote_emit(clone, w.ns, ROOMCAST_TEXT("r"), 0, ROOMCAST_TEXT("e"), ROOMCAST_TEXT("[1]")));
    OK(roomcast_remote_send(remote, w.ns, s, ROOMCAST_TEXT("e"), ROOMCAST_TEXT("[2]")));
    OK(roomcast_remote_emit_to(remote, &target, &message));
    OK(roomcast_remote_leave(remote, s, ROOMCAST_TEXT("r")));
    OK(roomcast_remote_change_rooms(remote, s, NULL, 0, &room, 1));
    client_expect(&w, c, "42[\"e\",1]");
    client_expect(&w, c, "42[\"e\",2]");
    client_expect(&w, c, "42[\"hello\"]");
    OK(roomcast_is_member(w.broker, s, ROOMCAST_TEXT("r"), &yes));
    CHECK(yes == 1);
    /* A full queue says so and loses nothing of what it took. */
    while ((status = roomcast_remote_emit_all(remote, w.ns, 0, ROOMCAST_TEXT("n"), NULL, 0)) == ROOMCAST_OK) {
        queued++;
    }
    CHECK(status == ROOMCAST_ERROR_FULL && queued == 8);
    for (i = 0; i < queued; i++) {
        client_expect(&w, c, "42[\"n\"]");
    }
    OK(roomcast_remote_disconnect(remote, s, 1));
    event = world_wait(&w, ROOMCAST_EVENT_DISCONNECT);
    CHECK(event.socket == s);
    seen_free(&event);
    OK(roomcast_remote_join(remote, s, ROOMCAST_TEXT("r"))); /* it is gone by then */
    world_turn(&w);
    OK(roomcast_stats(w.broker, &stats, &count));
    for (i = 0; i < count; i++) {
        failures = strcmp(stats[i].name, "remote_failures") ? failures : stats[i].value;
    }
    CHECK(failures == 1);
    /* The broker goes first. */
    world_close(&w);
#define CLOSED(call) IS(ROOMCAST_ERROR_CLOSED, call)
    CLOSED(roomcast_remote_wake(remote));
    CLOSED(roomcast_remote_emit_all(remote, target.ns, 0, ROOMCAST_TEXT("e"), NULL, 0));
    CLOSED(roomcast_remote_send(remote, target.ns, s, ROOMCAST_TEXT("e"), NULL, 0));
    CLOSED(roomcast_remote_emit_to(remote, &target, &message));
    CLOSED(roomcast_remote_join(remote, s, ROOMCAST_TEXT("r")));
    CLOSED(roomcast_remote_leave(remote, s, ROOMCAST_TEXT("r")));
    CLOSED(roomcast_remote_change_rooms(remote, s, NULL, 0, &room, 1));
    CLOSED(roomcast_remote_disconnect(remote, s, 0));
    roomcast_remote_free(remote);
    OK(roomcast_remote_clone(clone, &remote));
    CLOSED(roomcast_remote_wake(remote));
    roomcast_remote_free(remote);
    roomcast_remote_free(clone);
}

/* What answers a client may come from any thread, with loops and without: who gets in, what a socket is, what it is told. */
static void decisions(uint32_t loops) {
    world w;
    roomcast_config config;
    roomcast_remote *remote;
    roomcast_namespace staff;
    roomcast_socket s;
    roomcast_slice attachment = slice("xyz");
    client *c, *refused;
    seen event;
    size_t len;
    const char *bytes;
    OK(roomcast_config_init(&config, sizeof config));
    config.guard_handshakes = 1;
    config.refusal_events = 1;
    config.loops = loops;
    world_open(&w, &config);
    OK(roomcast_add_namespace(w.broker, ROOMCAST_TEXT("/staff"), 1, &staff));
    OK(roomcast_remote_new(w.broker, &remote));

    refused = client_open(&w);
    event = world_wait(&w, ROOMCAST_EVENT_HANDSHAKE);
    OK(roomcast_remote_refuse(remote, event.connection, ROOMCAST_TEXT("not today")));
    seen_free(&event);
    UNTIL(&w, client_gone(refused));
    event = world_wait(&w, ROOMCAST_EVENT_REFUSED);
    CHECK(event.code == 4 && strcmp(event.name, "not today") == 0);
    seen_free(&event);

    c = client_open(&w);
    event = world_wait(&w, ROOMCAST_EVENT_HANDSHAKE);
    OK(roomcast_remote_allow(remote, event.connection));
    seen_free(&event);
    CHECK(client_next(&w, c, NULL)[0] == '0');
    client_say(c, "40/staff,");
    event = world_wait(&w, ROOMCAST_EVENT_CONNECT_REQUEST);
    IS(ROOMCAST_ERROR_BAD_DATA, roomcast_remote_reject(remote, event.socket, ROOMCAST_TEXT("no"), ROOMCAST_TEXT("{")));
    OK(roomcast_remote_reject(remote, event.socket, ROOMCAST_TEXT("no"), ROOMCAST_TEXT("{\"why\":2}")));
    seen_free(&event);
    client_expect(&w, c, "44/staff,{\"message\":\"no\",\"data\":{\"why\":2}}");
    client_say(c, "40/staff,");
    event = world_wait(&w, ROOMCAST_EVENT_CONNECT_REQUEST);
    s = event.socket;
    seen_free(&event);
    OK(roomcast_remote_set_tag(remote, s, 7));
    OK(roomcast_remote_accept(remote, s));
    OK(roomcast_remote_join(remote, s, ROOMCAST_TEXT("r"))); /* what follows finds it connected */
    OK(roomcast_remote_emit(remote, staff, ROOMCAST_TEXT("r"), 0, ROOMCAST_TEXT("in"), NULL, 0));
    CHECK(strncmp(client_next(&w, c, NULL), "40/staff,{\"sid\":", 16) == 0);
    client_expect(&w, c, "42/staff,[\"in\"]");

    client_say(c, "42/staff,5[\"ask\"]");
    event = world_wait(&w, ROOMCAST_EVENT_MESSAGE);
    CHECK(event.socket == s && event.tag == 7);
    IS(ROOMCAST_ERROR_BAD_VALUE, roomcast_remote_ack(remote, s, 0, NULL, 0, NULL, 0));
    IS(ROOMCAST_ERROR_BAD_JSON, roomcast_remote_ack(remote, s, event.ack, ROOMCAST_TEXT("{}"), NULL, 0));
    OK(roomcast_remote_ack(remote, s, event.ack, ROOMCAST_TEXT("[{\"_placeholder\":true,\"num\":0}]"), &attachment, 1));
    seen_free(&event);
    client_expect(&w, c, "461-/staff,5[{\"_placeholder\":true,\"num\":0}]");
    bytes = client_next(&w, c, &len);
    CHECK(len == 3 && memcmp(bytes, "xyz", 3) == 0);

    OK(roomcast_remote_leave_all(remote, s));
    OK(roomcast_remote_emit(remote, staff, ROOMCAST_TEXT("r"), 0, ROOMCAST_TEXT("never"), NULL, 0));
    OK(roomcast_remote_emit_all(remote, staff, 0, ROOMCAST_TEXT("all"), NULL, 0));
    client_expect(&w, c, "42/staff,[\"all\"]");
    {
        roomcast_connection connection;
        OK(roomcast_connection_of(w.broker, s, &connection));
        IS(ROOMCAST_ERROR_WRONG_STATE, roomcast_remote_send_text(remote, connection, ROOMCAST_TEXT("raw")));
        IS(ROOMCAST_ERROR_WRONG_STATE, roomcast_remote_send_binary(remote, connection, "raw", 3));
        OK(roomcast_remote_close_connection(remote, connection));
    }
    event = world_wait(&w, ROOMCAST_EVENT_DISCONNECT);
    CHECK(event.socket == s);
    seen_free(&event);
    UNTIL(&w, client_gone(c));
    world_close(&w);
    IS(ROOMCAST_ERROR_CLOSED, roomcast_remote_accept(remote, s));
    roomcast_remote_free(remote);
}

static void the_engine_alone(uint32_t loops) {
    world w;
    roomcast_config config;
    roomcast_remote *remote;
    client *c;
    seen event;
    size_t len;
    const char *bytes;
    OK(roomcast_config_init(&config, sizeof config));
    config.engine_only = 1;
    config.loops = loops;
    world_open(&w, &config);
    OK(roomcast_remote_new(w.broker, &remote));
    c = client_open(&w);
    CHECK(client_next(&w, c, NULL)[0] == '0');
    event = world_wait(&w, ROOMCAST_EVENT_OPEN);
    OK(roomcast_remote_send_text(remote, event.connection, ROOMCAST_TEXT("hello")));
    OK(roomcast_remote_send_binary(remote, event.connection, "\0\1", 2));
    client_expect(&w, c, "4hello");
    bytes = client_next(&w, c, &len);
    CHECK(len == 2 && memcmp(bytes, "\0\1", 2) == 0);
    OK(roomcast_remote_close_connection(remote, event.connection));
    seen_free(&event);
    UNTIL(&w, client_gone(c));
    world_close(&w);
    roomcast_remote_free(remote);
}

/* ---- A broker that goes while others produce ---- */

typedef struct producer {
    roomcast_remote *remote;
    roomcast_namespace ns;
    size_t sent;
} producer;

static void *produce(void *data) {
    producer *p = (producer *)data;
    roomcast_status status;
    do {
        status = roomcast_remote_emit_all(p->remote, p->ns, 0, ROOMCAST_TEXT("e"), ROOMCAST_TEXT("[1,2,3]"));
        p->sent += status == ROOMCAST_OK;
        CHECK(status == ROOMCAST_OK || status == ROOMCAST_ERROR_FULL || status == ROOMCAST_ERROR_CLOSED);
    } while (status != ROOMCAST_ERROR_CLOSED);
    roomcast_remote_free(p->remote);
    return NULL;
}

static void destroy_with_producers(void) {
    world w;
    pthread_t threads[4];
    producer producers[4];
    size_t i, turns;
    for (turns = 0; turns < 5; turns++) {
        world_open(&w, NULL);
        client_connect(&w, "/", NULL);
        for (i = 0; i < 4; i++) {
            producers[i].ns = w.ns;
            producers[i].sent = 0;
            OK(roomcast_remote_new(w.broker, &producers[i].remote));
            start(&threads[i], produce, &producers[i]);
        }
        UNTIL(&w, client_waiting(w.clients[0]) > 100 * turns);
        if (turns % 2) {
            OK(roomcast_close(w.broker, 100));
        }
        world_close(&w);
        for (i = 0; i < 4; i++) {
            finish(threads[i]);
        }
    }
}

/* ---- Two brokers, one process ---- */

static void *serve_one(void *data) {
    const char *text = (const char *)data;
    world w;
    client *a, *b;
    char packet[64];
    size_t i;
    world_open(&w, NULL);
    a = client_connect(&w, "/", NULL);
    b = client_connect(&w, "/", NULL);
    snprintf(packet, sizeof packet, "42[\"%s\"]", text);
    for (i = 0; i < 50; i++) {
        seen event;
        client_say(a, packet);
        event = world_wait(&w, ROOMCAST_EVENT_MESSAGE);
        CHECK(strcmp(event.name, text) == 0);
        OK(roomcast_emit_all(w.broker, w.ns, event.socket, event.name, event.name_len, event.data, event.data_len));
        client_expect(&w, b, packet);
        seen_free(&event);
    }
    CHECK(client_waiting(a) == 0);
    world_close(&w);
    return NULL;
}

static void *last_error_of_mine(void *data) {
    (void)data;
    CHECK(roomcast_last_error(NULL, 0) == 0);
    return NULL;
}

int main(void) {
    pthread_t one, two;
    char names[2][8] = {"one", "two"};
    two_threads();
    two_threads_at_a_router();
    callbacks();
    remotes();
    decisions(0);
    decisions(2);
    the_engine_alone(0);
    the_engine_alone(2);
    destroy_with_producers();
    start(&one, serve_one, names[0]);
    start(&two, serve_one, names[1]);
    finish(one);
    finish(two);
    start(&one, last_error_of_mine, NULL);
    finish(one);
    return 0;
}
