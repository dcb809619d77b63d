//! The methods of Python's raw level for the plain operations of the table, `raw/operations.py`, and its constants, `raw/constants.py`.
//! It must not make one that takes more than the pattern.

use crate::ffi;
use crate::table::{Argument, Row, Words, returns, shouted, translated, wrapped};

const HEAD: &str = "\"\"\"The operations of a broker and of a remote whose arguments are plain. Made from the table of operations by `make header`: do not
edit. It must not keep anything.\"\"\"

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Optional

from .._ffi import ffi
from .._lent import as_bytes, as_text, lend_all, lending
from .._native import check, lib
from .given import Text, as_utf8, counted, lend_target

";

/// What takes more than the pattern: an answer to a client is on the hot path, and a socket says what carries it.
const BY_HAND: [&str; 2] = ["ack", "is_websocket"];

/// What has another name in Python.
fn name(call: &str) -> &str {
    match call {
        "conn_of" => "connection_of",
        "drain" => "drain_clients",
        "send_message" => "send_text",
        "socket_sid" => "socket_id",
        "tag" => "get_tag",
        same => same,
    }
}

const WORDS: Words = Words {
    error: |variant| match variant {
        "Gone" => ":class:\u{1}Gone\u{1}".to_owned(),
        variant => format!("ROOMCAST_ERROR_{}", shouted(variant)),
    },
    reason: |variant| format!("ROOMCAST_REASON_{}", shouted(variant)),
    event: |variant| shouted(variant),
    // The marks become those of a code span's around: a span's are doubled.
    call: |call| format!(":meth:\u{1}{}\u{1}", name(call)),
};

/// An argument's name in Python, where the target's rooms have theirs.
fn parameter<'a>(row: &Row, argument: &'a Argument) -> &'a str {
    match (row.call.as_str(), ffi::parameter(argument)) {
        ("sockets_join", "rooms") => "into",
        ("sockets_leave", "rooms") => "out_of",
        ("find_socket", "id") => "sid",
        (_, name) => name,
    }
}

const OF_A_TARGET: &str = "rooms: Optional[Sequence[str]] = None, except_rooms: Sequence[str] = (), sockets: Optional[Sequence[int]] = None, \
except_sockets: Sequence[int] = ()";

fn signature(row: &Row) -> String {
    let target = row.has("Target");
    let mut given = Vec::new();
    let mut named = Vec::new();
    for argument in &row.arguments {
        let name = parameter(row, argument);
        given.push(match argument.kind.as_str() {
            _ if row.is_late(argument) => format!("{name}: int = 0"),
            "Socket" | "Conn" | "Namespace" | "Number" | "AckNumber" | "Pace" | "Status" => {
                format!("{name}: int")
            }
            "Text" if row.may_be_left_out(argument) => format!("{name}: str = \"\""),
            "Text" => format!("{name}: str"),
            "MaybeText" => format!("{name}: Text = b\"\""),
            "Args" => format!("{name}: Text = b\"[]\""),
            "Bytes" => format!("{name}: bytes"),
            "Texts" => format!("{name}: Sequence[str]"),
            "Blobs" => format!("{name}: Sequence[bytes] = ()"),
            "Flag" if target => {
                named.push(format!("{name}: bool = False"));
                continue;
            }
            "Flag" => format!("{name}: bool = False"),
            "Target" => "ns: int".to_owned(),
            kind => panic!("{kind} is not plain"),
        });
    }
    if target {
        given.push("*".to_owned());
        given.append(&mut named);
        given.push(OF_A_TARGET.to_owned());
    }
    given.join(", ")
}

/// What is made of the arguments before the call, and how they are passed.
fn passed(row: &Row) -> (Vec<String>, Vec<String>) {
    let (mut before, mut passed) = (Vec::new(), Vec::new());
    if ["Texts", "Blobs", "Target"].iter().any(|kind| row.has(kind)) {
        before.push("kept: list[Any] = []".to_owned());
    }
    for argument in &row.arguments {
        let name = parameter(row, argument);
        match argument.kind.as_str() {
            "Text" | "MaybeText" | "Args" => {
                before.push(format!("{name}_utf8 = as_utf8({name})"));
                passed.push(format!("{name}_utf8, len({name}_utf8)"));
            }
            "Bytes" => passed.push(format!("{name}, len({name})")),
            "Texts" | "Blobs" => passed.push(format!("lend_all({name}, kept), len({name})")),
            "Flag" => passed.push(format!("int({name})")),
            "Target" => {
                before.push(
                    "target = lend_target(ns, rooms, except_rooms, sockets, except_sockets, kept)".to_owned(),
                );
                passed.push("target".to_owned());
            }
            _ => passed.push(name.to_owned()),
        }
    }
    (before, passed)
}

/// The answer: its type, the places that C fills, and what is made of them.
fn answered(row: &Row) -> Option<(&'static str, &'static str, &'static str)> {
    Some(match row.answer.as_str() {
        "done" | "sure(())" => return None,
        "result(bool)" if row.is_order() => return None,
        "result(bool)" => ("bool", "uint32_t *", "bool(found[0])"),
        "result(u64)" => ("int", "uint64_t *", "int(found[0])"),
        "result(usize)" if row.is_order() => ("Optional[int]", "size_t *", "counted(found)"),
        "result(usize)" => ("int", "size_t *", "int(found[0])"),
        "result(NamespaceId)" => ("int", "roomcast_namespace *", "int(found[0])"),
        "result(ConnId)" => ("int", "roomcast_connection *", "int(found[0])"),
        "sure(Option<SocketId>)" => ("Optional[int]", "roomcast_socket *", "int(found[0])"),
        "text" => ("str", "roomcast_slice *", "as_text(found)"),
        "result(Vec<u8>)" => ("bytes", "roomcast_slice *", "as_bytes(found)"),
        "each(SocketId)" => {
            ("list[int]", "uint64_t **", "list(ffi.unpack(found[0], count[0])) if count[0] else []")
        }
        "texts" => ("list[str]", "roomcast_slice **", "[as_text(found[0][at]) for at in range(count[0])]"),
        answer => panic!("{answer} is not plain"),
    })
}

