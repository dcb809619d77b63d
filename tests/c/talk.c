/* What a C host can do, done once: admission, messages and acknowledgements both ways, targets, delivery classes, attachments,
 * rooms and questions, responses from memory, the log. */
#include "support.h"

static roomcast_target target_of(roomcast_namespace ns) {
    roomcast_target made;
    CLEAR(made);
    made.struct_size = sizeof made;
    made.ns = ns;
    return made;
}

static roomcast_socket joined(world *w) {
    seen event = world_wait(w, ROOMCAST_EVENT_CONNECT);
    roomcast_socket socket = event.socket;
    seen_free(&event);
    return socket;
}

static void messages(void) {
    world w;
    client *a, *b, *c;
    roomcast_socket sa, sb, sc, list[2];
    roomcast_slice rooms[2], except[1], blob[2], id;
    roomcast_target target;
    roomcast_message message;
    roomcast_receipt receipt;
    roomcast_ack_id ack;
    seen event;
    const char *got;
    size_t len;
    char packet[64];
    world_open(&w, NULL);
    a = client_connect(&w, "/", "{\"name\":\"Ann\"}");
    event = world_wait(&w, ROOMCAST_EVENT_CONNECT);
    CHECK(strcmp(event.data, "{\"name\":\"Ann\"}") == 0 && event.ns == w.ns);
    sa = event.socket;
    seen_free(&event);
    b = client_connect(&w, "/", NULL);
    sb = joined(&w);
    c = client_connect(&w, "/", NULL);
    sc = joined(&w);
    OK(roomcast_socket_id(w.broker, sb, &id));
    CHECK(slice_is(id, client_sid(b)));

    /* A client's event, and its acknowledgement; acknowledgement 0 is one too. */
    client_say(a, "420[\"say\",\"hi\",{\"n\":1}]");
    event = world_wait(&w, ROOMCAST_EVENT_MESSAGE);
    CHECK(event.socket == sa && event.ns == w.ns && strcmp(event.name, "say") == 0);
    CHECK(strcmp(event.data, "[\"hi\",{\"n\":1}]") == 0 && event.ack != 0);
    OK(roomcast_ack(w.broker, sa, event.ack, "[\"ok\"]", 6, NULL, 0));
    client_expect(&w, a, "430[\"ok\"]");
    seen_free(&event);
    client_say(a, "42[\"say\"]");
    event = world_wait(&w, ROOMCAST_EVENT_MESSAGE);
    CHECK(event.ack == 0 && strcmp(event.data, "[]") == 0);
    seen_free(&event);

    /* Rooms, exceptions, one copy each, in the order of the calls. */
    OK(roomcast_join(w.broker, sa, ROOMCAST_TEXT("red")));
    OK(roomcast_join(w.broker, sb, ROOMCAST_TEXT("red")));
    OK(roomcast_join(w.broker, sb, ROOMCAST_TEXT("blue")));
    OK(roomcast_join(w.broker, sc, ROOMCAST_TEXT("blue")));
    OK(roomcast_emit(w.broker, w.ns, ROOMCAST_TEXT("red"), sa, ROOMCAST_TEXT("e"), ROOMCAST_TEXT("[1]")));
    rooms[0] = slice("red");
    rooms[1] = slice("blue");
    target = target_of(w.ns);
    target.rooms = rooms;
    target.room_count = 2;
    message = message_of("e", "[2]");
    OK(roomcast_emit_to(w.broker, &target, &message, &receipt));
    CHECK(receipt.recipients == 3 && receipt.skipped == 0);
    except[0] = slice("blue");
    target.except_rooms = except;
    target.except_room_count = 1;
    message = message_of("e", "[3]");
    OK(roomcast_emit_to(w.broker, &target, &message, &receipt));
    CHECK(receipt.recipients == 1);
    OK(roomcast_emit_all(w.broker, w.ns, 0, ROOMCAST_TEXT("e"), ROOMCAST_TEXT("[4]")));
    list[0] = sa;
    list[1] = sc;
    target = target_of(w.ns);
    target.sockets = list;
    target.socket_count = 2;
    target.except_sockets = &sa;
    target.except_socket_count = 1;
    message = message_of("e", "[5]");
    OK(roomcast_emit_to(w.broker, &target, &message, &receipt));
    CHECK(receipt.recipients == 1);
    OK(roomcast_send(w.broker, sa, ROOMCAST_TEXT("e"), NULL, 0));
    OK(roomcast_flush(w.broker));
    client_expect(&w, a, "42[\"e\",2]");
    client_expect(&w, a, "42[\"e\",3]");
    client_expect(&w, a, "42[\"e\",4]");
    client_expect(&w, a, "42[\"e\"]");
    client_expect(&w, b, "42[\"e\",1]");
    client_expect(&w, b, "42[\"e\",2]");
    client_expect(&w, b, "42[\"e\",4]");
    client_expect(&w, c, "42[\"e\",2]");
    client_expect(&w, c, "42[\"e\",4]");
    client_expect(&w, c, "42[\"e\",5]");

    /* Attachments out and in. */
    blob[0].ptr = "\0\1\2";
    blob[0].len = 3;
    blob[1] = slice("");
    message = message_of("file", "[{\"_placeholder\":true,\"num\":1},{\"_placeholder\":true,\"num\":0}]");
    message.attachments = blob;
    message.attachment_count = 2;
    target = target_of(w.ns);
    target.sockets = &sa;
    target.socket_count = 1;
    OK(roomcast_emit_to(w.broker, &target, &message, NULL));
    client_expect(&w, a, "452-[\"file\",{\"_placeholder\":true,\"num\":1},{\"_placeholder\":true,\"num\":0}]");
    got = client_next(&w, a, &len);
    CHECK(len == 3 && memcmp(got, "\0\1\2", 3) == 0);
    client_next(&w, a, &len);
    CHECK(len == 0);
    message.attachment_count = 1;
    IS(ROOMCAST_ERROR_BAD_ATTACHMENTS, roomcast_emit_to(w.broker, &target, &message, NULL));
    client_say(a, "451-7[\"up\",{\"_placeholder\":true,\"num\":0}]");
    client_say_binary(a, "bytes", 5);
    event = world_wait(&w, ROOMCAST_EVENT_MESSAGE);
    CHECK(event.part_count == 1 && strcmp(event.parts, "bytes") == 0);
    blob[0] = slice("back");
    OK(roomcast_ack(w.broker, sa, event.ack, ROOMCAST_TEXT("[{\"_placeholder\":true,\"num\":0}]"), blob, 1));
    seen_free(&event);
    client_expect(&w, a, "461-7[{\"_placeholder\":true,\"num\":0}]");
    client_expect(&w, a, "back");

    /* An emit that asks for acknowledgements: two answer, in their time. */
    list[0] = sa;
    list[1] = sb;
    target = target_of(w.ns);
    target.sockets = list;
    target.socket_count = 2;
    message = message_of("ask", "[]");
    OK(roomcast_emit_with_ack(w.broker, &target, &message, -1, UINT64_MAX, &ack, &receipt));
    CHECK(ack != 0 && receipt.recipients == 2);
    got = client_next(&w, a, NULL);
    CHECK(sscanf(got, "42%31[0-9][\"ask\"]", packet + 32) == 1);
    client_next(&w, b, NULL);
    snprintf(packet, 32, "43%.20s[\"A\"]", packet + 32);
    client_say(a, packet);
    event = world_wait(&w, ROOMCAST_EVENT_ACK);
    CHECK(event.ack == ack && event.context == UINT64_MAX && event.socket == sa && event.code == 1 && strcmp(event.data, "[\"A\"]") == 0);
    seen_free(&event);
    client_vanish(b, 0);
    event = world_wait(&w, ROOMCAST_EVENT_ACK_END);
    CHECK(event.ack == ack && event.context == UINT64_MAX && event.code == 1);
    CHECK((event.flags & ROOMCAST_FLAG_TIMED_OUT) == 0);
    seen_free(&event);
    event = world_wait(&w, ROOMCAST_EVENT_DISCONNECT);
    CHECK(event.socket == sb && event.code == ROOMCAST_REASON_TRANSPORT_CLOSE && event.part_count == 2);
    seen_free(&event);
    /* None in time. */
    target.socket_count = 1;
    OK(roomcast_emit_with_ack(w.broker, &target, &message, 20, 3, &ack, NULL));
    event = world_wait(&w, ROOMCAST_EVENT_ACK_END);
    CHECK(event.ack == ack && event.context == 3 && event.code == 1 && event.flags == ROOMCAST_FLAG_TIMED_OUT);
    seen_free(&event);
    /* Nobody to ask. */
    list[0] = sb;
    OK(roomcast_emit_with_ack(w.broker, &target, &message, -1, 1, &ack, &receipt));
    CHECK(ack == 0 && receipt.recipients == 0);

    /* latest: of those that wait for a poll of the loop, the newest. */
    client_next(&w, a, NULL); /* the ask that timed out */
    list[0] = sa;
    client_read(a, 0);
    OK(roomcast_disconnect(w.broker, sc, 0));
    client_expect(&w, c, "41");
    event = world_wait(&w, ROOMCAST_EVENT_DISCONNECT);
    CHECK(event.socket == sc && event.code == ROOMCAST_REASON_SERVER_NAMESPACE_DISCONNECT);
    CHECK(strcmp(event.parts, "blue") == 0);
    seen_free(&event);
    client_read(a, 1);
    OK(roomcast_disconnect(w.broker, sa, 1));
    UNTIL(&w, client_gone(a));
    world_close(&w);
}

