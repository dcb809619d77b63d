//! `include/roomcast.h` is what `src/ffi` says, says enough, and `include/roomcast.symbols` lists what it declares.
//! It must not build the library: `tests/c/run.sh` looks at what that exports.

use roomcast::{Error, Reason};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

fn header() -> String {
    fs::read_to_string(root().join("include/roomcast.h")).unwrap()
}

/// With `ROOMCAST_WRITE_HEADER` in the environment (`make header`) it writes both files instead.
#[test]
fn the_header_is_what_cbindgen_makes_of_the_sources() {
    let config = cbindgen::Config::from_file(root().join("cbindgen.toml")).unwrap();
    let mut made = Vec::new();
    cbindgen::generate_with_config(root(), config).unwrap().write(&mut made);
    let made = String::from_utf8(made).unwrap();
    let symbols: String = functions(&made).into_keys().map(|name| name + "\n").collect();
    let files: [(PathBuf, &str); 2] =
        [(root().join("include/roomcast.h"), &made), (root().join("include/roomcast.symbols"), &symbols)];
    for (path, made) in files {
        if std::env::var_os("ROOMCAST_WRITE_HEADER").is_some() {
            fs::write(&path, made).unwrap();
        }
        let committed = fs::read_to_string(&path).unwrap_or_default();
        let differs = committed.lines().zip(made.lines()).find(|(old, new)| old != new);
        assert!(committed == made, "{} is old, run `make header`: {differs:?}", path.display());
    }
}

struct Function {
    comment: String,
    declaration: String,
}

/// Every function of a header by its name, with its comment.
fn functions(header: &str) -> BTreeMap<String, Function> {
    let mut found = BTreeMap::new();
    for (comment, code) in items(header) {
        let code = code.split_whitespace().collect::<Vec<_>>().join(" ");
        let Some((head, _)) = code.split_once('(') else { continue };
        if !code.ends_with(");") || code.starts_with("typedef") || code.starts_with('#') {
            continue;
        }
        let name = head.rsplit([' ', '*']).next().unwrap().to_owned();
        found.insert(name, Function { comment: comment.to_owned(), declaration: code });
    }
    assert!(found.len() > 60, "the header is written otherwise");
    found
}

/// Comments, and what stands behind each of them up to an empty line or the next comment.
fn items(header: &str) -> impl Iterator<Item = (&str, &str)> {
    header.split("/**").skip(1).map(|item| {
        let (comment, rest) = item.split_once("*/").unwrap();
        (comment, rest.split("\n\n").next().unwrap().trim())
    })
}

/// Every number that the header defines.
fn constants(header: &str) -> BTreeMap<&str, i64> {
    let defines = header.lines().filter_map(|line| line.strip_prefix("#define "));
    defines
        .filter_map(|define| define.split_once(' '))
        .filter_map(|(name, value)| Some((name, value.parse().ok()?)))
        .collect()
}

/// `WrongKind` as the header spells it, `WRONG_KIND`.
fn shouted(name: &str) -> String {
    let mut shouted = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !shouted.is_empty() {
            shouted.push('_');
        }
        shouted.extend(letter.to_uppercase());
    }
    shouted
}

#[test]
fn every_error_has_its_number() {
    let header = header();
    let mut codes = constants(&header);
    codes.retain(|name, _| name.starts_with("ROOMCAST_ERROR_"));
    for error in Error::ALL {
        let name = format!("ROOMCAST_ERROR_{}", shouted(&format!("{error:?}")));
        assert_eq!(codes.remove(name.as_str()), Some(error.code().into()), "{name}");
    }
    assert_eq!(codes, BTreeMap::from([("ROOMCAST_ERROR_SYSTEM", -0x10000)]), "constants without an error");
}

#[test]
fn every_reason_has_its_number() {
    let header = header();
    let mut reasons = constants(&header);
    reasons.retain(|name, _| name.starts_with("ROOMCAST_REASON_"));
    for (at, reason) in Reason::ALL.iter().enumerate() {
        let name = format!("ROOMCAST_REASON_{}", shouted(&format!("{reason:?}")));
        assert_eq!(reasons.remove(name.as_str()), Some(at as i64 + 1), "{name}");
    }
    assert!(reasons.is_empty(), "constants without a reason: {reasons:?}");
}

/// One library among many in a C program: it must not take a name that is not its own.
#[test]
fn every_name_has_the_prefix() {
    let header = header();
    for line in header.lines() {
        if let Some(define) = line.strip_prefix("#define ") {
            assert!(define.starts_with("ROOMCAST_"), "{line}");
        }
        if let Some(name) = line.strip_prefix("} ").and_then(|end| end.strip_suffix(';')) {
            assert!(name.starts_with("roomcast_"), "{line}");
        }
        if line.starts_with("typedef") {
            let last = line.rsplit([' ', '*']).next().unwrap();
            assert!(line.contains("roomcast_"), "{line}: {last}");
        }
    }
    assert!(functions(&header).keys().all(|name| name.starts_with("roomcast_")));
}

/// What a caller has to know: how it fails, who owns what, and which thread may call.
#[test]
fn every_item_is_documented() {
    let header = header();
    for (name, Function { comment, declaration }) in functions(&header) {
        let says = |what: &str| comment.contains(&format!("\n * {what}: "));
        assert!(says("Threads"), "{name}: from which threads?");
        if declaration.starts_with("roomcast_status") {
            assert!(says("Errors"), "{name}: which errors?");
        }
        if declaration.contains('*') {
            assert!(says("Ownership"), "{name}: who owns what it is given and gives?");
        }
    }
    for (at, line) in header.lines().enumerate() {
        let before = || header.lines().nth(at - 1).unwrap();
        let field = line.starts_with("    ")
            && line.ends_with(';')
            && !line.contains(['(', ')'])
            && !line.contains(',');
        let number = line.starts_with("#define ROOMCAST_") && line.split(' ').count() == 3;
        if field || number || line.starts_with("typedef") {
            assert!(before().ends_with("*/"), "without a comment: {line}");
        }
    }
}
