//! The published schema: current, and of one mind with the program.

use std::{fs, path::Path};

use kiln::{
    cli::json,
    nodes::KINDS,
    spec::{
        Source,
        codes::{self, Wrong},
        schema,
    },
};
use serde_json::Value;

mod kit;

#[test]
fn the_published_schema_is_current() {
    let text = schema::text(KINDS);
    if std::env::var_os("UPDATE_SCHEMAS").is_some() {
        fs::write(schema::PATH, &text).unwrap();
        return;
    }
    let published = fs::read_to_string(schema::PATH).unwrap();
    assert!(
        published == text,
        "{} is stale: run `UPDATE_SCHEMAS=1 cargo test --release --test schemas`",
        schema::PATH
    );
    assert!(schema::PUBLISHED == text, "the embedded schema is stale: build again");
}

#[test]
fn the_schemas_of_what_commands_print_are_current() {
    let update = std::env::var_os("UPDATE_SCHEMAS").is_some();
    let mut there: Vec<String> = Vec::new();
    for shape in json::SHAPES {
        let file = format!("{}/{}.schema.json", json::FOLDER, shape.0);
        if update {
            fs::create_dir_all(json::FOLDER).unwrap();
            fs::write(&file, json::text(shape)).unwrap();
        }
        let published = fs::read_to_string(&file).unwrap_or_default();
        assert!(
            published == json::text(shape),
            "{file} is stale: run `UPDATE_SCHEMAS=1 cargo test --release --test schemas`"
        );
        assert!(jsonschema::draft7::meta::validate(&shape.1()).is_ok(), "{file}");
        there.push(format!("{}.schema.json", shape.0));
    }
    let files = fs::read_dir(json::FOLDER).unwrap().map(|file| file.unwrap().file_name());
    let files: Vec<String> = files.map(|name| name.to_str().unwrap().to_owned()).collect();
    assert_eq!(files.iter().filter(|name| !there.contains(name)).count(), 0, "a shape is gone: {files:?}");
}

/// A small experiment, in a folder of its own, that the commands below are asked about.
const EXPERIMENT: &str = "version: 1
name: p
nodes:
  data: { type: dataset, root: IMAGES }
  prep: { type: transforms, size: 32 }
  net: { type: model, arch: ARCH, dataset: data }
  fit: { type: train, model: net, dataset: data, transforms: prep, epochs: 1, fraction: 0.2 }
  score: { type: val, model: fit, dataset: data }
";

/// What is asked, the exit code, and the shape of each object that is printed.
const ASKED: &[(&str, i32, &str)] = &[
    ("run p.yaml --progress json", 0, "event"),
    ("check p.yaml --message-format json", 0, "check"),
    ("check bad.yaml --message-format json", 3, "check"),
    ("plan p.yaml --json", 0, "plan"),
    ("why p.yaml fit --json", 0, "why"),
    ("why p.yaml fit --json --set nodes.fit.epochs=2", 0, "why"),
    ("list --json", 0, "list"),
    ("list --json --group", 0, "list"),
    ("list --runs --json", 0, "list-runs"),
    ("compare p --json", 0, "compare"),
    ("run sweep.yaml --progress json", 0, "event"),
    ("compare --paired n=1 n=2 --json", 0, "compare-paired"),
    ("list --group --json", 0, "list"),
    ("diff p.lock p.yaml --json", 0, "diff"),
    ("inspect yolo11n-cls --json", 0, "inspect"),
    ("bench runs/p/fit/model.safetensors --data IMAGES --seconds 0 --json", 0, "bench"),
    ("cache list --json", 0, "cache-list"),
    ("cache verify --json", 0, "cache-verify"),
    ("cache prune --dry-run --size 0 --json", 0, "cache-prune"),
    ("doctor --json", 0, "doctor"),
    ("verify p.yaml --only prep --json", 0, "verify"),
    ("predict runs/p/fit/model.safetensors IMAGES/val/7 --json", 0, "predict"),
    ("val runs/p/fit/model.safetensors --json", 0, "made"),
    ("export runs/p/fit/model.safetensors --format safetensors --json", 0, "made"),
    ("init IMAGES --out new.yaml --json", 0, "init"),
    ("fmt --check new.yaml --json", 0, "fmt"),
    ("fix --dry-run bad.yaml --json", 3, "fix"),
    ("explain --json", 0, "explain"),
    ("explain E0102 --json", 0, "explain"),
    ("restore no-key --message-format json", 2, "error"),
    ("restore KEY --out again --json", 0, "restore"),
];

