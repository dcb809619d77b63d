//! The table of operations as it stands in `src/broker/operations/table.rs`, for what is made from it. It must not know a language.

use std::fs;
use std::path::Path;

/// A row.
pub struct Row {
    /// The heading under which it stands.
    pub section: String,
    /// Its documentation up to the examples and the errors, in paragraphs.
    pub says: Vec<String>,
    /// What stands under `# Errors`; empty where nothing does.
    pub errors: String,
    pub mode: String,
    pub call: String,
    pub arguments: Vec<Argument>,
    /// The shape of the answer, such as `result(bool)`.
    pub answer: String,
    /// What is found out before the operation is sent anywhere; empty where nothing is.
    pub check: String,
}

pub struct Argument {
    pub name: String,
    pub kind: String,
}

impl Row {
    pub fn is_order(&self) -> bool {
        self.mode == "order"
    }

    /// Whether it changes something and answers how many things.
    pub fn counts(&self) -> bool {
        self.mode == "call" && self.answer == "result(usize)"
    }

    pub fn has(&self, kind: &str) -> bool {
        self.arguments.iter().any(|argument| argument.kind == kind)
    }

    /// Whether a number may be left out, as something before it may be: 0 says nothing then.
    pub fn is_late(&self, number: &Argument) -> bool {
        let before = self.arguments.iter().take_while(|other| other.name != number.name);
        number.kind == "Number"
            && before
                .into_iter()
                .any(|other| ["Args", "Blobs", "MaybeText", "Target"].contains(&&*other.kind))
    }

    /// Whether a text is the last thing that a call is told, which has nothing to say to it.
    pub fn may_be_left_out(&self, argument: &Argument) -> bool {
        let last = self.arguments.last().is_some_and(|last| last.name == argument.name);
        last && argument.kind == "Text"
            && ["message", "reason"].contains(&argument.name.as_str())
            && self.mode == "order"
            && !self.call.starts_with("send")
    }

    /// Whether it follows the pattern: what it is given and answers has one form in each language.
    pub fn is_plain(&self) -> bool {
        // A figure among the statistics of C.
        let by_hand = ["is_draining"].contains(&self.call.as_str());
        !by_hand
            && self.arguments.iter().all(|argument| KINDS.contains(&argument.kind.as_str()))
            && ANSWERS.contains(&self.answer.as_str())
    }
}

const KINDS: [&str; 15] = [
    "AckNumber",
    "Args",
    "Blobs",
    "Bytes",
    "Conn",
    "Flag",
    "MaybeText",
    "Namespace",
    "Number",
    "Pace",
    "Socket",
    "Status",
    "Target",
    "Text",
    "Texts",
];

const ANSWERS: [&str; 12] = [
    "done",
    "each(SocketId)",
    "result(bool)",
    "result(ConnId)",
    "result(NamespaceId)",
    "result(u64)",
    "result(usize)",
    "result(Vec<u8>)",
    "sure(())",
    "sure(Option<SocketId>)",
    "text",
    "texts",
];

/// All rows, in their order.
pub fn rows(root: &Path) -> Vec<Row> {
    let source = fs::read_to_string(root.join("src/broker/operations/table.rs")).unwrap();
    let (_, table) = source.split_once("($then:ident) => { $then! {").unwrap();
    let (mut docs, mut rows, mut section) = (Vec::new(), Vec::new(), "");
    for line in table.lines().map(str::trim) {
        if let Some(doc) = line.strip_prefix("///") {
            docs.push(doc.strip_prefix(' ').unwrap_or(doc));
        } else if let Some(heading) = line.strip_prefix("\"# ") {
            section = heading.trim_end_matches('"');
        } else if line.ends_with(';') && !docs.is_empty() {
            rows.push(row(section, line, &docs));
            docs.clear();
        }
    }
    assert!(rows.len() > 40, "the table is written otherwise");
    rows
}

