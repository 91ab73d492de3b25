//! Pipeline files as their authors meet them: every kind of mistake, and the files that are right.

use std::{collections::BTreeSet, fs, path::Path};

use kiln::{
    nodes::{KINDS, arch},
    plan::{Loaded, Rejected, fix_file, load},
    spec::{
        self, DocPath, Place, Source, codes, formatted,
        render::{self, Style},
    },
};
use proptest::prelude::*;
use serde_json::Value;

mod kit;

/// The rejected file, without the path of this checkout.
fn rejected(path: &Path) -> Rejected {
    let Err(mut rejected) = load(path, KINDS) else { panic!("{} has no problem", path.display()) };
    let here = std::env::current_dir().unwrap().display().to_string();
    for problem in &mut rejected.problems {
        problem.message = problem.message.replace(&here, "/kiln");
        problem.help = problem.help.take().map(|help| help.replace(&here, "/kiln"));
    }
    *rejected
}

/// The codes that a model YAML gives.
fn arch_codes(path: &Path) -> Vec<&'static str> {
    let problems = arch::read(path, None).err().map(|mistaken| mistaken.problems);
    problems.into_iter().flatten().map(|problem| problem.code).collect()
}

#[test]
fn every_mistake_is_shown_in_its_place() {
    for path in kit::yaml_files("tests/fixtures/invalid") {
        let text = rejected(&path).human(Style::PLAIN);
        let width = |text: &str| text.lines().map(|line| line.chars().count()).max().unwrap_or(0);
        let source = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
        let text_without_labels: String =
            text.lines().filter(|line| !line.contains('·')).map(|line| format!("{line}\n")).collect();
        assert!(width(&text_without_labels) <= 80.max(width(&source) + 8), "{} is too wide", path.display());
        insta::assert_snapshot!(path.file_stem().unwrap().to_str().unwrap(), text);
    }
}

#[test]
fn data_says_what_text_says() {
    for path in kit::yaml_files("tests/fixtures/invalid") {
        let rejected = rejected(&path);
        let data = serde_json::to_value(rejected.report()).unwrap();
        assert_eq!(data["valid"], false);
        let problems = data["problems"].as_array().unwrap();
        assert_eq!(problems.len(), rejected.problems.len());
        for (told, problem) in problems.iter().zip(&rejected.problems) {
            assert_eq!(told["code"], problem.code);
            assert_eq!(told["message"], problem.message);
            let source = problem.source(&rejected.source);
            assert_eq!(told["at"]["file"], source.name());
            let text = source.text();
            let byte = |key: &str| usize::try_from(told["at"][key].as_u64().unwrap()).unwrap();
            let (start, end) = (byte("start") - source.before(), byte("end") - source.before());
            assert!(text.get(start..end).is_some(), "{}: {told}", path.display());
            let line = usize::try_from(told["at"]["line"].as_u64().unwrap()).unwrap();
            assert_eq!(line, text[..start].matches('\n').count() + 1);
        }
    }
}

#[test]
fn all_mistakes_of_a_file_as_data() {
    let rejected = rejected(Path::new("tests/fixtures/invalid/several.yaml"));
    insta::assert_snapshot!(
        "several_as_data",
        format!("{:#}", serde_json::to_value(rejected.report()).unwrap())
    );
}

#[test]
fn every_code_has_a_file() {
    let seen: BTreeSet<&str> = kit::yaml_files("tests/fixtures/invalid")
        .iter()
        .flat_map(|path| rejected(path).problems.into_iter().map(|problem| problem.code))
        .chain(kit::yaml_files("tests/fixtures/invalid_arch").iter().flat_map(|path| arch_codes(path)))
        .chain([codes::UNREADABLE, codes::OVERRIDE])
        .collect();
    let all: BTreeSet<&str> = codes::ALL.iter().map(|code| code.code).collect();
    assert_eq!(seen, all);
}

#[test]
fn a_file_that_is_not_there_names_its_neighbour() {
    let text = rejected(Path::new("tests/fixtures/invalid/cycel.yaml")).human(Style::PLAIN);
    insta::assert_snapshot!("unreadable", text);
}

