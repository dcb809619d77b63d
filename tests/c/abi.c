/* The binary interface: where each field lies on 64-bit systems, what the constants and texts are, and what becomes of
 * structs and versions that do not fit. A change here breaks programs that were compiled before it. */
#include "support.h"

#define LAYOUT(struct_, field, offset) CHECK(offsetof(struct_, field) == (offset))
#define SIZE(struct_, size) CHECK(sizeof(struct_) == (size))

static void layout(void) {
    if (sizeof(void *) != 8) {
        return;
    }
    SIZE(roomcast_slice, 16);
    LAYOUT(roomcast_slice, ptr, 0);
    LAYOUT(roomcast_slice, len, 8);
    SIZE(roomcast_pair, 32);
    LAYOUT(roomcast_pair, value, 16);

    SIZE(roomcast_event, 112);
    LAYOUT(roomcast_event, kind, 0);
    LAYOUT(roomcast_event, flags, 4);
    LAYOUT(roomcast_event, code, 8);
    LAYOUT(roomcast_event, reserved, 12);
    LAYOUT(roomcast_event, socket, 16);
    LAYOUT(roomcast_event, connection, 24);
    LAYOUT(roomcast_event, ns, 32);
    LAYOUT(roomcast_event, ack, 40);
    LAYOUT(roomcast_event, name, 48);
    LAYOUT(roomcast_event, name_len, 56);
    LAYOUT(roomcast_event, data, 64);
    LAYOUT(roomcast_event, data_len, 72);
    LAYOUT(roomcast_event, parts, 80);
    LAYOUT(roomcast_event, part_count, 88);
    LAYOUT(roomcast_event, tag, 96);
    LAYOUT(roomcast_event, context, 104);

    SIZE(roomcast_target, 80);
    LAYOUT(roomcast_target, struct_size, 0);
    LAYOUT(roomcast_target, flags, 4);
    LAYOUT(roomcast_target, ns, 8);
    LAYOUT(roomcast_target, rooms, 16);
    LAYOUT(roomcast_target, room_count, 24);
    LAYOUT(roomcast_target, sockets, 32);
    LAYOUT(roomcast_target, socket_count, 40);
    LAYOUT(roomcast_target, except_rooms, 48);
    LAYOUT(roomcast_target, except_room_count, 56);
    LAYOUT(roomcast_target, except_sockets, 64);
    LAYOUT(roomcast_target, except_socket_count, 72);

    SIZE(roomcast_message, 72);
    LAYOUT(roomcast_message, struct_size, 0);
    LAYOUT(roomcast_message, delivery, 4);
    LAYOUT(roomcast_message, key, 8);
    LAYOUT(roomcast_message, name, 16);
    LAYOUT(roomcast_message, name_len, 24);
    LAYOUT(roomcast_message, args, 32);
    LAYOUT(roomcast_message, args_len, 40);
    LAYOUT(roomcast_message, attachments, 48);
    LAYOUT(roomcast_message, attachment_count, 56);
    LAYOUT(roomcast_message, flags, 64);

    SIZE(roomcast_receipt, 16);
    LAYOUT(roomcast_receipt, skipped, 8);

    SIZE(roomcast_handshake, 128);
    LAYOUT(roomcast_handshake, websocket, 4);
    LAYOUT(roomcast_handshake, issued, 8);
    LAYOUT(roomcast_handshake, connection, 16);
    LAYOUT(roomcast_handshake, address, 24);
    LAYOUT(roomcast_handshake, url, 40);
    LAYOUT(roomcast_handshake, query, 56);
    LAYOUT(roomcast_handshake, query_count, 64);
    LAYOUT(roomcast_handshake, headers, 72);
    LAYOUT(roomcast_handshake, header_count, 80);
    LAYOUT(roomcast_handshake, tls_version, 88);
    LAYOUT(roomcast_handshake, certificate, 104);
    LAYOUT(roomcast_handshake, protocol, 120);
    LAYOUT(roomcast_handshake, reserved, 124);

    SIZE(roomcast_stat, 16);
    LAYOUT(roomcast_stat, value, 8);

    SIZE(roomcast_selection, 80);
    LAYOUT(roomcast_selection, ns, 4);
    LAYOUT(roomcast_selection, rooms, 8);
    LAYOUT(roomcast_selection, room_count, 16);
    LAYOUT(roomcast_selection, members, 24);
    LAYOUT(roomcast_selection, member_count, 32);
    LAYOUT(roomcast_selection, except_rooms, 40);
    LAYOUT(roomcast_selection, except_room_count, 48);
    LAYOUT(roomcast_selection, except_members, 56);
    LAYOUT(roomcast_selection, except_member_count, 64);
    LAYOUT(roomcast_selection, flags, 72);
    LAYOUT(roomcast_selection, reserved, 76);

    SIZE(roomcast_histogram, 40);
    LAYOUT(roomcast_histogram, reserved, 4);
    LAYOUT(roomcast_histogram, count, 8);
    LAYOUT(roomcast_histogram, sum, 16);
    LAYOUT(roomcast_histogram, buckets, 24);
    LAYOUT(roomcast_histogram, bucket_count, 32);

    SIZE(roomcast_identity, 32);
    LAYOUT(roomcast_identity, key, 16);
    SIZE(roomcast_tls, 40);
    LAYOUT(roomcast_tls, flags, 4);
    LAYOUT(roomcast_tls, identities, 8);
    LAYOUT(roomcast_tls, identity_count, 16);
    LAYOUT(roomcast_tls, client_authorities, 24);

    SIZE(roomcast_listen_options, 16);
    LAYOUT(roomcast_listen_options, flags, 4);
    LAYOUT(roomcast_listen_options, backlog, 8);
    LAYOUT(roomcast_listen_options, mode, 12);

    SIZE(roomcast_admin_options, 80);
    LAYOUT(roomcast_admin_options, flags, 4);
    LAYOUT(roomcast_admin_options, auth, 8);
    LAYOUT(roomcast_admin_options, stats_interval, 12);
    LAYOUT(roomcast_admin_options, username, 16);
    LAYOUT(roomcast_admin_options, password, 32);
    LAYOUT(roomcast_admin_options, ns, 48);
    LAYOUT(roomcast_admin_options, server_id, 64);

    SIZE(roomcast_request, 88);
    LAYOUT(roomcast_request, reserved, 4);
    LAYOUT(roomcast_request, method, 8);
    LAYOUT(roomcast_request, target, 24);
    LAYOUT(roomcast_request, headers, 40);
    LAYOUT(roomcast_request, header_count, 48);
    LAYOUT(roomcast_request, rest, 56);
    LAYOUT(roomcast_request, peer, 72);

    SIZE(roomcast_config, 824);
    LAYOUT(roomcast_config, struct_size, 0);
    LAYOUT(roomcast_config, add_trailing_slash, 4);
    LAYOUT(roomcast_config, polling, 8);
    LAYOUT(roomcast_config, websocket, 12);
    LAYOUT(roomcast_config, allow_upgrades, 16);
    LAYOUT(roomcast_config, guard_handshakes, 20);
    LAYOUT(roomcast_config, room_events, 24);
    LAYOUT(roomcast_config, refusal_events, 28);
    LAYOUT(roomcast_config, engine_only, 32);
    LAYOUT(roomcast_config, quiet_descriptor, 36);
    LAYOUT(roomcast_config, cors, 40);
    LAYOUT(roomcast_config, cors_credentials, 44);
    LAYOUT(roomcast_config, cors_status, 48);
    LAYOUT(roomcast_config, check_origin, 52);
    LAYOUT(roomcast_config, cors_max_age, 56);
    LAYOUT(roomcast_config, cors_origins, 64);
    LAYOUT(roomcast_config, cors_origin_count, 72);
    LAYOUT(roomcast_config, cors_methods, 80);
    LAYOUT(roomcast_config, cors_allowed_headers, 96);
    LAYOUT(roomcast_config, cors_exposed_headers, 112);
    LAYOUT(roomcast_config, path, 128);
    LAYOUT(roomcast_config, health_path, 144);
    LAYOUT(roomcast_config, initial_packet, 160);
    LAYOUT(roomcast_config, cookie_name, 176);
    LAYOUT(roomcast_config, cookie_path, 192);
    LAYOUT(roomcast_config, cookie_same_site, 208);
    LAYOUT(roomcast_config, cookie_http_only, 224);
    LAYOUT(roomcast_config, log_level, 228);
    LAYOUT(roomcast_config, log, 232);
    LAYOUT(roomcast_config, log_data, 240);
    LAYOUT(roomcast_config, id_generator, 248);
    LAYOUT(roomcast_config, id_generator_data, 256);
    LAYOUT(roomcast_config, headers, 264);
    LAYOUT(roomcast_config, header_count, 272);
    LAYOUT(roomcast_config, ping_interval, 280);
    LAYOUT(roomcast_config, ping_timeout, 288);
    LAYOUT(roomcast_config, upgrade_timeout, 296);
    LAYOUT(roomcast_config, connect_timeout, 304);
    LAYOUT(roomcast_config, max_payload, 312);
    LAYOUT(roomcast_config, max_head_bytes, 320);
    LAYOUT(roomcast_config, max_headers, 328);
    LAYOUT(roomcast_config, head_timeout, 336);
    LAYOUT(roomcast_config, body_timeout, 344);
    LAYOUT(roomcast_config, answer_timeout, 352);
    LAYOUT(roomcast_config, idle_timeout, 360);
    LAYOUT(roomcast_config, destroy_upgrade_timeout, 368);
    LAYOUT(roomcast_config, close_timeout, 376);
    LAYOUT(roomcast_config, max_fragments, 384);
    LAYOUT(roomcast_config, max_attachments, 392);
    LAYOUT(roomcast_config, max_json_depth, 400);
    LAYOUT(roomcast_config, max_namespace_name, 408);
    LAYOUT(roomcast_config, max_namespaces_per_connection, 416);
    LAYOUT(roomcast_config, max_namespaces, 424);
    LAYOUT(roomcast_config, max_room_name, 432);
    LAYOUT(roomcast_config, max_rooms_per_socket, 440);
    LAYOUT(roomcast_config, max_room_bytes, 448);
    LAYOUT(roomcast_config, max_pending_acks, 456);
    LAYOUT(roomcast_config, max_links, 464);
    LAYOUT(roomcast_config, max_backlog, 472);
    LAYOUT(roomcast_config, max_poll_packets, 480);
    LAYOUT(roomcast_config, max_tick_bytes, 488);
    LAYOUT(roomcast_config, max_event_bytes, 496);
    LAYOUT(roomcast_config, max_events, 504);
    LAYOUT(roomcast_config, read_budget, 512);
    LAYOUT(roomcast_config, accept_budget, 520);
    LAYOUT(roomcast_config, remote_queue, 528);
    LAYOUT(roomcast_config, step_time, 536);
    LAYOUT(roomcast_config, max_handshakes_per_second, 544);
    LAYOUT(roomcast_config, handshake_burst, 552);
    LAYOUT(roomcast_config, max_new_namespaces_per_minute, 560);
    LAYOUT(roomcast_config, max_event_size, 568);
    LAYOUT(roomcast_config, attachment_timeout, 576);
    LAYOUT(roomcast_config, max_connections, 584);
    LAYOUT(roomcast_config, max_connections_per_address, 592);
    LAYOUT(roomcast_config, max_handshakes_per_address, 600);
    LAYOUT(roomcast_config, trusted_proxies, 608);
    LAYOUT(roomcast_config, trusted_proxy_count, 616);
    LAYOUT(roomcast_config, metrics_path, 624);
    LAYOUT(roomcast_config, loops, 640);
    LAYOUT(roomcast_config, cookie_secure, 648);
    LAYOUT(roomcast_config, cookie_partitioned, 652);
    LAYOUT(roomcast_config, cookie_max_age, 656);
    LAYOUT(roomcast_config, cookie_domain, 664);
    LAYOUT(roomcast_config, recovery_window, 680);
    LAYOUT(roomcast_config, recovery_log_bytes, 688);
    LAYOUT(roomcast_config, recovery_sessions, 696);
    LAYOUT(roomcast_config, cluster_url, 704);
    LAYOUT(roomcast_config, cluster_prefix, 720);
    LAYOUT(roomcast_config, cluster_format, 736);
    LAYOUT(roomcast_config, cluster_write_only, 740);
    LAYOUT(roomcast_config, cluster_request_timeout, 744);
    LAYOUT(roomcast_config, cluster_max_message, 752);
    LAYOUT(roomcast_config, cluster_stream_max_len, 760);
    LAYOUT(roomcast_config, tls_handshake_timeout, 768);
    LAYOUT(roomcast_config, tls_handshake_budget, 776);
    LAYOUT(roomcast_config, per_message_deflate, 784);
    LAYOUT(roomcast_config, http_compression, 788);
    LAYOUT(roomcast_config, compression_threshold, 792);
    LAYOUT(roomcast_config, compression_level, 800);
    LAYOUT(roomcast_config, compress_binary, 804);
    LAYOUT(roomcast_config, hand_back, 808);
    LAYOUT(roomcast_config, allow_eio3, 812);
    LAYOUT(roomcast_config, msgpack, 816);
    LAYOUT(roomcast_config, reserved, 820);
}