/* A union of nothing is nobody, with loops and without, at once, by a remote and in a batch; everybody is said. */
static void nobody(uint32_t loops) {
    world w;
    client *c;
    roomcast_config config;
    roomcast_target cases[5];
    roomcast_message message = message_of("never", "[]");
    roomcast_socket s, gone;
    roomcast_ack_id ack;
    roomcast_remote *remote;
    uint8_t record[56];
    uint32_t size = sizeof record, name = 5;
    roomcast_slice unknown = slice(""), known = slice("room");
    size_t i, done;
    OK(roomcast_config_init(&config, sizeof config));
    config.loops = loops;
    world_open(&w, &config);
    client_connect(&w, "/", NULL);
    gone = joined(&w);
    OK(roomcast_disconnect(w.broker, gone, 0));
    c = client_connect(&w, "/", NULL);
    s = joined(&w);
    OK(roomcast_join(w.broker, s, (const char *)known.ptr, known.len));
    OK(roomcast_remote_new(w.broker, &remote));
    for (i = 0; i < 5; i++) {
        cases[i] = target_of(w.ns);
    }
    cases[1].rooms = &unknown;
    cases[1].room_count = 1;
    cases[2].sockets = &gone;
    cases[2].socket_count = 1;
    cases[3].flags = ROOMCAST_TARGET_ALL;
    cases[3].except_sockets = &s;
    cases[3].except_socket_count = 1;
    cases[4].flags = ROOMCAST_TARGET_ALL;
    cases[4].except_rooms = &known;
    cases[4].except_room_count = 1;
    for (i = 0; i < 5; i++) {
        OK(roomcast_emit_to(w.broker, &cases[i], &message, NULL));
        OK(roomcast_emit_with_ack(w.broker, &cases[i], &message, 5000, 0, &ack, NULL));
        CHECK(ack == 0);
        OK(roomcast_remote_emit_to(remote, &cases[i], &message));
    }
    OK(roomcast_emit(w.broker, w.ns, NULL, 0, 0, ROOMCAST_TEXT("never"), NULL, 0));
    OK(roomcast_emit_all(w.broker, w.ns, s, ROOMCAST_TEXT("never"), NULL, 0));
    OK(roomcast_remote_emit(remote, w.ns, NULL, 0, 0, ROOMCAST_TEXT("never"), NULL, 0));
    OK(roomcast_remote_emit_all(remote, w.ns, s, ROOMCAST_TEXT("never"), NULL, 0));
    memset(record, 0, sizeof record);
    memcpy(record, &size, sizeof size);
    memcpy(record + 8, &w.ns, sizeof w.ns);
    memcpy(record + 24, &name, sizeof name);
    memcpy(record + 48, "never", name);
    OK(roomcast_emit_packed(w.broker, record, sizeof record, &done));
    /* Everybody and somebody is a mistake; and so is a flag that nobody knows. */
    cases[1].flags = ROOMCAST_TARGET_ALL;
    IS(ROOMCAST_ERROR_BAD_VALUE, roomcast_emit_to(w.broker, &cases[1], &message, NULL));
    cases[0].flags = 2;
    IS(ROOMCAST_ERROR_BAD_VALUE, roomcast_remote_emit_to(remote, &cases[0], &message));
    record[5] = 128;
    IS(ROOMCAST_ERROR_BAD_VALUE, roomcast_emit_packed(w.broker, record, sizeof record, &done));
    record[5] = ROOMCAST_TARGET_ALL;
    memcpy(record + 48, "e\0\0\0\0", name);
    name = 1;
    memcpy(record + 24, &name, sizeof name);
    OK(roomcast_emit_packed(w.broker, record, sizeof record, &done));
    client_expect(&w, c, "42[\"e\"]");
    OK(roomcast_emit_all(w.broker, w.ns, 0, ROOMCAST_TEXT("e"), NULL, 0));
    client_expect(&w, c, "42[\"e\"]");
    OK(roomcast_remote_emit_all(remote, w.ns, 0, ROOMCAST_TEXT("e"), NULL, 0));
    client_expect(&w, c, "42[\"e\"]");
    roomcast_remote_free(remote);
    world_close(&w);
}

