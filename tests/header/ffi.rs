//! The functions of C for the plain operations of the table, `src/ffi/operations.rs`. It must not make one that is not plain.

use crate::table::{Argument, Row, Words, returns, shouted, translated, wrapped};

const HEAD: &str = "//! The operations of the table whose arguments are plain, in C: for the broker, then for other threads. Made from
//! `src/broker/operations/table.rs` by `make header`: do not edit.

use super::broker::{Host, roomcast_broker};
use super::convert;
use super::given::Given;
use super::guard::Fault;
use super::query::{answer_handles, answer_texts};
use super::remote::roomcast_remote;
use super::types::*;
use crate::base::errors::Error;
use crate::base::ids::SocketId;
use crate::net::Remote;
use std::ffi::{c_char, c_void};
";

/// What has another name in C.
pub fn name(call: &str) -> &str {
    match call {
        "send_message" => "send_text",
        "socket_sid" => "socket_id",
        "tag" => "get_tag",
        "conn_of" => "connection_of",
        same => same,
    }
}

pub const WORDS: Words = Words {
    error: |variant| format!("ROOMCAST_ERROR_{}", shouted(variant)),
    reason: |variant| format!("ROOMCAST_REASON_{}", shouted(variant)),
    event: |variant| format!("ROOMCAST_EVENT_{}", shouted(variant)),
    call: |call| format!("roomcast_{}", name(call)),
};

/// The parameters that an argument is in C.
fn parameters(argument: &Argument) -> String {
    let name = parameter(argument);
    let count = name.trim_end_matches('s');
    match argument.kind.as_str() {
        "Socket" => format!("{name}: roomcast_socket,"),
        "Conn" => format!("{name}: roomcast_connection,"),
        "Namespace" => format!("{name}: roomcast_namespace,"),
        "Text" => format!("{name}: *const c_char, {name}_len: usize,"),
        "Args" | "MaybeText" => format!("{name}_json: *const c_char, {name}_len: usize,"),
        "Bytes" => format!("{name}: *const c_void, {name}_len: usize,"),
        "Texts" | "Blobs" => format!("{name}: *const roomcast_slice, {count}_count: usize,"),
        "Flag" | "Pace" | "Status" => format!("{name}: u32,"),
        "Number" | "AckNumber" => format!("{name}: u64,"),
        "Target" => format!("{name}: *const roomcast_target,"),
        kind => panic!("{kind} is not plain"),
    }
}

/// An argument's name in C.
pub fn parameter(argument: &Argument) -> &str {
    match argument.name.as_str() {
        "namespace" => "ns",
        "conn" => "connection",
        name => name,
    }
}

/// Turns what C has into what Rust has.
fn converted(argument: &Argument) -> String {
    let name = parameter(argument);
    let count = name.trim_end_matches('s');
    match argument.kind.as_str() {
        "Socket" => format!("let {name} = convert::socket({name})?;"),
        "Conn" => format!("let {name} = convert::connection({name})?;"),
        "Namespace" => format!("let {name} = convert::namespace({name}, \"{name}\")?;"),
        "Text" => format!("let {name} = given.text({name}, {name}_len, \"{name}\")?;"),
        "Args" => format!("let {name} = given.args({name}_json, {name}_len, \"{name}_json\")?;"),
        "MaybeText" => format!(
            "let {name} = given.text({name}_json, {name}_len, \"{name}_json\")?;\
             let {name} = Some({name}).filter(|{name}| !{name}.is_empty());"
        ),
        "Bytes" => format!("let {name} = given.list({name}.cast::<u8>(), {name}_len, \"{name}\")?;"),
        "Texts" => format!("let {name} = given.texts({name}, {count}_count, \"{name}\")?;"),
        "Blobs" => format!("let {name} = given.byte_strings({name}, {count}_count, \"{name}\")?;"),
        "AckNumber" => format!("let {name} = convert::ack_number({name})?;"),
        "Flag" => format!("let {name} = convert::flag({name}, \"{name}\")?;"),
        "Status" => format!("let {name} = convert::http_status({name}.into(), \"{name}\")?;"),
        _ => String::new(),
    }
}

