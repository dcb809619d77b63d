//! The methods of C++ for the plain operations of the table, between marks in `bindings/cpp/roomcast.hpp`. It must not touch the rest.

use crate::ffi;
use crate::table::{Argument, Row, Words, returns, shouted, translated, wrapped};

/// What takes more than the pattern: a room of a namespace is a value of its own.
const BY_HAND: [&str; 1] = ["members"];

/// What has another name in C++.
fn name(call: &str) -> &str {
    match call {
        "close_connection" => "close",
        "conn_of" => "connection_of",
        "drain" => "drain_clients",
        "send_message" => "send_text",
        "socket_sid" => "id_of",
        same => same,
    }
}

const WORDS: Words = Words {
    error: |variant| format!("errc::{}", shouted(variant).to_lowercase()),
    reason: |variant| format!("reason::{}", shouted(variant).to_lowercase()),
    event: |variant| format!("event_kind::{}", shouted(variant).to_lowercase()),
    call: |call| name(call).to_owned(),
};

fn parameter(row: &Row, argument: &Argument) -> String {
    let name = ffi::parameter(argument);
    match argument.kind.as_str() {
        _ if row.is_late(argument) => format!("std::uint64_t {name} = 0"),
        "Socket" => "socket who".to_owned(),
        "Conn" => "connection who".to_owned(),
        "Namespace" => "ns where".to_owned(),
        "Text" if row.may_be_left_out(argument) => format!("slice {name} = {{}}"),
        "Text" | "Bytes" => format!("slice {name}"),
        "Args" | "MaybeText" => format!("slice {name} = {{}}"),
        "Texts" => format!("list<slice> {name}"),
        "Blobs" => format!("list<slice> {name} = {{}}"),
        "Flag" => format!("bool {name} = false"),
        "Pace" | "Status" => format!("std::uint32_t {name}"),
        "Number" => format!("std::uint64_t {name}"),
        "AckNumber" => "reply_id reply".to_owned(),
        "Target" => "const target& who".to_owned(),
        kind => panic!("{kind} is not plain"),
    }
}

fn passed(argument: &Argument) -> String {
    let name = ffi::parameter(argument);
    match argument.kind.as_str() {
        "Socket" | "Conn" => "who.raw()".to_owned(),
        "Namespace" => "where.raw()".to_owned(),
        "AckNumber" => "reply.raw()".to_owned(),
        "Target" => "&who.raw()".to_owned(),
        "Text" | "Args" | "MaybeText" => format!("{name}.chars(), {name}.len"),
        "Bytes" => format!("{name}.ptr, {name}.len"),
        "Texts" | "Blobs" => format!("{name}.data(), {name}.size()"),
        "Flag" => format!("{name} ? 1 : 0"),
        _ => name.to_owned(),
    }
}

/// The answer: its type, the variables that C fills, how they are passed, and what is made of them.
fn answered(row: &Row) -> Option<(&'static str, &'static str, &'static str, &'static str)> {
    Some(match row.answer.as_str() {
        "done" | "sure(())" => return None,
        "result(bool)" if row.is_order() => return None,
        "result(bool)" => ("bool", "std::uint32_t yes = 0;", "&yes", "yes != 0"),
        "result(u64)" => ("std::uint64_t", "std::uint64_t found = 0;", "&found", "found"),
        "result(usize)" => ("std::size_t", "std::size_t count = 0;", "&count", "count"),
        "result(NamespaceId)" => ("ns", "roomcast_namespace found = 0;", "&found", "ns(found)"),
        "result(ConnId)" => ("connection", "roomcast_connection found = 0;", "&found", "connection(found)"),
        "sure(Option<SocketId>)" => ("socket", "roomcast_socket found = 0;", "&found", "socket(found)"),
        "text" => ("std::string_view", "roomcast_slice text{};", "&text", "detail::lent(text)"),
        "result(Vec<u8>)" => ("std::string_view", "roomcast_slice bytes{};", "&bytes", "detail::lent(bytes)"),
        "each(SocketId)" => (
            "sockets",
            "const roomcast_socket* some = nullptr;\n        std::size_t count = 0;",
            "&some, &count",
            "sockets(some, count)",
        ),
        "texts" => (
            "texts",
            "const roomcast_slice* some = nullptr;\n        std::size_t count = 0;",
            "&some, &count",
            "texts(some, count)",
        ),
        answer => panic!("{answer} is not plain"),
    })
}

