//! The lock of a pipeline, and what a run held to it refuses.

use std::{fs, path::Path, process::Command};

use kiln::{
    error::ErrorKind,
    event::Event,
    run::{LockUse, Lockfile},
    store::{NodeEnding, Store},
};

use crate::kit::{Ran, THREE, Test};

fn lock(test: &Test) -> Lockfile {
    Lockfile::read(&test.path("pipeline.lock")).unwrap().unwrap()
}

fn writing(test: Test) -> Test {
    let path = test.path("pipeline.lock");
    test.options(|options| options.lock = LockUse::Write(path.clone()))
}

fn obeying(test: Test) -> Test {
    let lock = lock(&test);
    test.options(|options| options.lock = LockUse::Obey(lock.clone()))
}

/// Three nodes that ran once and wrote their lock.
fn locked() -> Test {
    let test = Test::new().file("a.txt", "one").file("b.txt", "two").nodes(THREE);
    writing(test).run().ok().ran(&["a", "b", "both"]).test()
}

#[track_caller]
fn drifts(ran: &Ran, expected: &[(&str, &str)]) {
    let drift = |event: &Event| match event {
        Event::NodeDrift { node, fact, .. } => Some((node.clone(), fact.clone())),
        _ => None,
    };
    let drifts: Vec<_> = ran.events.iter().filter_map(drift).collect();
    let drifts: Vec<_> = drifts.iter().map(|(node, fact)| (node.as_str(), fact.as_str())).collect();
    assert_eq!(drifts, expected);
}

#[test]
fn what_is_locked_runs_and_the_lock_stays() {
    let test = locked();
    let text = fs::read_to_string(test.path("pipeline.lock")).unwrap();
    let test = obeying(test).run().ok().cached(&["a", "b", "both"]).test();
    fs::remove_dir_all(&test.store).unwrap();
    let test = obeying(test).run().ok().ran(&["a", "b", "both"]).test();
    assert_eq!(fs::read_to_string(test.path("pipeline.lock")).unwrap(), text);
}

#[test]
fn a_changed_file_is_drift_before_anything_runs() {
    let ran = obeying(locked().file("b.txt", "three")).run().fails(ErrorKind::Drift).ran(&[]).cached(&[]);
    drifts(&ran, &[("b", "source.file")]);
}

#[test]
fn a_changed_parameter_and_other_nodes_are_drift() {
    let nodes = "a: {type: read, file: a.txt, scale: 0.2}\nc: {type: read, file: b.txt}";
    let ran = obeying(locked().nodes(nodes)).run().fails(ErrorKind::Drift).ran(&[]);
    drifts(&ran, &[("a", "param.scale"), ("c", "node"), ("b", "node"), ("both", "node")]);
}

#[test]
fn another_result_of_the_same_recipe_is_drift() {
    let test = locked();
    let mut lock = lock(&test);
    let facts = &mut lock.nodes.get_mut("a").unwrap().0;
    facts.insert("output".into(), "0".repeat(64));
    facts.insert("output.text".into(), "0".repeat(64));
    let test = test.options(|options| options.lock = LockUse::Obey(lock.clone()));
    let ran = test.run().fails(ErrorKind::Drift).skipped(&["both"]);
    drifts(&ran, &[("a", "output"), ("a", "output.text")]);
}

#[test]
fn a_part_of_the_pipeline_changes_a_part_of_the_lock() {
    let test = locked().file("a.txt", "another");
    let before = lock(&test);
    let path = test.path("pipeline.lock");
    let test = test.options(|options| {
        options.only = vec!["a".to_owned()];
        options.lock = LockUse::Write(path.clone());
    });
    let test = test.run().ok().ran(&["a"]).test();
    let after = lock(&test);
    assert_ne!(before.nodes["a"], after.nodes["a"]);
    assert_eq!((&before.nodes["b"], &before.nodes["both"]), (&after.nodes["b"], &after.nodes["both"]));
    assert_eq!(before.made_with, after.made_with);
}

#[test]
fn a_failed_run_leaves_the_lock_as_it_is() {
    let test = locked();
    let text = fs::read_to_string(test.path("pipeline.lock")).unwrap();
    fs::remove_file(test.path("a.txt")).unwrap();
    fs::write(test.path("a.txt"), [0xff, 0xfe]).unwrap();
    let test = writing(test).run().fails(ErrorKind::Failed).test();
    assert_eq!(fs::read_to_string(test.path("pipeline.lock")).unwrap(), text);
}

