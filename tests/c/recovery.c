/* Connection state recovery as a C host sees it: clients that lose their connection and come back, that do not, and that are
 * refused. What they are told in every case is tested in tests/world. */
#include "support.h"

typedef struct phone {
    char sid[64], pid[64], offset[64];
    client *link;
} phone;

static uint64_t stat(world *w, const char *name) {
    const roomcast_stat *stats = NULL;
    size_t count = 0, i;
    OK(roomcast_stats(w->broker, &stats, &count));
    for (i = 0; i < count; i++)
        if (strcmp(stats[i].name, name) == 0)
            return stats[i].value;
    fail(__FILE__, __LINE__, name);
    return 0;
}

static void member(const char *packet, const char *name, char out[64]) {
    char quoted[16];
    const char *at;
    snprintf(quoted, sizeof quoted, "\"%s\":\"", name);
    at = strstr(packet, quoted);
    CHECK(at != NULL && sscanf(at + strlen(quoted), "%63[^\"]", out) == 1);
}

/* Opens a connection and asks for the session that is known, if there is one. */
static void call(world *w, phone *p) {
    char packet[256] = "40";
    p->link = client_open(w);
    client_next(w, p->link, NULL);
    if (*p->offset != 0)
        snprintf(packet, sizeof packet, "40{\"pid\":\"%s\",\"offset\":\"%s\"}", p->pid, p->offset);
    else if (*p->pid != 0)
        snprintf(packet, sizeof packet, "40{\"pid\":\"%s\"}", p->pid);
    client_say(p->link, packet);
}

/* The next message is an event of this name; its last text is the offset. */
static void hears(world *w, phone *p, const char *name) {
    const char *packet = client_next(w, p->link, NULL);
    char begins[64];
    size_t end = strlen(packet), from;
    snprintf(begins, sizeof begins, "42[\"%s\",", name);
    CHECK(strncmp(packet, begins, strlen(begins)) == 0 && strcmp(packet + end - 2, "\"]") == 0);
    for (from = end - 2; packet[from - 1] != '"';)
        from--;
    snprintf(p->offset, sizeof p->offset, "%.*s", (int)(end - 2 - from), packet + from);
}

/* The next message is the reply to its CONNECT: whether that gives it its session back. */
static int is_back(world *w, phone *p) {
    const char *packet = client_next(w, p->link, NULL);
    char sid[64], pid[64];
    int same;
    CHECK(strncmp(packet, "40{", 3) == 0);
    member(packet, "sid", sid);
    member(packet, "pid", pid);
    same = strcmp(pid, p->pid) == 0;
    CHECK(same == (strcmp(sid, p->sid) == 0));
    strcpy(p->sid, sid);
    strcpy(p->pid, pid);
    return same;
}

static roomcast_socket connected(world *w, uint32_t flags, uint64_t tag) {
    seen event = world_wait(w, ROOMCAST_EVENT_CONNECT);
    roomcast_socket socket = event.socket;
    CHECK(event.flags == flags && event.tag == tag && event.ns == w->ns);
    seen_free(&event);
    return socket;
}

/* Somebody in the room "red" with the tag 77, who has heard one event. */
static roomcast_socket begin(world *w, phone *p) {
    roomcast_socket socket;
    CLEAR(*p);
    call(w, p);
    CHECK(!is_back(w, p));
    socket = connected(w, 0, 0);
    OK(roomcast_join(w->broker, socket, ROOMCAST_TEXT("red")));
    OK(roomcast_set_tag(w->broker, socket, 77));
    OK(roomcast_emit_all(w->broker, w->ns, 0, ROOMCAST_TEXT("heard"), ROOMCAST_TEXT("[1]")));
    hears(w, p, "heard");
    return socket;
}

/* The network takes the connection away. */
static void lose(world *w, phone *p, roomcast_socket socket) {
    seen event;
    client_vanish(p->link, 1);
    event = world_wait(w, ROOMCAST_EVENT_DISCONNECT);
    CHECK(event.socket == socket && event.flags == ROOMCAST_FLAG_RECOVERABLE && event.tag == 77 && strcmp(event.parts, "red") == 0);
    CHECK(event.code == ROOMCAST_REASON_TRANSPORT_CLOSE || event.code == ROOMCAST_REASON_TRANSPORT_ERROR);
    seen_free(&event);
    client_remove(w, p->link);
}

