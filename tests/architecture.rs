//! The house stays as it was drawn: imports point down, controls do not know each other, and only the edge speaks to
//! the host. Sources are read as tokens, so that a comment or a string is nobody's import.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test that cannot go on says where"
)]

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use proc_macro2::Delimiter;
use proc_macro2::TokenStream;
use proc_macro2::TokenTree;

/// The modules of the crate, lowest first. One may name those of the lines above its own, and itself.
const LEVELS: &[&[&str]] = &[
    &["bytes", "fault"],
    &["document"],
    &["model"],
    &["refusal", "telemetry"],
    &["control"],
    &["policy"],
    &["engine"],
    &["filter", "cli"],
];

/// What one control may name of another: the proof of who calls, and how bodies are read.
const BETWEEN_CONTROLS: &[(&str, &str)] = &[
    ("access", "tokens::Subject"),
    ("access", "tokens::Subjects"),
    ("limits", "tokens::Subject"),
    ("limits", "tokens::Subjects"),
    ("request", "body"),
    ("response", "body"),
];

/// Where the host may be spoken to.
const HOST_CALLS: &[&str] = &["src/filter/host.rs", "src/filter/mod.rs"];

/// The most lines of a file, and those that have more for a reason.
const MAX_LINES: usize = 400;
const LONGER: &[(&str, &str)] =
    &[("tests/envoy/src/gate.rs", "one builder: each of its switches is a method of three lines")];

/// A token of a source, and whether it stands in code that is compiled for tests alone.
struct Word {
    text: String,
    test: bool,
}

/// All tokens in order, groups by their brackets.
fn words(stream: TokenStream, test: bool, out: &mut Vec<Word>) {
    let mut next_is_test = false;
    for tree in stream {
        match tree {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::None => ("", ""),
                };
                let inside = group.stream();
                // `#[cfg(test)] mod name { ... }`: the attribute is seen before the braces that it is about.
                let attribute = inside.to_string().replace(' ', "") == "cfg(test)";
                let about = test || next_is_test && group.delimiter() == Delimiter::Brace;
                out.push(Word { text: open.into(), test: about });
                words(inside, about, out);
                out.push(Word { text: close.into(), test: about });
                next_is_test = attribute || next_is_test && group.delimiter() != Delimiter::Brace;
            }
            tree => {
                next_is_test &= tree.to_string() != ";";
                out.push(Word { text: tree.to_string(), test });
            }
        }
    }
}

/// What a source does that it must not, a sentence each. `path` is the file's, from the root of the repository.
fn breaches(path: &str, text: &str) -> Vec<String> {
    let test_file = path.ends_with("/tests.rs") || path.contains("/tests/");
    let mut all = Vec::new();
    match text.parse::<TokenStream>() {
        Ok(stream) => words(stream, test_file, &mut all),
        Err(why) => return vec![format!("is no Rust: {why}")],
    }
    let inside: Vec<&str> = path.strip_prefix("src/").unwrap_or(path).split(['/', '.']).collect();
    let mut out = Vec::new();
    if level(inside[0]).is_none() && !matches!(inside[0], "lib" | "main") {
        out.push("has no place among the layers".to_owned());
    }
    for at in 0..all.len() {
        out.extend(speaks_to_the_host(path, inside[0], &all[at..]));
        if !all[at].test {
            let imports = at > 0 && all[at - 1].text == "use";
            out.extend(names(&inside, &all[at..], imports));
        }
    }
    out.extend(too_long(path, text));
    out.iter().map(|breach| format!("{path} {breach}")).collect()
}

fn level(module: &str) -> Option<usize> {
    LEVELS.iter().position(|level| level.contains(&module))
}

/// The SDK outside of the edge, or raw calls outside of their one file.
fn speaks_to_the_host(path: &str, own: &str, words: &[Word]) -> Option<String> {
    let next = words.get(1).map_or("", |word| word.text.as_str());
    match words[0].text.as_str() {
        "proxy_wasm" if own != "filter" => Some("names `proxy_wasm`".into()),
        word @ ("unsafe" | "extern") if word == "unsafe" || next.starts_with('"') => (!HOST_CALLS
            .contains(&path))
        .then(|| format!("has `{word}`: host calls are made in {} alone", HOST_CALLS[0])),
        _ => None,
    }
}