#[test]
fn a_file_that_is_too_large_is_not_read() {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), "# filler\n".repeat(1 << 17)).unwrap();
    let problems = rejected(file.path()).problems;
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].message, "the file is larger than 1024 KiB");
}

#[test]
fn after_twenty_problems_the_rest_is_counted() {
    let keys: String = (0..30).map(|i| format!("unknown{i}: 1\n")).collect();
    let source = Source::new("many.yaml", format!("version: 1\nname: many\nnodes: {{}}\n{keys}"));
    let problems = spec::parse(&source, KINDS).unwrap_err();
    let text = render::human(&source, &problems, Style::PLAIN);
    assert_eq!(text.matches("E0102").count() + text.matches("E0105").count(), render::CAP);
    assert!(text.ends_with("… and 11 more problems\n"), "{text}");
    assert_eq!(render::report(&source, &problems).omitted, 11);
}

/// Those of `pipelines/` whose data is in the repository; of the others, nothing but the data may lack.
fn pipelines() -> Vec<Loaded> {
    let pipelines = kit::yaml_files("pipelines").into_iter().filter_map(|path| match load(&path, KINDS) {
        Ok(loaded) => Some(loaded),
        Err(rejected) => {
            let only_data = rejected.problems.iter().all(|problem| problem.code == codes::MISSING_PATH);
            assert!(only_data, "{}", rejected.human(Style::PLAIN));
            None
        }
    });
    pipelines.collect()
}

#[test]
fn the_pipelines_of_this_repository_are_right() {
    assert!(!pipelines().is_empty());
    kit::load(Path::new("pipelines/quickstart.yaml"), KINDS);
}

#[test]
fn a_resolved_spec_is_valid_input_and_says_the_same() {
    // A sweep is written as it is in the file, with its points and references.
    for loaded in pipelines().into_iter().filter(|loaded| loaded.plan.sweep.is_none()) {
        let spec = loaded.spec;
        let again = spec::parse(&Source::new("resolved.yaml", spec.to_yaml()), KINDS).unwrap();
        assert_eq!(again, spec);
    }
}

#[test]
fn steps_come_after_what_they_need_and_otherwise_in_the_order_of_the_file() {
    let text = "version: 1\nname: order\nnodes:\n  \
        score: { type: val, model: fit, dataset: digits }\n  \
        prep: { type: transforms, size: 64 }\n  \
        digits: { type: dataset, root: . }\n  \
        fit: { type: train, model: net, dataset: digits, transforms: prep }\n  \
        net: { type: model, arch: yolo11n-cls, dataset: digits }\n";
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), text).unwrap();
    let plan = kit::load(file.path(), KINDS).plan;
    let order: Vec<&str> = plan.steps().iter().map(|step| step.id.as_str()).collect();
    assert_eq!(order, ["prep", "digits", "net", "fit", "score"]);
    let fit = &plan.steps()[plan.position("fit").unwrap()];
    let inputs: Vec<_> = fit.inputs.iter().map(|(port, step)| (port.as_str(), *step)).collect();
    assert_eq!(inputs, [("model", 2), ("dataset", 1), ("transforms", 0)]);
    assert_eq!(plan.needed_by(&["net"]), [1, 2]);
    assert_eq!(plan.needed_by(&["score"]), [0, 1, 2, 3, 4]);
    assert!(plan.needed_by(&[]).is_empty());
    insta::assert_snapshot!("dot", plan.to_dot());
}

/// A document in YAML: flow style below the depth `flow`, block style above.
fn yaml(value: &Value, depth: usize, flow: usize) -> String {
    let indent = "  ".repeat(depth);
    match value {
        _ if depth >= flow => value.to_string(),
        Value::Object(map) if !map.is_empty() => map
            .iter()
            .map(|(key, value)| {
                format!("\n{indent}{}: {}", Value::from(key.as_str()), yaml(value, depth + 1, flow))
            })
            .collect(),
        Value::Array(items) if !items.is_empty() => {
            items.iter().map(|item| format!("\n{indent}- {}", yaml(item, depth + 1, flow))).collect()
        }
        value => value.to_string(),
    }
}

