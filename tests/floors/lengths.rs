//! No file is longer than can be read in one sitting. Those that are have their reason here; one that is not any more has to
//! leave the list.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Lines of a file.
const MOST: usize = 500;
const KINDS: [&str; 11] = ["rs", "c", "h", "cpp", "hpp", "py", "mjs", "cjs", "js", "html", "sh"];
const FOLDERS: [&str; 6] = ["src", "tests", "bindings", "benches", "examples", "fuzz"];
/// What is installed or built, not written.
const OTHERS: [&str; 4] = ["node_modules", "target", "build", "results"];

const LONGER: &[(&str, &str)] = &[
    ("bindings/cpp/roomcast.hpp", "a header that is one file, to be copied"),
    ("examples/arena/arena.c", "an example that is read, and compiled, as one file"),
    ("fuzz/src/core.rs", "to be parted: peers and the host"),
    ("src/broker/operations/table.rs", "each operation with its documentation"),
    ("src/ffi/config.rs", "each field of the configuration with its documentation"),
    ("src/host/events.rs", "each kind of event with its documentation"),
    ("bindings/python/src/roomcast/raw/operations.py", "made from the table of operations"),
    ("src/ffi/operations.rs", "made from the table of operations"),
    ("src/ffi/router.rs", "a function of C for each call of the router"),
    ("src/wire/http/tests.rs", "a table of requests"),
    ("src/wire/ws/tests.rs", "a table of frames"),
    ("tests/c/abi/v1/roomcast.h", "the header as it was released"),
    ("tests/c/abi.c", "where each field lies"),
    ("tests/c/talk.c", "one host and one client, in the order of their talk"),
    ("tests/c/null.c", "a call for each function"),
    ("tests/interop/host.rs", "the twin of reference/host.js"),
    ("tests/interop/raw/session.mjs", "a table of cases"),
    ("tests/interop/scenarios/table.mjs", "a table of scenarios"),
    ("tests/world/limits.rs", "a test for each limit"),
    ("tests/world/storm.rs", "to be parted: the clients and the model"),
];

fn walk(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("a folder of the tree") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_symlink() || name.starts_with('.') || OTHERS.contains(&&*name) {
            continue;
        }
        if path.is_dir() {
            walk(&path, found);
        } else if path.extension().is_some_and(|kind| KINDS.iter().any(|known| kind == *known)) {
            let text = fs::read_to_string(&path).expect("a text");
            if text.lines().count() > MOST {
                let path = path.strip_prefix(env!("CARGO_MANIFEST_DIR")).expect("a path of the tree");
                let words: Vec<_> = path.iter().map(|word| word.to_string_lossy()).collect();
                found.insert(words.join("/"));
            }
        }
    }
}

#[test]
fn no_file_is_longer_than_can_be_read_in_one_sitting() {
    let mut found = BTreeSet::new();
    for folder in FOLDERS {
        walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut found);
    }
    let known: BTreeSet<String> = LONGER.iter().map(|(file, _)| (*file).to_owned()).collect();
    let new: Vec<_> = found.difference(&known).collect();
    assert!(new.is_empty(), "more than {MOST} lines: {new:?}");
    let gone: Vec<_> = known.difference(&found).collect();
    assert!(gone.is_empty(), "not longer than {MOST} lines any more, take them out of the list: {gone:?}");
}
