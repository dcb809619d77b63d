//! Reads the sources and holds them to the crate's floors: who may use whom, where `unsafe` may stand, and that every
//! file says what it is.

use std::fs;
use std::path::{Path, PathBuf};

/// Each floor, from the ground up, with what it may use. `wire`, `route`, `out` and `host` stand side by side, with walls between
/// those that are not named.
const FLOORS: &[(&str, &[&str])] = &[
    ("base", &[]),
    ("wire", &["base"]),
    ("route", &["base"]),
    ("out", &["base", "wire"]),
    ("host", &["base", "wire"]),
    ("engine", &["base", "wire", "out", "host"]),
    ("hub", &["base", "wire", "route", "out", "host", "engine"]),
    ("broker", &["base", "wire", "route", "out", "host", "engine", "hub"]),
    ("net", &["base", "wire", "route", "out", "host", "engine", "hub", "broker"]),
    ("ffi", &["base", "wire", "route", "out", "host", "engine", "hub", "broker", "net"]),
    ("router", &["out", "route"]),
    ("service", &["engine", "net"]),
];

fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// Every source file, with its path under `src` and its text.
fn sources() -> Vec<(PathBuf, String)> {
    fn walk(dir: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(&src(), &mut found);
    found.sort();
    assert!(found.len() > 20, "the sources are elsewhere");
    found
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(&path).unwrap();
            (path.strip_prefix(src()).unwrap().to_owned(), text)
        })
        .collect()
}

/// The module a file holds: `broker/core.rs` is `["broker", "core"]`, `broker/mod.rs` and `lib.rs` one step less.
fn module_of(file: &Path) -> Vec<String> {
    let mut path: Vec<String> =
        file.with_extension("").iter().map(|part| part.to_str().unwrap().to_owned()).collect();
    if matches!(path.last().map(String::as_str), Some("mod" | "lib")) {
        path.pop();
    }
    path
}

/// Words, `::` and single characters of Rust code, without comments and without what stands in quotes.
fn tokens(code: &str) -> Vec<&str> {
    let bytes = code.as_bytes();
    let word = |at: usize| bytes.get(at).is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    let from = |at: usize, end: &str| code[at..].find(end).map_or(code.len(), |found| at + found + end.len());
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &code[at..];
        let start = at;
        if rest.starts_with("//") {
            at = from(at, "\n");
        } else if rest.starts_with("/*") {
            at = from(at, "*/");
        } else if rest.starts_with("r\"") || rest.starts_with("r#") || rest.starts_with("br") {
            let quote = rest.find('"').unwrap_or(usize::MAX);
            let prefix = rest.get(..quote).unwrap_or("");
            let hashes = prefix.trim_start_matches('b').strip_prefix('r').unwrap_or("-");
            if hashes.bytes().all(|byte| byte == b'#') {
                at = from(at + quote + 1, &format!("\"{hashes}"));
            } else {
                at += 1;
                while word(at) {
                    at += 1;
                }
                tokens.push(&code[start..at]);
            }
        } else if rest.starts_with('"') {
            at += 1;
            while bytes.get(at).is_some_and(|&byte| byte != b'"') {
                at += if bytes[at] == b'\\' { 2 } else { 1 };
            }
            at += 1;
        } else if rest.starts_with("'\\") {
            at = from(at + 3, "'");
        } else if rest.starts_with('\'') && rest.chars().nth(2) == Some('\'') {
            at += rest.chars().take(3).map(char::len_utf8).sum::<usize>();
        } else if word(at) {
            while word(at) {
                at += 1;
            }
            tokens.push(&code[start..at]);
        } else {
            at += if rest.starts_with("::") { 2 } else { rest.chars().next().map_or(1, char::len_utf8) };
            if !code[start..at].trim().is_empty() {
                tokens.push(&code[start..at]);
            }
        }
    }
    tokens
}

