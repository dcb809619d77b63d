/* What the last error says of a host's mistake: the argument, which of its elements, and what it takes instead; or the limit. */
#include "support.h"

#define PIECES(list) list, sizeof(list) / sizeof((list)[0])

static void rooms(world *w, roomcast_socket s) {
    roomcast_target target = ROOMCAST_TARGET_INIT;
    roomcast_slice names[3], unreadable[2];
    names[0] = slice("one");
    names[1] = slice("longer");
    names[2] = slice("");
    IS(ROOMCAST_ERROR_BAD_ROOM, roomcast_join(w->broker, s, NULL, 0));
    SAYS("roomcast_join: room: the name is empty");
    IS(ROOMCAST_ERROR_BAD_ROOM, roomcast_join(w->broker, s, ROOMCAST_TEXT("longer")));
    SAYS("roomcast_join: room: the name is longer than max_room_name, which is 5 bytes");
    IS(ROOMCAST_ERROR_BAD_ROOM, roomcast_change_rooms(w->broker, s, NULL, 0, PIECES(names), NULL));
    SAYS("roomcast_change_rooms: rooms[1]: the name is longer than max_room_name, which is 5 bytes");
    target.ns = w->ns;
    target.flags = ROOMCAST_TARGET_ALL;
    names[1] = slice("two");
    IS(ROOMCAST_ERROR_BAD_ROOM, roomcast_sockets_join(w->broker, &target, PIECES(names), NULL));
    SAYS("roomcast_sockets_join: rooms[2]: the name is empty");
    IS(ROOMCAST_ERROR_TOO_MANY, roomcast_sockets_join(w->broker, &target, names, 2, NULL));
    SAYS("roomcast_sockets_join: a limit of the broker was reached: max_rooms_per_socket is 1");
    unreadable[0] = slice("fine");
    unreadable[1] = slice("\xff");
    IS(ROOMCAST_ERROR_BAD_UTF8, roomcast_change_rooms(w->broker, s, PIECES(unreadable), NULL, 0, NULL));
    SAYS("roomcast_change_rooms: leave[1]: not UTF-8");
}

static void targets(world *w, roomcast_socket s) {
    roomcast_target target = ROOMCAST_TARGET_INIT;
    roomcast_message message = ROOMCAST_MESSAGE_INIT;
    roomcast_socket members[2];
    roomcast_ack_id ack;
    message.name = "event";
    message.name_len = 5;
    members[0] = s;
    members[1] = w->ns;
    target.ns = w->ns;
    target.flags = ROOMCAST_TARGET_ALL;
    target.sockets = members;
    target.socket_count = 1;
    IS(ROOMCAST_ERROR_BAD_VALUE, roomcast_emit_to(w->broker, &target, &message, NULL));
    SAYS("roomcast_emit_to: target.flags: ROOMCAST_TARGET_ALL is everybody: no rooms or sockets go with it");
    target.flags = 2;
    IS(ROOMCAST_ERROR_BAD_VALUE, roomcast_emit_to(w->broker, &target, &message, NULL));
    SAYS("roomcast_emit_to: target.flags: it is 0 or ROOMCAST_TARGET_ALL");
    target.flags = 0;
    target.socket_count = 2;
    IS(ROOMCAST_ERROR_WRONG_KIND, roomcast_emit_to(w->broker, &target, &message, NULL));
    SAYS("roomcast_emit_to: target.sockets[1]: the handle is of another kind");
    target.ns = 0;
    IS(ROOMCAST_ERROR_NO_HANDLE, roomcast_emit_to(w->broker, &target, &message, NULL));
    SAYS("roomcast_emit_to: target.ns: there is no handle: it is 0");
    target.ns = w->ns;
    target.socket_count = 1;
    message.delivery = 9;
    IS(ROOMCAST_ERROR_BAD_VALUE, roomcast_emit_to(w->broker, &target, &message, NULL));
    SAYS("roomcast_emit_to: message.delivery: it is one of the delivery classes");
    message.delivery = ROOMCAST_RELIABLE;
    message.flags = 64;
    IS(ROOMCAST_ERROR_BAD_VALUE, roomcast_emit_to(w->broker, &target, &message, NULL));
    SAYS("roomcast_emit_to: message.flags: it is a sum of ROOMCAST_MESSAGE_ values");
    message.flags = 0;
    OK(roomcast_emit_with_ack(w->broker, &target, &message, -1, 0, &ack, NULL));
    IS(ROOMCAST_ERROR_TOO_MANY, roomcast_emit_with_ack(w->broker, &target, &message, -1, 0, &ack, NULL));
    SAYS("roomcast_emit_with_ack: a limit of the broker was reached: max_pending_acks is 1");
}

