//! What `prune` takes from a store, and what it leaves.

use std::{
    fs,
    path::Path,
    thread,
    time::{Duration, SystemTime},
};

use kiln::store::{self, Limits, Store};

use crate::kit::{NOTHING, Test, overwrite, prune, record, set_age, three};

#[test]
fn prune_takes_what_was_used_longest_ago() {
    let test = three();
    thread::sleep(Duration::from_millis(20));
    let test = test.options(|options| options.only = vec!["b".into()]).run().ok().cached(&["b"]).test();
    let total = prune(&test, Limits { size: None, ..NOTHING }, true).kept;
    assert_eq!(total, 3 + 3 + 7);
    let pruned = prune(&test, Limits { size: Some(total - 1), ..NOTHING }, false);
    assert_eq!(pruned.results.len(), 1);
    assert_ne!(pruned.results[0].manifest.provenance.node, "b");
    let pruned = prune(&test, Limits { size: Some(3), ..NOTHING }, false);
    assert_eq!(pruned.kept, 3);
    test.run()
        .ok()
        .ran(&[])
        .cached(&["b"])
        .test()
        .options(|_| {})
        .run()
        .ok()
        .ran(&["a", "both"])
        .cached(&["b"]);
}

#[test]
fn what_was_used_last_stays_whatever_its_key() {
    for recent in ["a", "b"] {
        let test = three();
        for node in ["a", "b", "both"] {
            used(&test, node, if node == recent { 1 } else { 2 });
        }
        assert_eq!(prune(&test, Limits { size: Some(3), ..NOTHING }, false).results.len(), 2);
        test.options(|options| options.only = vec![recent.into()]).run().ok().cached(&[recent]);
    }
}

/// Makes a result look as if it was last used so many hours ago.
fn used(test: &Test, node: &str, hours: u64) {
    let file = fs::File::options().append(true).open(record(test, node)).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_hours(hours)).unwrap();
}

#[test]
fn prune_takes_what_was_not_used_for_long() {
    let test = three();
    for (node, hours) in [("a", 25), ("b", 23), ("both", 23)] {
        used(&test, node, hours);
    }
    let day = Limits { size: None, age: Some(Duration::from_hours(24)), spare: Duration::ZERO };
    assert_eq!(prune(&test, day, false).results.len(), 1);
    test.run().ok().ran(&["a"]).cached(&["b", "both"]);
}

#[test]
fn a_file_of_two_results_counts_once_and_stays_for_the_second() {
    let nodes = "a: {type: read, file: a.txt}
        b: {type: read, file: b.txt}
        m: {type: length, of: a}
        n: {type: length, of: b}";
    let test = Test::new().file("a.txt", "one").file("b.txt", "two").nodes(nodes).run().ok().test();
    for (node, hours) in [("m", 9), ("n", 8), ("a", 7), ("b", 6)] {
        used(&test, node, hours);
    }
    let names = |pruned: store::Pruned| {
        pruned.results.iter().map(|entry| entry.manifest.provenance.node.clone()).collect::<Vec<_>>()
    };
    // Without `m` it is as much as before: `n` has the same file.
    assert_eq!(names(prune(&test, Limits { size: Some(6), ..NOTHING }, true)), ["m", "n"]);
    let old = Limits { size: None, age: Some(Duration::from_mins(8 * 60 + 30)), spare: Duration::ZERO };
    let pruned = prune(&test, old, false);
    assert_eq!((pruned.blobs, pruned.freed, pruned.kept), (0, 0, 7));
    test.run().ok().ran(&["m"]).cached(&["a", "b", "n"]);
}

#[test]
fn prune_forgets_files_that_are_gone() {
    let test = three();
    let (a, b) = (test.path("a.txt"), test.path("b.txt"));
    let looked = |path: &Path| store::stat::FileStamp {
        signature: store::stat::Signature::of(path).unwrap(),
        digest: store::Digest::of_bytes(b""),
    };
    let (of_a, of_b) = (looked(&a), looked(&b));
    let store = Store::open(&test.store).unwrap();
    store.files().remember(&a, of_a);
    store.files().remember(&b, of_b);
    store.save().unwrap();
    drop(store);
    fs::remove_file(&a).unwrap();
    let blobs = |test: &Test| fs::metadata(test.store.join("blobs.index")).unwrap().len();
    let before = blobs(&test);
    prune(&test, NOTHING, false);
    let store = Store::peek(&test.store).unwrap();
    assert_eq!(store.files().known(&a, of_a.signature), None);
    assert_eq!(store.files().known(&b, of_b.signature), Some(of_b.digest));
    assert!(blobs(&test) < before);
}