/// The names right under the crate's root that a module's code reaches for, by `crate::` or by enough `super::`.
fn names_under_root(module: &[String], tokens: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    // The inline modules around the current place, by the depth of the braces they opened in.
    let (mut depth, mut inline) = (0, Vec::new());
    let mut at = 0;
    while at < tokens.len() {
        match tokens[at..] {
            ["mod", _, "{", ..] => {
                inline.push(depth);
                depth += 1;
                at += 2;
            }
            ["{", ..] => depth += 1,
            ["}", ..] => {
                depth -= 1;
                inline.pop_if(|opened| *opened == depth);
            }
            ["crate", "::", ..] => first_names(&tokens[at + 2..], &mut found),
            ["super", "::", ..] if at == 0 || tokens[at - 1] != "::" => {
                let mut above = 0;
                while tokens[at..].starts_with(&["super", "::"]) {
                    above += 1;
                    at += 2;
                }
                if above >= module.len() + inline.len() {
                    first_names(&tokens[at..], &mut found);
                }
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    found
}

/// The first word of a path, or of each path in a `{}` group.
fn first_names(tokens: &[&str], found: &mut Vec<String>) {
    let Some((&first, rest)) = tokens.split_first() else { return };
    if first != "{" {
        found.push(first.to_owned());
        return;
    }
    let (mut depth, mut begins) = (0, true);
    for &token in rest {
        match token {
            "{" => depth += 1,
            "}" if depth == 0 => return,
            "}" => depth -= 1,
            "," if depth == 0 => begins = true,
            _ if begins => {
                found.push(token.to_owned());
                begins = false;
            }
            _ => {}
        }
    }
}

#[test]
fn no_module_reaches_up_or_through_a_wall() {
    let mut faults = Vec::new();
    for (file, text) in sources() {
        let module = module_of(&file);
        let Some(floor) = module.first() else { continue };
        let Some((_, below)) = FLOORS.iter().find(|(name, _)| name == floor) else {
            faults.push(format!("{}: stands on no floor", file.display()));
            continue;
        };
        for name in names_under_root(&module, &tokens(&text)) {
            if name != *floor && !below.contains(&name.as_str()) {
                faults.push(format!("{}: {floor} may not use crate::{name}", file.display()));
            }
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn unsafe_stands_in_its_two_places_only() {
    let files: Vec<_> = sources()
        .into_iter()
        .filter(|(file, text)| !file.starts_with("ffi") && tokens(text).contains(&"unsafe"))
        .map(|(file, _)| file)
        .collect();
    let allowed = files.len() <= 1 && files.iter().all(|file| file.starts_with("net"));
    assert!(allowed, "unsafe outside ffi/ and one file of net/: {files:?}");
}

#[test]
fn every_file_says_what_it_is() {
    let silent: Vec<_> =
        sources().into_iter().filter(|(_, text)| !text.starts_with("//! ")).map(|(file, _)| file).collect();
    assert!(silent.is_empty(), "no //! line at the top: {silent:?}");
}

#[test]
fn the_reader_sees_through_groups_strings_and_supers() {
    let names = |module: &[&str], code| {
        let module: Vec<_> = module.iter().map(|&part| part.to_owned()).collect();
        names_under_root(&module, &tokens(code))
    };
    let group = "use crate::{base::{ids, errors}, net}; // crate::no\n let s = \"crate::no\"; '{'; '\\''; r#\"crate::no\"#";
    assert_eq!(names(&["wire", "ws"], group), ["base", "net"]);
    assert_eq!(names(&["wire", "ws"], "use super::http; use super::super::route::Router;"), ["route"]);
    assert_eq!(
        names(&["wire"], "mod tests { use super::super::net; use super::ws; } use super::broker;"),
        ["net", "broker"]
    );
    assert_eq!(names(&["base"], "fn f<'a>(x: &'a str) { $crate::wire::json::validate(x) }"), ["wire"]);
}
