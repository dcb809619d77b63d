/* A hostile host: NULL, zero lengths, lengths past all memory, texts that are none, handles that are stale or made up, for
 * every function. Nothing crashes, nothing changes, and the status says what was wrong. */
#include "support.h"

#include <errno.h>

#ifdef _WIN32
#define IN_USE 10048 /* WSAEADDRINUSE: the numbers are Winsock's */
#else
#define IN_USE EADDRINUSE
#endif

/* Length 0 comes with a pointer that must not be followed. */
#define NOWHERE ((const char *)(uintptr_t)8)
#define HUGE_LEN (SIZE_MAX / 2 + 1)

static const char BAD_TEXT[] = "\xc3\x28";

/* All calls on a broker that is not there. */
static void no_object(void) {
    roomcast_receipt receipt;
    roomcast_slice one;
    const roomcast_slice *slices;
    const uint64_t *handles;
    const uint32_t *members;
    const uint8_t *packed;
    const roomcast_stat *stats;
    roomcast_handshake handshake;
    roomcast_remote *remote;
    roomcast_target target;
    roomcast_message message;
    roomcast_selection selection;
    roomcast_event event;
    uint64_t handle;
    size_t count;
    uint32_t number;
    int32_t fd;
    uint16_t port;
    CLEAR(handshake);
    CLEAR(target);
    CLEAR(message);
    CLEAR(selection);
    handshake.struct_size = sizeof handshake;
    target.struct_size = sizeof target;
    message.struct_size = sizeof message;
    selection.struct_size = sizeof selection;
#define NO(call) IS(ROOMCAST_ERROR_NULL, call)
    NO(roomcast_config_init(NULL, sizeof(roomcast_config)));
    NO(roomcast_new(ROOMCAST_ABI_VERSION, NULL, NULL));
    roomcast_free(NULL);
    NO(roomcast_listen(NULL, "::", 2, 0, &port));
    NO(roomcast_listen_with(NULL, "::", 2, 0, NULL, &port));
    NO(roomcast_listen_unix(NULL, "/x", 2, NULL));
    NO(roomcast_instrument(NULL, NULL));
    NO(roomcast_listen_fd(NULL, 0));
    NO(roomcast_listen_fd_with(NULL, 0, NULL));
    NO(roomcast_adopt(NULL, 0, NULL, 0, NULL, 0));
    NO(roomcast_adopt_request(NULL, 0, NULL));
    NO(roomcast_take_descriptor(NULL, 0));
    NO(roomcast_set_hand_back(NULL, 0));
    NO(roomcast_reopen(NULL));
    NO(roomcast_remote_adopt(NULL, 0, NULL, 0, NULL, 0));
    NO(roomcast_remote_adopt_request(NULL, 0, NULL));
    NO(roomcast_listen_tls(NULL, "::", 2, 0, NULL, NULL, &port));
    NO(roomcast_set_tls(NULL, 1, NULL));
    NO(roomcast_poll(NULL, -1));
    NO(roomcast_flush(NULL));
    NO(roomcast_fd(NULL, &fd));
    NO(roomcast_next_timeout(NULL, &fd));
    NO(roomcast_close(NULL, 1000));
    NO(roomcast_serve(NULL, "/", 1, "a", 1, "b", 1, NULL, 0));
    NO(roomcast_serve_encoded(NULL, "/", 1, "br", 2, "b", 1));
    NO(roomcast_add_namespace(NULL, "/a", 2, 0, &handle));
    NO(roomcast_add_pattern(NULL, "/a*", 3, 0, 0));
    NO(roomcast_find_namespace(NULL, "/", 1, &handle));
    NO(roomcast_accept(NULL, 1));
    NO(roomcast_reject(NULL, 1, "no", 2, NULL, 0));
    NO(roomcast_disconnect(NULL, 1, 0));
    NO(roomcast_allow(NULL, 1));
    NO(roomcast_refuse(NULL, 1, "no", 2));
    NO(roomcast_refuse_with(NULL, 1, 401, "text/plain", 10, "no", 2));
    NO(roomcast_add_header(NULL, 1, "X-A", 3, "b", 1));
    NO(roomcast_guard_handshakes(NULL, 1));
    NO(roomcast_close_connection(NULL, 1));
    NO(roomcast_namespace_name(NULL, 1, &one));
    NO(roomcast_emit(NULL, 1, "r", 1, 0, "e", 1, "[]", 2));
    NO(roomcast_emit_all(NULL, 1, 0, "e", 1, "[]", 2));
    NO(roomcast_send(NULL, 1, "e", 1, "[]", 2));
    NO(roomcast_emit_to(NULL, &target, &message, &receipt));
    NO(roomcast_emit_with_ack(NULL, &target, &message, 0, 0, &handle, &receipt));
    NO(roomcast_ack(NULL, 1, 1, "[]", 2, NULL, 0));
    NO(roomcast_send_text(NULL, 1, "t", 1));
    NO(roomcast_send_binary(NULL, 1, "t", 1));
    NO(roomcast_events(NULL, &event, sizeof event, 1, &count));
    NO(roomcast_events_packed(NULL, 1, &packed, &count));
    NO(roomcast_emit_packed(NULL, NULL, 0, &count));
    NO(roomcast_orders_packed(NULL, NULL, 0, &count));
    NO(roomcast_members(NULL, 1, "r", 1, &handles, &count));
    NO(roomcast_sockets_in(NULL, 1, &handles, &count));
    NO(roomcast_namespaces(NULL, &handles, &count));
    NO(roomcast_rooms_of(NULL, 1, &slices, &count));
    NO(roomcast_is_member(NULL, 1, "r", 1, &number));
    NO(roomcast_rooms_in(NULL, 1, &slices, &count));
    NO(roomcast_socket_id(NULL, 1, &one));
    NO(roomcast_find_socket(NULL, "x", 1, &handle));
    NO(roomcast_namespace_of(NULL, 1, &handle));
    NO(roomcast_connection_of(NULL, 1, &handle));
    NO(roomcast_queued_bytes(NULL, 1, &count));
    NO(roomcast_get_handshake(NULL, 1, &handshake));
    NO(roomcast_stats(NULL, &stats, &count));
    NO(roomcast_metrics(NULL, &one));
    NO(roomcast_export_recovery(NULL, &one));
    NO(roomcast_import_recovery(NULL, "", 0, &count));
    NO(roomcast_times(NULL, ROOMCAST_TIMES_STEPS, NULL));
    NO(roomcast_drain(NULL, 1, "r", 1));
    NO(roomcast_stop_draining(NULL));
    NO(roomcast_is_websocket(NULL, 1, &number));
    NO(roomcast_is_msgpack(NULL, 1, &number));
    NO(roomcast_join(NULL, 1, "r", 1));
    NO(roomcast_leave(NULL, 1, "r", 1));
    NO(roomcast_leave_all(NULL, 1));
    NO(roomcast_change_rooms(NULL, 1, NULL, 0, NULL, 0, &count));
    NO(roomcast_remote_new(NULL, &remote));
    NO(roomcast_remote_clone(NULL, &remote));
    roomcast_remote_free(NULL);
    NO(roomcast_remote_emit(NULL, 1, "r", 1, 0, "e", 1, "[]", 2));
    NO(roomcast_remote_emit_all(NULL, 1, 0, "e", 1, "[]", 2));
    NO(roomcast_remote_send(NULL, 1, 1, "e", 1, "[]", 2));
    NO(roomcast_remote_emit_to(NULL, &target, &message));
    NO(roomcast_remote_join(NULL, 1, "r", 1));
    NO(roomcast_remote_leave(NULL, 1, "r", 1));
    NO(roomcast_remote_change_rooms(NULL, 1, NULL, 0, NULL, 0));
    NO(roomcast_remote_disconnect(NULL, 1, 0));
    NO(roomcast_remote_ack(NULL, 1, 1, "[]", 2, NULL, 0));
    NO(roomcast_remote_send_text(NULL, 1, "t", 1));
    NO(roomcast_remote_send_binary(NULL, 1, "t", 1));
    NO(roomcast_remote_leave_all(NULL, 1));
    NO(roomcast_remote_accept(NULL, 1));
    NO(roomcast_remote_reject(NULL, 1, "no", 2, NULL, 0));
    NO(roomcast_remote_set_tag(NULL, 1, 1));
    NO(roomcast_remote_allow(NULL, 1));
    NO(roomcast_remote_refuse(NULL, 1, "no", 2));
    NO(roomcast_remote_close_connection(NULL, 1));
    NO(roomcast_remote_drain(NULL, 1, "r", 1));
    NO(roomcast_remote_stop_draining(NULL));
    NO(roomcast_remote_wake(NULL));
    NO(roomcast_router_new(ROOMCAST_ABI_VERSION, NULL));
    roomcast_router_free(NULL);
    NO(roomcast_router_add_namespace(NULL, &number));
    NO(roomcast_router_remove_namespace(NULL, 0));
    NO(roomcast_router_add(NULL, 0, 0, 0));
    NO(roomcast_router_remove(NULL, 0));
    NO(roomcast_router_join(NULL, 0, "r", 1));
    NO(roomcast_router_leave(NULL, 0, "r", 1));
    NO(roomcast_router_leave_all(NULL, 0));
    NO(roomcast_router_change_rooms(NULL, 0, NULL, 0, NULL, 0));
    NO(roomcast_router_emit(NULL, &selection, "x", 1, &count));
    NO(roomcast_router_next(NULL, &number, &slices, &count));
    NO(roomcast_router_take(NULL, 0, &slices, &count));
    NO(roomcast_router_end_tick(NULL));
    NO(roomcast_router_forget(NULL, 0));
    NO(roomcast_router_members(NULL, 0, "r", 1, &members, &count));
    NO(roomcast_router_everyone(NULL, 0, &members, &count));
    NO(roomcast_router_rooms_of(NULL, 0, &slices, &count));
    NO(roomcast_router_rooms_in(NULL, 0, &slices, &count));
    NO(roomcast_router_is_member(NULL, 0, "r", 1, &number));
}