static void texts(void) {
    roomcast_broker *broker = NULL;
    char text[16];
    size_t whole;
    CHECK(roomcast_abi_version() == ROOMCAST_ABI_VERSION);
    CHECK(strchr(roomcast_version(), '.') != NULL);
    CHECK(strcmp(roomcast_status_text(ROOMCAST_OK), "no error") == 0);
    CHECK(strstr(roomcast_status_text(ROOMCAST_ERROR_GONE), "dead") != NULL);
    CHECK(strstr(roomcast_status_text(ROOMCAST_ERROR_SYSTEM - 24), "operating system") != NULL);
    CHECK(strstr(roomcast_status_text(-99999999), "operating system") != NULL);
    CHECK(strstr(roomcast_status_text(-9999), "does not know") != NULL);
    CHECK(strstr(roomcast_status_text(7), "does not know") != NULL);
    CHECK(strcmp(roomcast_reason_text(ROOMCAST_REASON_TRANSPORT_CLOSE), "transport close") == 0);
    CHECK(strcmp(roomcast_reason_text(ROOMCAST_REASON_SLOW_CONSUMER), "slow consumer") == 0);
    CHECK(strcmp(roomcast_reason_text(0), "unknown") == 0);
    CHECK(strcmp(roomcast_reason_text(4000000000u), "unknown") == 0);

    CHECK(roomcast_last_error(NULL, 0) == 0);
    IS(ROOMCAST_ERROR_NULL, roomcast_poll(NULL, 0));
    whole = roomcast_last_error(text, sizeof text);
    CHECK(whole > sizeof text && strcmp(text, "roomcast_poll: ") == 0);
    CHECK(roomcast_last_error(NULL, sizeof text) == whole);
    CHECK(roomcast_last_error(text, 1) == whole && text[0] == 0);
    /* A call that succeeds leaves it alone. */
    OK(roomcast_new(ROOMCAST_ABI_VERSION, NULL, &broker));
    CHECK(roomcast_last_error(NULL, 0) == whole);
    roomcast_free(broker);
}

