/* How much stack the calls take: they run on a thread whose stack was painted before, and what is still painted was not needed.
 * The header says STACK_SAID of a library that is optimised, as `make lib` makes it. */
#define _DEFAULT_SOURCE
#include "support.h"

#include <pthread.h>
#include <sys/mman.h>

enum { STACK = 1 << 21, STACK_SAID = 64 * 1024 };

/* Arrays in arrays as deep as is allowed, in an event. */
static void deep(client *c) {
    char text[1200], *end = text + sprintf(text, "42[\"deep\",");
    memset(end, '[', 511);
    memset(end + 511, ']', 511);
    strcpy(end + 1022, "]");
    client_say(c, text);
}

static void *work(void *answer) {
    roomcast_config config = ROOMCAST_CONFIG_INIT;
    roomcast_target target = ROOMCAST_TARGET_INIT;
    roomcast_message message = ROOMCAST_MESSAGE_INIT;
    roomcast_handshake handshake = ROOMCAST_HANDSHAKE_INIT;
    roomcast_histogram times = ROOMCAST_HISTOGRAM_INIT;
    roomcast_slice rooms[20], text;
    roomcast_broker *none = NULL;
    roomcast_remote *remote = NULL;
    const roomcast_socket *members;
    const roomcast_slice *lent;
    const roomcast_stat *stats;
    roomcast_ack_id ack;
    const uint8_t *packed;
    client *a;
    seen event;
    size_t count, at;
    world w;
    config.health_path = ROOMCAST_SLICE("/health");
    config.metrics_path = ROOMCAST_SLICE("/metrics");
    world_open(&w, &config);
    OK(roomcast_serve(w.broker, ROOMCAST_TEXT("/page"), ROOMCAST_TEXT("text/plain"), ROOMCAST_TEXT("hi"), NULL, 0));
    OK(roomcast_add_pattern(w.broker, ROOMCAST_TEXT("/p-*"), 0, 1));
    a = client_connect(&w, "/p-1", "{\"token\":\"t\"}");
    client_remove(&w, a);
    event = world_wait(&w, ROOMCAST_EVENT_NAMESPACE_REMOVED);
    seen_free(&event);
    while (world_has(&w, ROOMCAST_EVENT_CONNECT)) {
        event = world_wait(&w, ROOMCAST_EVENT_CONNECT);
        seen_free(&event);
    }
    a = client_connect(&w, "/", NULL);
    event = world_wait(&w, ROOMCAST_EVENT_CONNECT);
    for (at = 0; at < 20; at++) {
        rooms[at] = roomcast_slice_of(&"abcdefghijklmnopqrst"[at]);
    }
    OK(roomcast_change_rooms(w.broker, event.socket, NULL, 0, rooms, 20, NULL));
    OK(roomcast_rooms_of(w.broker, event.socket, &lent, &count));
    OK(roomcast_members(w.broker, w.ns, ROOMCAST_TEXT("t"), &members, &count));
    OK(roomcast_socket_id(w.broker, event.socket, &text));
    OK(roomcast_get_handshake(w.broker, event.socket, &handshake));
    OK(roomcast_stats(w.broker, &stats, &count));
    OK(roomcast_metrics(w.broker, &text));
    OK(roomcast_times(w.broker, ROOMCAST_TIMES_STEPS, &times));
    target.ns = w.ns;
    target.rooms = rooms;
    target.room_count = 20;
    message.name = "question";
    message.name_len = 8;
    message.args = "[{\"_placeholder\":true,\"num\":0}]";
    message.args_len = strlen(message.args);
    message.attachments = rooms;
    message.attachment_count = 1;
    OK(roomcast_emit_with_ack(w.broker, &target, &message, 60000, 0, &ack, NULL));
    client_next(&w, a, &count);
    client_next(&w, a, &count);
    client_say(a, "430[1]");
    seen_free(&event);
    event = world_wait(&w, ROOMCAST_EVENT_ACK);
    seen_free(&event);
    deep(a);
    client_say(a, "451-[\"blob\",{\"_placeholder\":true,\"num\":0}]");
    client_say_binary(a, "bytes", 5);
    for (at = 0; at < 2; at++) {
        event = world_wait(&w, ROOMCAST_EVENT_MESSAGE);
        seen_free(&event);
    }
    OK(roomcast_remote_new(w.broker, &remote));
    OK(roomcast_remote_emit_to(remote, &target, &message));
    client_next(&w, a, &count);
    OK(roomcast_events_packed(w.broker, SIZE_MAX, &packed, &count));
    http_get(&w, "/page", (char *)answer, 1 << 16);
    http_get(&w, "/health", (char *)answer, 1 << 16);
    http_get(&w, "/metrics", (char *)answer, 1 << 16);
    http_get(&w, "/socket.io/?EIO=4&transport=polling", (char *)answer, 1 << 16);
    client_say(a, "42[broken");
    event = world_wait(&w, ROOMCAST_EVENT_DISCONNECT);
    seen_free(&event);
    roomcast_remote_free(remote);
    world_close(&w);
    config.max_poll_packets = 0;
    IS(ROOMCAST_ERROR_BAD_CONFIG, roomcast_new(ROOMCAST_ABI_VERSION, &config, &none));
    return NULL;
}

int main(void) {
    static char answer[1 << 16];
    pthread_attr_t attributes;
    pthread_t thread;
    size_t at = 0;
    unsigned char *stack =
        (unsigned char *)mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(stack != (unsigned char *)MAP_FAILED);
    memset(stack, 0xA5, STACK);
    CHECK(pthread_attr_init(&attributes) == 0 && pthread_attr_setstack(&attributes, stack, STACK) == 0);
    CHECK(pthread_create(&thread, &attributes, work, answer) == 0 && pthread_join(thread, NULL) == 0);
    pthread_attr_destroy(&attributes);
    /* valgrind, which asks for little, takes a stack that was left for none. */
    while (scaled(100) > 2 && at < STACK && stack[at] == 0xA5) {
        at++;
    }
    printf("%lu bytes of stack\n", (unsigned long)(STACK - at));
#ifndef __SANITIZE_ADDRESS__
    CHECK(at == 0 || STACK - at <= STACK_SAID);
#endif
    munmap(stack, STACK);
    return 0;
}