/// The call of the broker, or of the remote.
fn called(row: &Row, of: &str) -> String {
    let given = row.arguments.iter().map(|argument| match argument.kind.as_str() {
        "Texts" | "Blobs" => format!("&{}", parameter(argument)),
        _ => parameter(argument).to_owned(),
    });
    format!("{of}.{}({})", row.call, given.collect::<Vec<_>>().join(", "))
}

/// What a question's result is called in C, and an order's count.
fn result(row: &Row) -> &str {
    match row.answer.as_str() {
        "result(NamespaceId)" => "ns",
        "result(ConnId)" => "connection",
        "sure(Option<SocketId>)" => "found",
        "text" => "text",
        "result(Vec<u8>)" => "bytes",
        _ if row.call == "import_recovery" => "sessions",
        "result(usize)" if row.has("Target") => "selected",
        "result(usize)" if row.is_order() => "changed",
        _ => &row.call,
    }
}

/// Where C wants the answer, and what puts it there: parameters, what comes before the arguments, what makes it.
fn answered(row: &Row) -> (String, String, String) {
    let (call, out) = (called(row, "host.broker"), result(row));
    let place =
        |kind: &str| (format!("{out}: *mut {kind},"), format!("let {out} = given.out({out}, \"{out}\")?;"));
    let set = |kind: &str, value: String| {
        let (parameter, before) = place(kind);
        (parameter, before, format!("{out}.set({value}); Ok(())"))
    };
    match row.answer.as_str() {
        "done" => (String::new(), String::new(), format!("Ok({call}?)")),
        "sure(())" => (String::new(), String::new(), format!("{call}; Ok(())")),
        "result(bool)" if row.is_order() => (String::new(), String::new(), format!("{call}?; Ok(())")),
        "result(bool)" => set("u32", format!("{call}?.into()")),
        "result(u64)" => set("u64", format!("{call}?")),
        "result(usize)" if row.is_order() => (
            format!("{out}: *mut usize,"),
            format!("let {out} = given.nullable({out}, \"{out}\")?;"),
            format!("{out}.set({call}?.unwrap_or(usize::MAX)); Ok(())"),
        ),
        "result(usize)" => set("usize", format!("{call}?")),
        "result(NamespaceId)" => set("roomcast_namespace", format!("{call}?.to_bits()")),
        "result(ConnId)" => set("roomcast_connection", format!("{call}?.to_bits()")),
        "sure(Option<SocketId>)" => {
            let what = parameter(&row.arguments[0]);
            set("roomcast_socket", format!("{call}.ok_or(Fault::of(Error::NotFound, \"{what}\"))?.to_bits()"))
        }
        "text" => {
            let (parameter, before) = place("roomcast_slice");
            let keeps =
                format!("host.answers.clear(); {out}.set(host.answers.keep({call}?.as_bytes())); Ok(())");
            (parameter, before, keeps)
        }
        "result(Vec<u8>)" => {
            let (parameter, before) = place("roomcast_slice");
            let keeps = format!("host.answers.clear(); {out}.set(host.answers.keep_all({call}?)); Ok(())");
            (parameter, before, keeps)
        }
        "each(SocketId)" => (
            "sockets: *mut *const roomcast_socket, count: *mut usize,".to_owned(),
            "let sockets = given.out(sockets, \"sockets\")?; let count = given.out(count, \"count\")?;"
                .to_owned(),
            format!(
                "let found = {call}?.map(SocketId::to_bits); \
                 answer_handles(sockets, count, &mut host.answers.handles, found); Ok(())"
            ),
        ),
        "texts" => {
            let call = called(row, "broker");
            (
                "rooms: *mut *const roomcast_slice, count: *mut usize,".to_owned(),
                "let Host { broker, answers, .. } = host;".to_owned(),
                format!("answer_texts(&given, rooms, count, answers, || Ok({call}?))"),
            )
        }
        answer => panic!("{answer} is not plain"),
    }
}

/// The errors of a call's arguments, as C lists them.
fn of_arguments(row: &Row) -> Vec<String> {
    let any = |kinds: &[&str]| kinds.iter().any(|kind| row.has(kind));
    let mut errors = Vec::new();
    if any(&["Socket", "Conn", "Namespace", "Target"]) {
        errors.extend(["NO_HANDLE", "WRONG_KIND"]);
    }
    if any(&["Text", "MaybeText", "Texts", "Args", "Target"]) {
        errors.push("BAD_UTF8");
    }
    if any(&["Target"]) {
        errors.push("BAD_SIZE");
    }
    if any(&["Flag", "Status", "Target"]) {
        errors.push("BAD_VALUE");
    }
    errors.push("NULL");
    let mut errors: Vec<String> = errors.into_iter().map(|error| format!("ROOMCAST_ERROR_{error}")).collect();
    if any(&["AckNumber"]) {
        errors.push("ROOMCAST_ERROR_BAD_VALUE if `ack` is 0".to_owned());
    }
    errors
}