/* A value that cannot be worked with: the last error names its field. */
#define REFUSED(field, value)                                                              \
    do {                                                                                   \
        roomcast_broker *none = NULL;                                                      \
        roomcast_config config;                                                            \
        char text[256];                                                                    \
        OK(roomcast_config_init(&config, sizeof config));                                  \
        config.field = (value);                                                            \
        IS(ROOMCAST_ERROR_BAD_CONFIG, roomcast_new(ROOMCAST_ABI_VERSION, &config, &none)); \
        roomcast_last_error(text, sizeof text);                                            \
        CHECK(strstr(text, "roomcast_new: config." #field ": ") != NULL && none == NULL);  \
    } while (0)

static size_t no_id(void *data, char *out, size_t cap) {
    (void)data, (void)out, (void)cap;
    return 0;
}

static void cookies_that_browsers_throw_away(void) {
    roomcast_config config;
    roomcast_broker *broker = NULL;
    char text[256];
    int round;
    for (round = 0; round < 4; round++) {
        const char *field = "config.cookie_secure: ";
        OK(roomcast_config_init(&config, sizeof config));
        config.cookie_name = slice("io");
        config.cookie_same_site = round == 0 ? slice("none") : round == 1 ? slice("Loose") : slice("");
        config.cookie_partitioned = round == 2;
        if (round == 1) {
            field = "config.cookie_same_site: ";
        } else if (round == 3) {
            config.cookie_domain = slice("a b");
            field = "config.cookie_domain: ";
        }
        IS(ROOMCAST_ERROR_BAD_CONFIG, roomcast_new(ROOMCAST_ABI_VERSION, &config, &broker));
        roomcast_last_error(text, sizeof text);
        CHECK(strstr(text, field) != NULL && broker == NULL);
    }
    OK(roomcast_config_init(&config, sizeof config));
    config.cookie_name = slice("io");
    config.cookie_same_site = slice("none");
    config.cookie_secure = config.cookie_partitioned = 1;
    config.cookie_max_age = 60;
    config.cookie_domain = slice("example.com");
    OK(roomcast_new(ROOMCAST_ABI_VERSION, &config, &broker));
    roomcast_free(broker);
}

static void bad_fields_are_named(void) {
    roomcast_config config;
    roomcast_broker *broker = NULL;
    roomcast_pair header;
    roomcast_slice origin;
    char text[256];
    REFUSED(ping_interval, 0);
    REFUSED(ping_timeout, 0);
    REFUSED(upgrade_timeout, 0);
    REFUSED(connect_timeout, 0);
    REFUSED(ping_interval, 2147483648u);
    REFUSED(ping_interval, UINT64_MAX);
    REFUSED(ping_timeout, 2147483648u - 25000);
    REFUSED(ping_timeout, UINT64_MAX);
    REFUSED(upgrade_timeout, UINT64_MAX);
    REFUSED(connect_timeout, UINT64_MAX);
    REFUSED(idle_timeout, UINT64_MAX);
    REFUSED(cluster_url, slice("http://127.0.0.1"));
    REFUSED(cluster_url, slice("redis://h:0"));
    REFUSED(step_time, UINT64_MAX);
    REFUSED(attachment_timeout, UINT64_MAX);
    REFUSED(loops, 65);
    REFUSED(path, slice("socket.io"));
    REFUSED(health_path, slice("health"));
    REFUSED(metrics_path, slice("metrics"));
    REFUSED(cookie_name, slice("a b"));
    cookies_that_browsers_throw_away();
    REFUSED(max_links, 0);
    REFUSED(read_budget, 1);
    REFUSED(max_namespaces, UINT64_MAX);

    /* Those that are wrong together. */
    OK(roomcast_config_init(&config, sizeof config));
    config.polling = config.websocket = 0;
    IS(ROOMCAST_ERROR_BAD_CONFIG, roomcast_new(ROOMCAST_ABI_VERSION, &config, &broker));
    roomcast_last_error(text, sizeof text);
    CHECK(strstr(text, "config.polling: ") != NULL);
    OK(roomcast_config_init(&config, sizeof config));
    config.loops = 2;
    config.id_generator = no_id;
    IS(ROOMCAST_ERROR_BAD_CONFIG, roomcast_new(ROOMCAST_ABI_VERSION, &config, &broker));
    roomcast_last_error(text, sizeof text);
    CHECK(strstr(text, "config.loops: with an id_generator it is 0 or 1") != NULL);
    OK(roomcast_config_init(&config, sizeof config));
    config.cors = ROOMCAST_CORS_ANY;
    config.cors_status = 99;
    IS(ROOMCAST_ERROR_BAD_CONFIG, roomcast_new(ROOMCAST_ABI_VERSION, &config, &broker));
    roomcast_last_error(text, sizeof text);
    CHECK(strstr(text, "config.cors_status: 99 is out of range: it is 200 to 599") != NULL);
    OK(roomcast_config_init(&config, sizeof config));
    config.cors = ROOMCAST_CORS_LIST;
    origin = slice("https://one.example/");
    config.cors_origins = &origin;
    config.cors_origin_count = 1;
    IS(ROOMCAST_ERROR_BAD_CONFIG, roomcast_new(ROOMCAST_ABI_VERSION, &config, &broker));
    roomcast_last_error(text, sizeof text);
    CHECK(strstr(text, "config.cors_origins: ") != NULL);
    OK(roomcast_config_init(&config, sizeof config));
    config.allow_eio3 = 2;
    IS(ROOMCAST_ERROR_BAD_VALUE, roomcast_new(ROOMCAST_ABI_VERSION, &config, &broker));
    OK(roomcast_config_init(&config, sizeof config));
    config.check_origin = 2;
    IS(ROOMCAST_ERROR_BAD_VALUE, roomcast_new(ROOMCAST_ABI_VERSION, &config, &broker));
    OK(roomcast_config_init(&config, sizeof config));
    config.cookie_name = slice("io");
    config.cookie_path = slice("/; Domain=x");
    IS(ROOMCAST_ERROR_BAD_CONFIG, roomcast_new(ROOMCAST_ABI_VERSION, &config, &broker));
    roomcast_last_error(text, sizeof text);
    CHECK(strstr(text, "config.cookie_path: ") != NULL);
    OK(roomcast_config_init(&config, sizeof config));
    header.name = slice("X-Some");
    header.value = slice("thing\r\nX-Other: thing");
    config.headers = &header;
    config.header_count = 1;
    IS(ROOMCAST_ERROR_BAD_CONFIG, roomcast_new(ROOMCAST_ABI_VERSION, &config, &broker));
    roomcast_last_error(text, sizeof text);
    CHECK(strstr(text, "config.headers: ") != NULL);
    CHECK(broker == NULL);
}

static void versions_and_sizes(void) {
    roomcast_broker *broker = NULL;
    roomcast_router *router = NULL;
    roomcast_config config;
    roomcast_target target;
    roomcast_message message;
    roomcast_handshake handshake;
    roomcast_selection selection;
    struct {
        roomcast_target known;
        char unknown[64];
    } newer;
    roomcast_namespace ns;

    IS(ROOMCAST_ERROR_ABI_VERSION, roomcast_new(ROOMCAST_ABI_VERSION + 1, NULL, &broker));
    IS(ROOMCAST_ERROR_ABI_VERSION, roomcast_new(0, NULL, &broker));
    IS(ROOMCAST_ERROR_ABI_VERSION, roomcast_router_new(ROOMCAST_ABI_VERSION + 1, &router));
    CHECK(broker == NULL && router == NULL);

    IS(ROOMCAST_ERROR_BAD_SIZE, roomcast_config_init(&config, offsetof(roomcast_config, max_payload)));
    IS(ROOMCAST_ERROR_BAD_SIZE, roomcast_config_init(&config, 0));
    OK(roomcast_config_init(&config, sizeof config));
    CHECK(config.struct_size == sizeof config && slice_is(config.path, "/socket.io/"));
    CHECK(config.ping_interval == 25000 && config.max_payload == 1000000 && config.cors_max_age == -1);
    config.struct_size = offsetof(roomcast_config, max_payload);
    IS(ROOMCAST_ERROR_BAD_SIZE, roomcast_new(ROOMCAST_ABI_VERSION, &config, &broker));
    config.struct_size = 0;
    IS(ROOMCAST_ERROR_BAD_SIZE, roomcast_new(ROOMCAST_ABI_VERSION, &config, &broker));
    config.struct_size = sizeof config;
    config.polling = 2;
    IS(ROOMCAST_ERROR_BAD_VALUE, roomcast_new(ROOMCAST_ABI_VERSION, &config, &broker));
    config.polling = 1;
    config.log_level = 9;
    IS(ROOMCAST_ERROR_BAD_VALUE, roomcast_new(ROOMCAST_ABI_VERSION, &config, &broker));
    config.log_level = ROOMCAST_LOG_WARN;
    config.cors = 77;
    IS(ROOMCAST_ERROR_BAD_VALUE, roomcast_new(ROOMCAST_ABI_VERSION, &config, &broker));
    config.cors = ROOMCAST_CORS_OFF;
    config.max_payload = 0;
    IS(ROOMCAST_ERROR_BAD_CONFIG, roomcast_new(ROOMCAST_ABI_VERSION, &config, &broker));
    config.max_payload = 1000000;
    config.max_namespaces = UINT64_MAX;
    IS(ROOMCAST_ERROR_BAD_CONFIG, roomcast_new(ROOMCAST_ABI_VERSION, &config, &broker));
    config.max_namespaces = 100;
    config.path = slice("\xff\xff");
    IS(ROOMCAST_ERROR_BAD_UTF8, roomcast_new(ROOMCAST_ABI_VERSION, &config, &broker));
    config.path.len = 0;
    IS(ROOMCAST_ERROR_BAD_CONFIG, roomcast_new(ROOMCAST_ABI_VERSION, &config, &broker));
    config.path = slice("/socket.io/");
    CHECK(broker == NULL);
    OK(roomcast_new(ROOMCAST_ABI_VERSION, &config, &broker));
    OK(roomcast_find_namespace(broker, "/", 1, &ns));

    CLEAR(target);
    CLEAR(message);
    target.struct_size = 16;
    target.ns = ns;
    message.struct_size = sizeof message;
    message.name = "a";
    message.name_len = 1;
    IS(ROOMCAST_ERROR_BAD_SIZE, roomcast_emit_to(broker, &target, &message, NULL));
    target.struct_size = sizeof target;
    message.struct_size = 4;
    IS(ROOMCAST_ERROR_BAD_SIZE, roomcast_emit_to(broker, &target, &message, NULL));
    message.struct_size = sizeof message;
    OK(roomcast_emit_to(broker, &target, &message, NULL));
    /* A struct of a later header: what this library does not know is left alone. */
    memset(&newer, 0xff, sizeof newer);
    newer.known = target;
    newer.known.struct_size = sizeof newer;
    OK(roomcast_emit_to(broker, &newer.known, &message, NULL));

    CLEAR(handshake);
    handshake.struct_size = 8;
    IS(ROOMCAST_ERROR_BAD_SIZE, roomcast_get_handshake(broker, 1, &handshake));
    roomcast_free(broker);

    OK(roomcast_router_new(ROOMCAST_ABI_VERSION, &router));
    CLEAR(selection);
    selection.struct_size = 8;
    IS(ROOMCAST_ERROR_BAD_SIZE, roomcast_router_emit(router, &selection, "x", 1, NULL));
    roomcast_router_free(router);
}

/* Programs of a later header: their structs are longer than the library knows, and what it does not know is not written. */
static void longer_structs(void) {
    struct {
        roomcast_config known;
        unsigned char unknown[40];
    } config;
    struct {
        roomcast_handshake known;
        unsigned char unknown[24];
    } handshake;
    struct {
        roomcast_event known;
        unsigned char unknown[32];
    } events[3];
    roomcast_broker *broker = NULL;
    roomcast_namespace ns;
    size_t count, at, byte;
    memset(&config, 0xa5, sizeof config);
    OK(roomcast_config_init(&config.known, sizeof config));
    CHECK(config.known.struct_size == sizeof config);
    for (byte = 0; byte < sizeof config.unknown; byte++)
        CHECK(config.unknown[byte] == 0xa5);
    OK(roomcast_new(ROOMCAST_ABI_VERSION, &config.known, &broker));
    OK(roomcast_add_namespace(broker, ROOMCAST_TEXT("/a"), 0, &ns));
    OK(roomcast_add_namespace(broker, ROOMCAST_TEXT("/b"), 0, &ns));
    OK(roomcast_poll(broker, 0));

    /* An event of theirs is further from the next than ours are. */
    memset(events, 0xa5, sizeof events);
    IS(ROOMCAST_ERROR_BAD_SIZE, roomcast_events(broker, &events[0].known, 0, 3, &count));
    IS(ROOMCAST_ERROR_BAD_SIZE, roomcast_events(broker, &events[0].known, sizeof(roomcast_event) - 1, 3, &count));
    OK(roomcast_events(broker, &events[0].known, sizeof events[0], 3, &count));
    CHECK(count >= 2);
    for (at = 0; at < count; at++) {
        CHECK(events[at].known.kind == ROOMCAST_EVENT_NAMESPACE_CREATED && events[at].known.ns != 0);
        for (byte = 0; byte < sizeof events[at].unknown; byte++)
            CHECK(events[at].unknown[byte] == 0xa5);
    }
    CHECK(events[count - 1].known.name_len == 2 && memcmp(events[count - 1].known.name, "/b", 2) == 0);

    memset(&handshake, 0xa5, sizeof handshake);
    handshake.known.struct_size = sizeof handshake;
    IS(ROOMCAST_ERROR_WRONG_KIND, roomcast_get_handshake(broker, ns, &handshake.known));
    for (byte = 0; byte < sizeof handshake.unknown; byte++)
        CHECK(handshake.unknown[byte] == 0xa5);
    roomcast_free(broker);
}

int main(void) {
    layout();
    texts();
    bad_fields_are_named();
    versions_and_sizes();
    longer_structs();
    return 0;
}
