//! Circles of imports inside a folder of `src`: what cannot be read, or moved, without each other. Those that are there are
//! listed with their reason; a new one fails, and one that is gone has to leave the list.

use super::reader::{imports, tokens, tree};
use super::{module_of, sources};
use std::collections::{BTreeMap, BTreeSet};

/// The files and folders that stand in a circle, by the folder they are in.
const KNOWN: &[(&str, &[&str], &str)] = &[
    (
        "ffi",
        &[
            "admin", "broker", "config", "events", "frozen", "given", "log", "operate", "pack", "query",
            "remote", "router",
        ],
        "who checks a handle or a struct knows all of them, and each of them is checked",
    ),
    (
        "net",
        &["others", "queues", "remote", "shard", "threads"],
        "a shard reads its inbox, which carries orders to shards",
    ),
    ("route", &["router", "select"], "the router resolves a selection, which names the router's members"),
];

type Graph = BTreeMap<String, BTreeSet<String>>;

/// Who reaches for whom among the files and folders of each folder. A name that a `mod.rs` hands on is that of the file it is
/// from; what a `mod.rs` has of its own, and tests, are left out.
fn graphs() -> BTreeMap<String, Graph> {
    let files: Vec<_> = sources()
        .into_iter()
        .map(|(file, text)| (module_of(&file), text, file))
        .filter(|(module, ..)| module.iter().all(|name| name != "tests"))
        .collect();
    let modules: BTreeSet<Vec<&str>> = files.iter().map(|(module, ..)| words(module)).collect();
    // What a mod.rs hands on: the name as others see it, and where it is from.
    let mut handed_on = BTreeMap::new();
    for (module, text, _) in files.iter().filter(|(.., file)| file.ends_with("mod.rs")) {
        let code = tokens(text);
        for at in (0..code.len()).filter(|&at| code[at] == "use") {
            let mut paths = Vec::new();
            tree(&mut words(module), &code[at + 1..], &mut paths);
            for path in paths {
                if let [.., name] = path[..]
                    && path.len() > module.len() + 1
                {
                    handed_on.insert([&words(module)[..], &[name]].concat(), path[module.len()]);
                }
            }
        }
    }
    let mut graphs: BTreeMap<String, Graph> = BTreeMap::new();
    for (module, text, _) in &files {
        let code = tokens(text);
        let code = code
            .windows(3)
            .position(|code| code == ["mod", "tests", "{"])
            .map_or(&code[..], |end| &code[..end]);
        for path in imports(module, code) {
            // In each folder that both are in.
            for depth in (1..module.len())
                .filter(|&depth| path.len() > depth && path[..depth] == words(module)[..depth])
            {
                let child = [&path[..depth], &[path[depth]]].concat();
                let to = if modules.contains(&child) {
                    path[depth]
                } else {
                    handed_on.get(&child).copied().unwrap_or("")
                };
                if !to.is_empty() && to != module[depth] {
                    let graph = graphs.entry(module[..depth].join("/")).or_default();
                    graph.entry(module[depth].clone()).or_default().insert(to.to_owned());
                }
            }
        }
    }
    graphs
}

fn words(module: &[String]) -> Vec<&str> {
    module.iter().map(String::as_str).collect()
}

/// Whether somebody comes back to where he began.
fn in_a_circle(graph: &Graph, start: &str) -> bool {
    let (mut seen, mut open) = (BTreeSet::new(), vec![start]);
    while let Some(at) = open.pop() {
        for next in graph.get(at).into_iter().flatten() {
            if next == start {
                return true;
            }
            if seen.insert(next) {
                open.push(next);
            }
        }
    }
    false
}

#[test]
fn nothing_reaches_in_a_circle_inside_a_folder() {
    let graphs = graphs();
    let found: BTreeSet<(&str, &str)> = graphs
        .iter()
        .flat_map(|(folder, graph)| {
            graph.keys().filter(|at| in_a_circle(graph, at)).map(move |at| (folder.as_str(), at.as_str()))
        })
        .collect();
    let known: BTreeSet<(&str, &str)> =
        KNOWN.iter().flat_map(|(folder, files, _)| files.iter().map(move |file| (*folder, *file))).collect();
    let new: Vec<_> = found.difference(&known).collect();
    assert!(new.is_empty(), "these stand in a circle of imports: {new:?}\n{graphs:#?}");
    let gone: Vec<_> = known.difference(&found).collect();
    assert!(gone.is_empty(), "no circle any more, take them out of the list: {gone:?}");
}

#[test]
fn a_circle_is_seen_and_a_tree_is_none() {
    let graph: Graph = [("a", "b"), ("b", "c"), ("c", "a"), ("d", "a")]
        .map(|(from, to)| (from.to_owned(), BTreeSet::from([to.to_owned()])))
        .into();
    assert!(in_a_circle(&graph, "a") && in_a_circle(&graph, "c") && !in_a_circle(&graph, "d"));
}
