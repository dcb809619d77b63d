//! Reads the sources and holds them to the crate's floors: who may use whom, where `unsafe` may stand, and that every
//! file says what it is.

mod circles;
mod documents;
mod lengths;
mod reader;

use reader::{imports, tokens};
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
    ("cluster", &["base", "wire", "host", "engine"]),
    ("broker", &["base", "wire", "route", "out", "host", "engine", "hub", "cluster"]),
    ("net", &["base", "wire", "route", "out", "host", "engine", "hub", "cluster", "broker"]),
    ("admin", &["base", "wire", "host", "hub", "broker", "net"]),
    ("ffi", &["base", "wire", "route", "out", "host", "engine", "hub", "cluster", "broker", "net", "admin"]),
    ("guide", &[]),
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
        for path in imports(&module, &tokens(&text)) {
            let Some(name) = path.first() else { continue };
            if name != floor && !below.contains(name) {
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

/// What has to do with locks, threads, sockets and clocks: the floors below `net` are plain values.
const OF_THE_SYSTEM: [&str; 9] =
    ["Mutex", "RwLock", "Condvar", "parking_lot", "spawn", "mio", "Instant", "SystemTime", "TcpStream"];

#[test]
fn what_drives_the_core_stands_above_it() {
    let core = |file: &Path| FLOORS.iter().take(9).any(|(floor, _)| file.starts_with(floor));
    let mut faults = Vec::new();
    for (file, text) in sources().into_iter().filter(|(file, _)| core(file)) {
        let tokens = tokens(&text);
        let found = OF_THE_SYSTEM.iter().filter(|word| tokens.contains(word));
        faults.extend(found.map(|word| format!("{}: {word}", file.display())));
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn every_file_says_what_it_is() {
    let silent: Vec<_> =
        sources().into_iter().filter(|(_, text)| !text.starts_with("//! ")).map(|(file, _)| file).collect();
    assert!(silent.is_empty(), "no //! line at the top: {silent:?}");
}
