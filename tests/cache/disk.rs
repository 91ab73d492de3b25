//! Disks that are full, may not be written, or are not there.

use std::{fs, process::Command};

use kiln::{error::ErrorKind, event::Event, run::Status, store::Store};

use crate::kit::{NOTHING, THREE, Test, prune, small_disk};

#[test]
fn a_store_that_cannot_be_made_is_told() {
    let mut test = Test::new().file("a.txt", "one").nodes("a: {type: read, file: a.txt}");
    test.store = test.path("a.txt").join("below");
    let error = test.run().fails(ErrorKind::Store).result.unwrap_err();
    assert!(error.to_string().starts_with("cannot open the store "), "{error}");
    assert_eq!(error.hint(), Some("name a folder that you may write to with `--store DIR`"));
}

#[test]
fn a_full_disk_is_told_and_leaves_nothing_half_written() {
    // One after the other: side by side they would race for the last kilobytes.
    let nodes = "a: {type: read, file: a.txt}
        b: {type: work, epochs: 1, end: much, after: a}
        both: {type: join, left: a, right: b}";
    let test = Test::new().file("a.txt", "one").nodes(nodes);
    // Full at once.
    let Some(disk) = small_disk(&test.store, "96k") else { return };
    let ran = test.run().fails(ErrorKind::Store).ran(&["a"]);
    let told = ran.events.iter().find_map(|event| match event {
        Event::NodeFailed { node, error, .. } if node == "b" => Some(error.clone()),
        _ => None,
    });
    assert!(told.as_ref().is_some_and(|error| error.contains("No space left on device")), "{told:?}");
    assert_eq!(ran.test.damage_found(), Vec::<String>::new());
    assert_eq!(fs::read_dir(ran.test.store.join("work")).unwrap().count(), 0, "the work folder is left");
    // With less to keep there is room.
    let nodes = nodes.replace("much", "well");
    let ran = ran.test().nodes(&nodes).run().ok().ran(&["b", "both"]).cached(&["a"]);
    let test = ran.gave("both", "one 0 0\n").test();
    // The folder can't be removed while something is mounted in it.
    drop(disk);
    drop(test);
}

#[test]
fn what_is_there_is_found_on_a_full_disk() {
    let test = Test::new().file("a.txt", "one").nodes("a: {type: read, file: a.txt}");
    let Some(disk) = small_disk(&test.store, "96k") else { return };
    let test = test.run().ok().test();
    // What was read would be written down, were there room.
    fs::remove_file(test.store.join("blobs.index")).unwrap();
    assert!(fs::write(test.store.join("filler"), vec![0; 200_000]).is_err());
    let test = test.run().ok().ran(&[]).cached(&["a"]).test();
    assert!(!test.store.join("blobs.index").exists());
    drop(disk);
}

#[test]
fn trouble_with_the_store_is_the_worst() {
    let nodes = "a: {type: read, file: a.txt}
        big: {type: work, epochs: 1, end: much}
        bad: {type: work, epochs: 0, end: fail, after: a}";
    let test = Test::new().file("a.txt", "one").nodes(nodes);
    let Some(disk) = small_disk(&test.store, "96k") else { return };
    let ran = test.options(|options| options.keep_going = true).run().fails(ErrorKind::Store);
    let failed = ran.nodes(|event| match event {
        Event::NodeFailed { node, .. } => Some(node),
        _ => None,
    });
    assert!(failed.contains(&"big".to_owned()), "{failed:?}");
    drop(disk);
}

#[test]
fn what_needs_no_writing_works_where_nothing_can_be_written() {
    let test = Test::new();
    let Some(disk) = small_disk(test.dir.path(), "4m") else { return };
    let test = test.file("a.txt", "one").file("b.txt", "two").nodes(THREE).run().ok().test();
    // Files that have to be read again would be written down.
    let test = test.file("a.txt", "one").file("b.txt", "two");
    let frozen = Command::new("mount").args(["-o", "remount,ro"]).arg(test.dir.path()).status();
    assert!(frozen.unwrap().success());
    let test = test.run().ok().ran(&[]).cached(&["a", "b", "both"]).test();
    assert_eq!(test.forecast().iter().filter(|row| row.status == Status::Hit).count(), 3);
    assert_eq!(Store::peek(&test.store).unwrap().entries().len(), 3);
    assert_eq!(test.damage_found(), Vec::<String>::new());
    assert_eq!(prune(&test, NOTHING, true).results.len(), 3);
    let ran = test.options(|options| options.force = vec!["a".into()]).run().fails(ErrorKind::Store);
    let told = ran.events.iter().any(|event| match event {
        Event::NodeFailed { error, .. } => error.contains("may only be read: Read-only file system"),
        _ => false,
    });
    assert!(told, "{:#?}", ran.events);
    // The folder can't be removed while something is mounted in it.
    drop(disk);
}
