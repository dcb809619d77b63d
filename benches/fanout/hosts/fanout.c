/*
 * The server of benches/fanout in C: relays what a member of room "r" publishes to all others there. It does what
 * examples/fanout.rs does, through roomcast.h alone.
 *
 * What comes in as "count" it only counts.
 *
 *   fanout PORT [arena|deflate]    arena: a game's loop, in which what came in within a frame goes out at its end
 */
#define _GNU_SOURCE
#include <roomcast.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BATCH = 256, TICK_NS = 33000000 };

static struct roomcast_broker *broker;
static unsigned long long counted;

static void check(roomcast_status status)
{
    char text[256];
    if (status == ROOMCAST_OK)
        return;
    roomcast_last_error(text, sizeof text);
    fprintf(stderr, "fanout: %s\n", text);
    exit(1);
}

/* The texts of a JSON value whose texts have no escapes in them, as the benchmark's have not. */
static void join(const roomcast_event *event)
{
    const char *at = event->data, *end = event->data + event->data_len;
    while ((at = memchr(at, '"', (size_t)(end - at)))) {
        at++;
        const char *close = memchr(at, '"', (size_t)(end - at));
        if (!close)
            return;
        roomcast_join(broker, event->socket, at, (size_t)(close - at));
        at = close + 1;
    }
}

/* Two texts, the room and what to send there. */
static void cell(const roomcast_event *event)
{
    static char args[65536];
    const char *room = event->data + 2;
    const char *comma = memmem(event->data, event->data_len, "\",\"", 3);
    if (!comma)
        return;
    size_t rest = (size_t)(event->data + event->data_len - (comma + 3));
    if (rest + 2 > sizeof args)
        return;
    memcpy(args, "[\"", 2);
    memcpy(args + 2, comma + 3, rest);
    roomcast_emit(broker, event->ns, room, (size_t)(comma - room), event->socket, "msg", 3, args, rest + 2);
}

static void binary(const roomcast_event *event)
{
    struct roomcast_slice room = {.ptr = "r", .len = 1};
    struct roomcast_target target = {.struct_size = sizeof target, .ns = event->ns, .rooms = &room, .room_count = 1,
                                     .except_sockets = &event->socket, .except_socket_count = 1};
    struct roomcast_message message = {.struct_size = sizeof message, .name = "msg", .name_len = 3,
                                       .args = event->data, .args_len = event->data_len,
                                       .attachments = event->parts, .attachment_count = event->part_count};
    roomcast_emit_to(broker, &target, &message, NULL);
}

static bool is(const roomcast_event *event, const char *name)
{
    return event->name_len == strlen(name) && memcmp(event->name, name, event->name_len) == 0;
}

/* A socket that left meanwhile is no concern of this loop, so the status of what it asks for is not looked at. */
static void on_message(const roomcast_event *event)
{
    if (is(event, "counted")) {
        char args[32];
        int len = snprintf(args, sizeof args, "[%llu]", counted);
        roomcast_ack(broker, event->socket, event->ack, args, (size_t)len, NULL, 0);
        return;
    }
    if (is(event, "count"))
        counted++;
    else if (is(event, "pub"))
        roomcast_emit(broker, event->ns, "r", 1, event->socket, "msg", 3, event->data, event->data_len);
    else if (is(event, "cell"))
        cell(event);
    else if (is(event, "bin"))
        binary(event);
    else if (is(event, "join") || is(event, "rooms"))
        join(event);
    if (event->ack)
        roomcast_ack(broker, event->socket, event->ack, NULL, 0, NULL, 0);
}

static void sleep_until_next(struct timespec *frame)
{
    struct timespec now;
    frame->tv_nsec += TICK_NS;
    if (frame->tv_nsec >= 1000000000) {
        frame->tv_sec++;
        frame->tv_nsec -= 1000000000;
    }
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (now.tv_sec > frame->tv_sec || (now.tv_sec == frame->tv_sec && now.tv_nsec > frame->tv_nsec))
        *frame = now;
    else
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, frame, NULL);
}

int main(int argc, char **argv)
{
    static roomcast_event events[BATCH];
    struct timespec frame;
    size_t count;
    bool arena = argc == 3 && strcmp(argv[2], "arena") == 0;
    struct roomcast_config config = ROOMCAST_CONFIG_INIT;
    config.per_message_deflate = argc == 3 && strcmp(argv[2], "deflate") == 0;
    if (argc != 2 && !arena && !config.per_message_deflate) {
        fprintf(stderr, "usage: fanout PORT [arena|deflate]\n");
        return 2;
    }
    check(roomcast_new(ROOMCAST_ABI_VERSION, &config, &broker));
    check(roomcast_listen(broker, "0.0.0.0", 7, (uint16_t)atoi(argv[1]), NULL));
    clock_gettime(CLOCK_MONOTONIC, &frame);
    for (;;) {
        if (arena)
            sleep_until_next(&frame);
        check(roomcast_poll(broker, arena ? 0 : -1));
        do {
            check(roomcast_events(broker, events, sizeof *events, BATCH, &count));
            for (size_t i = 0; i < count; i++)
                if (events[i].kind == ROOMCAST_EVENT_MESSAGE)
                    on_message(&events[i]);
        } while (count == BATCH);
        if (arena)
            check(roomcast_flush(broker));
    }
}
