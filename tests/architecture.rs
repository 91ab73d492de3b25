//! Holds the arrows of the house: which room may name which.
//!
//! A room is a folder or a file directly in `src`. The test reads the source text, without comments,
//! literals and test modules, and collects the first name of every `crate::…` path and the names of a few
//! outside crates. Two tables say what is allowed; everything else fails, with file and arrow.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// Rooms that know nothing of ours, so everyone may use them.
const LEAVES: [&str; 20] = [
    "alike",
    "atomic",
    "budget",
    "device_name",
    "device_names",
    "error",
    "files",
    "matrix",
    "names",
    "panics",
    "paths",
    "progress",
    "random",
    "shown",
    "signature",
    "softmax",
    "statistics",
    "suggest",
    "width",
    "yaml",
];

/// Which rooms each room may name, beside itself and the leaves.
const ARROWS: &[(&str, &[&str])] = &[
    ("main", &["cli"]),
    ("bin", &["cli"]),
    (
        "cli",
        &[
            "arch", "bench", "data", "device", "eval", "event", "export", "lsp", "node", "nodes", "plan",
            "plot", "report", "run", "spec", "store", "train", "weights",
        ],
    ),
    // A program's way in, as `cli` is a person's.
    ("api", &["data", "eval", "event", "nodes", "plan", "run", "spec", "store", "train"]),
    // An editor's.
    ("lsp", &["node", "nodes", "plan", "report", "run", "spec", "store"]),
    // The bridge.
    (
        "nodes",
        &[
            "arch", "data", "device", "download", "eval", "export", "node", "plot", "spec", "store", "train",
            "weights",
        ],
    ),
    // Models beside each other: what they cost, and how good they are.
    ("bench", &["arch", "data", "device", "eval", "export", "nodes", "weights"]),
    // The engine: it knows no images and no networks.
    ("run", &["event", "node", "plan", "spec", "store"]),
    ("plan", &["node", "spec"]),
    // A document is made of kinds, and a kind speaks of problems in a document: these two know each other.
    ("spec", &["node"]),
    ("node", &["spec", "store"]),
    ("store", &[]),
    ("report", &["event"]),
    ("event", &[]),
    // The learning half: it knows no pipelines.
    ("train", &["arch", "data", "device", "eval", "network", "plot", "weights"]),
    ("eval", &["arch", "data", "device", "network", "plot", "weights"]),
    ("export", &["arch", "data", "weights"]),
    ("data", &[]),
    ("plot", &["data"]),
    ("arch", &[]),
    ("network", &["arch", "device", "weights"]),
    ("weights", &["arch"]),
    ("device", &[]),
    // Neither half: it fetches bytes, and knows nothing of what they are.
    ("download", &[]),
    // Leaves may use nothing but each other.
    ("alike", &[]),
    ("atomic", &[]),
    ("budget", &[]),
    ("device_name", &[]),
    ("device_names", &[]),
    ("error", &[]),
    ("files", &[]),
    ("matrix", &[]),
    ("names", &[]),
    ("panics", &[]),
    ("paths", &[]),
    ("progress", &[]),
    ("random", &[]),
    ("shown", &[]),
    ("signature", &[]),
    ("softmax", &[]),
    ("statistics", &[]),
    ("suggest", &[]),
    ("width", &[]),
    ("yaml", &[]),
];

/// Which rooms may name an outside crate that only some should know.
const OUTSIDE: &[(&str, &[&str])] = &[
    ("burn", &["device", "eval", "network", "train"]),
    ("burn_pack", &["weights"]),
    ("ureq", &["download"]),
    ("burn_tch", &["device", "network", "train"]),
    ("tch", &["device", "network", "train"]),
    ("image", &["data", "plot"]),
    ("rten", &["export"]),
    ("lsp_server", &["lsp"]),
    ("gen_lsp_types", &["lsp"]),
    ("prost", &["export", "train"]),
    ("quick_xml", &["export"]),
    ("petgraph", &["plan"]),
    ("jsonschema", &["spec"]),
    ("serde_yaml", &["yaml"]),
    ("pretty_yaml", &["yaml"]),
    ("yaml_parser", &["yaml"]),
    ("indicatif", &["report"]),
    ("clap", &["cli", "main", "report", "spec"]),
];

/// What stands before a test module.
const CFG_TEST: &str = "#[cfg(test)]";

/// Rooms that may write to standard output and standard error.
const SPEAKERS: [&str; 3] = ["cli", "main", "report"];

