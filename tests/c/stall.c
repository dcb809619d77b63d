/* A host that does not poll for many heartbeats, and one that does not drain: nobody is dropped for it, nothing is lost, and
 * what waits is bounded. The heartbeat is shortened so that a second is a minute. */
#include "support.h"

#include <time.h>

#define MESSAGES 4000

static void pass_time(int ms) {
    struct timespec t;
    t.tv_sec = ms / 1000;
    t.tv_nsec = ms % 1000 * 1000000L;
    nanosleep(&t, NULL);
}

static roomcast_config brisk(void) {
    roomcast_config config;
    OK(roomcast_config_init(&config, sizeof config));
    config.ping_interval = 100;
    config.ping_timeout = 150;
    config.max_events = 64;
    return config;
}

static void say_numbers(client *c, size_t n) {
    char packet[32];
    size_t i;
    for (i = 0; i < n; i++) {
        snprintf(packet, sizeof packet, "42[\"n\",%u]", (unsigned)i);
        client_say(c, packet);
    }
}

/* All that was said has come, in its order, and nobody is gone. */
static void expect_numbers(world *w, size_t n) {
    char args[32];
    size_t i;
    for (i = 0; i < n; i++) {
        seen event = world_wait(w, ROOMCAST_EVENT_MESSAGE);
        snprintf(args, sizeof args, "[%u]", (unsigned)i);
        CHECK(strcmp(event.data, args) == 0);
        seen_free(&event);
    }
    CHECK(!world_has(w, ROOMCAST_EVENT_DISCONNECT) && !world_has(w, ROOMCAST_EVENT_MESSAGE));
}

static void heartbeats_go_on(world *w, const client *c) {
    uint64_t end = now_ms() + 600;
    UNTIL(w, now_ms() > end);
    CHECK(!client_gone(c) && !world_has(w, ROOMCAST_EVENT_DISCONNECT));
}

static void no_poll(void) {
    world w;
    client *c;
    roomcast_config config = brisk();
    world_open(&w, &config);
    c = client_connect(&w, "/", NULL);
    heartbeats_go_on(&w, c);
    say_numbers(c, 50);
    pass_time(2000);
    expect_numbers(&w, 50);
    heartbeats_go_on(&w, c);
    /* The same with a ping under way that nobody has looked at. */
    pass_time(2000);
    heartbeats_go_on(&w, c);
    /* A client that is gone meanwhile is found out. */
    client_read(c, 0);
    UNTIL(&w, world_has(&w, ROOMCAST_EVENT_DISCONNECT));
    {
        seen event = world_wait(&w, ROOMCAST_EVENT_DISCONNECT);
        CHECK(event.code == ROOMCAST_REASON_PING_TIMEOUT);
        seen_free(&event);
    }
    world_close(&w);
}

static void no_drain(void) {
    world w;
    client *c;
    roomcast_config config = brisk();
    uint64_t end;
    size_t pings;
    world_open(&w, &config);
    c = client_connect(&w, "/", NULL);
    say_numbers(c, MESSAGES);
    w.holds = 1;
    end = now_ms() + 2000;
    UNTIL(&w, now_ms() > end);
    CHECK(!client_gone(c));
    /* A client gives up on a server from which no ping comes, so they come although no pong is read. */
    pings = client_pings(c);
    UNTIL(&w, client_pings(c) >= pings + 3);
    /* One event at a time is no way to catch up, but it is none to lose anything either. */
    for (end = 0; end < 100;) {
        roomcast_event event;
        char args[32];
        size_t count;
        world_turn(&w);
        OK(roomcast_events(w.broker, &event, sizeof event, 1, &count));
        if (count == 1 && event.kind == ROOMCAST_EVENT_MESSAGE) {
            snprintf(args, sizeof args, "[%u]", (unsigned)end++);
            CHECK(event.data_len == strlen(args) && memcmp(event.data, args, event.data_len) == 0);
        }
    }
    w.holds = 0;
    for (end = 100; end < MESSAGES; end++) {
        char args[32];
        seen event = world_wait(&w, ROOMCAST_EVENT_MESSAGE);
        snprintf(args, sizeof args, "[%u]", (unsigned)end);
        CHECK(strcmp(event.data, args) == 0);
        seen_free(&event);
    }
    heartbeats_go_on(&w, c);
    world_close(&w);
}

int main(void) {
    no_poll();
    no_drain();
    return 0;
}
