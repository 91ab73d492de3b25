//! `kiln bench`: which rows and columns there are, and that what can't be measured keeps no other from it. No time is
//! held to anything.

use std::{
    fs,
    process::{Command, Output},
};

use kiln::{device_name::DeviceName, eval::Classifier};
use serde_json::Value;
use tempfile::TempDir;

mod kit;

const MODEL: &str = "tests/fixtures/weights/tiny-yolo11.pt";

/// A run from the repository's folder, with as little timing as there is.
fn bench(words: &str) -> Command {
    let mut command = kit::program(&kit::repository(""));
    command.arg("bench").args(words.split(' ')).args(["--size", "32", "--seconds", "0"]);
    command
}

fn output(words: &str, code: i32) -> (String, String) {
    let Output { status, stdout, stderr } = bench(words).output().unwrap();
    let (told, trouble) = (String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap());
    assert_eq!(status.code(), Some(code), "{words}: {told}{trouble}");
    (told, trouble)
}

fn rows(words: &str, code: i32) -> Vec<Value> {
    let told: Value = serde_json::from_str(&output(&format!("{words} --json"), code).0).unwrap();
    assert_eq!((&told["version"], &told["batch"]), (&Value::from(1), &Value::from(1)));
    assert!(told["machine"]["threads"].as_u64().is_some_and(|threads| threads > 0), "{told}");
    told["rows"].as_array().unwrap().clone()
}

/// Labelled images of the model's classes, three each.
fn images() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let model = Classifier::load(&kit::repository(MODEL), DeviceName::Cpu).unwrap();
    for (class, name) in model.names.iter().enumerate() {
        let folder = dir.path().join("val").join(name);
        fs::create_dir_all(&folder).unwrap();
        let digits = fs::read_dir(kit::repository(&format!("examples/data/mnist160/val/{class}"))).unwrap();
        let mut digits: Vec<_> = digits.map(|entry| entry.unwrap().path()).collect();
        digits.sort();
        for (i, digit) in digits.iter().take(3).enumerate() {
            fs::copy(digit, folder.join(format!("{i}.png"))).unwrap();
        }
    }
    dir
}

#[test]
fn a_model_has_a_row_of_its_own_and_one_for_each_format() {
    let (table, trouble) = output(&format!("{MODEL} --formats onnx,safetensors --format csv"), 0);
    let lines: Vec<&str> = table.lines().collect();
    let columns = "model,format,pixels,ms,ms_p95,peak_mb,file_mb,parameters,gflops,device";
    let without_memory = columns.replace("peak_mb,", "");
    assert_eq!(lines[0], if cfg!(target_os = "linux") { columns } else { without_memory.as_str() });
    let formats: Vec<&str> = lines[1..].iter().map(|line| line.split(',').nth(1).unwrap()).collect();
    assert_eq!(formats, ["kiln", "onnx", "safetensors"]);
    assert!(trouble.contains("; device cpu; one image at a time"), "{trouble}");
    let (page, _) = output(&format!("{MODEL} --format markdown"), 0);
    let page: Vec<&str> = page.lines().collect();
    assert!(page[0].starts_with("Kiln ") && page[1].is_empty() && page[2].starts_with("| model | format |"));
    assert!(page[3].starts_with("| --- |") && page.len() == 5, "{page:?}");
}

#[test]
fn labelled_images_tell_how_good_what_was_written_is() {
    let images = images();
    let data = format!("--data {}", images.path().display());
    let rows = rows(&format!("{MODEL} yolo11n-cls {data} --formats onnx"), 0);
    let column = |name: &str| -> Vec<Option<f64>> { rows.iter().map(|row| row[name].as_f64()).collect() };
    let (top1, decoding) = (column("top1"), column("ms_decode"));
    assert!(top1[0].is_some_and(|top1| (0.0..=1.0).contains(&top1)) && top1[0] == top1[1], "{top1:?}");
    assert!(decoding[..2].iter().all(Option::is_some), "{decoding:?}");
    // Random weights say nothing.
    assert_eq!((&top1[2..], &decoding[2..]), (&[None, None][..], &[None, None][..]));
    assert_eq!(column("top5"), [None; 4], "there are four classes");
    let parameters: Vec<_> = rows.iter().map(|row| row["parameters"].as_u64()).collect();
    assert_eq!(parameters[2..], [Some(2_812_104), Some(2_807_024)], "norms are folded in what was written");
}

#[test]
fn an_exported_file_is_measured_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let exported = kit::program(&kit::repository(""))
        .args(["export", MODEL, "--format", "onnx", "--size", "32"])
        .arg("--store")
        .arg(dir.path().join("store"))
        .arg("--out")
        .arg(dir.path().join("results"))
        .output()
        .unwrap();
    assert!(exported.status.success(), "{}", String::from_utf8_lossy(&exported.stderr));
    let file = dir.path().join("results/out/model.onnx");
    let rows = rows(&file.display().to_string(), 0);
    assert_eq!((&rows[0]["format"], &rows[0]["pixels"]), (&Value::from("onnx"), &Value::from(32)));
}

#[test]
fn what_can_not_be_measured_says_why_in_its_place() {
    let rows = rows(&format!("README.md {MODEL}"), 1);
    let fault = rows[0]["fault"].as_str().unwrap();
    assert!(fault.starts_with("cannot read README.md as a model: it is a text file; "), "{fault}");
    assert!(rows[0].get("ms").is_none() && rows[1]["ms"].is_f64() && rows[1].get("fault").is_none());
    let (table, trouble) = output(&format!("README.md {MODEL}"), 1);
    assert!(table.trim_end().ends_with("Kiln reads .safetensors, .bpk and PyTorch's .pt files"), "{table}");
    assert!(trouble.ends_with("error: 1 row could not be measured\n"), "{trouble}");
}

#[test]
fn what_is_not_there_is_told_before_anything_is_measured() {
    let (table, trouble) = output(&format!("{MODEL} yolo11z-cls"), 1);
    assert!(table.is_empty() && trouble.contains("there is no architecture `yolo11z-cls`"), "{trouble}");
    let (table, trouble) = output(&format!("{MODEL} --formats onxx"), 2);
    assert!(table.is_empty() && trouble.contains("there is no format `onxx`"), "{trouble}");
    let (table, trouble) = output(&format!("{MODEL} --data no-such-folder"), 1);
    assert!(table.is_empty() && trouble.contains("no-such-folder"), "{trouble}");
}

/// A command that some signal stops as soon as it has told of a row: its output, and what it says to the shell.
#[cfg(unix)]
fn stopped(signal: &str) -> (String, Option<i32>) {
    use std::{
        io::{BufRead as _, BufReader, Read as _},
        process::Stdio,
    };
    let mut child =
        bench(&format!("{MODEL} yolov8x-cls")).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (mut line, mut told) = (String::new(), String::new());
    BufReader::new(child.stderr.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.starts_with(MODEL), "{line}");
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
    child.stdout.take().unwrap().read_to_string(&mut told).unwrap();
    (told, child.wait().unwrap().code())
}

#[cfg(unix)]
#[test]
fn what_was_measured_is_printed_when_the_user_stops_it() {
    for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
        let (told, ended) = stopped(signal);
        assert_eq!(ended, Some(code), "{told}");
        assert!(told.contains(MODEL) && !told.contains("yolov8x-cls"), "{told}");
    }
}