/// What of an operation's errors is found out before it is sent anywhere.
fn of_check(check: &str) -> &'static [&'static str] {
    match check {
        "check_room" | "check_rooms" => &["BAD_ROOM"],
        "check_args" => &["BAD_JSON", "BAD_ATTACHMENTS", "TOO_LARGE"],
        "check_data" => &["BAD_DATA"],
        "check_drain" => &["BAD_VALUE", "TOO_LARGE"],
        "check_header" => &["BAD_VALUE", "TOO_LARGE"],
        "check_refusal" => &["BAD_VALUE"],
        "check_engine" => &["WRONG_STATE"],
        "check_cluster" => &["NO_CLUSTER"],
        "check_for_hosts" => &["NO_CLUSTER", "BAD_JSON", "BAD_ATTACHMENTS", "TOO_LARGE"],
        "check_answer" => &["NO_CLUSTER", "BAD_DATA"],
        "" => &[],
        check => panic!("{check}: which errors are those?"),
    }
}

/// What the arguments need to be told of in C.
fn notes(row: &Row) -> String {
    let of = |argument: &Argument| {
        let name = parameter(argument);
        match argument.kind.as_str() {
            "Flag" => format!(" `{name}` is 1 or 0."),
            "Status" => format!(" `{name}` is 400 to 599."),
            "AckNumber" => format!(" `{name}` is that of the ROOMCAST_EVENT_MESSAGE."),
            "Args" => format!(" `{name}_json` is a JSON array; nothing at all means \"[]\"."),
            "MaybeText" => format!(" `{name}_json` is a JSON value, or nothing (length 0)."),
            _ => String::new(),
        }
    };
    row.arguments.iter().map(of).collect()
}

/// What the answer is in C.
fn answer(row: &Row, said: &str) -> String {
    let out = result(row);
    match row.answer.as_str() {
        "each(SocketId)" => "`sockets` is set to an array of `count` sockets.".to_owned(),
        "texts" => "`rooms` is set to an array of `count` names.".to_owned(),
        "result(bool)" if !row.is_order() => format!("`{out}` is set to 1 or 0."),
        "result(usize)" if row.counts() => {
            format!("`{out}` is set to {}", said.trim_start_matches("Returns "))
        }
        "result(usize)" if row.is_order() => {
            let what = said.trim_start_matches("Returns ").split([';', '.']).next().unwrap();
            format!(
                "`{out}` may be NULL; it is set to {what}, SIZE_MAX where that is not known yet (`loops`)."
            )
        }
        "done" | "sure(())" | "result(bool)" => String::new(),
        _ => format!("`{out}` is set to it."),
    }
}

/// A question's first words: what it does, where the table says what the answer is.
fn asked(row: &Row, text: &str) -> String {
    let verb = match row.answer.as_str() {
        _ if row.is_order() || row.counts() || row.answer == "done" => return text.to_owned(),
        "each(SocketId)" | "texts" | "text" | "result(Vec<u8>)" => "Lends out",
        "result(bool)" => "Tells",
        "sure(Option<SocketId>)" => "Finds",
        _ => "Gives",
    };
    let mut letters = text.chars();
    let first: String = letters.next().unwrap().to_lowercase().collect();
    format!("{verb} {first}{}", letters.as_str())
}

