//! `kiln predict` on what folders really hold: each image is told in its place, and what is none keeps no other from
//! being used.
#![cfg(target_os = "linux")]

use std::{
    ffi::OsStr,
    fs,
    os::unix::{ffi::OsStrExt as _, fs::symlink},
    path::PathBuf,
    process::{Command, Output},
};

use tempfile::TempDir;

mod kit;

/// A folder with the digits `names`, as a project of its own.
fn project(names: &[&[u8]]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join(".kiln")).unwrap();
    fs::create_dir(dir.path().join("photos")).unwrap();
    for name in names {
        fs::copy(digit(), dir.path().join("photos").join(OsStr::from_bytes(name))).unwrap();
    }
    dir
}

fn digit() -> PathBuf {
    let folder = kit::repository("examples/data/mnist160/val/7");
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).min().unwrap()
}

fn kiln(dir: &TempDir, arguments: &[&OsStr]) -> Output {
    let model = kit::repository("tests/fixtures/weights/tiny-yolo12.pt");
    kit::program(dir.path()).arg("predict").arg(model).args(arguments).output().unwrap()
}

/// What it says, after it went well: on standard output, and on standard error.
fn said(dir: &TempDir, arguments: &[&str]) -> (String, String) {
    let output = kiln(dir, &arguments.iter().map(OsStr::new).collect::<Vec<_>>());
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let (out, trouble) = (text(output.stdout), text(output.stderr));
    assert!(output.status.success(), "{out}{trouble}");
    (out, trouble)
}

/// The paths in lines of JSON.
fn paths(lines: &str) -> Vec<String> {
    let path =
        |line| serde_json::from_str::<serde_json::Value>(line).unwrap()["path"].as_str().unwrap().to_owned();
    lines.lines().map(path).collect()
}

#[test]
fn names_of_any_bytes_are_predicted_and_none_is_lost() {
    let dir = project(&[b"a.png", b"m\xfcll.png", b"new\nline.png"]);
    let expected = ["photos/a.png", "photos/m\\xfcll.png", "photos/new\nline.png"];
    assert_eq!(paths(&said(&dir, &["photos", "--json"]).0), expected);
    assert_eq!(paths(&said(&dir, &["photos/*.png", "--json"]).0), expected);
    let by_name: Vec<PathBuf> =
        expected.iter().map(|name| dir.path().join(kiln::paths::from_text(name))).collect();
    let mut arguments: Vec<&OsStr> = by_name.iter().map(|path| path.as_os_str()).collect();
    arguments.push(OsStr::new("--json"));
    let output = kiln(&dir, &arguments);
    assert_eq!(paths(&String::from_utf8(output.stdout).unwrap()), expected);
    let (lines, _) = said(&dir, &["photos"]);
    assert_eq!(lines.lines().count(), 3);
    assert!(lines.contains("photos/new\\nline.png: "), "{lines}");
}

#[test]
fn what_is_no_image_keeps_no_other_from_being_used() {
    let dir = project(&[b"good.png"]);
    let at = |name: &str| dir.path().join("photos").join(name);
    symlink("gone", at("dead.png")).unwrap();
    symlink("/dev/zero", at("endless.png")).unwrap();
    symlink(digit(), at("link.png")).unwrap();
    fs::create_dir(at("folder.png")).unwrap();
    fs::write(at("page.jpg"), "<!DOCTYPE html><html></html>").unwrap();
    assert!(Command::new("mkfifo").arg(at("pipe.png")).status().unwrap().success());
    // The second finds its result in the store, and says at least how many.
    for (source, is_fresh) in [("photos", true), ("photos/*", false)] {
        let (lines, trouble) = said(&dir, &[source, "--json"]);
        assert_eq!(paths(&lines), ["photos/good.png", "photos/link.png"], "{source}");
        assert!(trouble.contains("5 images can't be read: see runs/"), "{trouble}");
        if !is_fresh {
            continue;
        }
        let told: Vec<&str> = trouble.lines().filter(|line| line.contains("cannot read")).collect();
        assert!(told.iter().any(|line| line.contains("dead.png: No such file")), "{trouble}");
        assert!(told.iter().any(|line| line.contains("endless.png: it is a device")), "{trouble}");
        assert!(told.iter().any(|line| line.contains("pipe.png: it is a named pipe")), "{trouble}");
        assert!(told.iter().any(|line| line.contains("page.jpg")), "{trouble}");
    }
}

