//! Documents name tests and modules by their paths: each of these is there. It must not judge what they say.

use std::fs;
use std::path::{Path, PathBuf};

/// The documents that say which test shows what.
const DOCUMENTS: [&str; 2] = ["docs/ROBUSTNESS.md", "docs/PROTOCOL.md"];
/// The first words of paths that are not ours.
const OTHERS: [&str; 3] = ["clippy", "std", "tokio"];

/// What stands between backticks and looks like a path, as its words: `world: ends::*` and `wire::ws::tests` are.
fn paths(text: &str) -> Vec<Vec<&str>> {
    let quoted = text.split('`').skip(1).step_by(2);
    let word = |word: &str| {
        !word.is_empty()
            && word
                .chars()
                .all(|c| c == '_' || c == '*' || c == '…' || c.is_ascii_lowercase() || c.is_ascii_digit())
    };
    quoted
        .filter(|quoted| quoted.contains("::"))
        .map(|quoted| quoted.split("::").flat_map(|part| part.split(": ")).collect::<Vec<_>>())
        .filter(|words| words.iter().all(|part| word(part)) && !OTHERS.contains(&words[0]))
        .collect()
}

fn sources() -> Vec<PathBuf> {
    let (mut found, mut folders) = (Vec::new(), ["src", "tests"].map(PathBuf::from).to_vec());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of the tree") {
            let path = entry.expect("an entry").path();
            if path.is_dir() && path.file_name().is_some_and(|name| name != "node_modules") {
                folders.push(path);
            } else if path.extension().is_some_and(|kind| kind == "rs") {
                found.push(path);
            }
        }
    }
    found
}

/// Whether a file is the module that ends in these words, or is in it.
fn is_in(file: &Path, module: &[&str]) -> bool {
    let file = file.with_extension("");
    let words: Vec<_> = file.iter().map(|word| word.to_string_lossy()).collect();
    words.windows(module.len()).any(|window| window.iter().zip(module).all(|(is, due)| is == due))
}

#[test]
fn documents_name_tests_and_modules_that_are_there() {
    let sources = sources();
    let mut missing = Vec::new();
    for document in DOCUMENTS {
        let text = fs::read_to_string(document).expect("a document");
        for words in paths(&text) {
            let (last, module) = words.split_last().expect("two words");
            let start = last.trim_end_matches(['*', '…']);
            let module: Vec<&str> = module.iter().copied().filter(|word| *word != "tests").collect();
            let is_there = sources.iter().filter(|file| is_in(file, &module)).any(|file| {
                let text = fs::read_to_string(file).expect("a source");
                text.contains(&format!("fn {start}"))
                    || text.contains(&format!("mod {start}"))
                    || file.file_stem().is_some_and(|name| name == start)
            });
            if !is_there {
                missing.push(format!("{document}: {}", words.join("::")));
            }
        }
    }
    assert!(missing.is_empty(), "\n{}", missing.join("\n"));
}

#[test]
fn a_path_is_seen_between_backticks() {
    let text = "see `world: ends::every_order_…`, `wire::ws::tests`, `a` or `std::string`, and `Target::all`";
    assert_eq!(paths(text), [vec!["world", "ends", "every_order_…"], vec!["wire", "ws", "tests"]]);
}
