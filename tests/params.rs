//! Files that are put together: parameters, files that extend others, values of the command line, and what they make.

use std::{fs, path::Path};

use kiln::{
    nodes::KINDS,
    plan::{self, Loaded, Rejected},
    spec::render::Style,
};
use serde_json::Value;

mod kit;

const BASE: &str = "version: 1
name: base
params:
  rate: 0.01
  folder: images
  chain:
    - type: random_resized_crop
    - type: horizontal_flip
      p: 0.25
nodes:
  digits:
    type: dataset
    root: ${params.folder}
  prep:
    type: transforms
    size: 64
    train: ${params.chain}
    eval:
      - type: resize
      - type: center_crop
  net: { type: model, arch: yolo11n-cls, dataset: digits }
  fit:
    type: train
    model: net
    dataset: digits
    transforms: prep
    epochs: 10
    optimizer: sgd
    lr0: ${params.rate}
";

const CHILD: &str = "extends: shared/base.yaml
name: child
params:
  rate: 0.002
nodes:
  prep:
    eval:
      - type: squash
  fit:
    epochs: 20
  more:
    type: dataset
    root: own
";

/// A folder with `child.yaml` of [`CHILD`], which extends [`BASE`], and the folders that both name.
fn folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for folder in ["shared/images/a", "shared/images/b", "own/a", "own/b"] {
        fs::create_dir_all(dir.path().join(folder)).unwrap();
        let image =
            kit::repository("examples/data/mnist160/val/7").read_dir().unwrap().next().unwrap().unwrap();
        fs::copy(image.path(), dir.path().join(folder).join("0.png")).unwrap();
    }
    fs::write(dir.path().join("shared/base.yaml"), BASE).unwrap();
    fs::write(dir.path().join("child.yaml"), CHILD).unwrap();
    dir
}

fn load(file: &Path, sets: &[&str]) -> Result<Loaded, Box<Rejected>> {
    let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
    plan::load_with(file, &sets, KINDS)
}

/// What is said of a file and `--set`, without the folder.
fn told(dir: &tempfile::TempDir, file: &str, sets: &[&str]) -> String {
    let rejected = load(&dir.path().join(file), sets).err().expect("a mistake");
    rejected.human(Style { width: 200, ..Style::PLAIN }).replace(dir.path().to_str().unwrap(), "/T")
}

fn params<'a>(loaded: &'a Loaded, node: &str) -> &'a serde_json::Map<String, Value> {
    &loaded.spec.nodes[node].params
}

#[test]
fn mappings_are_joined_and_lists_replaced() {
    let dir = folder();
    let loaded =
        load(&dir.path().join("child.yaml"), &[]).unwrap_or_else(|it| panic!("{}", it.human(Style::PLAIN)));
    assert_eq!(loaded.plan.name, "child");
    assert_eq!(params(&loaded, "fit")["epochs"], 20);
    assert_eq!(params(&loaded, "fit")["lr0"], 0.002);
    assert_eq!(params(&loaded, "prep")["size"], 64);
    assert_eq!(params(&loaded, "prep")["eval"].as_array().unwrap().len(), 1);
    assert_eq!(params(&loaded, "prep")["train"][1]["p"], 0.25);
    let nodes: Vec<&str> = loaded.spec.nodes.keys().map(String::as_str).collect();
    assert_eq!(nodes, ["digits", "prep", "net", "fit", "more"]);
}

#[test]
fn paths_start_where_they_are_written() {
    let dir = folder();
    let root = |sets: &[&str], node: &str| {
        let loaded = load(&dir.path().join("child.yaml"), sets)
            .unwrap_or_else(|it| panic!("{}", it.human(Style::PLAIN)));
        params(&loaded, node)["root"].clone()
    };
    assert_eq!(root(&[], "digits"), "shared/images");
    assert_eq!(root(&[], "more"), "own");
    assert_eq!(
        root(&["params.folder=own"], "digits"),
        "own",
        "a value of the command line is as one of the file"
    );
    let base = BASE.replace("root: ${params.folder}", "root: ${params.folder}/../images");
    fs::write(dir.path().join("shared/base.yaml"), base).unwrap();
    assert_eq!(root(&[], "digits"), "shared/images/../images");
    let missing = BASE.replace("folder: images", "folder: imags");
    fs::write(dir.path().join("shared/base.yaml"), missing).unwrap();
    insta::assert_snapshot!("a_path_of_the_other_file", told(&dir, "child.yaml", &[]));
}

#[test]
fn the_same_values_are_the_same_recipe() {
    let dir = folder();
    let child = dir.path().join("child.yaml");
    let plain = load(&child, &["nodes.fit.epochs=7", "params.rate=0.5"]).map_err(drop).unwrap();
    let shown = kit::program(dir.path())
        .args(["show", "child.yaml", "--set", "nodes.fit.epochs=7", "--set", "params.rate=0.5"])
        .output()
        .unwrap();
    fs::write(dir.path().join("shown.yaml"), shown.stdout).unwrap();
    let again = load(&dir.path().join("shown.yaml"), &[]).map_err(drop).unwrap();
    assert_eq!(plain.spec, again.spec);
    assert_eq!(params(&plain, "fit")["epochs"], 7);
    assert_eq!(params(&plain, "fit")["lr0"], 0.5);
}