#[test]
fn what_commands_print_fits_its_schema() {
    let dir = tempfile::tempdir().unwrap();
    let images = kit::repository("examples/data/mnist160").display().to_string();
    let arch = kit::repository("tests/fixtures/weights/yolo11n-cls-tiny.yaml").display().to_string();
    let text = EXPERIMENT.replace("IMAGES", &images).replace("ARCH", &arch);
    fs::write(dir.path().join("p.yaml"), &text).unwrap();
    fs::write(dir.path().join("bad.yaml"), text.replace("epochs: 1", "epocs: 1")).unwrap();
    let sweep = text.replace("name: p\n", "name: sweep\nparams: { n: 1 }\nmatrix: { n: [1, 2] }\n");
    let sweep = sweep.replace("epochs: 1,", "epochs: \"${params.n}\",");
    fs::write(dir.path().join("sweep.yaml"), sweep).unwrap();
    let mut shapes = std::collections::BTreeSet::new();
    for (line, code, shape) in ASKED {
        let words = line.split(' ').map(|word| match word {
            "KEY" => a_key(dir.path()),
            word => word.replace("IMAGES", &images),
        });
        let output = kit::program(dir.path()).args(words).output().unwrap();
        let told = String::from_utf8(output.stdout).unwrap();
        let trouble = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(*code), "{line}: {told}{trouble}");
        let (_, schema) = json::SHAPES.iter().find(|(name, _)| name == shape).unwrap();
        let validator = jsonschema::draft7::new(&schema()).unwrap();
        let values = told.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let objects: Vec<Value> = values
            .flat_map(|value| if let Value::Array(rows) = value { rows } else { vec![value] })
            .collect();
        assert!(!objects.is_empty(), "{line} prints nothing: {trouble}");
        for object in objects {
            let wrong: Vec<String> = validator.iter_errors(&object).map(|error| error.to_string()).collect();
            assert!(wrong.is_empty(), "{line}: {object}: {wrong:?}");
            assert_eq!(object["version"], 1, "{line}");
        }
        shapes.insert(*shape);
    }
    let untried: Vec<_> =
        json::SHAPES.iter().map(|(name, _)| *name).filter(|name| !shapes.contains(name)).collect();
    assert!(untried.is_empty(), "no command above prints {untried:?}");
}

/// The key of a result in the store of a folder.
fn a_key(folder: &Path) -> String {
    let output = kit::program(folder).args(["cache", "list", "--json"]).output().unwrap();
    let first = output.stdout.split(|byte| *byte == b'\n').next().unwrap();
    serde_json::from_slice::<Value>(first).unwrap()["key"].as_str().unwrap().to_owned()
}

#[test]
fn the_schema_is_valid_draft_07() {
    let schema = schema::written(KINDS);
    let meta = jsonschema::draft7::meta::validate(&schema);
    assert!(meta.is_ok(), "{meta:?}");
}

/// What a text says, if it can be read.
fn document(text: &str) -> Option<Value> {
    Source::new("example.yaml", text).parse().ok().map(|(document, _)| document)
}

#[test]
fn the_schema_refuses_what_the_program_refuses() {
    let validator = jsonschema::draft7::new(&schema::written(KINDS)).unwrap();
    for code in codes::ALL.iter().filter(|code| !matches!(code.wrong, Wrong::Arch(_))) {
        assert!(validator.is_valid(&document(code.right).unwrap()), "right example of {}", code.code);
        let Wrong::Yaml(text) = code.wrong else { continue };
        let of_schema = code.code.starts_with("E01");
        if let Some(document) = document(text) {
            assert_eq!(validator.is_valid(&document), !of_schema, "wrong example of {}", code.code);
        }
    }
}

#[test]
fn the_schema_accepts_the_pipelines_of_this_repository() {
    let validator = jsonschema::draft7::new(&schema::written(KINDS)).unwrap();
    for path in kit::yaml_files("pipelines") {
        let document = document(&fs::read_to_string(&path).unwrap()).unwrap();
        assert!(validator.is_valid(&document), "{}", path.display());
    }
}
