//! The order of the header: one shelf for each subject, with its numbers, types and functions. It must not change an item.

use crate::ffi;
use crate::table::Row;

/// Each shelf's heading and what stands on it, in this order: names, or beginnings of names that end in `_`. A type stands before
/// what uses it.
const SHELVES: &[(&str, &[&str])] = &[
    (
        "Versions and errors",
        &[
            "ROOMCAST_ABI_VERSION",
            "roomcast_status",
            "ROOMCAST_OK",
            "ROOMCAST_ERROR_",
            "roomcast_abi_version",
            "roomcast_version",
            "roomcast_status_text",
            "roomcast_last_error",
        ],
    ),
    (
        "Texts and handles",
        &[
            "roomcast_slice",
            "roomcast_pair",
            "roomcast_namespace",
            "roomcast_socket",
            "roomcast_connection",
            "roomcast_ack_id",
        ],
    ),
    (
        "Configuration",
        &[
            "ROOMCAST_CORS_",
            "ROOMCAST_CLUSTER_",
            "ROOMCAST_LOG_",
            "roomcast_log",
            "roomcast_id_generator",
            "roomcast_config",
            "roomcast_config_init",
        ],
    ),
    (
        "A broker and its loop",
        &[
            "roomcast_broker",
            "roomcast_new",
            "roomcast_free",
            "ROOMCAST_LISTEN_",
            "roomcast_listen_options",
            "roomcast_listen",
            "roomcast_listen_with",
            "roomcast_listen_unix",
            "roomcast_listen_fd",
            "roomcast_listen_fd_with",
            "roomcast_stop_listening",
            "ROOMCAST_ADMIN_",
            "roomcast_admin_options",
            "roomcast_instrument",
            "ROOMCAST_TLS_",
            "roomcast_identity",
            "roomcast_tls",
            "roomcast_listen_tls",
            "roomcast_set_tls",
            "roomcast_request",
            "roomcast_adopt",
            "roomcast_adopt_request",
            "roomcast_take_descriptor",
            "roomcast_set_hand_back",
            "roomcast_reopen",
            "roomcast_serve",
            "roomcast_serve_encoded",
            "roomcast_poll",
            "roomcast_flush",
            "roomcast_fd",
            "roomcast_next_timeout",
            "roomcast_drain",
            "roomcast_stop_draining",
            "roomcast_close",
        ],
    ),
    (
        "Events",
        &[
            "ROOMCAST_EVENT_",
            "ROOMCAST_FLAG_",
            "ROOMCAST_REASON_",
            "roomcast_event",
            "roomcast_events",
            "roomcast_events_packed",
            "roomcast_reason_text",
        ],
    ),
    (
        "Who may come, and who has to go",
        &[
            "roomcast_accept",
            "roomcast_reject",
            "roomcast_disconnect",
            "roomcast_guard_handshakes",
            "roomcast_add_header",
            "roomcast_allow",
            "roomcast_refuse",
            "roomcast_refuse_with",
            "roomcast_close_connection",
        ],
    ),
    (
        "Namespaces",
        &[
            "ROOMCAST_NAMESPACE_",
            "roomcast_add_namespace",
            "roomcast_add_pattern",
            "roomcast_find_namespace",
            "roomcast_namespace_name",
            "roomcast_namespaces",
            "roomcast_sockets_in",
        ],
    ),
    (
        "Rooms",
        &[
            "roomcast_join",
            "roomcast_leave",
            "roomcast_leave_all",
            "roomcast_change_rooms",
            "roomcast_members",
            "roomcast_is_member",
            "roomcast_rooms_of",
            "roomcast_rooms_in",
        ],
    ),
    (
        "Emits and acknowledgements",
        &[
            "ROOMCAST_RELIABLE",
            "ROOMCAST_VOLATILE",
            "ROOMCAST_LATEST",
            "ROOMCAST_DROP_OLDEST",
            "ROOMCAST_TARGET_",
            "roomcast_target",
            "ROOMCAST_MESSAGE_",
            "roomcast_message",
            "ROOMCAST_UNKNOWN",
            "roomcast_receipt",
            "roomcast_emit",
            "roomcast_emit_all",
            "roomcast_send",
            "roomcast_emit_to",
            "roomcast_emit_with_ack",
            "roomcast_ack",
            "roomcast_emit_packed",
            "roomcast_orders_packed",
            "roomcast_send_text",
            "roomcast_send_binary",
        ],
    ),
    (
        "Everybody whom a target selects",
        &[
            "roomcast_fetch_sockets",
            "roomcast_sockets_join",
            "roomcast_sockets_leave",
            "roomcast_disconnect_sockets",
        ],
    ),
    ("Other nodes of a cluster", &["ROOMCAST_UNKNOWN_NODES"]),
    (
        "Whose socket it is",
        &[
            "roomcast_socket_id",
            "roomcast_find_socket",
            "roomcast_namespace_of",
            "roomcast_connection_of",
            "roomcast_set_tag",
            "roomcast_get_tag",
            "roomcast_is_websocket",
            "roomcast_is_msgpack",
            "roomcast_queued_bytes",
            "roomcast_handshake",
            "roomcast_get_handshake",
        ],
    ),
    ("Over a restart", &["roomcast_export_recovery", "roomcast_import_recovery"]),
    (
        "Figures",
        &[
            "roomcast_stat",
            "roomcast_stats",
            "ROOMCAST_TIMES_",
            "roomcast_histogram",
            "roomcast_times",
            "roomcast_metrics",
        ],
    ),
    ("Other threads", &["roomcast_remote", "roomcast_remote_"]),
    ("JSON strings", &["roomcast_json_"]),
    ("The router alone", &["roomcast_router", "roomcast_selection", "roomcast_router_"]),
];