static void open_with_recovery(world *w, const roomcast_config *config) {
    world_open(w, config);
    OK(roomcast_add_namespace(w->broker, ROOMCAST_TEXT("/"), ROOMCAST_NAMESPACE_RECOVERY, &w->ns));
}

static void comes_back(void) {
    world w;
    phone p;
    roomcast_socket socket;
    uint32_t is_member = 0;
    open_with_recovery(&w, NULL);
    socket = begin(&w, &p);
    IS(ROOMCAST_ERROR_EXISTS, roomcast_add_namespace(w.broker, ROOMCAST_TEXT("/"), 0, &w.ns));
    CHECK(stat(&w, "away") == 0 && stat(&w, "recovery_bytes") > 0);
    lose(&w, &p, socket);
    CHECK(stat(&w, "away") == 1 && stat(&w, "sockets") == 0);

    /* While it is away it joins and leaves, and what is for it waits. */
    OK(roomcast_emit(w.broker, w.ns, ROOMCAST_TEXT("red"), 0, ROOMCAST_TEXT("one"), ROOMCAST_TEXT("[]")));
    OK(roomcast_leave(w.broker, socket, ROOMCAST_TEXT("red")));
    OK(roomcast_join(w.broker, socket, ROOMCAST_TEXT("blue")));
    OK(roomcast_emit(w.broker, w.ns, ROOMCAST_TEXT("red"), 0, ROOMCAST_TEXT("too late"), ROOMCAST_TEXT("[]")));
    OK(roomcast_emit(w.broker, w.ns, ROOMCAST_TEXT("blue"), socket, ROOMCAST_TEXT("to others"), ROOMCAST_TEXT("[]")));
    OK(roomcast_emit(w.broker, w.ns, ROOMCAST_TEXT("blue"), 0, ROOMCAST_TEXT("two"), ROOMCAST_TEXT("[]")));
    OK(roomcast_send(w.broker, socket, ROOMCAST_TEXT("three"), ROOMCAST_TEXT("[3]")));
    call(&w, &p);
    hears(&w, &p, "one");
    hears(&w, &p, "two");
    hears(&w, &p, "three");
    CHECK(is_back(&w, &p));
    CHECK(connected(&w, ROOMCAST_FLAG_RECOVERED, 77) == socket);
    OK(roomcast_is_member(w.broker, socket, ROOMCAST_TEXT("red"), &is_member));
    CHECK(!is_member);
    OK(roomcast_is_member(w.broker, socket, ROOMCAST_TEXT("blue"), &is_member));
    CHECK(is_member);
    OK(roomcast_send(w.broker, socket, ROOMCAST_TEXT("four"), NULL, 0));
    hears(&w, &p, "four");
    CHECK(stat(&w, "away") == 0 && stat(&w, "sockets") == 1);
    CHECK(stat(&w, "sessions_recovered") == 1 && stat(&w, "messages_replayed") == 3);
    client_remove(&w, p.link);
    world_close(&w);
}

/* Its connection is open still, as far as anybody can tell. */
static void is_taken_over(void) {
    world w;
    phone p;
    client *old;
    seen event;
    roomcast_socket socket;
    open_with_recovery(&w, NULL);
    socket = begin(&w, &p);
    old = p.link;
    call(&w, &p);
    CHECK(is_back(&w, &p));
    event = world_wait(&w, ROOMCAST_EVENT_DISCONNECT);
    CHECK(event.socket == socket && event.flags == ROOMCAST_FLAG_RECOVERABLE);
    seen_free(&event);
    CHECK(connected(&w, ROOMCAST_FLAG_RECOVERED, 77) == socket);
    client_expect(&w, old, "41");
    UNTIL(&w, client_gone(old));
    client_remove(&w, old);
    client_remove(&w, p.link);
    world_close(&w);
}

static void expires(int by_the_host) {
    roomcast_config config;
    world w;
    phone p;
    seen event;
    roomcast_socket socket;
    OK(roomcast_config_init(&config, sizeof config));
    CHECK(config.recovery_window == 120000 && config.recovery_log_bytes == 16 << 20 && config.recovery_sessions == 65536);
    config.recovery_window = by_the_host ? 120000 : 1;
    open_with_recovery(&w, &config);
    socket = begin(&w, &p);
    lose(&w, &p, socket);
    if (by_the_host)
        OK(roomcast_disconnect(w.broker, socket, 0));
    event = world_wait(&w, ROOMCAST_EVENT_SESSION_EXPIRED);
    CHECK(event.socket == socket && event.ns == w.ns && event.tag == 77 && strcmp(event.name, p.sid) == 0);
    seen_free(&event);
    IS(ROOMCAST_ERROR_GONE, roomcast_set_tag(w.broker, socket, 1));
    CHECK(stat(&w, "away") == 0 && stat(&w, "sessions_expired") == 1);
    call(&w, &p);
    CHECK(!is_back(&w, &p));
    CHECK(connected(&w, 0, 0) != socket);
    CHECK(stat(&w, "recoveries_unknown") == 1);
    client_remove(&w, p.link);
    world_close(&w);
}