/// `Type: mode owner.call(argument: Kind, …) -> answer, to(whom), checked by check(…);`
fn row(section: &str, line: &str, docs: &[&str]) -> Row {
    let (_, rest) = line.split_once(": ").unwrap();
    let (mode, rest) = rest.split_once(' ').unwrap();
    let (head, rest) = rest.split_once(") -> ").unwrap();
    let (owned, given) = head.split_once('(').unwrap();
    let (answer, rest) = rest.split_once(", to(").unwrap();
    let check = rest.split_once("checked by ").and_then(|(_, check)| check.split_once('('));
    let arguments = given.split(", ").filter_map(|argument| argument.split_once(": "));
    let arguments =
        arguments.map(|(name, kind)| Argument { name: name.to_owned(), kind: kind.to_owned() }).collect();
    let (says, errors) = docs.split_at(docs.iter().position(|doc| *doc == "# Errors").unwrap_or(docs.len()));
    let mut in_code = false;
    let words: Vec<&str> = says
        .iter()
        .copied()
        .filter(|doc| {
            let fence = doc.starts_with("```");
            in_code ^= fence;
            !fence && !in_code
        })
        .collect();
    let paragraphs = words.split(|doc| doc.is_empty()).filter(|lines| !lines.is_empty());
    Row {
        section: section.to_owned(),
        says: paragraphs.map(|lines| lines.join(" ")).collect(),
        errors: errors.iter().skip(1).copied().collect::<Vec<_>>().join(" "),
        mode: mode.to_owned(),
        call: owned.split_once('.').unwrap().1.to_owned(),
        arguments,
        answer: answer.to_owned(),
        check: check.map(|(check, _)| check.to_owned()).unwrap_or_default(),
    }
}

/// What a language calls the things that the documentation of the table speaks of.
pub struct Words {
    /// Of an error, by its variant.
    pub error: fn(&str) -> String,
    /// Of a reason, by its variant.
    pub reason: fn(&str) -> String,
    /// Of an event, by its variant.
    pub event: fn(&str) -> String,
    /// Of a call.
    pub call: fn(&str) -> String,
}

/// The table's words in another language.
pub fn translated(text: &str, words: &Words) -> String {
    let mut made = String::new();
    let mut rest = text;
    while let Some((before, link)) = rest.split_once("[`") {
        let (_, behind) = link.split_once("`](").unwrap();
        let (path, after) = behind.split_once(')').unwrap();
        let last = path.rsplit("::").next().unwrap();
        let said = match path.rsplit("::").nth(1) {
            Some("Error") => (words.error)(last),
            Some("Event") => (words.event)(last),
            Some("Reason") => (words.reason)(last),
            Some("Self" | "Core") => (words.call)(last),
            // A field of the configuration or a limit.
            _ => last.to_owned(),
        };
        let before = match before.strip_suffix("an ") {
            Some(start) if !said.starts_with(['A', 'E', 'I', 'O', 'a', 'e', 'i', 'o']) => {
                format!("{start}a ")
            }
            _ => before.to_owned(),
        };
        made += &before;
        made += &said;
        rest = after;
    }
    made += rest;
    // The name of a limit, or of a field of the configuration, stands for itself.
    let mut plain = String::new();
    for (at, part) in made.split('`').enumerate() {
        let field = part.strip_prefix("Limits::").or_else(|| part.strip_prefix("Config::"));
        match field {
            Some(field) if at % 2 == 1 => plain.push_str(field),
            _ if at % 2 == 1 => plain += &format!("`{part}`"),
            _ => plain.push_str(part),
        }
    }
    plain
}

/// The sentences of a text that say what the call returns, and the others.
pub fn returns(text: &str) -> (String, String) {
    let (said, others): (Vec<&str>, Vec<&str>) =
        text.split_inclusive(". ").map(str::trim_end).partition(|sentence| sentence.starts_with("Returns "));
    (said.join(" "), others.join(" "))
}

/// `WrongKind` as C spells it, `WRONG_KIND`.
pub fn shouted(name: &str) -> String {
    let mut shouted = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !shouted.is_empty() {
            shouted.push('_');
        }
        shouted.extend(letter.to_uppercase());
    }
    shouted
}

/// A text in lines that begin with `start` and have at most `width` characters.
pub fn wrapped(text: &str, start: &str, width: usize) -> String {
    let mut lines = vec![start.to_owned()];
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let line = lines.last_mut().unwrap();
        if line.chars().count() + 1 + word.chars().count() > width && line.len() > start.len() {
            lines.push(format!("{start} {word}"));
        } else {
            line.push(' ');
            line.push_str(word);
        }
    }
    lines.join("\n") + "\n"
}