fn document() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1e6..1e6f64).prop_map(|number| Value::from(number + 0.5_f64.copysign(number))),
        "[a-zé✓ :#'\"\\\\-]{0,8}".prop_map(Value::from),
    ];
    let inner = scalar.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-zé ✓]{1,6}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    });
    prop::collection::btree_map("[a-zé ]{1,6}", inner, 1..5)
        .prop_map(|map| Value::Object(map.into_iter().collect()))
}

/// Every value below `value`, with its path.
fn places<'a>(value: &'a Value, path: &DocPath, found: &mut Vec<(DocPath, &'a Value)>) {
    found.push((path.clone(), value));
    match value {
        Value::Object(map) => {
            map.iter().for_each(|(key, value)| places(value, &path.join(key.as_str()), found));
        }
        Value::Array(list) => {
            list.iter().enumerate().for_each(|(i, value)| places(value, &path.join(i), found));
        }
        _ => {}
    }
}

proptest! {
    #[test]
    fn no_text_makes_reading_panic(text in prop_oneof![
        any::<String>(),
        "([a-z]{1,3}|[\\[\\]{}:,&*!|>'\"%@`#?-]|\n|  |\t|é|---|<<|~|1e9|\u{feff}|\u{a0}|\u{202e}|\u{1b}|\r){0,40}",
        "version: 1\nname: a\nnodes:\n( {0,4}(- )?[a-z]{0,5}(: )?(\\{|\\[|[a-z1]{0,3}|\"|&a|\\*a)\n){0,8}",
    ]) {
        let source = Source::new("any.yaml", text);
        if let Err(problems) = spec::parse(&source, KINDS) {
            prop_assert!(!problems.is_empty());
            let report = render::report(&source, &problems);
            for span in report.problems.iter().map(|problem| &problem.at) {
                let (start, end) = (span.start - source.before(), span.end - source.before());
                prop_assert!(source.text().get(start..end).is_some());
            }
            let text = render::human(&source, &problems, Style::PLAIN);
            prop_assert!(!text.chars().any(|char| kiln::shown::is_hidden(char) && char != '\n'), "{:?}", text);
        }
    }

    #[test]
    fn a_byte_order_mark_changes_nothing_but_the_bytes_of_places(text in prop_oneof![
        "version: 1\nname: a\nnodes:\n( {0,4}(- )?[a-z]{0,5}(: )?(\\{|\\[|[a-z1]{0,3}|\"|&a|\\*a)\n){0,8}",
        "(#[a-zé]{0,5}\n|---\n)?version: 1\nnmae: [a-zé\u{a0}\u{200b}]{1,5}\n",
    ]) {
        let (plain, marked) = (Source::new("any", text.clone()), Source::new("any", format!("\u{feff}{text}")));
        prop_assert_eq!(marked.before(), 3);
        let problems = |source: &Source| spec::parse(source, KINDS).err().unwrap_or_default();
        let (without, with) = (problems(&plain), problems(&marked));
        prop_assert_eq!(&without, &with);
        let (without, with) = (render::report(&plain, &without), render::report(&marked, &with));
        for (without, with) in without.problems.iter().zip(&with.problems) {
            prop_assert_eq!((without.at.line, without.at.column), (with.at.line, with.at.column));
            prop_assert_eq!((without.at.start + 3, without.at.end + 3), (with.at.start, with.at.end));
        }
    }

    #[test]
    fn what_was_read_is_found_again(value in document(), flow in 0usize..5) {
        let source = Source::new("any.yaml", yaml(&value, 0, flow));
        let (read, repeated) = source.parse().map_err(|problem| TestCaseError::fail(problem.message))?;
        prop_assert!(repeated.is_empty());
        let mut found = Vec::new();
        places(&read, &DocPath::default(), &mut found);
        for (path, value) in found {
            let text = &source.text()[source.locate(&Place::Value(path.clone()))];
            if !value.is_object() && !value.is_array() {
                let again = Source::new("value", format!("v: {text}")).parse().unwrap().0;
                prop_assert_eq!(&again["v"], value, "{} is {:?}", path, text);
            }
            if let Some(spec::Segment::Key(key)) = path.0.last() {
                let text = &source.text()[source.locate(&Place::Key(path.clone()))];
                prop_assert_eq!(text, Value::from(key.as_str()).to_string());
            }
        }
    }
}

