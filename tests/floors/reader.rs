//! Reads Rust: words, and the paths by which a file reaches for others. It must not judge them.

/// Words, `::` and single characters of Rust code, without comments and without what stands in quotes.
pub(crate) fn tokens(code: &str) -> Vec<&str> {
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

/// The paths, from the crate's root, that a module's code reaches for by `crate::`, `super::` or a group of them. What a glob
/// brings in is not known here.
pub(crate) fn imports<'a>(module: &'a [String], tokens: &[&'a str]) -> Vec<Vec<&'a str>> {
    let mut found = Vec::new();
    // The inline modules around the current place, each with the depth of the braces it opened in.
    let (mut depth, mut inline) = (0, Vec::new());
    let mut at = 0;
    while at < tokens.len() {
        match tokens[at..] {
            ["mod", name, "{", ..] => {
                inline.push((depth, name));
                depth += 1;
                at += 2;
            }
            ["{", ..] => depth += 1,
            ["}", ..] => {
                depth -= 1;
                inline.pop_if(|(opened, _)| *opened == depth);
            }
            ["crate", "::", ..] => tree(&mut Vec::new(), &tokens[at + 2..], &mut found),
            ["super", "::", ..] if at == 0 || tokens[at - 1] != "::" => {
                let mut path: Vec<&str> = module.iter().map(String::as_str).collect();
                path.extend(inline.iter().map(|(_, name)| name));
                while tokens[at..].starts_with(&["super", "::"]) {
                    path.pop();
                    at += 2;
                }
                tree(&mut path, &tokens[at..], &mut found);
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    found
}

/// A path, or each path of a `{}` group, behind the words of `above`.
pub(crate) fn tree<'a>(above: &mut Vec<&'a str>, tokens: &[&'a str], found: &mut Vec<Vec<&'a str>>) {
    let words = above.len();
    match tokens {
        ["{", rest @ ..] => {
            let (mut depth, mut begins) = (0, true);
            for (at, &token) in rest.iter().enumerate() {
                if depth == 0 && begins && !matches!(token, "}" | ",") {
                    tree(above, &rest[at..], found);
                    begins = false;
                }
                match token {
                    "{" => depth += 1,
                    "}" if depth == 0 => break,
                    "}" => depth -= 1,
                    "," if depth == 0 => begins = true,
                    _ => {}
                }
            }
        }
        [word, "::", rest @ ..] if is_name(word) => {
            above.push(word);
            tree(above, rest, found);
        }
        [word, ..] if is_name(word) => {
            above.push(word);
            found.push(above.clone());
        }
        // A glob, or the arguments of a generic.
        _ => found.push(above.clone()),
    }
    above.truncate(words);
}

fn is_name(word: &str) -> bool {
    word.starts_with(|first: char| first.is_alphabetic() || first == '_')
}

#[test]
fn the_reader_sees_through_groups_strings_and_supers() {
    let paths = |module: &[&str], code| {
        let module: Vec<_> = module.iter().map(|&part| part.to_owned()).collect();
        let code = tokens(code);
        imports(&module, &code).iter().map(|path| path.join("::")).collect::<Vec<_>>()
    };
    let group = "use crate::{base::{ids, errors}, net}; // crate::no\n let s = \"crate::no\"; '{'; '\\''; r#\"crate::no\"#";
    assert_eq!(paths(&["wire", "ws"], group), ["base::ids", "base::errors", "net"]);
    assert_eq!(
        paths(&["wire", "ws"], "use super::http; use super::super::route::Router;"),
        ["wire::http", "route::Router"]
    );
    assert_eq!(
        paths(&["wire"], "mod tests { use super::super::net; use super::ws; } use super::broker;"),
        ["net", "wire::ws", "broker"]
    );
    assert_eq!(
        paths(&["base"], "fn f<'a>(x: &'a str) { $crate::wire::json::validate(x); super::x::Y::<u8>::z() }"),
        ["wire::json::validate", "x::Y"]
    );
    assert_eq!(paths(&["wire", "ws"], "use super::{self as up, http::*};"), ["wire::self", "wire::http"]);
}
