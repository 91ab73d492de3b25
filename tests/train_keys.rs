//! Every key of a train node has an effect, or is refused: one pipeline of many small train nodes, two for each
//! key that differ in it alone.

use std::{collections::BTreeMap, fs, path::Path, sync::Mutex};

use image::{Rgb, RgbImage};
use kiln::{
    event::Event,
    node::{KeyRole, Kind},
    nodes::KINDS,
    progress::Stop,
    random::Random,
    run::{Options, Results},
    store::Store,
};
use serde_json::{Map, Value, json};

mod kit;

/// How a key shows its effect.
enum Shown {
    /// By the result, where the first set of keys gives another one than the second.
    Result(Value, Value),
    /// By being refused with this value on the CPU, with this message.
    Refused(Value, &'static str),
}

/// The values of a key `x` under the keys `with`.
fn values(with: Value, key: &str, one: impl Into<Value>, other: impl Into<Value>) -> Shown {
    let set = |value: Value| {
        let mut keys = with.clone();
        keys[key] = value;
        keys
    };
    Shown::Result(set(one.into()), set(other.into()))
}

/// What every node has, unless it says otherwise; null takes a key away.
fn base() -> Value {
    json!({ "epochs": 2, "batch": 4, "nominal_batch": 4, "optimizer": "adamw", "lr0": 0.01 })
}

fn table() -> BTreeMap<&'static str, Shown> {
    let none = || json!({});
    let sgd = || json!({ "optimizer": "sgd" });
    // A network that stands still, so that its fitness does.
    let still = || json!({ "optimizer": "sgd", "lr0": 0.0, "warmup_epochs": 0, "epochs": 4, "freeze_names": ["conv", "bn"] });
    BTreeMap::from([
        ("epochs", values(none(), "epochs", 1, 2)),
        ("time", Shown::Result(json!({ "epochs": 1 }), json!({ "epochs": null, "time": 1e-9 }))),
        ("batch", values(none(), "batch", 4, 5)),
        ("optimizer", values(none(), "optimizer", "adamw", "radam")),
        ("lr0", values(none(), "lr0", 0.01, 0.02)),
        ("lrf", values(none(), "lrf", 0.01, 0.5)),
        ("schedule", values(none(), "schedule", "linear", "one_cycle")),
        ("step_size", values(json!({ "schedule": "step" }), "step_size", 1, 2)),
        ("step_gamma", values(json!({ "schedule": "step", "step_size": 1 }), "step_gamma", 0.1, 0.5)),
        ("momentum", values(none(), "momentum", 0.8, 0.9)),
        ("weight_decay", values(none(), "weight_decay", 0.0, 0.1)),
        ("warmup_epochs", values(none(), "warmup_epochs", 0.0, 1.0)),
        ("warmup_momentum", values(sgd(), "warmup_momentum", 0.5, 0.8)),
        ("warmup_bias_lr", values(sgd(), "warmup_bias_lr", 0.0, 0.1)),
        ("nominal_batch", values(none(), "nominal_batch", 4, 8)),
        ("clip", values(sgd(), "clip", 0.0, 0.01)),
        ("ema", values(none(), "ema", true, false)),
        ("label_smoothing", values(none(), "label_smoothing", 0.0, 0.1)),
        ("class_weights", values(none(), "class_weights", json!({ "a": 1.0 }), json!({ "a": 2.0 }))),
        ("balance_classes", values(none(), "balance_classes", false, true)),
        ("focal_gamma", values(none(), "focal_gamma", 0.0, 2.0)),
        ("mixup", values(none(), "mixup", 0.0, 1.0)),
        ("mixup_alpha", values(json!({ "mixup": 1.0 }), "mixup_alpha", 0.2, 1.0)),
        ("cutmix", values(none(), "cutmix", 0.0, 1.0)),
        ("cutmix_alpha", values(json!({ "cutmix": 1.0 }), "cutmix_alpha", 0.2, 1.0)),
        ("dropout", values(none(), "dropout", 0.0, 0.5)),
        ("fraction", values(none(), "fraction", 1.0, 0.5)),
        ("freeze", values(none(), "freeze", 0, 1)),
        ("freeze_rows", values(none(), "freeze_rows", json!([0]), json!([1]))),
        ("freeze_names", values(none(), "freeze_names", json!(["model.0.bn"]), json!(["model.[01].bn.*"]))),
        ("patience", values(still(), "patience", 0, 1)),
        ("val_period", values(none(), "val_period", 1, 0)),
        ("save_period", values(none(), "save_period", 0, 1)),
        ("tensorboard", values(none(), "tensorboard", false, true)),
        ("precision", Shown::Refused("bf16".into(), "the device `cpu` can't train in bf16")),
    ])
}

fn kind() -> Kind {
    *KINDS.iter().find(|kind| kind.name == "train").unwrap()
}