/// What is wrong with the path that begins here, if one does.
fn names(inside: &[&str], words: &[Word], imports: bool) -> Option<String> {
    let text = |at: usize| words.get(at).map_or("", |word| word.text.as_str());
    let steps = |at: usize| [text(at), text(at + 1)] == [":", ":"];
    if text(0) == "super" && steps(1) {
        return Some("says `super::`: a path begins with `crate::`".into());
    }
    if text(0) != "crate" || !steps(1) {
        return None;
    }
    let mut named = vec![text(3)];
    while steps(named.len() * 3 + 1) {
        named.push(text(named.len() * 3 + 3));
    }
    if imports && matches!(named.last(), Some(&"{" | &"*")) {
        return Some("imports several names at once: one `use crate::...` per line".into());
    }
    match (level(inside[0]), level(named[0])) {
        (Some(here), Some(there)) if named[0] != inside[0] && there >= here => {
            Some(format!("names `crate::{}`, which is not below it", named[0]))
        }
        _ => across(inside, &named),
    }
}

fn too_long(path: &str, text: &str) -> Option<String> {
    let lines = text.lines().count();
    let listed = LONGER.iter().any(|(known, _)| *known == path);
    let why =
        if listed { "is listed as longer" } else { "none but those that are listed with a reason has more" };
    ((lines > MAX_LINES) != listed).then(|| format!("has {lines} lines of {MAX_LINES}: {why}"))
}

/// A control that names another.
fn across(inside: &[&str], named: &[&str]) -> Option<String> {
    let (["control", own, ..], ["control", other, ..]) = (inside, named) else { return None };
    if own == other || *own == "mod" {
        return None;
    }
    let whole = named[1..].join("::");
    let within = |allowed: &str| whole == allowed || whole.starts_with(&format!("{allowed}::"));
    let allowed = BETWEEN_CONTROLS.iter().any(|(control, name)| control == own && within(name));
    (!allowed).then(|| format!("names `crate::control::{whole}`: no control knows another"))
}