#[test]
fn no_room_names_a_room_that_it_must_not_know() {
    let allowed: BTreeMap<&str, BTreeSet<&str>> =
        ARROWS.iter().map(|(room, others)| (*room, others.iter().copied().collect())).collect();
    let mut wrong = BTreeSet::new();
    for file in files() {
        let Some(known) = allowed.get(file.room.as_str()) else {
            wrong.insert(format!("{}: the room `{}` is in no arrow", file.name, file.room));
            continue;
        };
        for other in file.rooms(&allowed) {
            if other != file.room && !known.contains(other.as_str()) && !LEAVES.contains(&other.as_str()) {
                wrong.insert(format!("{}: {} -> {other}", file.name, file.room));
            }
        }
    }
    report("these arrows are not in the design", &wrong);
}

#[test]
fn outside_crates_stay_in_their_rooms() {
    let mut wrong = BTreeSet::new();
    for file in files() {
        for (name, rooms) in OUTSIDE {
            if !rooms.contains(&file.room.as_str()) && file.names(name) {
                wrong.insert(format!("{}: {} -> the crate `{name}`", file.name, file.room));
            }
        }
    }
    report("these rooms must not know these crates", &wrong);
}

#[test]
fn only_the_front_rooms_speak_to_the_terminal() {
    let mut wrong = BTreeSet::new();
    for file in files().filter(|file| !SPEAKERS.contains(&file.room.as_str())) {
        for word in ["print", "println", "eprint", "eprintln", "dbg"] {
            if file.words().any(|(at, found)| found == word && file.text[at + word.len()..].starts_with('!'))
            {
                wrong.insert(format!("{}: `{word}!`", file.name));
            }
        }
    }
    report("progress goes through `progress` and `event`, errors through `error`", &wrong);
}

#[test]
fn every_arrow_is_between_rooms_that_exist() {
    let rooms: BTreeSet<String> = files().map(|file| file.room).collect();
    let named = ARROWS.iter().flat_map(|(room, others)| std::iter::once(room).chain(*others));
    let gone: BTreeSet<String> =
        named.filter(|room| !rooms.contains(**room)).map(ToString::to_string).collect();
    report("these rooms are not there; take them out of the table", &gone);
}

#[test]
fn the_reader_sees_every_form_of_a_path() {
    let text = r##"
        //! Says crate::comment.
        use crate::{
            data::{Batch, loader::Loader}, // crate::trailing
            error::{Error, Result},
            arch,
        };
        use super::plan;
        /* crate::block /* nested */ */
        fn f<'a>(x: &'a crate::event::Event) { let s = "crate::literal \" crate::more"; let c = '"'; crate::run::run() }
        const R: &str = r#"crate::raw " text"#;
        #[cfg(test)]
        mod tests { use crate::store; }
    "##;
    let file = File { name: "src/nodes/mod.rs".into(), room: "nodes".into(), depth: 1, text: code(text) };
    let all = [
        "data", "error", "arch", "plan", "event", "run", "store", "comment", "trailing", "block", "literal",
        "raw",
    ];
    let known = all.into_iter().map(|room| (room, BTreeSet::new())).collect();
    let found: Vec<String> = file.rooms(&known).into_iter().collect();
    assert_eq!(found, ["arch", "data", "error", "event", "plan", "run"]);
    assert!(!file.names("image"));
}

fn report(what: &str, wrong: &BTreeSet<String>) {
    let lines: Vec<&str> = wrong.iter().map(String::as_str).collect();
    assert!(wrong.is_empty(), "{what}:\n  {}\n", lines.join("\n  "));
}

/// A source file.
struct File {
    /// From the package's folder.
    name: String,
    room: String,
    /// How many modules its own module is below the crate.
    depth: usize,
    /// Without comments, literals and tests.
    text: String,
}

fn files() -> impl Iterator<Item = File> {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    walk(&package.join("src"), &mut paths);
    paths.sort();
    assert!(paths.len() > 30, "the sources are there");
    paths.into_iter().filter_map(move |path| {
        let name = path.strip_prefix(package).expect("it lies below").to_string_lossy().replace('\\', "/");
        let modules: Vec<&str> = name.trim_start_matches("src/").trim_end_matches(".rs").split('/').collect();
        let modules = modules.strip_suffix(&["mod"]).unwrap_or(&modules);
        let room = (*modules.first()?).to_owned();
        let text = code(&fs::read_to_string(&path).expect("sources can be read"));
        (room != "lib").then(|| File { room, depth: modules.len(), text, name: name.clone() })
    })
}