fn says(row: &Row) -> String {
    let (said, mut text) = returns(&row.says[0]);
    if answered(row).is_some() && row.is_order() {
        let what = said.split([';', '.']).next().unwrap();
        text = format!("{text} {what}; None where that is not known yet (`loops`).");
    }
    if row.counts() {
        text = format!("{text} {said}");
    }
    if row.has("Target") {
        text += " The target is that of :meth:\u{1}Broker.emit\u{1}.";
    }
    translated(&text, &WORDS).replace('`', "``").replace('\u{1}', "`")
}

fn docstring(text: &str) -> String {
    let plain = format!("        \"\"\"{text}\"\"\"\n");
    if plain.chars().count() <= 132 {
        return plain;
    }
    let lines = wrapped(text, "       ", 128);
    let lines = lines.trim().to_owned();
    format!("        \"\"\"{lines}\n        \"\"\"\n")
}

/// Something in parentheses, in lines under its first letter.
fn parted(start: &str, inner: &str, end: &str) -> String {
    let whole = format!("{start}{inner}{end}");
    if whole.chars().count() <= 132 {
        return whole + "\n";
    }
    let indent = " ".repeat(start.chars().count());
    let mut lines = vec![start.to_owned()];
    for part in inner.split(", ") {
        let line = lines.last_mut().unwrap();
        if line.chars().count() + part.chars().count() > 128 {
            lines.push(indent.clone());
        }
        let line = lines.last_mut().unwrap();
        if !line.ends_with(['(', '[', ' ']) {
            line.push(' ');
        }
        line.push_str(part);
        line.push(',');
    }
    lines.join("\n").trim_end_matches(',').to_owned() + end + "\n"
}

fn method(row: &Row, remote: bool) -> String {
    let symbol = format!("roomcast_{}{}", if remote { "remote_" } else { "" }, ffi::name(&row.call));
    let answer = if remote { None } else { answered(row) };
    let (mut before, mut passed) = passed(row);
    passed.insert(0, format!("self._{}", if remote { "remote" } else { "broker" }));
    let result = answer.map_or("None", |(result, ..)| result);
    let given = signature(row);
    let given = if given.is_empty() { "self".to_owned() } else { format!("self, {given}") };
    let head = parted(&format!("    def {}(", name(&row.call)), &given, &format!(") -> {result}:"));
    let says = match remote {
        true => docstring(&format!("As :meth:`Broker.{}`, from any thread.", name(&row.call))),
        false => docstring(&says(row)),
    };
    let mut lines = String::new();
    let mut ends = String::new();
    if let Some((_, place, value)) = answer {
        before.push(format!("found = ffi.new(\"{place}\")"));
        passed.push("found".to_owned());
        if place.ends_with("**") {
            before.push("count = ffi.new(\"size_t *\")".to_owned());
            passed.push("count".to_owned());
        }
        ends = format!("        return {value}\n");
    }
    for line in before {
        lines += &format!("        {line}\n");
    }
    let call = format!("lib.{symbol}(");
    lines += &match row.answer.as_str() {
        "sure(Option<SocketId>)" => {
            parted(&format!("        status = {call}"), &passed.join(", "), ")")
                + "        if status == lib.ROOMCAST_ERROR_NOT_FOUND:\n            return None\n        check(status)\n"
        }
        _ => parted(&format!("        check({call}"), &passed.join(", "), "))"),
    };
    let alone = if remote { "" } else { "    @lending\n" };
    format!("\n{alone}{head}{says}{lines}{ends}")
}

/// `raw/operations.py`.
pub fn operations(rows: &[Row]) -> String {
    let plain = || rows.iter().filter(|row| row.is_plain());
    let broker: String =
        plain().filter(|row| !BY_HAND.contains(&row.call.as_str())).map(|row| method(row, false)).collect();
    let remote: String = plain().filter(|row| row.is_order()).map(|row| method(row, true)).collect();
    format!(
        "{HEAD}
class BrokerOperations:
    \"\"\"What a broker is asked and ordered.\"\"\"

    _broker: Any
{broker}

class RemoteOperations:
    \"\"\"What a broker is ordered from other threads.\"\"\"

    _remote: Any
{remote}"
    )
}

/// `raw/constants.py`: the numbers of the header that a host compares with.
pub fn constants(constants: &[(String, String)]) -> String {
    let kept = ["ROOMCAST_EVENT_", "ROOMCAST_FLAG_", "ROOMCAST_TIMES_", "ROOMCAST_MESSAGE_"];
    let (mut lines, mut names) = (String::new(), Vec::new());
    for (name, says) in constants {
        let Some(prefix) = kept.iter().find(|prefix| name.starts_with(**prefix)) else { continue };
        let short =
            if *prefix == "ROOMCAST_TIMES_" { &name["ROOMCAST_".len()..] } else { &name[prefix.len()..] };
        let says = wrapped(&says.replace('`', "``"), "#:", 132);
        lines += &format!("{says}{short}: Final[int] = lib.{name}\n");
        names.push(format!("\"{short}\""));
    }
    format!(
        "\"\"\"The numbers of roomcast.h that an event has, and the flags of an emit. Made by `make header`: do not edit.\"\"\"\n\nfrom typing import Final\n\n\
         from .._native import lib\n\n{}\n{lines}",
        parted("__all__ = [", &names.join(", "), "]")
    )
}