/// The keys of a train node that are its own: no references, and none that its documentation promises to be
/// without effect on results.
fn keys() -> Vec<String> {
    let schema = (kind().schema)().to_value();
    let properties = schema["properties"].as_object().unwrap();
    let reference = |key: &str| kind().role(key).is_some_and(|role| role.accepts().is_some());
    let runtime = |key: &str| {
        let promised = properties[key]["description"].as_str().unwrap().contains("not results");
        assert_eq!(kind().role(key) == Some(KeyRole::Runtime), promised, "{key}");
        promised
    };
    properties.keys().filter(|key| !reference(key) && !runtime(key)).cloned().collect()
}

/// Images of three classes, unequally many.
fn images(root: &Path) {
    for (split, counts) in [("train", [6, 4, 4]), ("val", [3, 3, 3])] {
        for (class, count) in ["a", "b", "c"].into_iter().zip(counts) {
            let folder = root.join(split).join(class);
            fs::create_dir_all(&folder).unwrap();
            for i in 0..count {
                let mut random = Random::new(&format!("{split} {class}"), &[i]);
                let image = RgbImage::from_fn(18, 18, |_, _| Rgb([(); 3].map(|()| random.below(256) as u8)));
                image.save(folder.join(format!("{i}.png"))).unwrap();
            }
        }
    }
}

const ARCH: &str = "
nc: 3
backbone:
  - [-1, 1, Conv, [8, 3, 2]]
  - [-1, 1, Conv, [8, 3, 2]]
head:
  - [-1, 1, Classify, [nc]]
";

fn train(keys: &Value) -> Value {
    let mut node = json!({ "type": "train", "model": "net", "dataset": "data", "transforms": "prep" });
    let node = node.as_object_mut().unwrap();
    let patch = |node: &mut Map<String, Value>, keys: &Value| node.extend(keys.as_object().unwrap().clone());
    patch(node, &base());
    patch(node, keys);
    node.retain(|_, value| !value.is_null());
    Value::Object(node.clone())
}

/// Runs these train nodes in one pipeline; gives the files that each made, and the error of each that failed.
fn run(folder: &Path, nodes: &BTreeMap<String, Value>) -> (Results, BTreeMap<String, String>) {
    images(&folder.join("images"));
    fs::write(folder.join("tiny.yaml"), ARCH).unwrap();
    let mut all = json!({
        "data": { "type": "dataset", "root": "images" },
        "prep": { "type": "transforms", "size": 16 },
        "net": { "type": "model", "arch": "tiny.yaml", "dataset": "data" },
    });
    all.as_object_mut().unwrap().extend(nodes.clone());
    let file = folder.join("pipeline.yaml");
    fs::write(&file, json!({ "version": 1, "name": "keys", "nodes": all }).to_string()).unwrap();
    let loaded = kit::load(&file, KINDS);
    let store = Store::open(&folder.join("store")).unwrap();
    let failures = Mutex::new(BTreeMap::new());
    let emit = |event: Event| {
        if let Event::NodeFailed { node, error, .. } = event {
            failures.lock().unwrap().insert(node, error);
        }
    };
    let options = Options { keep_going: true, ..Options::default() };
    let summary = kit::run(&loaded, folder, &store, &options, &Stop::default(), &emit);
    let failures = failures.into_inner().unwrap();
    assert_eq!(summary.is_err(), !failures.is_empty());
    (kit::results(&loaded, folder), failures)
}

/// Nothing of what makes the training loss differ is in the score: with the same weights, a training and a `val` node say
/// the same. Its nine images validate in batches of eight and one.
#[test]
fn training_and_val_agree_about_the_same_weights() {
    let keys = json!({ "epochs": 1, "label_smoothing": 0.2, "focal_gamma": 1.0, "balance_classes": true, "mixup": 1.0 });
    let score = json!({ "type": "val", "model": "fit", "dataset": "data" });
    let folder = tempfile::tempdir().unwrap();
    // Images of which some show what the model does not know.
    let other = json!({ "type": "dataset", "root": "others" });
    let others = json!({ "type": "val", "model": "fit", "dataset": "other" });
    for class in ["a", "zebra"] {
        let images = folder.path().join("others/val").join(class);
        fs::create_dir_all(&images).unwrap();
        (0..2).for_each(|i| RgbImage::new(18, 18 + i).save(images.join(format!("{i}.png"))).unwrap());
    }
    let nodes = [("fit", train(&keys)), ("score", score), ("other", other), ("others", others)];
    let nodes = nodes.map(|(id, node)| (id.to_owned(), node)).into();
    let (results, failures) = run(folder.path(), &nodes);
    assert_eq!(failures, BTreeMap::new());
    let text = |node: &str, name: &str| fs::read_to_string(results.folder(node).join(name)).unwrap();
    let json = |node: &str, name: &str| -> Value { serde_json::from_str(&text(node, name)).unwrap() };
    let headline = |node: &str| json(node, "manifest.json")["story"]["headline"].as_str().unwrap().to_owned();
    assert_eq!(headline("fit"), format!("best epoch 1 of 1: {}", headline("score")));
    let csv = text("fit", "metrics.csv");
    let [header, row] = [0, 1].map(|line| csv.lines().nth(line).unwrap().split(',').collect::<Vec<_>>());
    let at = header.iter().position(|name| *name == "val/loss").unwrap();
    let (trained, measured) = (row[at].parse::<f64>().unwrap(), json("score", "metrics.json"));
    let loss = measured["loss"]["value"].as_f64().unwrap();
    assert!((trained / loss - 1.0).abs() < 1e-5, "{trained} {loss}");
    // Of three classes, all are among the first five.
    assert!(!csv.contains("top5") && measured.get("top5").is_none() && measured.get("fitness").is_none());
    assert_eq!(measured["class_images"]["value"], json!({ "a": 3, "b": 3, "c": 3 }));
    assert_eq!(measured["images_left_out"]["value"], json!(0));
    let left_out = json("others", "metrics.json")["images_left_out"]["value"].clone();
    assert!(left_out == json!(2) && headline("others").ends_with("the model does not have: 2"));
}