/* Each pointer argument of calls on a broker that is there. */
static void no_arguments(roomcast_broker *b, roomcast_namespace ns, roomcast_socket s) {
    roomcast_target target;
    roomcast_message message;
    const uint64_t *handles;
    const roomcast_slice *slices;
    const uint8_t *packed;
    roomcast_ack_id ack = 77;
    uint64_t handle;
    size_t count = 77;
    uint32_t number;
    roomcast_slice hole;
    CLEAR(target);
    CLEAR(message);
    target.struct_size = sizeof target;
    target.ns = ns;
    message.struct_size = sizeof message;
    hole.ptr = NULL;
    hole.len = 1;
    NO(roomcast_listen(b, NULL, 3, 0, NULL));
    NO(roomcast_fd(b, NULL));
    NO(roomcast_next_timeout(b, NULL));
    NO(roomcast_serve(b, NULL, 1, "a", 1, "b", 1, NULL, 0));
    NO(roomcast_serve(b, "/x", 2, NULL, 1, "b", 1, NULL, 0));
    NO(roomcast_serve(b, "/x", 2, "a", 1, NULL, 1, NULL, 0));
    NO(roomcast_serve(b, "/x", 2, "a", 1, "b", 1, NULL, 1));
    NO(roomcast_serve_encoded(b, NULL, 1, "br", 2, "b", 1));
    NO(roomcast_serve_encoded(b, "/x", 2, NULL, 1, "b", 1));
    NO(roomcast_serve_encoded(b, "/x", 2, "br", 2, NULL, 1));
    NO(roomcast_add_namespace(b, "/a", 2, 0, NULL));
    NO(roomcast_add_namespace(b, NULL, 2, 0, &handle));
    NO(roomcast_add_pattern(b, NULL, 2, 0, 0));
    NO(roomcast_find_namespace(b, "/", 1, NULL));
    NO(roomcast_find_namespace(b, NULL, 1, &handle));
    NO(roomcast_reject(b, s, NULL, 1, NULL, 0));
    NO(roomcast_reject(b, s, "no", 2, NULL, 1));
    NO(roomcast_namespace_name(b, ns, NULL));
    NO(roomcast_emit(b, ns, NULL, 1, 0, "e", 1, "[]", 2));
    NO(roomcast_emit(b, ns, "r", 1, 0, NULL, 1, "[]", 2));
    NO(roomcast_emit(b, ns, "r", 1, 0, "e", 1, NULL, 2));
    NO(roomcast_get_tag(b, s, NULL));
    NO(roomcast_emit_all(b, ns, 0, NULL, 1, "[]", 2));
    NO(roomcast_emit_all(b, ns, 0, "e", 1, NULL, 2));
    NO(roomcast_send(b, s, NULL, 1, "[]", 2));
    NO(roomcast_send(b, s, "e", 1, NULL, 2));
    NO(roomcast_emit_to(b, NULL, &message, NULL));
    NO(roomcast_emit_to(b, &target, NULL, NULL));
    NO(roomcast_emit_with_ack(b, &target, &message, 0, 0, NULL, NULL));
    NO(roomcast_emit_with_ack(b, NULL, &message, 0, 0, &ack, NULL));
    NO(roomcast_emit_with_ack(b, &target, NULL, 0, 0, &ack, NULL));
    target.rooms = &hole;
    target.room_count = 1;
    NO(roomcast_emit_to(b, &target, &message, NULL));
    target.rooms = NULL;
    NO(roomcast_emit_to(b, &target, &message, NULL));
    target.room_count = 0;
    target.socket_count = 1;
    NO(roomcast_emit_to(b, &target, &message, NULL));
    target.socket_count = 0;
    target.except_room_count = 17;
    NO(roomcast_emit_to(b, &target, &message, NULL));
    target.except_room_count = 0;
    target.except_socket_count = 1;
    NO(roomcast_emit_to(b, &target, &message, NULL));
    target.except_socket_count = 0;
    message.name_len = 1;
    NO(roomcast_emit_to(b, &target, &message, NULL));
    message.name = "e";
    message.args_len = 1;
    NO(roomcast_emit_to(b, &target, &message, NULL));
    message.args_len = 0;
    message.attachment_count = 1;
    NO(roomcast_emit_to(b, &target, &message, NULL));
    NO(roomcast_ack(b, s, 1, NULL, 2, NULL, 0));
    NO(roomcast_ack(b, s, 1, "[]", 2, NULL, 1));
    NO(roomcast_events(b, NULL, sizeof(roomcast_event), 1, &count));
    NO(roomcast_events(b, NULL, sizeof(roomcast_event), 0, NULL));
    NO(roomcast_events_packed(b, 1, NULL, &count));
    NO(roomcast_events_packed(b, 1, &packed, NULL));
    NO(roomcast_emit_packed(b, NULL, 48, &count));
    NO(roomcast_orders_packed(b, NULL, 48, &count));
    NO(roomcast_members(b, ns, "r", 1, NULL, &count));
    NO(roomcast_members(b, ns, "r", 1, &handles, NULL));
    NO(roomcast_members(b, ns, NULL, 1, &handles, &count));
    NO(roomcast_sockets_in(b, ns, NULL, &count));
    NO(roomcast_sockets_in(b, ns, &handles, NULL));
    NO(roomcast_namespaces(b, NULL, &count));
    NO(roomcast_namespaces(b, &handles, NULL));
    NO(roomcast_rooms_of(b, s, NULL, &count));
    NO(roomcast_rooms_of(b, s, &slices, NULL));
    NO(roomcast_rooms_in(b, ns, NULL, &count));
    NO(roomcast_rooms_in(b, ns, &slices, NULL));
    NO(roomcast_is_member(b, s, "r", 1, NULL));
    NO(roomcast_is_member(b, s, NULL, 1, &number));
    NO(roomcast_socket_id(b, s, NULL));
    NO(roomcast_find_socket(b, NULL, 1, &handle));
    NO(roomcast_find_socket(b, "x", 1, NULL));
    NO(roomcast_namespace_of(b, s, NULL));
    NO(roomcast_connection_of(b, s, NULL));
    NO(roomcast_queued_bytes(b, s, NULL));
    NO(roomcast_get_handshake(b, s, NULL));
    NO(roomcast_stats(b, NULL, &count));
    NO(roomcast_metrics(b, NULL));
    NO(roomcast_export_recovery(b, NULL));
    NO(roomcast_import_recovery(b, NULL, 1, &count));
    NO(roomcast_import_recovery(b, "", 0, NULL));
    NO(roomcast_times(b, ROOMCAST_TIMES_STEPS, NULL));
    NO(roomcast_drain(b, 1, NULL, 1));
    NO(roomcast_stats(b, (const roomcast_stat **)&handles, NULL));
    NO(roomcast_is_websocket(b, 1, NULL));
    NO(roomcast_is_msgpack(b, 1, NULL));
    NO(roomcast_join(b, s, NULL, 1));
    NO(roomcast_leave(b, s, NULL, 1));
    NO(roomcast_change_rooms(b, s, NULL, 1, NULL, 0, NULL));
    NO(roomcast_change_rooms(b, s, NULL, 0, NULL, 1, NULL));
    NO(roomcast_remote_new(b, NULL));
    CHECK(ack == 77 && count == 77); /* written only on success */
}

