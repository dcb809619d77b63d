/* A program of version 0.1.0, as its host has it for years: compiled against the header beside it and run with the library
 * of today. Every struct lies alone in memory that ends where that header says it ends, and is filled with 0xA5 first: what
 * the library writes beyond it, valgrind sees, and what it leaves unset is seen here. It must not use anything that came
 * after 0.1.0, and once that is out it never changes. */
#include "support.h"

/* Memory of exactly this size, as the caller's own would be: neither zeroed nor longer. */
static void *place(size_t size) {
    void *made = malloc(size);
    CHECK(made != NULL);
    memset(made, 0xA5, size);
    return made;
}

static void configuration(world *w) {
    roomcast_config *config = (roomcast_config *)place(sizeof *config);
    roomcast_pair header;
    OK(roomcast_config_init(config, sizeof *config));
    CHECK(config->struct_size == sizeof *config && config->ping_interval == 25000 && config->loops == 0);
    CHECK(slice_is(config->path, "/socket.io/") && config->log == NULL && config->header_count == 0);
    header.name = slice("X-Kept");
    header.value = slice("yes");
    config->health_path = slice("/health");
    config->headers = &header;
    config->header_count = 1;
    config->path = slice("/socket.io/");
    world_open(w, config);
    free(config);
}

/* Drains into an array of this program's events, whose members lie as far apart as its header says. */
static void drained(world *w, roomcast_event *events, size_t cap, size_t *count) {
    uint64_t end = now_ms() + 60000;
    w->holds = 1;
    do {
        world_turn(w);
        OK(roomcast_events(w->broker, events, sizeof *events, cap, count));
        CHECK(now_ms() < end);
    } while (*count == 0);
    w->holds = 0;
}

static void events_in_an_array(world *w, client *a) {
    roomcast_event *events = (roomcast_event *)place(3 * sizeof *events);
    size_t count, at;
    client_say(a, "42[\"one\",1]");
    client_say(a, "42[\"two\",2]");
    for (at = 0; at < 2; at += count) {
        size_t each;
        drained(w, events, 3, &count);
        for (each = 0; each < count; each++) {
            const roomcast_event *event = &events[each];
            const char *name = at + each == 0 ? "one" : "two";
            CHECK(event->kind == ROOMCAST_EVENT_MESSAGE && event->flags == 0 && event->code == 0);
            CHECK(event->ns == w->ns && event->socket != 0 && event->connection == 0 && event->ack == 0);
            CHECK(event->name_len == 3 && memcmp(event->name, name, 3) == 0);
            CHECK(event->data_len == 3 && event->data[1] == (at + each == 0 ? '1' : '2'));
            CHECK(event->parts == NULL && event->part_count == 0);
        }
    }
    free(events);
}

static void emits(world *w, client *a, client *b, roomcast_socket sa, roomcast_socket sb) {
    roomcast_target *target = (roomcast_target *)place(sizeof *target);
    roomcast_message *message = (roomcast_message *)place(sizeof *message);
    roomcast_receipt *receipt = (roomcast_receipt *)place(sizeof *receipt);
    roomcast_slice rooms[2], blob;
    roomcast_ack_id ack = 0;
    seen event;
    memset(target, 0, sizeof *target);
    memset(message, 0, sizeof *message);
    OK(roomcast_join(w->broker, sa, ROOMCAST_TEXT("red")));
    OK(roomcast_join(w->broker, sb, ROOMCAST_TEXT("blue")));
    rooms[0] = slice("red");
    rooms[1] = slice("blue");
    target->struct_size = sizeof *target;
    target->ns = w->ns;
    target->rooms = rooms;
    target->room_count = 2;
    target->except_sockets = &sb;
    target->except_socket_count = 1;
    blob = slice("bytes");
    message->struct_size = sizeof *message;
    message->delivery = ROOMCAST_LATEST;
    message->key = 7;
    message->name = "state";
    message->name_len = 5;
    message->args = "[{\"_placeholder\":true,\"num\":0}]";
    message->args_len = strlen(message->args);
    message->attachments = &blob;
    message->attachment_count = 1;
    OK(roomcast_emit_to(w->broker, target, message, receipt));
    CHECK(receipt->recipients == 1 && receipt->skipped == 0);
    client_expect(w, a, "451-[\"state\",{\"_placeholder\":true,\"num\":0}]");
    client_expect(w, a, "bytes");

    memset(message, 0, sizeof *message);
    message->struct_size = sizeof *message;
    message->name = "question";
    message->name_len = 8;
    target->rooms = NULL;
    target->room_count = 0;
    target->sockets = &sa;
    target->socket_count = 1;
    target->except_sockets = NULL;
    target->except_socket_count = 0;
    OK(roomcast_emit_with_ack(w->broker, target, message, -1, 41, &ack, NULL));
    client_expect(w, a, "420[\"question\"]");
    client_say(a, "430[\"answer\"]");
    event = world_wait(w, ROOMCAST_EVENT_ACK);
    CHECK(event.ack == ack && event.context == 41 && event.code == 0 && strcmp(event.data, "[\"answer\"]") == 0);
    seen_free(&event);
    CHECK(client_waiting(b) == 0);
    free(target);
    free(message);
    free(receipt);
}