const OPEN: &str = "#ifdef __cplusplus\nextern \"C\" {\n#endif // __cplusplus\n\n";
const SHUT: &str = "#ifdef __cplusplus\n}  // extern \"C\"\n";

/// Where an operation stands that is on no shelf, by the heading it has in its table.
const SECTIONS: &[(&str, &str)] = &[
    ("Emits", "Emits and acknowledgements"),
    ("Rooms", "Rooms"),
    ("Namespaces, and who gets in", "Who may come, and who has to go"),
    ("Everybody whom a target selects", "Everybody whom a target selects"),
    ("Other nodes of a cluster", "Other nodes of a cluster"),
    ("Clients", "Whose socket it is"),
    ("The rest", "A broker and its loop"),
];

/// The shelf of an operation's function, by the table.
fn of_table(name: &str, rows: &[Row]) -> Option<&'static str> {
    let call = name.strip_prefix("roomcast_")?;
    let row = rows.iter().find(|row| ffi::name(&row.call) == call)?;
    SECTIONS.iter().find(|(section, _)| *section == row.section).map(|(_, shelf)| *shelf)
}

/// What cbindgen made, in the order of the shelves, under their headings.
pub fn shelved(made: &str, rows: &[Row]) -> String {
    let (start, items) = made.split_once("/**").unwrap();
    let (items, end) = items.split_once(SHUT).unwrap();
    let items = format!("/**{}", items.replace(OPEN, ""));
    let mut left: Vec<&str> = items.trim_end().split("\n\n").collect();
    let mut ordered = String::new();
    let mut contents = String::from(" *\n * Contents\n");
    for (heading, names) in SHELVES {
        contents += &format!(" * - {heading}\n");
        ordered += &format!("/*\n * ---- {heading} ----\n */\n\n");
        for &wanted in *names {
            let before = left.len();
            left.retain(|item| {
                let name = name_of(item);
                let here = name == wanted || wanted.ends_with('_') && name.starts_with(wanted);
                if here {
                    ordered += item;
                    ordered += "\n\n";
                }
                !here
            });
            assert!(left.len() < before, "there is no {wanted} any more: see tests/header/shelves.rs");
        }
        left.retain(|item| {
            let name = name_of(item);
            let named = SHELVES.iter().flat_map(|(_, names)| *names);
            let here = of_table(name, rows) == Some(heading) && !named.clone().any(|known| *known == name);
            if here {
                ordered += item;
                ordered += "\n\n";
            }
            !here
        });
    }
    let names: Vec<_> = left.iter().map(|item| name_of(item)).collect();
    assert!(names.is_empty(), "on no shelf of tests/header/shelves.rs: {names:?}");
    let start = start.replacen(" */\n", &format!("{contents} */\n"), 1);
    format!("{start}{OPEN}{ordered}{SHUT}{end}")
}

/// What an item defines or declares.
fn name_of(item: &str) -> &str {
    let (_, code) = item.split_once("*/").unwrap();
    let code = code.trim();
    if let Some(define) = code.strip_prefix("#define ") {
        return define.split(' ').next().unwrap();
    }
    let head = match code.lines().next().unwrap().split_once("(*") {
        Some((_, pointer)) if code.starts_with("typedef") => return pointer.split_once(')').unwrap().0,
        _ => code.split(['(', '{', ';']).next().unwrap().trim(),
    };
    head.rsplit([' ', '*']).next().unwrap()
}
