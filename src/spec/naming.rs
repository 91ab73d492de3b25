//! Names of pipelines and nodes: which can't be, why, and which nearly are the same.

use std::collections::BTreeMap;

use super::{
    codes,
    expects::brief,
    fix::Fix,
    problem::{DocPath, Place, Problem},
    schema::MAX_NAME,
};
use crate::shown;

/// What Windows keeps for devices; also with a number from 0 to 9: `com`, `lpt`.
const RESERVED: [&str; 4] = ["con", "prn", "aux", "nul"];

/// A name that the schema refuses; `of` is `pipeline` or `node`.
pub(super) fn bad(place: Place, name: &str, of: &str) -> Problem {
    let rule = match of {
        "node" => "begin with a letter or `_`, and go on with letters, digits, `_` and `-`",
        _ => "use letters, digits, `_`, `.` and `-`, with no `.` at an end",
    };
    let (reason, similar) = (reason(name), similar(name, of));
    // References to a node would have to change with its name.
    let fix = similar.as_ref().filter(|_| of == "pipeline").map(|to| Fix::word(place.clone(), name, to));
    let (label, help) = match (similar, reason) {
        (Some(similar), None) => (format!("did you mean `{similar}`?"), rule.to_owned()),
        (Some(similar), Some(reason)) => (format!("did you mean `{similar}`?"), format!("{reason}; {rule}")),
        (None, Some(reason)) => (reason, rule.to_owned()),
        (None, None) => ("not a name".to_owned(), rule.to_owned()),
    };
    let message = format!("`{}` can't be the name of a {of}", brief(name));
    Problem::new(codes::PATTERN, place, message).label(label).help(help).fix(fix)
}

/// Whether a reference can name a parameter so.
pub(super) fn is_parameter(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    name.len() <= MAX_NAME
        && name.chars().all(allowed)
        && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
}

/// Why a node can't be called so, if it can't.
pub fn problem_of_node(name: &str) -> Option<Problem> {
    let is_name = is_parameter(name) && reason(name).is_none();
    (!is_name).then(|| bad(Place::Bytes(0, 0), name, "node"))
}

/// Why a parameter can't be called so, if it can't.
pub fn problem_of_parameter(name: &str) -> Option<Problem> {
    (!is_parameter(name)).then(|| bad_parameter(Place::Bytes(0, 0), name))
}

/// A name of a parameter that [`is_parameter`] refuses.
pub(super) fn bad_parameter(place: Place, name: &str) -> Problem {
    let message = format!("`{}` can't be the name of a parameter", brief(name));
    let label =
        similar(name, "node").map_or_else(|| "not a name".to_owned(), |it| format!("did you mean `{it}`?"));
    Problem::new(codes::PATTERN, place, message)
        .label(label)
        .help("begin with a letter or `_`, and go on with letters, digits, `_` and `-`")
}

/// Why a name can't be, if it is not for its characters.
fn reason(name: &str) -> Option<String> {
    if name.len() > MAX_NAME {
        return Some(format!("it has {} characters, more than {MAX_NAME}", name.chars().count()));
    }
    if let Some(odd) = shown::odd(name) {
        return Some(format!("there is {odd} in it"));
    }
    let reason = match name {
        "." | ".." => "results would lie outside of their folder",
        _ if is_reserved(name) => "Windows keeps this name for itself",
        _ if name.contains(['/', '\\']) => "it is the name of a folder, not a path",
        _ if name.starts_with('.') => "a name that begins with `.` is hidden",
        _ if name.ends_with('.') => "Windows drops a `.` at the end of a name",
        _ => return None,
    };
    Some(reason.to_owned())
}

fn is_reserved(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().to_ascii_lowercase();
    let port = ["com", "lpt"].iter().find_map(|port| stem.strip_prefix(port));
    RESERVED.contains(&stem.as_str()) || port.is_some_and(|rest| matches!(rest.as_bytes(), [b'0'..=b'9']))
}

