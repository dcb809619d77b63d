/* What a question lends stays as it is while its host changes what was asked about: until the next question that lends. */
#include "support.h"

enum { PEOPLE = 20, ROOMS = 30 };

static roomcast_socket connected(world *w) {
    seen event = world_wait(w, ROOMCAST_EVENT_CONNECT);
    roomcast_socket who = event.socket;
    seen_free(&event);
    return who;
}

/* Everybody in the room is told, moved and sent away, as the array is walked. */
static void members(world *w) {
    const roomcast_socket *found = NULL;
    size_t count = 0, at;
    OK(roomcast_members(w->broker, w->ns, ROOMCAST_TEXT("lobby"), &found, &count));
    CHECK(count == PEOPLE);
    for (at = 0; at < count; at++) {
        uint32_t in = 0;
        OK(roomcast_is_member(w->broker, found[at], ROOMCAST_TEXT("lobby"), &in));
        CHECK(in == 1);
        OK(roomcast_send(w->broker, found[at], ROOMCAST_TEXT("moved"), ROOMCAST_TEXT("[]")));
        OK(roomcast_leave(w->broker, found[at], ROOMCAST_TEXT("lobby")));
        OK(roomcast_join(w->broker, found[at], ROOMCAST_TEXT("other")));
        if (at % 4 == 3) {
            OK(roomcast_disconnect(w->broker, found[at], 1));
        }
        world_turn(w);
    }
}

/* A socket leaves each of its rooms by the name that was lent; each room ends with it. */
static void rooms(world *w, roomcast_socket who) {
    const roomcast_slice *found = NULL;
    char name[32];
    size_t count = 0, at;
    for (at = 0; at < ROOMS; at++) {
        sprintf(name, "a room with the number %u", (unsigned)at);
        OK(roomcast_join(w->broker, who, name, strlen(name)));
    }
    OK(roomcast_rooms_of(w->broker, who, &found, &count));
    CHECK(count == ROOMS + 1);
    for (at = 1; at < count; at++) {
        OK(roomcast_leave(w->broker, who, (const char *)found[at].ptr, found[at].len));
        sprintf(name, "a room with the number %u", (unsigned)at - 1);
        CHECK(slice_is(found[at], name));
    }
    for (at = 0; at < ROOMS; at++) {
        sprintf(name, "a room with the number %u", (unsigned)at);
        OK(roomcast_join(w->broker, who, name, strlen(name)));
    }
    OK(roomcast_rooms_in(w->broker, w->ns, &found, &count));
    CHECK(count == ROOMS + 1);
    for (at = 0; at < count; at++) {
        roomcast_leave(w->broker, who, (const char *)found[at].ptr, found[at].len);
        CHECK(found[at].len >= 5);
    }
}

/* An id, a name and a handshake outlive whom they are of. */
static void whose(world *w, roomcast_socket who) {
    roomcast_handshake handshake = ROOMCAST_HANDSHAKE_INIT;
    roomcast_slice id;
    seen event;
    OK(roomcast_socket_id(w->broker, who, &id));
    CHECK(id.len == 20);
    OK(roomcast_disconnect(w->broker, who, 1));
    event = world_wait(w, ROOMCAST_EVENT_DISCONNECT);
    CHECK(event.socket == who && ((const char *)id.ptr)[19] != 0);
    seen_free(&event);
    who = connected(w);
    OK(roomcast_get_handshake(w->broker, who, &handshake));
    OK(roomcast_disconnect(w->broker, who, 1));
    event = world_wait(w, ROOMCAST_EVENT_DISCONNECT);
    seen_free(&event);
    CHECK(handshake.header_count > 0 && handshake.headers[0].name.len > 0 && *(const char *)handshake.url.ptr == '/');
}

/* The name of a namespace that ends with its last socket. */
static void pattern(world *w) {
    roomcast_slice name;
    roomcast_namespace ns;
    client *c;
    seen event;
    OK(roomcast_add_pattern(w->broker, ROOMCAST_TEXT("/party-*"), 0, 1));
    c = client_connect(w, "/party-of-one-that-has-a-long-name", NULL);
    event = world_wait(w, ROOMCAST_EVENT_CONNECT);
    ns = event.ns;
    seen_free(&event);
    OK(roomcast_namespace_name(w->broker, ns, &name));
    client_remove(w, c);
    event = world_wait(w, ROOMCAST_EVENT_NAMESPACE_REMOVED);
    seen_free(&event);
    CHECK(slice_is(name, "/party-of-one-that-has-a-long-name"));
}

int main(void) {
    world w;
    size_t at;
    world_open(&w, NULL);
    for (at = 0; at < PEOPLE; at++) {
        client_connect(&w, "/", NULL);
        OK(roomcast_join(w.broker, connected(&w), ROOMCAST_TEXT("lobby")));
    }
    members(&w);
    pattern(&w);
    client_connect(&w, "/", NULL);
    rooms(&w, connected(&w));
    world_close(&w);
    world_open(&w, NULL);
    client_connect(&w, "/", NULL);
    client_connect(&w, "/", NULL);
    whose(&w, connected(&w));
    world_close(&w);
    return 0;
}