static void questions(world *w, roomcast_socket sa) {
    roomcast_handshake *handshake = (roomcast_handshake *)place(sizeof *handshake);
    roomcast_histogram *times = (roomcast_histogram *)place(sizeof *times);
    const roomcast_stat *stats = NULL;
    char answer[4096];
    size_t count = 0, at;
    int found = 0;
    handshake->struct_size = sizeof *handshake;
    OK(roomcast_get_handshake(w->broker, sa, handshake));
    CHECK(handshake->struct_size == sizeof *handshake && handshake->websocket == 1 && handshake->connection != 0);
    CHECK(handshake->query_count >= 2 && handshake->header_count >= 1 && handshake->url.len > 0);
    times->struct_size = sizeof *times;
    OK(roomcast_times(w->broker, ROOMCAST_TIMES_STEPS, times));
    CHECK(times->struct_size == sizeof *times && times->count > 0 && times->bucket_count > 0 && times->buckets != NULL);
    OK(roomcast_stats(w->broker, &stats, &count));
    for (at = 0; at < count; at++)
        found |= strcmp(stats[at].name, "sockets") == 0 && stats[at].value == 2;
    CHECK(found);
    CHECK(http_get(w, "/health", answer, sizeof answer) > 0 && strstr(answer, "200 OK") != NULL);
    free(handshake);
    free(times);
}

static void router(void) {
    roomcast_router *made = NULL;
    roomcast_selection *selection = (roomcast_selection *)place(sizeof *selection);
    const roomcast_slice *ranges = NULL;
    uint32_t ns = 0, connection = 0, both[2] = {1, 2};
    size_t reached = 0, count = 0;
    OK(roomcast_router_new(ROOMCAST_ABI_VERSION, &made));
    OK(roomcast_router_add_namespace(made, &ns));
    OK(roomcast_router_add(made, 1, ns, 1));
    OK(roomcast_router_add(made, 2, ns, 2));
    memset(selection, 0, sizeof *selection);
    selection->struct_size = sizeof *selection;
    selection->ns = ns;
    selection->members = both;
    selection->member_count = 2;
    selection->except_members = both + 1;
    selection->except_member_count = 1;
    OK(roomcast_router_emit(made, selection, "hi", 2, &reached));
    OK(roomcast_router_next(made, &connection, &ranges, &count));
    CHECK(reached == 1 && connection == 1 && count == 1 && slice_is(ranges[0], "hi"));
    roomcast_router_free(made);
    free(selection);
}

int main(void) {
    world w;
    client *a, *b;
    roomcast_socket sa, sb;
    seen event;
    CHECK(roomcast_abi_version() == ROOMCAST_ABI_VERSION);
    configuration(&w);
    a = client_connect(&w, "/", NULL);
    event = world_wait(&w, ROOMCAST_EVENT_CONNECT);
    sa = event.socket;
    seen_free(&event);
    b = client_connect(&w, "/", NULL);
    event = world_wait(&w, ROOMCAST_EVENT_CONNECT);
    sb = event.socket;
    seen_free(&event);
    emits(&w, a, b, sa, sb);
    questions(&w, sa);
    events_in_an_array(&w, a);
    world_close(&w);
    router();
    return 0;
}