/* A client that does not read: what is skipped and replaced is counted, what is reliable arrives. */
static void delivery(void) {
    world w;
    client *c;
    roomcast_target target;
    roomcast_message message;
    roomcast_receipt receipt;
    roomcast_socket s;
    const roomcast_stat *stats;
    const char *got;
    char *args;
    size_t queued, count, i, latest = 0, len;
    uint64_t skipped = 0, replaced = 0;
    world_open(&w, NULL);
    c = client_connect(&w, "/", NULL);
    s = joined(&w);
    client_read(c, 0);
    args = (char *)malloc(100001);
    CHECK(args != NULL);
    memset(args, '7', 100000);
    args[0] = '[';
    args[99999] = ']';
    args[100000] = 0;
    do {
        OK(roomcast_send(w.broker, s, ROOMCAST_TEXT("big"), args, 100000));
        OK(roomcast_flush(w.broker));
        OK(roomcast_queued_bytes(w.broker, s, &queued));
    } while (queued < 1000000); /* More than the kernel may take after all. */
    free(args);
    target = target_of(w.ns);
    target.flags = ROOMCAST_TARGET_ALL;
    message = message_of("v", "[]");
    message.delivery = ROOMCAST_VOLATILE;
    OK(roomcast_emit_to(w.broker, &target, &message, &receipt));
    CHECK(receipt.recipients == 1 && receipt.skipped == 1);
    for (i = 0; i < 10; i++) {
        message = message_of("l", i < 9 ? "[0]" : "[9]");
        message.delivery = ROOMCAST_LATEST;
        message.key = 5;
        OK(roomcast_emit_to(w.broker, &target, &message, &receipt));
        OK(roomcast_flush(w.broker));
    }
    message.delivery = 4;
    IS(ROOMCAST_ERROR_BAD_VALUE, roomcast_emit_to(w.broker, &target, &message, &receipt));
    OK(roomcast_send(w.broker, s, ROOMCAST_TEXT("end"), NULL, 0));
    client_read(c, 1);
    do {
        got = client_next(&w, c, &len);
        CHECK(strcmp(got, "42[\"v\"]") != 0 && strcmp(got, "42[\"l\",0]") != 0);
        latest += strcmp(got, "42[\"l\",9]") == 0;
    } while (strcmp(got, "42[\"end\"]") != 0);
    CHECK(latest == 1);
    OK(roomcast_stats(w.broker, &stats, &count));
    for (i = 0; i < count; i++) {
        skipped = strcmp(stats[i].name, "dropped_volatile") ? skipped : stats[i].value;
        replaced = strcmp(stats[i].name, "replaced_latest") ? replaced : stats[i].value;
    }
    CHECK(skipped == 1 && replaced == 9);
    world_close(&w);
}