#[test]
fn what_is_shipped_is_formatted() {
    let mut texts: Vec<(String, String)> = kit::yaml_files("pipelines")
        .iter()
        .map(|path| (path.display().to_string(), fs::read_to_string(path).unwrap()))
        .collect();
    let readme = fs::read_to_string("README.md").unwrap();
    let blocks = readme.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next());
    texts.extend(blocks.map(|block| ("README.md".to_owned(), block.to_owned())));
    assert!(texts.len() > 4, "README has examples");
    for (name, text) in texts {
        let formatted = formatted(&Source::new(name.as_str(), text.as_str()), KINDS).expect("it is YAML");
        assert_eq!(formatted, text, "{name} is not formatted");
    }
}

#[test]
fn every_mistake_can_be_formatted_or_is_no_yaml() {
    for path in kit::yaml_files("tests/fixtures/invalid") {
        let Ok(source) = Source::read(&path) else { continue };
        match formatted(&source, KINDS) {
            Ok(text) => {
                let again = Source::new("again", text.as_str());
                assert_eq!(again.parse().unwrap().0, source.parse().unwrap().0, "{}", path.display());
                assert_eq!(formatted(&again, KINDS).unwrap(), text, "{}", path.display());
            }
            Err(_) => assert!(source.parse().is_err(), "{}", path.display()),
        }
    }
}

#[test]
fn what_is_fixed_has_fewer_problems() {
    let mut told = String::new();
    for path in kit::yaml_files("tests/fixtures/invalid") {
        let before = rejected(&path);
        let Ok((_, fixed)) = fix_file(&path, KINDS) else { continue };
        let after = fixed.outcome.as_ref().err().map_or(0, |rejected| rejected.problems.len());
        assert_eq!(
            fixed.titles.is_empty(),
            fixed.source().text() == before.source.text(),
            "{}",
            path.display()
        );
        if !fixed.titles.is_empty() {
            let (name, before) = (path.file_name().unwrap().display(), before.problems.len());
            told.push_str(&format!("{name}, {before} -> {after}:\n  {}\n", fixed.titles.join("\n  ")));
        }
    }
    insta::assert_snapshot!(told);
}

/// What a command says in a folder, and its exit code.
#[cfg(unix)]
fn said(folder: &Path, arguments: &[&str]) -> String {
    let output = kit::program(folder).args(arguments).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let code = output.status.code().unwrap();
    format!("$ kiln {}\n{}{}[{code}]\n", arguments.join(" "), text(&output.stdout), text(&output.stderr))
}

#[cfg(unix)]
#[test]
fn files_are_mended_and_formatted_in_place() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let dir = tempfile::tempdir().unwrap();
    let (file, link) = (dir.path().join("a.yaml"), dir.path().join("link.yaml"));
    let text =
        "\u{feff}# head\nnodes:\n  data: { rot: ., type: dataset } # the images\nname: my a\nversion: 1\n";
    fs::write(&file, text).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    symlink("a.yaml", &link).unwrap();
    fs::write(dir.path().join("bad.yaml"), "a: [1\n").unwrap();
    let mut told = String::new();
    for arguments in [
        &["fix", "--dry-run", "a.yaml"][..],
        &["fix", "link.yaml"],
        &["fix", "a.yaml"],
        &["fix", "a.yaml"],
        &["fmt", "--check", "a.yaml"],
        &["fmt", "a.yaml"],
        &["fmt", "--check", "a.yaml", "link.yaml"],
        &["fix", "bad.yaml"],
        &["fmt", "bad.yaml", "none.yaml"],
    ] {
        told.push_str(&said(dir.path(), arguments));
    }
    told.push_str(&fs::read_to_string(&file).unwrap());
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
    assert!(link.is_symlink(), "a link stays one");
    insta::assert_snapshot!(told.replace(&dir.path().display().to_string(), "DIR"));
}