/// A name like `name` that is allowed.
fn similar(name: &str, of: &str) -> Option<String> {
    if name.len() > MAX_NAME || is_reserved(name) {
        return None;
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-' || (c == '.' && of != "node");
    let seen = name.trim().chars().filter(|c| !shown::is_hidden(*c));
    let mut similar: String = seen.map(|c| if allowed(c) { c } else { '_' }).collect();
    similar = similar.trim_matches('.').to_owned();
    if of == "node" && similar.starts_with(|c: char| !c.is_ascii_alphabetic() && c != '_') {
        similar.insert(0, '_');
    }
    (similar.chars().any(|c| c.is_ascii_alphanumeric()) && !is_reserved(&similar)).then_some(similar)
}

/// Nodes whose names differ only in capitals: on many disks, they would share a folder.
pub(super) fn twins<'a>(names: impl Iterator<Item = &'a str>) -> Vec<Problem> {
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    let mut problems = Vec::new();
    for name in names {
        let Some(first) = seen.insert(name.to_lowercase(), name) else { continue };
        let key = |name: &str| Place::Key(DocPath::from(["nodes", name]));
        let message = format!("the names of the nodes `{first}` and `{name}` differ only in capitals");
        let problem = Problem::new(codes::DUPLICATE_KEY, key(name), message).label("the second one");
        let problem = problem.related(key(first), "the first one");
        problems.push(
            problem.help("on macOS and Windows their results would share a folder; rename one of them"),
        );
    }
    problems
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{names::PlainName, spec::schema};

    fn fits(pattern: &str, name: &str) -> bool {
        let schema = serde_json::json!({ "pattern": pattern, "maxLength": MAX_NAME });
        jsonschema::draft7::new(&schema).unwrap().is_valid(&name.into())
    }

    #[test]
    fn names_are_folders_on_any_system() {
        for name in
            ["a", "1.0", "-x", "mnist160", "con1", "console", "a.b.c", "com10", "nul-1", &"x".repeat(100)]
        {
            assert!(fits(schema::PIPELINE_NAME, name), "{name}");
        }
        for name in [
            "",
            ".",
            "..",
            ".kiln",
            "a.",
            "a/b",
            "a\\b",
            "con",
            "NUL",
            "Com1",
            "con.txt",
            "lpt9.x",
            "a b",
            "写真",
            &"x".repeat(101),
        ] {
            assert!(!fits(schema::PIPELINE_NAME, name), "{name}");
            assert!(!fits(schema::NODE_NAME, name), "{name}");
        }
        assert!(fits(schema::NODE_NAME, "_fit-2") && !fits(schema::NODE_NAME, "pipeline.yaml"));
    }

    #[test]
    fn the_reason_is_told() {
        let told = |name: &str| {
            let problem = bad(Place::Bytes(0, 0), name, "pipeline");
            format!("{}\n  {}\n  {}", problem.message, problem.label, problem.help.unwrap())
        };
        let long = "x".repeat(300);
        let names = ["..", "con.txt", ".kiln", "a.", "a/b", "my digits", "a\u{200b}b", "写真", &long];
        insta::assert_snapshot!(names.map(told).join("\n"));
    }

    proptest! {
        #[test]
        fn what_the_schema_allows_is_a_plain_part(name in "[.a-cA-C/\\\\:o0-9 -]{0,6}|\\PC{0,5}") {
            for pattern in [schema::PIPELINE_NAME, schema::NODE_NAME] {
                if fits(pattern, &name) {
                    prop_assert!(PlainName::is_part(&name) && !name.starts_with('.') && !is_reserved(&name));
                }
            }
        }

        #[test]
        fn what_is_offered_is_allowed(name in "[.a-cA-C/\\\\:o0-9 -]{0,6}|\\PC{0,5}") {
            for (of, pattern) in [("pipeline", schema::PIPELINE_NAME), ("node", schema::NODE_NAME)] {
                if let Some(similar) = similar(&name, of) {
                    prop_assert!(fits(pattern, &similar), "{} for {}", similar, name);
                }
            }
        }
    }
}