fn sources(folder: &Path, out: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        match entry.extension() {
            Some(extension) if extension == "rs" => out.push(entry),
            None if entry.is_dir() && !entry.ends_with("target") => sources(&entry, out),
            _ => {}
        }
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every source below a folder of the repository, by its path from the root.
fn texts(folder: &str) -> Vec<(String, String)> {
    let mut files = Vec::new();
    sources(&root().join(folder), &mut files);
    files.sort();
    let name = |file: &Path| file.strip_prefix(root()).unwrap().to_str().unwrap().replace('\\', "/");
    files.iter().map(|file| (name(file), fs::read_to_string(file).unwrap())).collect()
}

#[test]
fn imports_point_down_and_only_the_edge_speaks_to_the_host() {
    let texts = texts("src");
    assert!(texts.len() > 100, "only {} sources", texts.len());
    let found: Vec<String> = texts.iter().flat_map(|(path, text)| breaches(path, text)).collect();
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn every_module_of_the_crate_has_a_layer_and_every_layer_is_there() {
    let lib = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let mut modules: Vec<&str> = lib
        .lines()
        .filter_map(|line| line.strip_prefix("pub ").unwrap_or(line).strip_prefix("mod ")?.strip_suffix(';'))
        .collect();
    let mut placed: Vec<&str> = LEVELS.iter().copied().flatten().copied().collect();
    modules.sort_unstable();
    placed.sort_unstable();
    assert_eq!(modules, placed);
}

#[test]
fn no_file_of_tests_and_examples_is_too_long_to_be_read() {
    let found: Vec<String> = texts("tests")
        .into_iter()
        .chain(texts("examples"))
        .filter_map(|(path, text)| Some(format!("{path} {}", too_long(&path, &text)?)))
        .collect();
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn the_guard_sees_what_it_guards_against() {
    let long = "// a line\n".repeat(401);
    for (row, path, text, wanted) in [
        ("an import that points down", "src/policy/x.rs", "use crate::control::limits::Limits;", None),
        ("itself", "src/model/x.rs", "use crate::model::y::Z;", None),
        ("a word in a comment", "src/model/x.rs", "// crate::engine::arrive, proxy_wasm, unsafe", None),
        ("a word in a doc comment", "src/model/x.rs", "/// [`crate::engine`]\nstruct X;", None),
        (
            "a word in a string",
            "src/model/x.rs",
            "const X: &str = \"crate::engine::arrive proxy_wasm\";",
            None,
        ),
        ("an import that points up", "src/model/x.rs", "use crate::engine::arrive;", Some("not below it")),
        (
            "a path that points up",
            "src/model/x.rs",
            "fn x() { crate::engine::arrive() }",
            Some("not below it"),
        ),
        (
            "a type that points up",
            "src/control/a/x.rs",
            "fn x(it: &crate::policy::Policy) {}",
            Some("not below it"),
        ),
        ("a path with spaces", "src/model/x.rs", "use crate :: engine :: arrive ;", Some("not below it")),
        (
            "in a macro",
            "src/fault/x.rs",
            "macro_rules! x { () => { crate::model::y } }",
            Some("not below it"),
        ),
        ("its own level", "src/refusal.rs", "use crate::telemetry::X;", Some("not below it")),
        (
            "the edges do not know each other",
            "src/cli/x.rs",
            "use crate::filter::host;",
            Some("not below it"),
        ),
        ("a test may look up", "src/model/x/tests.rs", "use crate::engine::arrive;", None),
        (
            "a test within a file may look up",
            "src/model/x.rs",
            "#[cfg(test)] mod tests { use crate::engine::arrive; }",
            None,
        ),
        (
            "what follows a test may not",
            "src/model/x.rs",
            "#[cfg(test)] mod tests;\nmod y { use crate::engine::arrive; }",
            Some("not below it"),
        ),
        (
            "what follows a test's braces may not",
            "src/model/x.rs",
            "#[cfg(test)] mod tests {} mod y { use crate::engine::arrive; }",
            Some("not below it"),
        ),
        (
            "a control that names another",
            "src/control/client/x.rs",
            "use crate::control::routing::Place;",
            Some("no control knows another"),
        ),
        (
            "one file of a control that names another",
            "src/control/client.rs",
            "use crate::control::tokens::Subjects;",
            Some("no control knows another"),
        ),
        ("limits and the proof", "src/control/limits/x.rs", "use crate::control::tokens::Subjects;", None),
        (
            "limits and more than the proof",
            "src/control/limits/x.rs",
            "use crate::control::tokens::Keys;",
            Some("no control knows another"),
        ),
        (
            "a name that begins alike",
            "src/control/limits/x.rs",
            "use crate::control::tokens::SubjectsOf;",
            Some("no control knows another"),
        ),
        ("request and bodies", "src/control/request/x.rs", "use crate::control::body::strict;", None),
        (
            "access and bodies",
            "src/control/access/x.rs",
            "use crate::control::body::strict;",
            Some("no control knows another"),
        ),
        (
            "several names at once",
            "src/policy/x.rs",
            "use crate::control::limits::{Limits, Stage};",
            Some("per line"),
        ),
        ("several modules at once", "src/policy/x.rs", "use crate::{control, model};", Some("per line")),
        ("everything at once", "src/policy/x.rs", "use crate::control::limits::*;", Some("per line")),
        (
            "a visibility is no import",
            "src/control/limits/x.rs",
            "pub(in crate::control::limits) struct X;",
            None,
        ),
        ("super", "src/model/x.rs", "use super::y;", Some("super::")),
        ("super as a visibility", "src/model/x.rs", "pub(super) struct X;", None),
        ("super in tests", "src/model/x.rs", "#[cfg(test)] mod tests { use super::*; }", None),
        ("the SDK in the engine", "src/engine/x.rs", "use proxy_wasm::types::Action;", Some("proxy_wasm")),
        ("the SDK at the edge", "src/filter/x.rs", "use proxy_wasm::types::Action;", None),
        ("an unsafe block", "src/engine/x.rs", "fn x() { unsafe { y() } }", Some("unsafe")),
        ("an unsafe block at the edge", "src/filter/http.rs", "fn x() { unsafe { y() } }", Some("unsafe")),
        ("a foreign function", "src/cli/x.rs", "extern \"C\" fn x() {}", Some("extern")),
        ("host calls in their place", "src/filter/host.rs", "unsafe extern \"C\" { fn x(); }", None),
        ("a module without a place", "src/helpers.rs", "fn x() {}", Some("no place")),
        ("a file that is too long", "src/engine/x.rs", &long, Some("401 lines")),
        ("no Rust", "src/engine/x.rs", "fn x( {", Some("no Rust")),
    ] {
        let found = breaches(path, text);
        match wanted {
            None => assert_eq!(found, [""; 0], "{row}"),
            Some(wanted) => assert!(
                found.len() == 1 && found[0].contains(wanted),
                "{row}: {found:?} does not say `{wanted}` once"
            ),
        }
    }
}
