//! `include/roomcast.h` is what `src/ffi` says, says enough, and `include/roomcast.symbols` lists what it declares.
//! It must not build the library: `tests/c/run.sh` looks at what that exports.

mod cpp;
mod ffi;
mod limits;
mod python;
mod shelves;
mod table;

use roomcast::{Error, Reason};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use table::shouted;

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

fn header() -> String {
    fs::read_to_string(root().join("include/roomcast.h")).unwrap()
}

/// The header as the first release has it: a program compiled against it runs with every later library of this version.
/// Until that release it follows the header; then this becomes true, for good.
const RELEASED: bool = false;

/// What the copy of that header says of itself.
const FROZEN: &str = "/* The header of version 0.1.0, against which tests/c/abi/v1/program.c is compiled. Until 0.1.0 is out `make header` writes it \
anew;\n * from then on (RELEASED in tests/header/header.rs) it never changes. */\n";

/// A file that is made is as committed; with `ROOMCAST_WRITE_HEADER` in the environment (`make header`) it is written.
fn is_committed(path: &str, made: &str) {
    let path = root().join(path);
    if std::env::var_os("ROOMCAST_WRITE_HEADER").is_some() {
        fs::write(&path, made).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    let differs = committed.lines().zip(made.lines()).find(|(old, new)| old != new);
    assert!(committed == made, "{} is old, run `make header`: {differs:?}", path.display());
}

/// What rustfmt makes of a file.
fn formatted(source: &str) -> String {
    let mut rustfmt = Command::new("rustfmt");
    rustfmt
        .args(["--edition", "2024", "--config-path"])
        .arg(root())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut running = rustfmt.spawn().expect("rustfmt, which comes with Rust");
    running.stdin.take().unwrap().write_all(source.as_bytes()).unwrap();
    let ended = running.wait_with_output().unwrap();
    assert!(ended.status.success(), "rustfmt cannot read what was made");
    String::from_utf8(ended.stdout).unwrap()
}

/// Where the fields of a struct lie is a promise, which somebody has to hold the library to.
#[test]
fn each_struct_has_its_layout_in_the_test_of_the_binary_interface() {
    let (header, test) = (header(), fs::read_to_string(root().join("tests/c/abi.c")).unwrap());
    let structs: Vec<&str> =
        header.lines().filter_map(|line| line.strip_prefix("typedef struct ")?.strip_suffix(" {")).collect();
    assert!(structs.len() > 10, "{structs:?}");
    for name in structs {
        let body = header.split_once(&format!("typedef struct {name} {{")).unwrap().1;
        let body = body.split_once(&format!("}} {name};")).unwrap().0;
        let fields =
            body.lines().filter_map(|line| line.trim().strip_suffix(';')?.split([' ', '*']).next_back());
        // The first lies at the beginning in any case.
        let fields = fields.skip(1).map(|field| format!("LAYOUT({name}, {field}, "));
        for wanted in std::iter::once(format!("SIZE({name}, ")).chain(fields) {
            assert!(test.contains(&wanted), "tests/c/abi.c has no {wanted}…)");
        }
    }
}

#[test]
fn what_is_made_is_committed() {
    let rows = table::rows(root());
    let source = |path: &str| fs::read_to_string(root().join(path)).unwrap();
    let config = limits::config(&source("src/ffi/config.rs"));
    is_committed("src/ffi/config.rs", &config);
    is_committed("src/ffi/message.rs", &limits::options(&source("src/ffi/message.rs")));
    if !RELEASED {
        is_committed("src/ffi/frozen.rs", &limits::frozen(&source("src/ffi/frozen.rs"), &config));
    }
    is_committed("src/ffi/operations.rs", &formatted(&ffi::made(&rows)));
    let header = of_cbindgen(&rows);
    let constants = described(&header);
    is_committed("bindings/python/src/roomcast/raw/operations.py", &python::operations(&rows));
    is_committed("bindings/python/src/roomcast/raw/constants.py", &python::constants(&constants));
    let header = fs::read_to_string(root().join("bindings/cpp/roomcast.hpp")).unwrap();
    is_committed("bindings/cpp/roomcast.hpp", &cpp::made(&rows, &constants, &header));
}

/// Every constant of the header with the first paragraph of its comment, in their order.
fn described(header: &str) -> Vec<(String, String)> {
    let numbers = items(header).filter_map(|(comment, code)| {
        let (name, _) = code.strip_prefix("#define ")?.split_once(' ')?;
        let words = comment.split("\n *\n").next().unwrap().replace("\n *", " ");
        Some((name.to_owned(), words.split_whitespace().collect::<Vec<_>>().join(" ")))
    });
    numbers.collect()
}

/// The header that cbindgen makes of the sources.
fn of_cbindgen(rows: &[table::Row]) -> String {
    let config = cbindgen::Config::from_file(root().join("cbindgen.toml")).unwrap();
    let mut made = Vec::new();
    cbindgen::generate_with_config(root(), config).unwrap().write(&mut made);
    let made = with_helpers(&shelves::shelved(&String::from_utf8(made).unwrap(), rows));
    let symbols: String = functions(&made).into_keys().map(|name| name + "\n").collect();
    let frozen = format!("{FROZEN}{made}");
    is_committed("include/roomcast.h", &made);
    is_committed("include/roomcast.symbols", &symbols);
    if !RELEASED {
        is_committed("tests/c/abi/v1/roomcast.h", &frozen);
    }
    made
}

const HELPERS: &str = "/*\n * ---- Helpers ----\n";

/// The header with `helpers.h` at its end, and in that an initialiser for each struct that has a size.
fn with_helpers(made: &str) -> String {
    let mut initialisers = Vec::new();
    for (name, fields) in structs(made) {
        // Some of the configuration's defaults are not 0.
        if fields[0].1 != "struct_size" || name == "roomcast_config" {
            continue;
        }
        let values = fields[1..].iter().map(|(field, _)| match field {
            _ if field.contains('*') => "NULL",
            _ if field.starts_with("struct ") => "{NULL, 0}",
            _ => "0",
        });
        let values = values.map(|value| format!(", {value}")).collect::<String>();
        initialisers.push(format!("#define {}_INIT {{sizeof({name}){values}}}", name.to_uppercase()));
    }
    let helpers = fs::read_to_string(root().join("tests/header/helpers.h")).unwrap();
    let helpers = helpers.replace("@initialisers@", &initialisers.join("\n"));
    assert!(helpers.starts_with(HELPERS));
    let (most, end) = made.rsplit_once("#endif").unwrap();
    format!("{most}{helpers}\n#endif{end}")
}

/// The header without its helpers.
fn interface() -> String {
    header().split_once(HELPERS).unwrap().0.to_owned()
}

/// What `src/ffi/frozen.rs` says is the last field of a struct in version 1 is the last one in the frozen header; what
/// comes after it in today's was appended.
#[test]
fn the_structs_are_frozen_at_their_last_fields() {
    let frozen = fs::read_to_string(root().join("tests/c/abi/v1/roomcast.h")).unwrap();
    let source = fs::read_to_string(root().join("src/ffi/frozen.rs")).unwrap();
    let table = source.split_once("\nfrozen! {\n").unwrap().1.split_once("\n}").unwrap().0;
    let mut sized = structs(&frozen);
    let today = structs(&header());
    for line in table.lines() {
        let (name, rest) = line.trim().split_once('.').unwrap();
        let (last, _) = rest.split_once(':').unwrap();
        let fields = sized.remove(name).unwrap_or_else(|| panic!("no struct {name}"));
        assert_eq!(
            fields.last().map(|field| field.1.as_str()),
            Some(last),
            "{name}: its last field in src/ffi/frozen.rs"
        );
        assert!(today[name].starts_with(&fields), "{name}: only appended to");
    }
    for (name, fields) in sized {
        assert_ne!(fields[0].1, "struct_size", "{name} is to stand in src/ffi/frozen.rs");
        assert_eq!(today[&name], fields, "{name} has no size and never changes");
    }
}

/// Numbers are never given another meaning.
#[test]
fn the_numbers_are_those_of_the_frozen_header() {
    let frozen = fs::read_to_string(root().join("tests/c/abi/v1/roomcast.h")).unwrap();
    let today = header();
    let today = constants(&today);
    for (name, value) in constants(&frozen) {
        assert_eq!(today.get(name), Some(&value), "{name}");
    }
}

/// The structs of a header with their fields: type and name.
fn structs(header: &str) -> BTreeMap<String, Vec<(String, String)>> {
    let mut found = BTreeMap::new();
    for (start, _) in header.match_indices("typedef struct roomcast_") {
        let (head, rest) = header[start..].split_once('\n').unwrap();
        let Some(name) = head.strip_prefix("typedef struct ").and_then(|name| name.strip_suffix(" {")) else {
            continue;
        };
        let (body, _) = rest.split_once("\n}").unwrap();
        let fields = body.lines().map(str::trim).filter(|line| line.ends_with(';') && !line.starts_with('*'));
        let fields = fields.map(|field| {
            // A pointer to a function has its name in front of its arguments.
            let name = match field.split_once("(*") {
                Some((_, name)) => name.split_once(')').unwrap().0,
                None => field.trim_end_matches(';').rsplit([' ', '*']).next().unwrap(),
            };
            (field.to_owned(), name.to_owned())
        });
        found.insert(name.to_owned(), fields.collect());
    }
    found
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

#[test]
fn every_error_has_its_number() {
    let header = header();
    let mut codes = constants(&header);
    codes.retain(|name, _| name.starts_with("ROOMCAST_ERROR_"));
    for error in Error::ALL {
        let variant = format!("{error:?}");
        let name = format!("ROOMCAST_ERROR_{}", shouted(variant.split('(').next().unwrap()));
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

/// The errors that a function's comment lists, by itself or by naming the function whose errors it shares.
fn listed<'a>(functions: &'a BTreeMap<String, Function>, name: &str, found: &mut BTreeSet<&'a str>) {
    let Some((_, errors)) = functions[name].comment.split_once("\n * Errors: ") else { return };
    let errors = errors.split("\n * Ownership: ").next().unwrap();
    for word in errors.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_') {
        if let Some(error) = word.strip_prefix("ROOMCAST_ERROR_") {
            found.insert(error);
        } else if word != name && functions.contains_key(word) {
            listed(functions, word, found);
        }
    }
}

/// A handle may be 0 or another thing's, a text no text, a flag neither 0 nor 1: who takes one lists what is said of it then.
#[test]
fn every_function_lists_the_errors_of_its_arguments() {
    let functions = functions(&interface());
    let mut silent = Vec::new();
    for (name, Function { declaration, .. }) in &functions {
        let handles = !name.starts_with("roomcast_router_");
        let (_, given) = declaration.trim_end_matches(");").split_once('(').unwrap();
        let mut errors = BTreeSet::new();
        listed(&functions, name, &mut errors);
        for argument in given.split(", ") {
            let wanted: &[&str] = match argument.rsplit_once(' ').unwrap_or_default() {
                ("roomcast_socket" | "roomcast_namespace" | "roomcast_connection", by_value)
                    if handles && !by_value.starts_with('*') =>
                {
                    &["NO_HANDLE", "WRONG_KIND"]
                }
                ("const struct roomcast_target", _) => {
                    &["NO_HANDLE", "WRONG_KIND", "BAD_UTF8", "BAD_SIZE", "BAD_VALUE", "NULL"]
                }
                ("const struct roomcast_message", _) => &["BAD_UTF8", "BAD_SIZE", "BAD_VALUE", "NULL"],
                ("struct roomcast_handshake" | "struct roomcast_histogram", _) => &["BAD_SIZE", "NULL"],
                // A path of the file system is bytes.
                ("const char", "*path") if name == "roomcast_listen_unix" => &[],
                ("const char", _) => &["BAD_UTF8"],
                ("const struct roomcast_slice", "*rooms" | "*leave" | "*join") => &["BAD_UTF8"],
                ("uint32_t", "close" | "guarded" | "remove_when_empty") => &["BAD_VALUE"],
                _ => &[],
            };
            // A text that is a host's own to understand, as that of JSON.
            let missing = wanted.iter().filter(|error| !errors.contains(**error) && !name.contains("_json_"));
            silent.extend(missing.map(|error| format!("{name}: {argument}: {error}")));
        }
    }
    assert_eq!(silent, [] as [String; 0]);
}

/// What a caller has to know: how it fails, who owns what, and which thread may call.
#[test]
fn every_item_is_documented() {
    let header = interface();
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