#[test]
fn nothing_that_is_called_something_acts_on_a_terminal_or_in_a_spreadsheet() {
    let dir = project(&[b"a\x1b]0;x\x07\x1b[31m.png", b"=HYPERLINK(1).png", "b\u{202e}gnp.png".as_bytes()]);
    fs::write(dir.path().join("photos").join(OsStr::from_bytes(b"bad\x1b[2J.png")), "x").unwrap();
    let (lines, trouble) = said(&dir, &["photos"]);
    let hidden = |char: char| char != '\n' && kiln::shown::is_hidden(char);
    assert!(!lines.contains(hidden) && !trouble.contains(hidden), "{lines}{trouble}");
    let results =
        fs::read_dir(dir.path().join("runs")).unwrap().next().unwrap().unwrap().path().join("guess");
    let table = fs::read_to_string(results.join("predictions.csv")).unwrap();
    assert!(!table.contains(hidden) && table.contains("\n'=HYPERLINK(1).png,"), "{table}");
    assert!(!fs::read_to_string(results.join("errors.csv")).unwrap().contains(hidden));
}

/// What the program says on standard output with these arguments, after it went well.
fn told(dir: &TempDir, arguments: &[&str]) -> String {
    let output = kit::program(dir.path()).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The classes of each line, and the probability of the likeliest.
fn classes(lines: &str) -> Vec<(String, f64)> {
    let guess = |line| {
        let guess: serde_json::Value = serde_json::from_str(line).unwrap();
        (guess["name"].as_str().unwrap().to_owned(), guess["confidence"].as_f64().unwrap())
    };
    lines.lines().map(guess).collect()
}

#[test]
fn an_exported_network_predicts_what_its_model_predicts() {
    let dir = project(&[b"a.png", b"b.png"]);
    let model = kit::repository("tests/fixtures/weights/tiny-yolo12.pt").display().to_string();
    told(
        &dir,
        &["export", &model, "--format", "onnx,openvino", "--size", "64", "--out", "made", "--dynamic-batch"],
    );
    let own = classes(&told(&dir, &["predict", &model, "photos", "--size", "64", "--json"]));
    // Whatever it is called.
    fs::copy(dir.path().join("made/out/model.onnx"), dir.path().join("network")).unwrap();
    for exported in ["network", "made/out/model_openvino_model"] {
        let again = classes(&told(&dir, &["predict", exported, "photos", "--json"]));
        assert!(own.len() == 2 && again.len() == 2, "{exported}: {again:?}");
        for ((name, confidence), (again, exported)) in own.iter().zip(&again) {
            assert!(name == again && (confidence - exported).abs() < 1e-5, "{own:?} {again}");
        }
    }
    let other =
        kit::program(dir.path()).args(["predict", "network", "photos", "--size", "96"]).output().unwrap();
    let why = String::from_utf8_lossy(&other.stderr).into_owned();
    assert!(!other.status.success() && why.contains("takes images of 64 pixels, not 96"), "{why}");
}

#[test]
fn an_exported_network_is_not_trained() {
    let dir = project(&[b"a.png"]);
    for class in ["x", "y"] {
        fs::create_dir_all(dir.path().join("data").join(class)).unwrap();
        for place in ["1.png", "2.png"] {
            fs::copy(dir.path().join("photos/a.png"), dir.path().join("data").join(class).join(place))
                .unwrap();
        }
    }
    let model = kit::repository("tests/fixtures/weights/tiny-yolov8.pt").display().to_string();
    told(&dir, &["export", &model, "--format", "onnx", "--out", "made"]);
    let pipeline = |net: &str| {
        let text = format!(
            "version: 1\nname: p\nnodes:\n  data: {{ type: dataset, root: data }}\n  \
             net: {{ type: model, weights: made/out/model.onnx{net} }}\n  fit: {{ type: train, model: net, dataset: data, epochs: 1 }}\n"
        );
        fs::write(dir.path().join("p.yaml"), text).unwrap();
        let output = kit::program(dir.path()).args(["run", "p.yaml"]).output().unwrap();
        assert!(!output.status.success());
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
    };
    assert!(pipeline("").contains("it can be used by `predict` and `val`, not trained"));
    assert!(pipeline(", dataset: data").contains("`dataset` beside an exported network"));
}