#[test]
fn a_dry_run_removes_nothing_and_a_real_one_everything() {
    let test = three();
    assert_eq!(prune(&test, NOTHING, true).results.len(), 3);
    let test = test.run().ok().ran(&[]).test();
    let pruned = prune(&test, NOTHING, false);
    assert_eq!((pruned.results.len(), pruned.blobs, pruned.freed), (3, 3, 13));
    assert_eq!(test.damage_found(), Vec::<String>::new());
    assert!(Store::peek(&test.store).unwrap().entries().is_empty());
    test.run().ok().ran(&["a", "b", "both"]);
}

#[test]
fn prune_spares_what_is_young_and_what_is_in_use() {
    let test = three();
    let young = Limits { spare: store::GRACE, ..NOTHING };
    assert_eq!(prune(&test, young, false).results.len(), 0);
    let day = Limits { size: None, age: Some(Duration::from_hours(24)), spare: Duration::ZERO };
    assert_eq!(prune(&test, day, false).results.len(), 0);
    let _user = Store::open(&test.store).unwrap();
    assert!(store::prune(&test.store, NOTHING, false).unwrap().is_none());
}

#[test]
fn files_without_a_record_are_swept_after_a_while() {
    let nodes = "a: {type: read, file: a.txt, meddle: true}";
    let test = Test::new().file("a.txt", "one").nodes(nodes).run().ok().test();
    let any = Limits { size: None, ..NOTHING };
    assert_eq!(prune(&test, any, false).blobs, 0, "the grace is over too early");
    for shelf in fs::read_dir(test.store.join("blobs")).unwrap().flatten() {
        for blob in fs::read_dir(shelf.path()).unwrap().flatten() {
            let content = fs::read(blob.path()).unwrap();
            overwrite(&blob.path(), std::str::from_utf8(&content).unwrap());
            let file = fs::File::options().write(true).open(blob.path()).unwrap();
            file.set_modified(SystemTime::now() - Duration::from_hours(2)).unwrap();
        }
    }
    assert_eq!(prune(&test, any, false).blobs, 1);
}

#[test]
fn prune_removes_only_what_has_a_name_of_the_stores() {
    let test = three();
    let digest = store::Digest::of_bytes(b"nobody's").to_string();
    let (shelf, rest) = digest.split_at(2);
    let own = [
        format!("blobs/{shelf}/{rest}"),
        format!("blobs/{shelf}/.tmp-x"),
        format!("manifests/{shelf}/.tmp-x"),
        format!("locks/{digest}"),
        format!("locks/{digest}.lease"),
        format!("work/{digest}/half"),
        format!("scratch/{digest}/checkpoint"),
        format!("downloads/{digest}.part"),
        format!("quarantine/blobs-{shelf}-{rest}"),
        ".tmp-x".to_owned(),
    ];
    let not = [
        format!("blobs/{shelf}/notes.txt"),
        format!("blobs/{shelf}/{rest}.bak"),
        format!("blobs/{shelf}0/{rest}"),
        format!("blobs/{shelf}0/.tmp-x"),
        format!("blobs/zz/{rest}"),
        format!("blobs/{}/{rest}", shelf.to_uppercase() + "A"),
        "blobs/notes.txt".to_owned(),
        format!("manifests/{shelf}/notes.json"),
        format!("manifests/{shelf}/{rest}.txt"),
        "locks/notes".to_owned(),
        "work/photos/a.jpg".to_owned(),
        "scratch/photos/a.jpg".to_owned(),
        "downloads/film.mp4".to_owned(),
        "quarantine/mine.txt".to_owned(),
        "notes.txt".to_owned(),
        "photos/a.jpg".to_owned(),
    ];
    let age = |age| {
        for name in own.iter().chain(&not) {
            let path = test.store.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, "x").unwrap();
            set_age(&path, age);
            if path.parent() != Some(&test.store) {
                set_age(path.parent().unwrap(), age);
            }
        }
    };
    let any = Limits { size: None, ..NOTHING };
    let left = |names: &[String]| names.iter().filter(|name| test.store.join(name).exists()).count();
    age(Duration::from_mins(50));
    prune(&test, any, false);
    assert_eq!(left(&own), own.len(), "somebody may still be about to use them");
    age(Duration::from_hours(24 * 29));
    prune(&test, any, false);
    assert_eq!(left(&own), 3, "checkpoints, downloads and what is in quarantine stay longer");
    age(Duration::from_hours(24 * 31));
    prune(&test, any, true);
    assert_eq!((left(&own), left(&not)), (own.len(), not.len()), "a dry run removes nothing");
    assert_eq!(prune(&test, any, false).blobs, 2);
    assert_eq!((left(&own), left(&not)), (0, not.len()));
    let verified = Store::open(&test.store).unwrap().verify().unwrap();
    assert_eq!(verified.damage, Vec::<String>::new());
    assert_eq!(verified.strange.len(), 2, "{:?}", verified.strange);
    test.run().ok().ran(&[]);
}
