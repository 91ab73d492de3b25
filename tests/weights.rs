//! Weights through whole pipelines: from a path, from a URL, into every format and back.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    net::TcpListener,
    path::PathBuf,
    sync::Mutex,
    thread,
};

use kiln::{
    download::Sha256,
    event::Event,
    nodes::KINDS,
    progress::Stop,
    run::{Options, Summary},
    store::Store,
    weights,
};
use serde_json::Value;
use tempfile::TempDir;

mod kit;

fn fixture(name: &str) -> PathBuf {
    kit::repository("tests/fixtures/weights").join(name)
}

/// Writes a pipeline of these nodes, lines of `name: {type: …}`.
fn pipeline(dir: &TempDir, nodes: &str) {
    let lines: String = nodes.lines().map(|line| format!("  {}\n", line.trim())).collect();
    let text = format!("version: 1\nname: weights\nseed: 0\nnodes:\n{lines}");
    fs::write(dir.path().join("pipeline.yaml"), text).unwrap();
}

/// Runs it. Gives what became of the nodes, and every note, warning and failure.
fn run(dir: &TempDir) -> (Summary, Vec<String>) {
    let loaded = kit::load(&dir.path().join("pipeline.yaml"), KINDS);
    let (summary, told) = (Mutex::new(Summary::default()), Mutex::new(Vec::new()));
    let emit = |event| match event {
        Event::NodeNote { line, .. } | Event::NodeWarning { line, .. } => told.lock().unwrap().push(line),
        Event::NodeFailed { error, help, .. } => {
            told.lock().unwrap().push(format!("{error}; {}", help.unwrap_or_default()));
        }
        Event::RunFinished { ran, cached, failed, skipped, .. } => {
            *summary.lock().unwrap() = Summary { ran, cached, failed, skipped };
        }
        _ => (),
    };
    let store = Store::open(&dir.path().join("store")).unwrap();
    let options = Options { threads: 2, ..Options::default() };
    // A failure is told as an event too.
    let _ = kit::run(&loaded, dir.path(), &store, &options, &Stop::default(), &emit);
    store.save().unwrap();
    (summary.into_inner().unwrap(), told.into_inner().unwrap())
}

fn json(dir: &TempDir, file: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(dir.path().join("runs/weights").join(file)).unwrap()).unwrap()
}

/// Answers every request, as many as there are `answers`, with this status line and body.
fn serve(answers: Vec<(&'static str, Vec<u8>)>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap();
    thread::spawn(move || {
        for (status, body) in answers {
            let (mut stream, _) = listener.accept().unwrap();
            BufReader::new(&stream).lines().map_while(Result::ok).take_while(|line| !line.is_empty()).count();
            let length = body.len();
            write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n")
                .unwrap();
            stream.write_all(&body).unwrap();
        }
    });
    format!("http://{host}")
}

#[test]
fn a_url_is_fetched_once_and_counts_by_its_digest() {
    let (dir, path) = (tempfile::tempdir().unwrap(), fixture("tiny-yolov8.pt"));
    let digest = Sha256::of(&path).unwrap();
    let net = |host: &str| format!("net: {{ type: model, weights: '{host}/best.pt', sha256: {digest} }}");
    pipeline(&dir, &net(&serve(vec![("200 OK", fs::read(&path).unwrap())])));
    let (summary, told) = run(&dir);
    assert_eq!((summary.ran, summary.failed), (1, 0), "{told:?}");
    assert!(dir.path().join(format!("store/downloads/{digest}")).is_file());
    // Offline now; and where it came from does not count.
    for host in ["http://127.0.0.1:1", "https://mirror.invalid"] {
        pipeline(&dir, &net(host));
        assert_eq!(run(&dir).0.cached, 1, "{host}");
    }
    // Another node wants the same file: it is there.
    pipeline(
        &dir,
        &format!(
            "net: {{ type: model, arch: {}, weights: 'http://127.0.0.1:1/best.pt', sha256: {digest} }}",
            fixture("yolov8n-cls-tiny.yaml").display()
        ),
    );
    let (summary, told) = run(&dir);
    assert_eq!((summary.ran, summary.failed), (1, 0), "{told:?}");
}

#[test]
fn what_goes_wrong_with_a_file_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let (weights, wrong) = (fixture("tiny-yolov8.pt"), "ab".repeat(32));
    let host = serve(vec![("404 Not Found", Vec::new()), ("200 OK", b"another file".to_vec())]);
    let mut all = Vec::new();
    let nodes = [
        format!("net: {{ type: model, weights: '{host}/gone.pt', sha256: {wrong} }}"),
        format!("net: {{ type: model, weights: '{host}/best.pt', sha256: {wrong} }}"),
        format!("net: {{ type: model, weights: {}, sha256: {wrong} }}", weights.display()),
        format!("net: {{ type: model, weights: {} }}", fixture("state-dict.pt").display()),
        format!("net: {{ type: model, arch: yolov8n-cls, weights: {} }}", fixture("state-dict.pt").display()),
        format!("net: {{ type: model, arch: yolo11n-cls, weights: {} }}", weights.display()),
        format!("net: {{ type: model, weights: {} }}", fixture("torchscript.pt").display()),
    ];
    for node in nodes {
        pipeline(&dir, &node);
        let (summary, told) = run(&dir);
        assert_eq!(summary.failed, 1, "{node}");
        all.extend(told);
    }
    let here = fixture("").display().to_string();
    let all =
        all.join("\n").replace(&host, "http://127.0.0.1:PORT").replace(here.trim_end_matches('/'), "weights");
    insta::assert_snapshot!(all);
}