static void lengths_and_texts(roomcast_broker *b, roomcast_namespace ns, roomcast_socket s) {
    roomcast_slice list[2];
    uint64_t handle;
    size_t count;
    const uint8_t *packed;
    uint16_t port;
    char text[64];
    roomcast_listen_options how = ROOMCAST_LISTEN_OPTIONS_INIT;
    /* Length 0: the pointer is not looked at. */
    IS(ROOMCAST_ERROR_BAD_ADDRESS, roomcast_listen(b, NOWHERE, 0, 0, NULL));
    IS(ROOMCAST_ERROR_BAD_PATH, roomcast_serve(b, NOWHERE, 0, NOWHERE, 0, NOWHERE, 0, NULL, 0));
    OK(roomcast_serve(b, "/empty", 6, "text/plain", 10, NOWHERE, 0, (const roomcast_pair *)(const void *)NOWHERE, 0));
    OK(roomcast_serve_encoded(b, "/empty", 6, "br", 2, NOWHERE, 0));
    OK(roomcast_emit(b, ns, NOWHERE, 0, 0, "e", 1, NOWHERE, 0));
    OK(roomcast_emit_all(b, ns, 0, "e", 1, NOWHERE, 0));
    OK(roomcast_emit_all(b, ns, 0, NULL, 0, NULL, 0));
    OK(roomcast_send(b, s, "e", 1, NOWHERE, 0));
    IS(ROOMCAST_ERROR_BAD_ROOM, roomcast_join(b, s, NOWHERE, 0));
    OK(roomcast_leave(b, s, NOWHERE, 0));
    OK(roomcast_change_rooms(b, s, NULL, 0, NULL, 0, &count));
    CHECK(count == 0);
    OK(roomcast_emit_packed(b, (const uint8_t *)NOWHERE, 0, &count));
    OK(roomcast_orders_packed(b, (const uint8_t *)NOWHERE, 0, &count));
    CHECK(count == 0);
    OK(roomcast_events(b, NULL, sizeof(roomcast_event), 0, &count));
    CHECK(count == 0);
    OK(roomcast_events_packed(b, 0, &packed, &count));
    CHECK(count == 0);
    IS(ROOMCAST_ERROR_NOT_FOUND, roomcast_find_socket(b, NOWHERE, 0, &handle));
    /* Longer than anything can be. */
    IS(ROOMCAST_ERROR_TOO_LARGE, roomcast_join(b, s, "r", HUGE_LEN));
    IS(ROOMCAST_ERROR_TOO_LARGE, roomcast_emit(b, ns, "r", HUGE_LEN, 0, "e", 1, "[]", 2));
    IS(ROOMCAST_ERROR_TOO_LARGE, roomcast_emit_packed(b, (const uint8_t *)"x", HUGE_LEN, NULL));
    IS(ROOMCAST_ERROR_TOO_LARGE, roomcast_change_rooms(b, s, list, SIZE_MAX / 16, NULL, 0, NULL));
    /* Not UTF-8. */
    IS(ROOMCAST_ERROR_BAD_UTF8, roomcast_join(b, s, BAD_TEXT, 2));
    IS(ROOMCAST_ERROR_BAD_UTF8, roomcast_emit(b, ns, "r", 1, 0, BAD_TEXT, 2, "[]", 2));
    IS(ROOMCAST_ERROR_BAD_UTF8, roomcast_emit(b, ns, "r", 1, 0, "e", 1, BAD_TEXT, 2));
    IS(ROOMCAST_ERROR_BAD_UTF8, roomcast_add_namespace(b, BAD_TEXT, 2, 0, &handle));
    list[0] = slice("good");
    list[1] = slice(BAD_TEXT);
    IS(ROOMCAST_ERROR_BAD_UTF8, roomcast_change_rooms(b, s, NULL, 0, list, 2, NULL));
    IS(ROOMCAST_ERROR_GONE, roomcast_members(b, 3ull << 60 | 1ull << 32 | 999, "good", 4, (const uint64_t **)&packed, &count));
    /* Misaligned. */
    IS(ROOMCAST_ERROR_BAD_VALUE, roomcast_change_rooms(b, s, (const roomcast_slice *)(const void *)((char *)list + 1), 1,
                                                       NULL, 0, NULL));
    /* Contents. */
    IS(ROOMCAST_ERROR_BAD_JSON, roomcast_emit(b, ns, "r", 1, 0, "e", 1, "{}", 2));
    IS(ROOMCAST_ERROR_BAD_JSON, roomcast_emit(b, ns, "r", 1, 0, "e", 1, "[1,]", 4));
    SAYS("roomcast_emit: args: not a JSON array: wrong at byte 3");
    IS(ROOMCAST_ERROR_RESERVED_EVENT, roomcast_emit(b, ns, "r", 1, 0, "connect", 7, "[]", 2));
    IS(ROOMCAST_ERROR_BAD_VALUE, roomcast_disconnect(b, s, 2));
    IS(ROOMCAST_ERROR_BAD_VALUE, roomcast_add_pattern(b, "/x*", 3, 0, 9));
    IS(ROOMCAST_ERROR_BAD_VALUE, roomcast_ack(b, s, 0, "[]", 2, NULL, 0));
    IS(ROOMCAST_ERROR_BAD_ADDRESS, roomcast_listen(b, "no such host.", 13, 0, NULL));
    SAYS("roomcast_listen: no such host.: ");
    OK(roomcast_listen(b, "127.0.0.1", 9, 0, &port));
    CHECK(roomcast_listen(b, "127.0.0.1", 9, port, NULL) == ROOMCAST_ERROR_SYSTEM - IN_USE);
    snprintf(text, sizeof text, "roomcast_listen: 127.0.0.1:%u: ", port);
    SAYS(text);
    how.flags = ROOMCAST_LISTEN_V6_ONLY | ROOMCAST_LISTEN_BOTH;
    IS(ROOMCAST_ERROR_BAD_VALUE, roomcast_listen_with(b, "::1", 3, 0, &how, NULL));
    how.flags = 1u << 31;
    IS(ROOMCAST_ERROR_BAD_VALUE, roomcast_listen_with(b, "::1", 3, 0, &how, NULL));
    roomcast_admin_options admin = ROOMCAST_ADMIN_OPTIONS_INIT;
    NO(roomcast_instrument(b, NULL));
    IS(ROOMCAST_ERROR_BAD_VALUE, roomcast_instrument(b, &admin));
    SAYS("roomcast_instrument: options.auth: it is one of ROOMCAST_ADMIN_AUTH_");
    admin.auth = ROOMCAST_ADMIN_AUTH_LOGIN;
    IS(ROOMCAST_ERROR_BAD_VALUE, roomcast_instrument(b, &admin));
    SAYS("roomcast_instrument: auth: a name or a password is empty");
    admin.flags = 1u << 31;
    IS(ROOMCAST_ERROR_BAD_VALUE, roomcast_instrument(b, &admin));
    admin.flags = ROOMCAST_ADMIN_READ_ONLY;
    admin.auth = ROOMCAST_ADMIN_AUTH_NOBODY;
    OK(roomcast_instrument(b, &admin));
    IS(ROOMCAST_ERROR_EXISTS, roomcast_instrument(b, &admin));
    admin.struct_size = 4;
    IS(ROOMCAST_ERROR_BAD_SIZE, roomcast_instrument(b, &admin));
    how.flags = 0;
    how.mode = 01000;
    IS(ROOMCAST_ERROR_BAD_VALUE, roomcast_listen_unix(b, "x", 1, &how));
    how.struct_size = 4;
    IS(ROOMCAST_ERROR_BAD_SIZE, roomcast_listen_unix(b, "x", 1, &how));
#ifdef _WIN32
    IS(ROOMCAST_ERROR_UNSUPPORTED, roomcast_listen_unix(b, "x", 1, NULL));
    IS(ROOMCAST_ERROR_UNSUPPORTED, roomcast_listen_fd(b, 0));
    IS(ROOMCAST_ERROR_UNSUPPORTED, roomcast_listen_fd_with(b, 0, NULL));
    IS(ROOMCAST_ERROR_UNSUPPORTED, roomcast_adopt(b, 0, NULL, 0, NULL, 0));
    IS(ROOMCAST_ERROR_UNSUPPORTED, roomcast_take_descriptor(b, 0));
    IS(ROOMCAST_ERROR_UNSUPPORTED, roomcast_set_hand_back(b, 1));
#else
    IS(ROOMCAST_ERROR_BAD_ADDRESS, roomcast_listen_unix(b, "", 0, NULL));
    IS(ROOMCAST_ERROR_BAD_ADDRESS, roomcast_listen_unix(b, "x\0y", 3, NULL));
    SAYS("roomcast_listen_unix: x\\0y: the path has a NUL in it");
    IS(ROOMCAST_ERROR_NULL, roomcast_listen_unix(b, NULL, 3, NULL));
    IS(ROOMCAST_ERROR_SYSTEM - ENOENT, roomcast_listen_unix(b, "/no/where", 9, NULL));
    SAYS("roomcast_listen_unix: /no/where: ");
    IS(ROOMCAST_ERROR_BAD_VALUE, roomcast_listen_fd(b, -1));
    IS(ROOMCAST_ERROR_SYSTEM - EBADF, roomcast_listen_fd(b, 1 << 20));
    SAYS("roomcast_listen_fd: descriptor 1048576: ");
#endif
}

