//! The C interface against the table of operations: none of them may be missing, neither for the broker nor for other threads.

use crate::broker::operations::operations;

macro_rules! names {
    ($($section:literal $($(#[$doc:meta])* $Type:ident: $mode:ident $owner:ident.$call:ident($($given:ident: $kind:ident),*)
        -> $shape:ident$(($answer:ty))?, to($whom:ident)$(, checked by $check:ident($($checked:ident),*))?;)*)*) => {
        &[$($((stringify!($mode), stringify!($call)),)*)*]
    };
}

/// Each operation's mode and name.
const OPERATIONS: &[(&str, &str)] = operations!(names);

const SYMBOLS: &str = include_str!("../../../include/roomcast.symbols");

/// What has another name in C, where the plain one is the short form or a verb is wanted.
const IN_C: &[(&str, &str)] = &[
    ("emit", "emit_to"),
    ("send_message", "send_text"),
    ("socket_sid", "socket_id"),
    ("tag", "get_tag"),
    ("conn_of", "connection_of"),
    ("conn_handshake", "get_handshake"),
    // A field of what it fills in.
    ("is_draining", "stats"),
];

fn exported(name: &str) -> bool {
    SYMBOLS.lines().any(|symbol| symbol == name)
}

#[test]
fn the_orders_that_a_batch_may_hold_are_named_in_its_documentation() {
    let source = include_str!("../orders_packed.rs");
    let list =
        source.split("The calls are ").nth(1).and_then(|rest| rest.split("stop_draining.").next()).unwrap();
    let list = format!("{list}stop_draining").replace("///", " ");
    let words: Vec<&str> = list.split([' ', ',', '\n', '(', ')']).filter(|word| !word.is_empty()).collect();
    let mut orders = OPERATIONS.iter().filter(|(mode, _)| *mode == "order").map(|(_, call)| call);
    let missing: Vec<_> = orders.by_ref().filter(|call| !words.contains(call)).collect();
    assert_eq!(missing, [] as [&&str; 0]);
}

#[test]
fn every_operation_is_in_the_c_interface() {
    let mut missing = Vec::new();
    for (mode, call) in OPERATIONS {
        let name = IN_C.iter().find(|(rust, _)| rust == call).map_or(*call, |(_, c)| c);
        let mut wanted = vec![format!("roomcast_{name}")];
        wanted.extend((*mode == "order").then(|| format!("roomcast_remote_{name}")));
        missing.extend(wanted.into_iter().filter(|name| !exported(name)));
    }
    assert_eq!(missing, [] as [String; 0], "in include/roomcast.symbols");
}

#[test]
fn no_exception_is_there_that_nothing_needs() {
    for (rust, c) in IN_C {
        assert!(OPERATIONS.iter().any(|(_, call)| call == rust), "{rust} is no operation");
        assert!(exported(&format!("roomcast_{c}")), "{c} is not in C");
    }
}
