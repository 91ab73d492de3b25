use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf, time::Instant};

use serde_json::json;

use super::*;
use crate::{
    arch::Arch,
    error::ErrorKind,
    export::{Content, FORMATS, Precision},
    progress::Stop,
    weights::Weights,
};

/// A program of these lines of shell, in a folder of its own.
fn program(lines: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stand-in");
    fs::write(&path, format!("#!/bin/sh\n{lines}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    let name = path.to_str().unwrap().to_owned();
    (folder, name)
}

/// What became of the lines as an external compiler that should make `output`; the folder has the results.
fn made(lines: &str, output: &str, stop: &Stop) -> (tempfile::TempDir, Result<()>) {
    let ((_program, name), scratch, out) =
        (program(lines), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let command = vec![name, "an argument".to_owned(), "$HOME".to_owned()];
    let external = External { command, input: &FORMATS[0], output: output.to_owned() };
    let folder = workplace(scratch.path(), "external").unwrap();
    fs::write(folder.join("model.onnx"), "input").unwrap();
    let result =
        with_model(|model| external.make(model, (&folder, out.path()), &Progress::new(&|_| (), stop)));
    (out, result)
}

fn with_model<T>(then: impl FnOnce(&Model<'_>) -> T) -> T {
    let names = ["a".to_owned(), "b".to_owned()];
    let (arch, weights, eval) = (Arch::built_in("yolov8n-cls", 2).unwrap(), Weights::new(), json!([]));
    then(&Model {
        arch: &arch,
        weights: &weights,
        names: &names,
        size: 64,
        eval: &eval,
        options: Options::default(),
    })
}

fn compiler(name: &str) -> (&'static Format, &'static Compiler) {
    match Format::named(name) {
        Some(format @ Format { content: Content::Compiled(compiler), .. }) => (format, compiler),
        _ => panic!("{name} is compiled"),
    }
}

#[test]
fn a_program_sees_its_arguments_and_its_folder_and_no_shell() {
    let (out, result) = made("cat model.onnx > made; printf ' %s' \"$@\" >> made", "made", &Stop::default());
    result.unwrap();
    assert_eq!(fs::read_to_string(out.path().join("made")).unwrap(), "input an argument $HOME");
    assert!(fs::read_to_string(out.path().join("metadata.yaml")).unwrap().contains("  1: \"b\"\n"));
}

#[test]
fn a_folder_has_its_metadata_inside() {
    let (out, result) = made("mkdir -p made/x; echo 1 > made/x/y", "made", &Stop::default());
    result.unwrap();
    assert!(out.path().join("made/x/y").is_file() && out.path().join("made/metadata.yaml").is_file());
}

#[test]
fn what_goes_wrong_is_told() {
    let error = |lines: &str| made(lines, "made", &Stop::default()).1.unwrap_err().to_string();
    let failed = error(
        "echo first; for i in 1 2 3 4 5 6 7; do echo line $i; done; echo '\u{1b}[31mno memory' >&2; exit 3",
    );
    let (head, lines) = failed.split_once('\n').unwrap();
    assert!(head.ends_with("/stand-in` failed (exit status: 3); the last that it said:"), "{head}");
    assert!(lines.starts_with("  line 1\n") && lines.ends_with("  \\u{1b}[31mno memory"), "{lines}");
    assert!(error("exit 1").ends_with("failed (exit status: 1); it said nothing"));
    assert!(error("kill -9 $$").contains("(signal: 9 (SIGKILL))"));
    assert_eq!(error("true"), "the program ended well, but made no `made`");
    assert_eq!(error(": > made"), "the program ended well, but `made` is empty");
    assert_eq!(error("mkdir made"), "the program ended well, but `made` is empty");
    assert!(error("ln -s model.onnx made").ends_with("is neither a file nor a folder"));
    assert!(error("mkdir made; ln -s /etc made/link").ends_with("made/link is neither a file nor a folder"));
}

#[test]
fn whoever_asks_to_stop_does_not_wait() {
    let stop = Stop::default();
    let began = Instant::now();
    let asks = stop.clone();
    let asking = std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_millis(300));
        asks.request();
    });
    // Itself what sleeps, so that nothing of it stays behind.
    let (_, result) = made("exec sleep 60", "made", &stop);
    asking.join().unwrap();
    assert_eq!(result.unwrap_err().kind(), ErrorKind::Interrupted);
    assert!(began.elapsed().as_secs() < 30, "{:?}", began.elapsed());
}

#[test]
fn a_missing_program_is_told_before_anything_runs() {
    let external =
        External { command: vec!["no-such-compiler".into()], input: &FORMATS[0], output: "made".into() };
    let [fault] = &external.faults(&[&FORMATS[0]])[..] else { panic!("one fault") };
    assert_eq!(
        (fault.key, fault.message.as_str()),
        ("external", "there is no program `no-such-compiler` here")
    );
    let (format, compiler) = compiler("engine");
    if program::find("trtexec").is_none() {
        let [fault] = &compiler.faults(format, Options::default())[..] else { panic!("one fault") };
        assert_eq!(fault.message, "there is no program `trtexec` here, which makes model.engine");
        assert!(fault.help.contains("`libnvinfer-bin`"), "{}", fault.help);
    }
}

#[test]
fn an_output_leaves_neither_its_folder_nor_takes_another_ones_name() {
    let (_folder, name) = program("true");
    for output in
        ["../made", "/tmp/made", "", "a/./b", "model.onnx", "model.onnx/x", "Model_Card.md", "metadata.yaml"]
    {
        let external = External { command: vec![name.clone()], input: &FORMATS[0], output: output.into() };
        let faults = external.faults(&[&FORMATS[0]]);
        assert_eq!(faults.len(), 1, "{output}: {faults:?}");
        assert!(faults[0].message.starts_with("`output` can't be"), "{faults:?}");
    }
}

#[test]
fn an_input_must_be_a_network_that_is_written() {
    let (_folder, name) = program("true");
    for (input, formats) in [("tflite", vec!["onnx"]), ("pt", vec!["pt"]), ("engine", vec!["engine"])] {
        let formats: Vec<&Format> = formats.into_iter().map(|name| Format::named(name).unwrap()).collect();
        let external = External {
            command: vec![name.clone()],
            input: Format::named(input).unwrap(),
            output: "made".into(),
        };
        let message = format!("the input `{input}` is no network that `format` writes");
        assert_eq!(external.faults(&formats)[0].message, message);
    }
}

#[test]
fn options_become_arguments() {
    let of = |name: &str, options| (compiler(name).1.arguments)(options, 160);
    let all = Options {
        dynamic_batch: true,
        precision: Precision::Fp16,
        workspace: Some(4),
        chip: Some(Chip::Rk3588),
        ..Options::default()
    };
    insta::assert_debug_snapshot!([
        of("engine", Options::default()),
        of("engine", all),
        of("rknn", all),
        of("axelera", all),
    ]);
}

#[test]
fn what_can_not_be_made_is_told() {
    let (format, compiler) = compiler("rknn");
    let faults = compiler.faults(format, Options::default());
    assert_eq!(faults.last().unwrap().message, "model_rknn_model needs `chip`");
}

#[test]
fn each_carrier_says_what_the_file_is() {
    let folder = tempfile::tempdir().unwrap();
    let carried = |carrier: Carrier, name: &str| -> PathBuf {
        let made = folder.path().join("made");
        fs::write(&made, "numbers").unwrap();
        let place = folder.path().join(name);
        with_model(|model| carrier.carry(&made, &place, model)).unwrap();
        place
    };
    let head = fs::read(carried(Carrier::Head, "head")).unwrap();
    let length = i32::from_le_bytes(head[..4].try_into().unwrap()) as usize;
    let told: serde_json::Value = serde_json::from_slice(&head[4..4 + length]).unwrap();
    assert_eq!((&told["names"]["1"], &head[4 + length..]), (&json!("b"), &b"numbers"[..]));
    let whole = carried(Carrier::Folder, "whole");
    assert_eq!(fs::read_to_string(whole.join("made")).unwrap(), "numbers");
    assert!(fs::read_to_string(whole.join("metadata.yaml")).unwrap().contains("task: \"classify\""));
}

#[test]
fn a_file_without_its_mark_is_refused() {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), "0123TFL3").unwrap();
    assert!(outcome::has_mark(file.path(), 4, b"TFL3").is_ok());
    let error = outcome::has_mark(file.path(), 0, b"RKNN").unwrap_err().to_string();
    assert_eq!(error, "what the program made does not have the mark `RKNN` of such a file");
    assert!(outcome::has_mark(file.path(), 6, b"TFL3").is_err());
}