static char log_lines[4096];

static void keep_log(void *data, uint32_t level, const char *text, size_t len) {
    size_t used = strlen(log_lines);
    CHECK(data == log_lines && level >= ROOMCAST_LOG_ERROR && level <= ROOMCAST_LOG_DEBUG);
    if (used + len + 2 < sizeof log_lines) {
        memcpy(log_lines + used, text, len);
        memcpy(log_lines + used + len, "\n", 2);
    }
}

static size_t make_id(void *data, char *out, size_t cap) {
    unsigned *count = (unsigned *)data;
    CHECK(cap == 64);
    return (size_t)snprintf(out, cap, "mine-%u", ++*count);
}

static void admission_and_questions(void) {
    world w;
    roomcast_config config;
    roomcast_pair header;
    roomcast_namespace guarded, found, ns;
    roomcast_socket s, other;
    roomcast_connection connection;
    roomcast_handshake handshake;
    roomcast_slice name;
    const roomcast_slice *texts;
    const uint64_t *handles;
    const roomcast_stat *stats;
    roomcast_remote *remote;
    uint64_t tag;
    client *c, *refused;
    seen event;
    char answer[4096];
    unsigned ids = 0;
    uint32_t yes;
    size_t count, i;
    int32_t number;
    OK(roomcast_config_init(&config, sizeof config));
    config.log = keep_log;
    config.log_data = log_lines;
    config.log_level = ROOMCAST_LOG_DEBUG;
    config.room_events = 1;
    config.guard_handshakes = 1;
    config.refusal_events = 1;
    config.id_generator = make_id;
    config.id_generator_data = &ids;
    config.health_path = slice("/health");
    header.name = slice("X-Host");
    header.value = slice("C");
    config.headers = &header;
    config.header_count = 1;
    world_open(&w, &config);
    OK(roomcast_add_namespace(w.broker, ROOMCAST_TEXT("/staff"), 1, &guarded));
    IS(ROOMCAST_ERROR_EXISTS, roomcast_add_namespace(w.broker, ROOMCAST_TEXT("staff"), 0, &found));
    OK(roomcast_add_pattern(w.broker, ROOMCAST_TEXT("/game-*"), 0, 1));
    OK(roomcast_find_namespace(w.broker, ROOMCAST_TEXT("staff"), &found));
    CHECK(found == guarded);
    IS(ROOMCAST_ERROR_NOT_FOUND, roomcast_find_namespace(w.broker, ROOMCAST_TEXT("/none"), &found));
    OK(roomcast_namespaces(w.broker, &handles, &count));
    CHECK(count == 2);
    OK(roomcast_namespace_name(w.broker, guarded, &name));
    CHECK(slice_is(name, "/staff"));

    /* A handshake that is refused, one that is allowed. */
    refused = client_open(&w);
    event = world_wait(&w, ROOMCAST_EVENT_HANDSHAKE);
    OK(roomcast_get_handshake(w.broker, event.connection, (CLEAR(handshake), handshake.struct_size = sizeof handshake, &handshake)));
    CHECK(strstr((const char *)handshake.url.ptr, "token=a%20b") != NULL);
    for (i = 0; i < handshake.query_count && !slice_is(handshake.query[i].name, "token"); i++) {
    }
    CHECK(i < handshake.query_count && slice_is(handshake.query[i].value, "a b"));
    for (i = 0; i < handshake.header_count && !slice_is(handshake.headers[i].name, "X-Test"); i++) {
    }
    CHECK(i < handshake.header_count && slice_is(handshake.headers[i].value, "yes"));
    CHECK(memcmp(handshake.address.ptr, "127.0.0.1:", 10) == 0 && handshake.issued > 1700000000000u);
    IS(ROOMCAST_ERROR_GONE, roomcast_close_connection(w.broker, event.connection)); /* it is not open yet */
    IS(ROOMCAST_ERROR_BAD_VALUE, roomcast_add_header(w.broker, event.connection, ROOMCAST_TEXT("content-length"), ROOMCAST_TEXT("7")));
    OK(roomcast_add_header(w.broker, event.connection, ROOMCAST_TEXT("Set-Cookie"), ROOMCAST_TEXT("seen=1")));
    OK(roomcast_refuse(w.broker, event.connection, ROOMCAST_TEXT("not today")));
    UNTIL(&w, client_gone(refused));
    seen_free(&event);
    event = world_wait(&w, ROOMCAST_EVENT_REFUSED);
    CHECK(event.code == 4 && strcmp(event.name, "not today") == 0);
    seen_free(&event);

    c = client_open(&w);
    event = world_wait(&w, ROOMCAST_EVENT_HANDSHAKE);
    connection = event.connection;
    OK(roomcast_allow(w.broker, connection));
    IS(ROOMCAST_ERROR_WRONG_STATE, roomcast_allow(w.broker, connection));
    seen_free(&event);
    CHECK(strstr(client_next(&w, c, NULL), "\"sid\":\"mine-") != NULL);

    /* Two requests for the guarded namespace: rejected, then accepted. */
    client_say(c, "40/staff,{\"key\":1}");
    event = world_wait(&w, ROOMCAST_EVENT_CONNECT_REQUEST);
    CHECK(event.ns == guarded && strcmp(event.data, "{\"key\":1}") == 0);
    OK(roomcast_send(w.broker, event.socket, ROOMCAST_TEXT("never"), NULL, 0));
    IS(ROOMCAST_ERROR_BAD_DATA, roomcast_reject(w.broker, event.socket, ROOMCAST_TEXT("no"), ROOMCAST_TEXT("{")));
    OK(roomcast_reject(w.broker, event.socket, ROOMCAST_TEXT("not you"), ROOMCAST_TEXT("{\"why\":2}")));
    IS(ROOMCAST_ERROR_GONE, roomcast_accept(w.broker, event.socket));
    seen_free(&event);
    client_expect(&w, c, "44/staff,{\"message\":\"not you\",\"data\":{\"why\":2}}");
    client_say(c, "40/staff,");
    event = world_wait(&w, ROOMCAST_EVENT_CONNECT_REQUEST);
    s = event.socket;
    seen_free(&event);
    CHECK(event.tag == 0);
    OK(roomcast_set_tag(w.broker, s, UINT64_MAX));
    OK(roomcast_get_tag(w.broker, s, &tag));
    CHECK(tag == UINT64_MAX);
    IS(ROOMCAST_ERROR_GONE, roomcast_set_tag(w.broker, s + (1ull << 32), 1));
    /* What it gets before it is let in waits, and comes behind the answer to its request. */
    OK(roomcast_send(w.broker, s, ROOMCAST_TEXT("early"), NULL, 0));
    OK(roomcast_accept(w.broker, s));
    IS(ROOMCAST_ERROR_WRONG_STATE, roomcast_accept(w.broker, s));
    client_next(&w, c, NULL);
    client_expect(&w, c, "42/staff,[\"early\"]");

    event = world_wait(&w, ROOMCAST_EVENT_NAMESPACE_CREATED);
    CHECK(event.ns == guarded && strcmp(event.name, "/staff") == 0);
    seen_free(&event);

    /* A namespace of a pattern comes to life, and goes with its last socket. */
    client_say(c, "40/game-7,");
    event = world_wait(&w, ROOMCAST_EVENT_NAMESPACE_CREATED);
    CHECK(strcmp(event.name, "/game-7") == 0);
    seen_free(&event);
    other = joined(&w);
    OK(roomcast_namespace_of(w.broker, other, &ns));
    OK(roomcast_connection_of(w.broker, other, &found));
    CHECK(found == connection && ns != guarded);
    client_next(&w, c, NULL);
    client_say(c, "41/game-7,");
    event = world_wait(&w, ROOMCAST_EVENT_DISCONNECT);
    CHECK(event.socket == other && event.code == ROOMCAST_REASON_CLIENT_NAMESPACE_DISCONNECT);
    seen_free(&event);
    event = world_wait(&w, ROOMCAST_EVENT_NAMESPACE_REMOVED);
    CHECK(event.ns == ns);
    seen_free(&event);

    /* Rooms, and what is asked about them. */
    OK(roomcast_join(w.broker, s, ROOMCAST_TEXT("a")));
    {
        roomcast_slice leave[1], join[2];
        leave[0] = slice("a");
        join[0] = slice("b");
        join[1] = slice("c");
        OK(roomcast_change_rooms(w.broker, s, leave, 1, join, 2, &count));
        CHECK(count == 3);
    }
    event = world_wait(&w, ROOMCAST_EVENT_ROOM_DELETED);
    CHECK(strcmp(event.name, "a") == 0);
    seen_free(&event);
    CHECK(world_has(&w, ROOMCAST_EVENT_ROOM_CREATED) && world_has(&w, ROOMCAST_EVENT_ROOM_JOINED));
    CHECK(world_has(&w, ROOMCAST_EVENT_ROOM_LEFT));
    OK(roomcast_is_member(w.broker, s, ROOMCAST_TEXT("b"), &yes));
    CHECK(yes == 1);
    OK(roomcast_is_member(w.broker, s, ROOMCAST_TEXT("a"), &yes));
    CHECK(yes == 0);
    /* Everybody whom a target selects. */
    {
        roomcast_target all = ROOMCAST_TARGET_INIT, some = ROOMCAST_TARGET_INIT, nobody = ROOMCAST_TARGET_INIT;
        roomcast_slice into[1], of[1];
        const roomcast_socket *them = NULL;
        into[0] = slice("d");
        of[0] = slice("b");
        all.ns = some.ns = nobody.ns = guarded;
        all.flags = ROOMCAST_TARGET_ALL;
        some.rooms = of;
        some.room_count = 1;
        OK(roomcast_fetch_sockets(w.broker, &some, &them, &count));
        CHECK(count == 1 && them[0] == s);
        OK(roomcast_fetch_sockets(w.broker, &nobody, &them, &count));
        CHECK(count == 0);
        OK(roomcast_sockets_join(w.broker, &nobody, into, 1, &count));
        CHECK(count == 0);
        OK(roomcast_sockets_join(w.broker, &all, into, 1, &count));
        CHECK(count == 1);
        OK(roomcast_is_member(w.broker, s, ROOMCAST_TEXT("d"), &yes));
        CHECK(yes == 1);
        OK(roomcast_sockets_leave(w.broker, &some, into, 1, NULL));
        OK(roomcast_is_member(w.broker, s, ROOMCAST_TEXT("d"), &yes));
        CHECK(yes == 0);
        OK(roomcast_disconnect_sockets(w.broker, &nobody, 1, &count));
        CHECK(count == 0);
        into[0] = slice("");
        IS(ROOMCAST_ERROR_BAD_ROOM, roomcast_sockets_join(w.broker, &all, into, 1, NULL));
        IS(ROOMCAST_ERROR_BAD_VALUE, roomcast_disconnect_sockets(w.broker, &all, 2, NULL));
        event = world_wait(&w, ROOMCAST_EVENT_ROOM_DELETED);
        CHECK(strcmp(event.name, "d") == 0);
        seen_free(&event);
    }
    OK(roomcast_socket_id(w.broker, s, &name));
    OK(roomcast_is_member(w.broker, s, (const char *)name.ptr, name.len, &yes));
    CHECK(yes == 1);
    OK(roomcast_rooms_of(w.broker, s, &texts, &count));
    CHECK(count == 3 && slice_is(texts[1], "b") && slice_is(texts[2], "c"));
    OK(roomcast_find_socket(w.broker, (const char *)texts[0].ptr, texts[0].len, &found));
    CHECK(found == s);
    OK(roomcast_rooms_in(w.broker, guarded, &texts, &count));
    CHECK(count == 2);
    OK(roomcast_members(w.broker, guarded, ROOMCAST_TEXT("b"), &handles, &count));
    CHECK(count == 1 && handles[0] == s);
    OK(roomcast_sockets_in(w.broker, guarded, &handles, &count));
    CHECK(count == 1 && handles[0] == s);
    OK(roomcast_is_websocket(w.broker, connection, &yes));
    CHECK(yes == 1);
    OK(roomcast_is_msgpack(w.broker, connection, &yes));
    CHECK(yes == 0);
    OK(roomcast_leave(w.broker, s, ROOMCAST_TEXT("b")));
    OK(roomcast_leave_all(w.broker, s));
    OK(roomcast_rooms_in(w.broker, guarded, &texts, &count));
    CHECK(count == 0);

    /* The loop's own questions, HTTP, the log. */
#ifdef _WIN32
    IS(ROOMCAST_ERROR_UNSUPPORTED, roomcast_fd(w.broker, &number));
#else
    OK(roomcast_fd(w.broker, &number));
    CHECK(number >= 0);
#endif
    OK(roomcast_next_timeout(w.broker, &number));
    CHECK(number >= 0 && number <= 25000);
    OK(roomcast_stats(w.broker, &stats, &count));
    CHECK(count > 30 && strcmp(stats[1].name, "connections") == 0 && stats[1].value == 1);
    header.name = slice("X-Page");
    header.value = slice("1");
    OK(roomcast_serve(w.broker, ROOMCAST_TEXT("/"), ROOMCAST_TEXT("text/html"), ROOMCAST_TEXT("<p>hi"), &header, 1));
    IS(ROOMCAST_ERROR_BAD_PATH, roomcast_serve(w.broker, ROOMCAST_TEXT("/socket.io/"), ROOMCAST_TEXT("a/b"), NULL, 0, NULL, 0));
    OK(roomcast_serve(w.broker, ROOMCAST_TEXT("/socket.io/socket.io.js"), ROOMCAST_TEXT("text/javascript"), ROOMCAST_TEXT("io()"), NULL, 0));
    OK(roomcast_serve_encoded(w.broker, ROOMCAST_TEXT("/socket.io/socket.io.js"), ROOMCAST_TEXT("br"), ROOMCAST_TEXT("packed")));
    IS(ROOMCAST_ERROR_BAD_VALUE, roomcast_serve_encoded(w.broker, ROOMCAST_TEXT("/"), ROOMCAST_TEXT("lzw"), ROOMCAST_TEXT("x")));
    IS(ROOMCAST_ERROR_BAD_PATH, roomcast_serve_encoded(w.broker, ROOMCAST_TEXT("/nothing"), ROOMCAST_TEXT("br"), ROOMCAST_TEXT("x")));
    http_get(&w, "/socket.io/socket.io.js", answer, sizeof answer);
    CHECK(strstr(answer, "200") && strstr(answer, "ETag: \"") && strstr(answer, "Vary: Accept-Encoding") && strstr(answer, "\r\n\r\nio()"));
    http_get(&w, "/", answer, sizeof answer);
    CHECK(strstr(answer, "200") && strstr(answer, "X-Page: 1") && strstr(answer, "text/html") && strstr(answer, "<p>hi"));
    http_get(&w, "/health", answer, sizeof answer);
    CHECK(strstr(answer, "\"connections\":1") != NULL);
    http_get(&w, "/socket.io/?EIO=4&transport=carrier-pigeon%0Aforged", answer, sizeof answer);
    event = world_wait(&w, ROOMCAST_EVENT_REFUSED);
    CHECK(event.code == 0 && strcmp(event.name, "Transport unknown") == 0 && strstr(event.data, "pigeon") != NULL);
    seen_free(&event);
    CHECK(strstr(log_lines, "listening on 127.0.0.1:") && strstr(log_lines, "request refused"));
    CHECK(strstr(log_lines, " in \"/staff\" from 127.0.0.1:") && strstr(log_lines, ": connected\n"));
    CHECK(strstr(log_lines, ": rejected: \"not you\"\n"));
    CHECK(strstr(log_lines, "pigeon\\nforged") && !strstr(log_lines, "\nforged"));

    /* What is wrong with a call of another thread is its error; what shows only later is in the log. */
    OK(roomcast_remote_new(w.broker, &remote));
    IS(ROOMCAST_ERROR_BAD_JSON, roomcast_remote_emit_all(remote, guarded, 0, ROOMCAST_TEXT("e"), ROOMCAST_TEXT("{}")));
    IS(ROOMCAST_ERROR_BAD_JSON, roomcast_remote_emit(remote, guarded, "r", 1, 0, ROOMCAST_TEXT("e"), ROOMCAST_TEXT("[1")));
    IS(ROOMCAST_ERROR_RESERVED_EVENT, roomcast_remote_send(remote, guarded, s, ROOMCAST_TEXT("connect"), NULL, 0));
    IS(ROOMCAST_ERROR_BAD_ROOM, roomcast_remote_join(remote, s, NULL, 0));
    CHECK(strstr(log_lines, "after it was queued") == NULL);
    OK(roomcast_remote_join(remote, s + (1ull << 32), ROOMCAST_TEXT("r")));
    OK(roomcast_remote_join(remote, s + (1ull << 32), ROOMCAST_TEXT("r")));
    UNTIL(&w, strstr(log_lines, "join failed after it was queued, 2 times: the handle is dead") != NULL);
    roomcast_remote_free(remote);

    /* The end. */
    OK(roomcast_close(w.broker, 2000));
    world_drain(&w);
    event = world_wait(&w, ROOMCAST_EVENT_DISCONNECT);
    CHECK(event.socket == s && event.code == ROOMCAST_REASON_SERVER_SHUTTING_DOWN && event.tag == UINT64_MAX);
    seen_free(&event);
    CHECK(strstr(log_lines, "closed"));
    world_close(&w);
}

