//! What C has of tables in Rust: the options of a message, and the limits among the fields of the configuration: one that has no field yet gets its own behind all others, the only place where a
//! struct may grow. It must not change a field that is there.

use crate::table::wrapped;
use roomcast::{Limits, Message};

const CONFIG: &str = "\npub struct roomcast_config {\n";

/// `src/ffi/config.rs` with a field for each limit.
pub fn config(source: &str) -> String {
    let (before, rest) = source.split_once(CONFIG).unwrap();
    let (fields, after) = rest.split_once("\n}\n").unwrap();
    let has = |name: &str| fields.contains(&format!("    pub {name}: u64,"));
    let missing = Limits::TABLE.iter().filter(|(name, ..)| !has(name)).map(|(name, default, says)| {
        let says = format!("{} {} by default.", says.trim().replace('`', ""), grouped(*default));
        format!("\n{}    pub {name}: u64,", wrapped(&says, "    ///", 130))
    });
    let missing: String = missing.collect();
    format!("{before}{CONFIG}{fields}{missing}\n}}\n{after}")
}

/// `src/ffi/message.rs` with a constant for each option of a message.
pub fn options(source: &str) -> String {
    const OPEN: &str = "// ---- made of the options of a message: make header ----\n";
    let (before, rest) = source.split_once(OPEN).unwrap();
    let (_, after) = rest.split_once("// ---- made until here ----\n").unwrap();
    let made = Message::OPTIONS.iter().map(|(name, bit, says)| {
        let says = wrapped(says.trim(), "///", 130);
        format!("{says}pub const ROOMCAST_MESSAGE_{}: u64 = {bit};\n", name.to_uppercase())
    });
    format!("{before}{OPEN}{}// ---- made until here ----\n{after}", made.collect::<String>())
}

/// A number as the documentation has it: 16,384.
fn grouped(number: u64) -> String {
    match number {
        0..1_000 => number.to_string(),
        _ => format!("{},{:03}", grouped(number / 1_000), number % 1_000),
    }
}

/// `src/ffi/frozen.rs` with the last field of that as the one that the configuration ends with: until it is frozen.
pub fn frozen(source: &str, config: &str) -> String {
    let (_, rest) = config.split_once(CONFIG).unwrap();
    let (fields, _) = rest.split_once("\n}\n").unwrap();
    let last = fields.rsplit("    pub ").next().unwrap().trim_end_matches(',');
    let (before, rest) = source.split_once("    roomcast_config.").unwrap();
    let (_, after) = rest.split_once(" = defaults();").unwrap();
    format!("{before}    roomcast_config.{last} = defaults();{after}")
}