/* Every function that takes a handle, with one that names nothing, or something else. */
static void handles(roomcast_broker *b, roomcast_namespace ns, uint64_t bad, roomcast_status says) {
    roomcast_status other = bad == 0 ? ROOMCAST_ERROR_NO_HANDLE : ROOMCAST_ERROR_WRONG_KIND;
    const uint64_t *list;
    const roomcast_slice *texts;
    roomcast_slice text;
    roomcast_handshake handshake;
    roomcast_target target;
    roomcast_message message;
    uint64_t handle;
    size_t count;
    uint32_t number;
    CLEAR(handshake);
    handshake.struct_size = sizeof handshake;
    IS(says, roomcast_join(b, bad, "r", 1));
    IS(says, roomcast_leave(b, bad, "r", 1));
    IS(says, roomcast_leave_all(b, bad));
    IS(says, roomcast_change_rooms(b, bad, NULL, 0, NULL, 0, NULL));
    IS(says, roomcast_accept(b, bad));
    IS(says, roomcast_reject(b, bad, "no", 2, NULL, 0));
    IS(says, roomcast_disconnect(b, bad, 0));
    IS(says, roomcast_send(b, bad, "e", 1, "[]", 2));
    IS(says, roomcast_ack(b, bad, 1, "[]", 2, NULL, 0));
    IS(says, roomcast_rooms_of(b, bad, &texts, &count));
    IS(says, roomcast_is_member(b, bad, "r", 1, &number));
    IS(says, roomcast_socket_id(b, bad, &text));
    IS(says, roomcast_namespace_of(b, bad, &handle));
    IS(says, roomcast_connection_of(b, bad, &handle));
    IS(says, roomcast_queued_bytes(b, bad, &count));
    /* The namespace and the connection, where they are due. */
    IS(other, roomcast_members(b, bad, "r", 1, &list, &count));
    IS(other, roomcast_sockets_in(b, bad, &list, &count));
    IS(other, roomcast_rooms_in(b, bad, &texts, &count));
    IS(other, roomcast_namespace_name(b, bad, &text));
    IS(other, roomcast_emit(b, bad, "r", 1, 0, "e", 1, "[]", 2));
    IS(ROOMCAST_ERROR_WRONG_KIND, roomcast_allow(b, ns));
    IS(ROOMCAST_ERROR_WRONG_KIND, roomcast_refuse(b, ns, "no", 2));
    IS(ROOMCAST_ERROR_WRONG_KIND, roomcast_refuse_with(b, ns, 401, "text/plain", 10, "no", 2));
    IS(ROOMCAST_ERROR_WRONG_KIND, roomcast_add_header(b, ns, "X-A", 3, "b", 1));
    IS(ROOMCAST_ERROR_WRONG_KIND, roomcast_close_connection(b, ns));
    IS(ROOMCAST_ERROR_WRONG_KIND, roomcast_is_websocket(b, ns, &number));
    IS(ROOMCAST_ERROR_WRONG_KIND, roomcast_is_msgpack(b, ns, &number));
    IS(ROOMCAST_ERROR_WRONG_KIND, roomcast_send_text(b, ns, "t", 1));
    IS(ROOMCAST_ERROR_WRONG_KIND, roomcast_send_binary(b, ns, "t", 1));
    IS(ROOMCAST_ERROR_WRONG_KIND, roomcast_get_handshake(b, ns, &handshake));
    IS(ROOMCAST_ERROR_WRONG_KIND, roomcast_emit(b, ns, "r", 1, ns, "e", 1, "[]", 2));
    IS(ROOMCAST_ERROR_WRONG_KIND, roomcast_emit_all(b, ns, ns, "e", 1, "[]", 2));
    IS(other, roomcast_emit_all(b, bad, 0, "e", 1, "[]", 2));
    /* In a list, one that is gone is skipped; one of another kind is a mistake. */
    CLEAR(target);
    CLEAR(message);
    target.struct_size = sizeof target;
    target.ns = ns;
    target.sockets = &bad;
    target.socket_count = 1;
    message.struct_size = sizeof message;
    message.name = "e";
    message.name_len = 1;
    IS(says == ROOMCAST_ERROR_GONE ? ROOMCAST_OK : says, roomcast_emit_to(b, &target, &message, NULL));
}