fn comment(row: &Row, symbol: &str) -> String {
    let (said, mut text) = returns(&row.says[0]);
    if answered(row).is_some() && row.is_order() {
        let what = said.split([';', '.']).next().unwrap();
        text = format!("{text} {what}, SIZE_MAX where loops of the broker's own find out later.");
    }
    if row.counts() {
        text = format!("{text} {said}");
    }
    let text = translated(&text, &WORDS);
    wrapped(&format!("{} ({symbol}).", text.trim_end_matches('.')), "    //", 120)
}

fn method(row: &Row, remote: bool) -> String {
    let symbol = format!("roomcast_{}{}", if remote { "remote_" } else { "" }, ffi::name(&row.call));
    let given: Vec<String> = row.arguments.iter().map(|argument| parameter(row, argument)).collect();
    let mut passed: Vec<String> = row.arguments.iter().map(passed).collect();
    passed.insert(0, "get()".to_owned());
    let answer = if remote { None } else { answered(row) };
    let says = match remote {
        true => format!("    // As broker::{} ({symbol}).\n", name(&row.call)),
        false => comment(row, &symbol),
    };
    let qualified = if remote { "const noexcept" } else { "noexcept" };
    let head = |result: &str| format!("    {result} {}({}) {qualified}", name(&row.call), given.join(", "));
    let call = |passed: &[String]| format!("{symbol}({})", passed.join(", "));
    let Some((result, variables, places, value)) = answer else {
        let (head, call) = (head("status"), format!("status({})", call(&passed)));
        let short = format!("{head} {{ return {call}; }}\n");
        if short.len() <= 121 {
            return format!("{says}{short}");
        }
        let line = format!("        return {call};");
        let line = match line.len() <= 120 {
            true => line,
            false => line.replacen("status(", "status(\n            ", 1),
        };
        return format!("{says}{head} {{\n{line}\n    }}\n");
    };
    passed.push(places.to_owned());
    let head = head(&format!("result<{result}>"));
    let line = format!("        const status done({});", call(&passed));
    let line = match line.len() <= 120 {
        true => line,
        false => line.replacen("done(", "done(\n            ", 1),
    };
    format!("{says}{head} {{\n        {variables}\n{line}\n        return {{done, {value}}};\n    }}\n")
}

fn between<'a>(text: &'a str, open: &str, shut: &str) -> (&'a str, &'a str) {
    let at = text.find(open).unwrap_or_else(|| panic!("no {open}")) + open.len();
    let end = at + text[at..].find(shut).unwrap();
    (&text[..at], &text[end..])
}

/// A method that asks for an option of a message.
fn option((name, _, says): &(&str, u32, &str)) -> String {
    let says = wrapped(says.trim(), "    //", 120);
    format!(
        "{says}    message& {name}() noexcept {{ return with(ROOMCAST_MESSAGE_{}); }}\n",
        name.to_uppercase()
    )
}

/// The header with its made parts anew.
pub fn made(rows: &[Row], constants: &[(String, String)], header: &str) -> String {
    let plain: Vec<&Row> =
        rows.iter().filter(|row| row.is_plain() && !BY_HAND.contains(&row.call.as_str())).collect();
    let broker: String = plain.iter().map(|row| method(row, false)).collect();
    let remote: String = plain.iter().filter(|row| row.is_order()).map(|row| method(row, true)).collect();
    let kinds = |prefix: &str| {
        let lines = constants.iter().filter_map(|(name, _)| {
            let kind = name.strip_prefix(prefix)?.to_lowercase();
            Some(format!("    {kind} = {name},\n"))
        });
        lines.collect::<String>()
    };
    let mut text = header.to_owned();
    for (open, shut, made) in [
        (
            "    // ---- made from the table of operations, for other threads: make header ----\n",
            "    // ---- made until here ----\n",
            remote,
        ),
        (
            "    // ---- made from the table of operations: make header ----\n",
            "    // ---- made until here ----\n",
            broker,
        ),
        (
            "    // ---- made of the options of a message: make header ----\n",
            "    // ---- made until here ----\n",
            roomcast::Message::OPTIONS.iter().map(option).collect(),
        ),
        ("enum class event_kind : std::uint32_t {  // made: make header\n", "};\n", kinds("ROOMCAST_EVENT_")),
        ("enum class reason : std::uint32_t {  // made: make header\n", "};\n", kinds("ROOMCAST_REASON_")),
    ] {
        let (before, after) = between(&text, open, shut);
        text = format!("{before}{made}{after}");
    }
    text
}