fn documentation(row: &Row) -> String {
    let (said, first) = returns(&row.says[0]);
    let mut paragraphs = vec![translated(&asked(row, &first), &WORDS)];
    paragraphs.extend(row.says[1..].iter().map(|text| translated(text, &WORDS)));
    let more = format!("{}{}", answer(row, &said), notes(row));
    if !more.is_empty() {
        paragraphs.push(more.trim_start().to_owned());
    }
    let errors = translated(row.errors.trim_end_matches('.'), &WORDS);
    let errors = match errors.strip_prefix("As ") {
        Some(like) => format!("; otherwise as {like}"),
        None if row.answer == "sure(Option<SocketId>)" => ", ROOMCAST_ERROR_NOT_FOUND".to_owned(),
        None if errors.is_empty() => String::new(),
        None => format!(", {errors}"),
    };
    let errors = format!("Errors: {}{errors}.", of_arguments(row).join(", "));
    let lends = matches!(row.answer.as_str(), "each(SocketId)" | "texts" | "text" | "result(Vec<u8>)");
    let ownership = match copied(row) {
        _ if lends => "Ownership: the broker's, until the next question that lends.",
        true => "Ownership: what it is given is copied.",
        false => "Ownership: nothing changes hands.",
    };
    let others = format!("; roomcast_remote_{} from others", name(&row.call));
    let threads = format!("Threads: the broker's{}.", if row.is_order() { &others } else { "" });
    doc(&paragraphs, &[&errors, ownership, &threads])
}

fn copied(row: &Row) -> bool {
    ["Text", "MaybeText", "Texts", "Args", "Blobs", "Bytes"].iter().any(|kind| row.has(kind))
}

fn of_remote(row: &Row) -> String {
    let call = name(&row.call);
    let says = format!(
        "As roomcast_{call}, from any thread: the broker carries it out in its next poll, in the order of the calls."
    );
    let mut errors = of_arguments(row);
    errors.extend(of_check(&row.check).iter().map(|error| format!("ROOMCAST_ERROR_{error}")));
    errors.extend(["ROOMCAST_ERROR_FULL", "ROOMCAST_ERROR_CLOSED"].map(str::to_owned));
    if row.has("Socket") || row.has("Conn") {
        errors.push("ROOMCAST_ERROR_GONE if the handle was made up".to_owned());
    }
    let later = if row.errors.is_empty() {
        ""
    } else {
        " What else may be wrong shows later, in remote_failures and the log."
    };
    let errors = format!("Errors: {}.{later}", errors.join(", "));
    let ownership = match copied(row) {
        true => "Ownership: everything is copied before it returns.",
        false => "Ownership: nothing changes hands.",
    };
    doc(&[says], &[&errors, ownership, "Threads: any."])
}

fn doc(paragraphs: &[String], facts: &[&str]) -> String {
    let paragraphs: Vec<String> = paragraphs.iter().map(|text| wrapped(text, "///", 132)).collect();
    let facts: String = facts.iter().map(|fact| wrapped(fact, "///", 132)).collect();
    format!("{}///\n{facts}", paragraphs.join("///\n"))
}

fn function(row: &Row, remote: bool) -> String {
    let (on, owner, mutable) = match remote {
        true => ("remote_", "remote", "const"),
        false => ("", "broker", "mut"),
    };
    let symbol = format!("roomcast_{on}{}", name(&row.call));
    let (out, before, act) = match remote {
        true => (String::new(), String::new(), format!("Ok({}?)", called(row, "remote"))),
        false => answered(row),
    };
    let inputs: String = row.arguments.iter().map(parameters).collect();
    let conversions: String = row.arguments.iter().map(converted).collect();
    let act = match row.has("Target") {
        true => format!("given.target(target, |target| {{ {act} }})"),
        false => act,
    };
    let (says, taken) = match remote {
        true => (of_remote(row), "remote: &Remote"),
        false => (documentation(row), "host: &mut Host"),
    };
    let enter = if remote { "remote" } else { "host" };
    format!(
        "\n{says}#[unsafe(no_mangle)]
pub unsafe extern \"C\" fn {symbol}({owner}: *{mutable} roomcast_{owner}, {inputs}{out}) -> roomcast_status {{
    // SAFETY: what the caller promises.
    let given = unsafe {{ Given::new() }};
    let body = |{taken}| {{ {before} {conversions} {act} }};
    given.{enter}({owner}, \"{symbol}\", body)
}}
"
    )
}

/// The file, as rustfmt is to find it.
pub fn made(rows: &[Row]) -> String {
    let plain: Vec<&Row> = rows.iter().filter(|row| row.is_plain()).collect();
    let broker: String = plain.iter().map(|row| function(row, false)).collect();
    let remote: String = plain.iter().filter(|row| row.is_order()).map(|row| function(row, true)).collect();
    format!("{HEAD}{broker}{remote}")
}