#[test]
fn every_format_goes_out_and_comes_in_again() {
    let dir = tempfile::tempdir().unwrap();
    let formats = [("safetensors", "model.safetensors"), ("burnpack", "model.bpk"), ("pt", "model.pt")];
    let out: String = formats
        .iter()
        .map(|(format, _)| format!("{format}: {{ type: export, model: net, format: {format} }}\n"))
        .collect();
    let net = format!("net: {{ type: model, weights: {} }}\n", fixture("tiny-yolo11.pt").display());
    pipeline(&dir, &(net + &out));
    let (summary, told) = run(&dir);
    assert_eq!((summary.ran, summary.failed), (4, 0), "{told:?}");
    let original = weights::read(&dir.path().join("runs/weights/net/model.safetensors")).unwrap();
    for (format, file) in formats {
        let written = dir.path().join("runs/weights").join(format).join(file);
        assert!(weights::read(&written).unwrap() == original, "{format}");
    }
    // Names, architecture, size and transforms came along: the files are models by themselves.
    let back: String = formats
        .iter()
        .map(|(format, file)| {
            format!("from_{format}: {{ type: model, weights: runs/weights/{format}/{file} }}\n")
        })
        .collect();
    pipeline(&dir, &back);
    let (summary, told) = run(&dir);
    assert_eq!((summary.ran, summary.failed), (3, 0), "{told:?}");
}

#[test]
fn a_model_for_other_classes_tells_what_it_took() {
    let dir = tempfile::tempdir().unwrap();
    for class in ["class b", "class d", "class x"] {
        for split in ["train", "val"] {
            let folder = dir.path().join("images").join(split).join(class);
            fs::create_dir_all(&folder).unwrap();
            let image = kit::repository("tests/fixtures/images/grey.png");
            fs::copy(image, folder.join("a.png")).unwrap();
        }
    }
    let weights = fixture("tiny-yolov8.pt");
    pipeline(
        &dir,
        &format!(
            "data: {{ type: dataset, root: images }}\nnet: {{ type: model, dataset: data, weights: {} }}",
            weights.display()
        ),
    );
    let (summary, told) = run(&dir);
    assert_eq!((summary.ran, summary.failed), (2, 0), "{told:?}");
    assert_eq!(
        told[told.len() - 2..],
        ["transferred 130 of 132 parameters", "2 of 3 classes carried over by name; fresh: class x"]
    );
    let report = json(&dir, "net/transfer.json");
    assert_eq!(report["classes"]["carried"], serde_json::json!(["class b", "class d"]));
    let model = weights::read(&dir.path().join("runs/weights/net/model.safetensors")).unwrap();
    let (old, new) = (weights::read(&weights).unwrap(), &model.weights);
    let row = |array: &weights::Array, row: usize| {
        let width = array.data.len() / array.shape[0];
        array.data[row * width..][..width].to_vec()
    };
    let head = new.keys().find(|name| name.ends_with(".linear.weight")).unwrap();
    assert_eq!(row(&new[head], 0), row(&old.weights[head], 1));
    assert_eq!(row(&new[head], 1), row(&old.weights[head], 3));
    assert_eq!(model.names.unwrap(), ["class b", "class d", "class x"]);
}