/* Packed emits: a whole one, and one to a socket whose handle is of another kind. */
static void packed(world *w, roomcast_socket s) {
    uint8_t batch[2 * 56];
    size_t done = 9, at, i;
    memset(batch, 0, sizeof batch);
    for (at = 0; at < sizeof batch; at += 56) {
        batch[at] = 56;
        batch[at + 36] = 1;
        for (i = 0; i < 8; i++) {
            batch[at + 8 + i] = (uint8_t)(w->ns >> 8 * i);
            batch[at + 48 + i] = (uint8_t)((at == 0 ? s : w->ns) >> 8 * i);
        }
    }
    IS(ROOMCAST_ERROR_WRONG_KIND, roomcast_emit_packed(w->broker, batch, sizeof batch, &done));
    SAYS("roomcast_emit_packed: record 1: target.sockets[0]: the handle is of another kind");
    CHECK(done == 1);
    batch[5] = ROOMCAST_TARGET_ALL;
    IS(ROOMCAST_ERROR_BAD_VALUE, roomcast_emit_packed(w->broker, batch, sizeof batch, &done));
    SAYS("roomcast_emit_packed: record 0: target.flags: ROOMCAST_TARGET_ALL is everybody");
    CHECK(done == 0);
}

static void the_rest(world *w, roomcast_socket s) {
    roomcast_namespace ns;
    IS(ROOMCAST_ERROR_BAD_VALUE, roomcast_drain(w->broker, 0, NULL, 0));
    SAYS("roomcast_drain: per_second: it is 1 or more");
    IS(ROOMCAST_ERROR_TOO_MANY, roomcast_add_namespace(w->broker, ROOMCAST_TEXT("/more"), 0, &ns));
    SAYS("roomcast_add_namespace: a limit of the broker was reached: max_namespaces is 1");
    IS(ROOMCAST_ERROR_BAD_VALUE, roomcast_disconnect(w->broker, s, 2));
    SAYS("roomcast_disconnect: close: it is 0 or 1");
    IS(ROOMCAST_ERROR_BAD_VALUE, roomcast_ack(w->broker, s, 0, NULL, 0, NULL, 0));
    SAYS("roomcast_ack: ack: it is 1 or more");
    IS(ROOMCAST_ERROR_BAD_VALUE,
       roomcast_serve(w->broker, ROOMCAST_TEXT("/x"), ROOMCAST_TEXT("a\nb"), NULL, 0, NULL, 0));
    SAYS("roomcast_serve: content_type: it cannot be sent as a header");
}

int main(void) {
    roomcast_config config;
    roomcast_socket s;
    seen event;
    world w;
    OK(roomcast_config_init(&config, sizeof config));
    config.max_room_name = 5;
    config.max_rooms_per_socket = 1;
    config.max_pending_acks = 1;
    config.max_namespaces = 1;
    world_open(&w, &config);
    (void)client_connect(&w, "/", NULL);
    event = world_wait(&w, ROOMCAST_EVENT_CONNECT);
    s = event.socket;
    seen_free(&event);
    rooms(&w, s);
    targets(&w, s);
    packed(&w, s);
    the_rest(&w, s);
    world_close(&w);
    return 0;
}