/* The same for what other threads order: `who` is of a kind, or of none, that none of these takes. */
static void handles_of_others(const roomcast_remote *r, uint64_t who, roomcast_status says) {
    IS(says, roomcast_remote_join(r, who, "r", 1));
    IS(says, roomcast_remote_leave(r, who, "r", 1));
    IS(says, roomcast_remote_leave_all(r, who));
    IS(says, roomcast_remote_change_rooms(r, who, NULL, 0, NULL, 0));
    IS(says, roomcast_remote_disconnect(r, who, 0));
    IS(says, roomcast_remote_accept(r, who));
    IS(says, roomcast_remote_reject(r, who, "no", 2, NULL, 0));
    IS(says, roomcast_remote_set_tag(r, who, 1));
    IS(says, roomcast_remote_ack(r, who, 1, "[]", 2, NULL, 0));
    IS(says, roomcast_remote_allow(r, who));
    IS(says, roomcast_remote_refuse(r, who, "no", 2));
    IS(says, roomcast_remote_close_connection(r, who));
    IS(says, roomcast_remote_send_text(r, who, "t", 1));
    IS(says, roomcast_remote_send_binary(r, who, "t", 1));
}

/* And pointers, on a remote that is there. */
static void no_arguments_of_others(const roomcast_remote *r, roomcast_socket s, roomcast_connection c) {
    NO(roomcast_remote_ack(r, s, 1, NULL, 2, NULL, 0));
    NO(roomcast_remote_ack(r, s, 1, "[]", 2, NULL, 1));
    NO(roomcast_remote_reject(r, s, NULL, 1, NULL, 0));
    NO(roomcast_remote_reject(r, s, "no", 2, NULL, 1));
    NO(roomcast_remote_refuse(r, c, NULL, 1));
    NO(roomcast_remote_send_text(r, c, NULL, 1));
    NO(roomcast_remote_send_binary(r, c, NULL, 1));
}

