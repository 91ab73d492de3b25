//! What is said on standard output gets there, or the program says that it did not.
#![cfg(target_os = "linux")]

use std::{
    fs::File,
    process::{Output, Stdio},
};

mod kit;

/// A command of each kind that prints.
const COMMANDS: &[&[&str]] = &[
    &["--help"],
    &["help", "predict"],
    &["--version"],
    &["explain"],
    &["explain", "E0102"],
    &["schema", "--stdout"],
    &["check", "pipelines/quickstart.yaml"],
    &["check", "pipelines/quickstart.yaml", "--message-format", "json"],
    &["plan", "pipelines/quickstart.yaml"],
    &["plan", "pipelines/quickstart.yaml", "--json"],
    &["plan", "pipelines/quickstart.yaml", "--dot"],
    &["why", "pipelines/quickstart.yaml", "digits"],
    &["inspect", "yolo11n-cls"],
    &["inspect", "yolo11n-cls", "--json"],
    &["predict", "no.safetensors", "no.png", "--print"],
    &["cache", "list"],
    &["doctor"],
    &["doctor", "--json"],
];

fn kiln(arguments: &[&str], stdout: Stdio) -> Output {
    let store = tempfile::tempdir().unwrap();
    kit::program(&kit::repository(""))
        .args(arguments)
        .env("KILN_STORE", store.path().join("store"))
        .stdout(stdout)
        .stderr(Stdio::piped())
        .output()
        .unwrap()
}

#[test]
fn a_full_disk_behind_standard_output_is_an_error_of_every_command() {
    for arguments in COMMANDS {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let output = kiln(arguments, full.into());
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {told}");
        assert!(told.starts_with("error: cannot write to standard output\n  because: No space"), "{told}");
        assert!(kiln(arguments, Stdio::null()).status.success(), "{arguments:?}");
    }
}

#[test]
fn an_error_told_as_data_is_told_even_if_nothing_can_be_written() {
    let full = File::options().write(true).open("/dev/full").unwrap();
    let output = kiln(&["explain", "E9999", "--message-format", "json"], full.into());
    assert_eq!(output.status.code(), Some(2));
    assert!(!output.stderr.is_empty());
}

#[test]
fn a_reader_that_went_away_is_no_error() {
    for arguments in COMMANDS {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = kiln(arguments, writer.into());
        assert!(output.status.success(), "{arguments:?}");
        assert!(output.stderr.is_empty(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}