fn walk(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("it can be read").path();
        if path.is_dir() {
            walk(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("tests.rs") {
            paths.push(path);
        }
    }
}

impl File {
    /// The rooms that the file names, through `crate`, the package's name, or enough `super`s.
    fn rooms(&self, known: &BTreeMap<&str, BTreeSet<&str>>) -> BTreeSet<String> {
        let up = vec!["super"; self.depth].join("::") + "::";
        let starts = ["crate::", "kiln::", up.as_str()];
        let mut rooms = BTreeSet::new();
        for (at, _) in self.words() {
            if self.text[..at].ends_with("::") {
                continue;
            }
            for start in starts {
                if let Some(rest) = self.text[at..].strip_prefix(start) {
                    rooms.extend(first_names(rest));
                }
            }
        }
        rooms.retain(|room| known.contains_key(room.as_str()));
        rooms
    }

    /// Whether the file names an outside crate: `name::…` or `use name;`.
    fn names(&self, name: &str) -> bool {
        self.words().any(|(at, word)| {
            let (before, after) = (self.text[..at].trim_end(), &self.text[at + word.len()..]);
            let path =
                after.starts_with("::") || (before.ends_with("use") && after.trim_start().starts_with(';'));
            word == name && path && !before.ends_with("::") && !self.is_local(name)
        })
    }

    /// Whether `name` is a module of the file's own, which hides the crate.
    fn is_local(&self, name: &str) -> bool {
        self.text.contains(&format!("mod {name};")) || self.text.contains(&format!("super::{name}"))
    }

    /// Every identifier and where it begins.
    fn words(&self) -> impl Iterator<Item = (usize, &str)> {
        let is_word = |char: char| char.is_alphanumeric() || char == '_';
        let mut rest = 0;
        std::iter::from_fn(move || {
            let start = rest + self.text[rest..].find(is_word)?;
            let length = self.text[start..].find(|char| !is_word(char)).unwrap_or(self.text.len() - start);
            rest = start + length;
            Some((start, &self.text[start..rest]))
        })
    }
}

/// The first name of a path, or of each path of a `{…}` group.
fn first_names(rest: &str) -> Vec<String> {
    let Some(group) = rest.strip_prefix('{') else { return vec![identifier(rest)] };
    let (mut depth, mut names, mut fresh) = (0, Vec::new(), true);
    for (at, char) in group.char_indices() {
        match char {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => fresh = true,
            char if fresh && !char.is_whitespace() => {
                names.push(identifier(&group[at..]));
                fresh = false;
            }
            _ => (),
        }
    }
    names
}

fn identifier(text: &str) -> String {
    text.chars().take_while(|char| char.is_alphanumeric() || *char == '_').collect()
}

/// The text without comments, string and character literals, and what follows `#[cfg(test)] mod tests`.
fn code(text: &str) -> String {
    let mut code = String::new();
    let mut rest = text;
    while let Some(char) = rest.chars().next() {
        let skipped = comment(rest).or_else(|| raw_string(rest)).or_else(|| quoted(rest));
        match skipped {
            Some(length) => {
                code.push(' ');
                rest = &rest[length..];
            }
            None => {
                code.push(char);
                rest = &rest[char.len_utf8()..];
            }
        }
    }
    let is_tests = |at: &usize| {
        let after = code[at + CFG_TEST.len()..].trim_start();
        ["", "pub(super) ", "pub(crate) "]
            .iter()
            .any(|seen| after.starts_with(&format!("{seen}mod tests {{")))
    };
    let tests = code.match_indices(CFG_TEST).map(|(at, _)| at).find(is_tests);
    code.truncate(tests.unwrap_or(code.len()));
    code
}

fn comment(rest: &str) -> Option<usize> {
    if rest.starts_with("//") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    rest.strip_prefix("/*")?;
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        match &rest.as_bytes()[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return Some(at);
        }
    }
    Some(rest.len())
}

fn raw_string(rest: &str) -> Option<usize> {
    let after = rest.strip_prefix('r')?;
    let hashes = after.len() - after.trim_start_matches('#').len();
    let body = after[hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    Some(rest.len() - body.len() + body.find(&end)? + end.len())
}

fn quoted(rest: &str) -> Option<usize> {
    let quote = rest.chars().next().filter(|char| ['"', '\''].contains(char))?;
    if quote == '\'' && !is_character(rest) {
        return None;
    }
    let mut escaped = false;
    for (at, char) in rest.char_indices().skip(1) {
        match char {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            char if char == quote => return Some(at + 1),
            _ => (),
        }
    }
    Some(rest.len())
}

/// Whether a `'` begins a character and not a lifetime.
fn is_character(rest: &str) -> bool {
    let mut chars = rest.chars().skip(1);
    match (chars.next(), chars.next()) {
        (Some('\\'), _) => true,
        (Some(_), Some(second)) => second == '\'',
        _ => false,
    }
}