/* Each refusal has its counter, and nothing is replayed. */
static void is_refused(void) {
    static const char bytes[] = "[\"0123456789012345678901234567890123456789012345678901234567890123456789\"]";
    roomcast_config config;
    world w;
    phone p, stranger;
    roomcast_socket socket;
    int n;
    OK(roomcast_config_init(&config, sizeof config));
    config.recovery_log_bytes = 2000;
    open_with_recovery(&w, &config);
    socket = begin(&w, &p);
    lose(&w, &p, socket);
    stranger = p;
    strcat(stranger.offset, "zz"); /* which nobody has emitted yet */
    call(&w, &stranger);
    CHECK(!is_back(&w, &stranger) && stat(&w, "recoveries_foreign") == 1);
    connected(&w, 0, 0);

    socket = begin(&w, &p);
    lose(&w, &p, socket);
    for (n = 0; n < 100; n++)
        OK(roomcast_emit_all(w.broker, w.ns, 0, ROOMCAST_TEXT("long"), bytes, sizeof bytes - 1));
    CHECK(stat(&w, "recovery_bytes") <= 2000);
    call(&w, &p);
    CHECK(!is_back(&w, &p) && stat(&w, "recoveries_overrun") == 1);
    CHECK(stat(&w, "sessions_expired") == 2 && stat(&w, "sessions_recovered") == 0 && stat(&w, "messages_replayed") == 0);
    client_remove(&w, stranger.link);
    client_remove(&w, p.link);
    world_close(&w);
}

static roomcast_socket request(world *w, uint32_t flags, uint64_t tag) {
    seen event = world_wait(w, ROOMCAST_EVENT_CONNECT_REQUEST);
    roomcast_socket socket = event.socket;
    CHECK(event.flags == flags && event.tag == tag && event.ns == w->ns);
    seen_free(&event);
    return socket;
}

/* The host decides about those who come back, too. */
static void asks_again(void) {
    const uint32_t flags = ROOMCAST_NAMESPACE_GUARDED | ROOMCAST_NAMESPACE_RECOVERY | ROOMCAST_NAMESPACE_ASK_AGAIN;
    world w;
    phone p;
    roomcast_socket socket, asking;
    world_open(&w, NULL);
    OK(roomcast_add_namespace(w.broker, ROOMCAST_TEXT("/"), flags, &w.ns));
    CLEAR(p);
    call(&w, &p);
    socket = request(&w, 0, 0);
    OK(roomcast_accept(w.broker, socket));
    CHECK(!is_back(&w, &p));
    OK(roomcast_join(w.broker, socket, ROOMCAST_TEXT("red")));
    OK(roomcast_set_tag(w.broker, socket, 77));
    lose(&w, &p, socket);
    OK(roomcast_send(w.broker, socket, ROOMCAST_TEXT("missed"), ROOMCAST_TEXT("[1]")));

    call(&w, &p);
    asking = request(&w, ROOMCAST_FLAG_RECOVERED, 77);
    CHECK(asking != socket);
    OK(roomcast_reject(w.broker, asking, ROOMCAST_TEXT("no"), NULL, 0));
    client_expect(&w, p.link, "44{\"message\":\"no\"}");
    client_remove(&w, p.link);

    call(&w, &p);
    asking = request(&w, ROOMCAST_FLAG_RECOVERED, 77);
    OK(roomcast_accept(w.broker, asking));
    hears(&w, &p, "missed");
    CHECK(is_back(&w, &p));
    CHECK(connected(&w, ROOMCAST_FLAG_RECOVERED, 77) == socket);
    IS(ROOMCAST_ERROR_GONE, roomcast_accept(w.broker, asking));
    client_remove(&w, p.link);
    world_close(&w);
}

int main(void) {
    comes_back();
    asks_again();
    is_taken_over();
    expires(0);
    expires(1);
    is_refused();
    return 0;
}