static void engine_only(void) {
    world w;
    roomcast_config config;
    roomcast_connection connection;
    client *c;
    seen event;
    OK(roomcast_config_init(&config, sizeof config));
    config.engine_only = 1;
    config.initial_packet = slice("welcome");
    world_open(&w, &config);
    c = client_open(&w);
    event = world_wait(&w, ROOMCAST_EVENT_OPEN);
    connection = event.connection;
    seen_free(&event);
    client_next(&w, c, NULL);
    client_expect(&w, c, "4welcome");
    client_say(c, "4text");
    event = world_wait(&w, ROOMCAST_EVENT_TEXT);
    CHECK(event.connection == connection && strcmp(event.data, "text") == 0);
    seen_free(&event);
    client_say_binary(c, "\0\xff", 2);
    event = world_wait(&w, ROOMCAST_EVENT_BINARY);
    CHECK(event.data_len == 2 && memcmp(event.data, "\0\xff", 2) == 0);
    seen_free(&event);
    OK(roomcast_send_text(w.broker, connection, ROOMCAST_TEXT("back")));
    OK(roomcast_send_binary(w.broker, connection, "\1", 1));
    client_expect(&w, c, "4back");
    client_expect(&w, c, "\1");
    client_vanish(c, 1);
    event = world_wait(&w, ROOMCAST_EVENT_CLOSE);
    CHECK(event.connection == connection);
    seen_free(&event);
    world_close(&w);
}

int main(void) {
    messages();
    nobody(0);
    nobody(1);
    nobody(2);
    nobody(4);
    delivery();
    admission_and_questions();
    engine_only();
    return 0;
}