int main(void) {
    world w;
    roomcast_remote *remote;
    client *c;
    seen event;
    roomcast_socket old, fresh;
    roomcast_connection connection;
    uint64_t made_up;
    uint32_t websocket;
    roomcast_handshake handshake;
    size_t i;
    no_object();
    world_open(&w, NULL);
    client_connect(&w, "/", NULL);
    event = world_wait(&w, ROOMCAST_EVENT_CONNECT);
    fresh = event.socket;
    seen_free(&event);
    c = client_connect(&w, "/", NULL);
    event = world_wait(&w, ROOMCAST_EVENT_CONNECT);
    old = event.socket;
    seen_free(&event);
    OK(roomcast_connection_of(w.broker, old, &connection));

    no_arguments(w.broker, w.ns, fresh);
    OK(roomcast_remote_new(w.broker, &remote));
    no_arguments_of_others(remote, old, connection);
    handles_of_others(remote, 0, ROOMCAST_ERROR_NO_HANDLE);
    handles_of_others(remote, w.ns, ROOMCAST_ERROR_WRONG_KIND);
    handles_of_others(remote, UINT64_MAX, ROOMCAST_ERROR_WRONG_KIND);
    roomcast_remote_free(remote);
    lengths_and_texts(w.broker, w.ns, fresh);

    client_vanish(c, 1);
    event = world_wait(&w, ROOMCAST_EVENT_DISCONNECT);
    CHECK(event.socket == old);
    seen_free(&event);
    handles(w.broker, w.ns, old, ROOMCAST_ERROR_GONE);
    handles(w.broker, w.ns, 0, ROOMCAST_ERROR_NO_HANDLE);
    handles(w.broker, w.ns, UINT64_MAX, ROOMCAST_ERROR_WRONG_KIND);
    handles(w.broker, w.ns, connection, ROOMCAST_ERROR_WRONG_KIND);
    IS(ROOMCAST_ERROR_GONE, roomcast_is_websocket(w.broker, connection, &websocket));
    IS(ROOMCAST_ERROR_GONE, roomcast_is_msgpack(w.broker, connection, &websocket));
    IS(ROOMCAST_ERROR_GONE, roomcast_allow(w.broker, connection));
    IS(ROOMCAST_ERROR_GONE, roomcast_refuse(w.broker, connection, NULL, 0));
    IS(ROOMCAST_ERROR_GONE, roomcast_refuse_with(w.broker, connection, 401, NULL, 0, NULL, 0));
    IS(ROOMCAST_ERROR_BAD_VALUE, roomcast_refuse_with(w.broker, connection, 200, NULL, 0, NULL, 0));
    IS(ROOMCAST_ERROR_BAD_VALUE, roomcast_refuse_with(w.broker, connection, 65536 + 401, NULL, 0, NULL, 0));
    IS(ROOMCAST_ERROR_GONE, roomcast_add_header(w.broker, connection, "X-A", 3, NULL, 0));
    IS(ROOMCAST_ERROR_BAD_VALUE, roomcast_add_header(w.broker, connection, NULL, 0, NULL, 0));
    IS(ROOMCAST_ERROR_BAD_VALUE, roomcast_guard_handshakes(w.broker, 2));
    IS(ROOMCAST_ERROR_GONE, roomcast_close_connection(w.broker, connection));
    CLEAR(handshake);
    handshake.struct_size = sizeof handshake;
    IS(ROOMCAST_ERROR_GONE, roomcast_get_handshake(w.broker, connection, &handshake));
    /* Right kind, any slot, any generation: none of these ever was. */
    for (i = 0; i < 64; i++) {
        made_up = (old >> 60 << 60) | ((uint64_t)(0x5a5a5a5 + i) << 32) | (i * 0x4000001u & 0xffffffffu);
        handles(w.broker, w.ns, made_up, ROOMCAST_ERROR_GONE);
    }
    /* After all this it works. */
    OK(roomcast_join(w.broker, fresh, "r", 1));
    OK(roomcast_emit(w.broker, w.ns, "r", 1, 0, "works", 5, "[1]", 3));
    client_expect(&w, w.clients[0], "42[\"e\"]");
    client_expect(&w, w.clients[0], "42[\"\"]");
    client_expect(&w, w.clients[0], "42[\"e\"]");
    client_expect(&w, w.clients[0], "42[\"works\",1]");
    world_close(&w);
    return 0;
}