#[test]
fn mistakes_of_the_command_line_are_shown_there() {
    let dir = folder();
    let sets = [
        "nodes.fit.epochs=ten",
        "nodes.fit.epoch=3",
        "params.rate=fast",
        "params.rat=1",
        "nodes.fti.epochs=3",
        "fit.epochs=3",
        "nodes.prep.eval[1].type=resize",
        "nodes.prep.eval[0].size=1",
        "nodes.prep.train[0].p=2",
        "nodes.fit.epochs.x=1",
        "nodes.fit.epochs",
        "nodes.fit.epochs=",
        "nodes..epochs=1",
        "nodes.fit.class_weights={a: 1, a: 2}",
        "nodes.fit.class_weights={a: x}",
        "nodes.prep.train=[{type: horizontal_flip, p: 3}]",
        "nodes.fit.lr0=[",
        "extends=x.yaml",
        "nodes.fit.dataset=digit",
        "nodes.more.root=won",
    ];
    let all: Vec<String> =
        sets.iter().map(|set| format!("{set}\n{}", told(&dir, "child.yaml", &[set]))).collect();
    insta::assert_snapshot!("on_the_command_line", all.join("\n"));
}

#[test]
fn mistakes_of_several_texts_are_told_together() {
    let dir = folder();
    let base = BASE.replace("size: 64", "size: -1").replace("type: train", "type: trian");
    fs::write(dir.path().join("shared/base.yaml"), base).unwrap();
    fs::write(dir.path().join("child.yaml"), CHILD.replace("squash", "sqash")).unwrap();
    let sets = ["seed=-1"];
    insta::assert_snapshot!("of_several_texts", told(&dir, "child.yaml", &sets));
    let report =
        serde_json::to_value(load(&dir.path().join("child.yaml"), &sets).err().unwrap().report()).unwrap();
    let mut files: Vec<_> =
        report["problems"].as_array().unwrap().iter().map(|it| it["at"]["file"].as_str().unwrap()).collect();
    files.sort_unstable_by_key(|file| file.len());
    let ends = ["command line", "child.yaml", "shared/base.yaml", "shared/base.yaml"];
    assert!(files.iter().zip(ends).all(|(file, end)| file.ends_with(end)), "{files:?}");
}

/// What `kiln show` prints in a folder.
fn show(dir: &tempfile::TempDir, args: &[&str]) -> String {
    let output = kit::program(dir.path()).arg("show").args(args).env("EPOCHS", "4").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn what_is_shown_is_a_file_that_says_the_same() {
    let dir = folder();
    let shown = show(&dir, &["child.yaml", "--set", "nodes.fit.epochs=${env.EPOCHS}"]);
    fs::write(dir.path().join("shown.yaml"), &shown).unwrap();
    assert_eq!(show(&dir, &["shown.yaml"]), shown);
    assert!(shown.contains("epochs: 4\n"), "{shown}");
    let json = show(&dir, &["shown.yaml", "--json"]);
    fs::write(dir.path().join("json.yaml"), json).unwrap();
    assert_eq!(show(&dir, &["json.yaml"]), shown, "JSON is YAML, too");
}

#[test]
fn what_is_shown_says_where_it_comes_from() {
    let dir = folder();
    let sets = ["--set", "nodes.fit.epochs=${env.EPOCHS}", "--set", "seed=3"];
    let shown = show(&dir, &[&["child.yaml", "--origin"][..], &sets].concat());
    insta::assert_snapshot!("origins", shown);
    let with_defaults = show(&dir, &[&["child.yaml", "--origin", "--defaults"][..], &sets].concat());
    assert!(with_defaults.contains("on_corrupt: skip  # default\n"), "{with_defaults}");
    assert!(with_defaults.contains("seed: 3  # --set\n"), "{with_defaults}");
    let data: Value = serde_json::from_str(&show(&dir, &["child.yaml", "--origin", "--json"])).unwrap();
    assert_eq!(data["document"]["nodes"]["fit"]["lr0"], 0.002);
    assert_eq!(data["origins"]["nodes.fit.lr0"], "child.yaml:4, used at shared/base.yaml:29");
}

#[test]
fn texts_with_dollars_come_back_as_they_were() {
    let dir = folder();
    let text = "version: 1\nname: a\nnodes:\n  d: { type: dataset, root: \"own$${x}\" }\n";
    fs::create_dir_all(dir.path().join("own${x}")).unwrap();
    for class in ["a", "b"] {
        fs::create_dir_all(dir.path().join("own${x}").join(class)).unwrap();
        fs::copy(dir.path().join("own/a/0.png"), dir.path().join("own${x}").join(class).join("0.png"))
            .unwrap();
    }
    fs::write(dir.path().join("p.yaml"), text).unwrap();
    let loaded =
        load(&dir.path().join("p.yaml"), &[]).unwrap_or_else(|it| panic!("{}", it.human(Style::PLAIN)));
    assert_eq!(params(&loaded, "d")["root"], "own${x}");
    fs::write(dir.path().join("again.yaml"), loaded.spec.to_yaml()).unwrap();
    assert_eq!(load(&dir.path().join("again.yaml"), &[]).map_err(drop).unwrap().spec, loaded.spec);
}