/// The files of a node, without its recipe, its pictures and the times in its metrics.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        match name.as_str() {
            "recipe.json" | "manifest.json" => {}
            picture if picture.ends_with(".png") || picture.ends_with(".svg") => {}
            "metrics.csv" => drop(files.insert(name, timeless(&fs::read_to_string(&path).unwrap()))),
            _ => drop(files.insert(name, fs::read(&path).unwrap())),
        }
    }
    files
}

/// Without the second column and the last one: when, and how long images were waited for.
fn timeless(csv: &str) -> Vec<u8> {
    let line = |line: &str| {
        let cells: Vec<&str> = line.split(',').collect();
        [&cells[..1], &cells[2..cells.len() - 1]].concat().join(",")
    };
    csv.lines().map(line).collect::<Vec<_>>().join("\n").into_bytes()
}

#[test]
fn every_key_has_an_effect_or_is_refused() {
    let table = table();
    let keys = keys();
    for key in &keys {
        assert!(table.contains_key(key.as_str()), "the key `{key}` is not in the table of this test");
    }
    assert_eq!(table.len(), keys.len(), "the table names a key that there isn't");
    let mut nodes = BTreeMap::new();
    for (key, shown) in &table {
        match shown {
            Shown::Result(one, other) => {
                nodes.insert(format!("{key}_one"), train(one));
                nodes.insert(format!("{key}_other"), train(other));
            }
            Shown::Refused(value, _) => drop(nodes.insert((*key).into(), train(&json!({ *key: value })))),
        }
    }
    // Twice the same, under keys that say so in two ways: what the comparison must not take for an effect.
    nodes.insert("same_one".into(), train(&json!({ "class_weights": { "a": 1.0, "b": 1.0 } })));
    nodes.insert("same_other".into(), train(&json!({ "class_weights": { "c": 1.0 } })));
    let sixteen = json!({ "batch": 16, "nominal_batch": 16 });
    nodes.insert("automatic_one".into(), train(&sixteen));
    nodes.insert("automatic_other".into(), train(&json!({ "batch": "auto", "nominal_batch": 16 })));
    let folder = tempfile::tempdir().unwrap();
    let (results, failures) = run(folder.path(), &nodes);
    let refused = table.iter().filter_map(|(key, shown)| match shown {
        Shown::Refused(_, message) => Some(((*key).to_owned(), (*message).to_owned())),
        Shown::Result(..) => None,
    });
    assert_eq!(failures, refused.collect());
    nodes.retain(|id, _| !failures.contains_key(id));
    let results: BTreeMap<_, _> = nodes.keys().map(|id| (id.clone(), files(&results.folder(id)))).collect();
    for same in ["same", "automatic"] {
        assert!(results[&format!("{same}_one")] == results[&format!("{same}_other")], "{same}");
    }
    for key in table.iter().filter(|(_, shown)| matches!(shown, Shown::Result(..))).map(|(key, _)| key) {
        let (one, other) = (&results[&format!("{key}_one")], &results[&format!("{key}_other")]);
        assert!(one.contains_key("model.safetensors") && one.contains_key("metrics.csv"), "{key}");
        assert!(one != other, "`{key}` has no effect");
    }
    let kept = &results["save_period_other"];
    assert!(
        kept.contains_key("epoch1.safetensors") && kept["epoch2.safetensors"] == kept["last.safetensors"]
    );
    let stopped = String::from_utf8(results["patience_other"]["metrics.csv"].clone()).unwrap();
    assert_eq!(stopped.lines().count(), 1 + 2, "one epoch without improvement:\n{stopped}");
}