#[test]
fn a_result_of_files_that_changed_meanwhile_is_not_locked() {
    let test = Test::new().file("a.txt", "one").nodes("a: {type: read, file: a.txt, meddle: true}");
    let test = writing(test).run().ok().warned("changed while the node ran").test();
    assert!(lock(&test).nodes.is_empty());
}

#[test]
fn what_is_no_lock_is_not_overwritten_and_no_reason_to_fail() {
    let test = locked();
    fs::write(test.path("pipeline.lock"), "mine").unwrap();
    let ran = writing(test.file("a.txt", "x")).run().ok();
    let warned = |event: &Event| matches!(event, Event::RunWarning { line } if line.contains("is not a lock of Kiln's"));
    assert!(ran.events.iter().any(warned), "{:#?}", ran.events);
    assert_eq!(fs::read_to_string(ran.test.path("pipeline.lock")).unwrap(), "mine");
}

/// Runs git in a folder; false if it says no.
fn git(folder: &Path, words: &[&str]) -> bool {
    let name = ["-c", "user.name=n", "-c", "user.email=e", "-c", "commit.gpgsign=false"];
    Command::new("git").current_dir(folder).args(name).args(words).output().unwrap().status.success()
}

#[test]
fn branches_that_change_different_nodes_merge() {
    let commit = |test: &Test, name: &str| {
        assert!(
            git(test.dir.path(), &["add", "."]) && git(test.dir.path(), &["commit", "-qm", name]),
            "{name}"
        );
    };
    let nodes = |a: f64, b: f64| {
        format!("a: {{type: read, file: a.txt, scale: {a}}}\nb: {{type: read, file: b.txt, scale: {b}}}")
    };
    let test = Test::new().file("a.txt", "one").file("b.txt", "two").file(".gitignore", "store\nruns\n");
    let test = writing(test.nodes(&nodes(0.1, 0.1))).run().ok().test();
    assert!(git(test.dir.path(), &["init", "-q", "-b", "main"]));
    commit(&test, "base");
    assert!(git(test.dir.path(), &["checkout", "-qb", "mine"]));
    let test = writing(test.nodes(&nodes(0.5, 0.1))).run().ok().test();
    commit(&test, "a");
    assert!(git(test.dir.path(), &["checkout", "-q", "main"]));
    let test = writing(test.nodes(&nodes(0.1, 0.7))).run().ok().test();
    commit(&test, "b");
    // The pipeline file has both nodes on neighbouring lines, which is for people to merge; the lock merges as text.
    let _ = git(test.dir.path(), &["merge", "-q", "mine"]);
    let test = test.nodes(&nodes(0.5, 0.7));
    commit(&test, "merged");
    obeying(test).run().ok().cached(&["a", "b"]);
}

#[test]
fn a_run_mends_a_lock_with_conflicts() {
    let test = locked();
    let path = test.path("pipeline.lock");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("key ", "<<<<<<< a\nkey ")).unwrap();
    assert_eq!(Lockfile::read(&path).unwrap_err().kind(), ErrorKind::Drift);
    let test = writing(test).run().ok().cached(&["a", "b", "both"]).test();
    assert_eq!(fs::read_to_string(test.path("pipeline.lock")).unwrap(), text);
}

#[test]
fn every_run_leaves_a_record() {
    let test = locked().file("b.txt", "two").run().ok().test();
    fs::remove_file(test.path("a.txt")).unwrap();
    fs::write(test.path("a.txt"), [0xff, 0xfe]).unwrap();
    let test = test.run().fails(ErrorKind::Failed).test();
    let runs = Store::peek(&test.store).unwrap().runs();
    let endings = |run: usize| -> Vec<_> { runs[run].nodes.values().map(|node| node.ending).collect() };
    assert_eq!(runs.iter().map(|run| run.exit).collect::<Vec<_>>(), [1, 0, 0]);
    assert_eq!(endings(2), [NodeEnding::Ran; 3]);
    assert_eq!(endings(1), [NodeEnding::Cached; 3]);
    assert_eq!(endings(0), [NodeEnding::Failed, NodeEnding::Cached, NodeEnding::Skipped]);
    assert!(runs[1].nodes.values().all(|node| node.key.is_some()));
}
