//! Stored files and records that were damaged or forged, and results that people changed.

use std::{collections::BTreeMap, fs, path::Path};

use kiln::{
    event::Event,
    run::Status,
    store::{self, Limits, Store},
};

use crate::{
    kinds::read,
    kit::{NOTHING, Test, overwrite, prune, record, set_old, three},
};

#[test]
fn a_corrupted_blob_is_put_away_and_made_anew() {
    let test = three();
    let blob = test.blob("both");
    overwrite(&blob, "one tvo");
    set_old(&blob);
    let ran = test.run().ok().warned("stored file `text` of result").ran(&["both"]).cached(&["a", "b"]);
    let ran = ran.because("both", "its stored result is damaged").gave("both", "one two");
    let test = ran.test();
    // It stays for a while, however old it is.
    prune(&test, Limits { size: None, ..NOTHING }, false);
    let quarantined: Vec<_> = fs::read_dir(test.store.join("quarantine")).unwrap().flatten().collect();
    assert_eq!(quarantined.len(), 1);
    assert_eq!(fs::read_to_string(quarantined[0].path()).unwrap(), "one tvo");
    assert!(test.damage_found().is_empty());
    test.run().ok().ran(&[]);
}

#[test]
fn a_missing_blob_is_a_miss() {
    let test = three();
    fs::remove_file(test.blob("a")).unwrap();
    test.run().ok().warned("is missing").ran(&["a"]).cached(&["b", "both"]);
}

#[test]
fn a_damaged_record_is_a_miss() {
    let test = three();
    let key = test.forecast()[0].key.clone().unwrap();
    let record = test.store.join("manifests").join(&key[..2]).join(format!("{}.json", &key[2..]));
    let text = fs::read_to_string(&record).unwrap();
    fs::write(&record, text.replace("\"seconds\": ", "\"seconds\": 1")).unwrap();
    test.run().ok().warned("is damaged").ran(&["a"]).cached(&["b", "both"]);
}

#[test]
fn whatever_a_disk_makes_of_a_record_is_made_anew() {
    type Damage = fn(&Test, &Path);
    let kinds: &[(&str, Damage)] = &[
        ("nothing is left", |_, path| fs::write(path, "").unwrap()),
        ("zeros", |_, path| fs::write(path, [0; 4096]).unwrap()),
        ("cut off", |_, path| fs::write(path, &fs::read(path).unwrap()[..300]).unwrap()),
        ("not UTF-8", |_, path| fs::write(path, b"\xff\xfe{}").unwrap()),
        ("too large", |_, path| {
            fs::File::options().write(true).open(path).unwrap().set_len(1 << 30).unwrap();
        }),
        ("of another key", |test, path| fs::copy(record(test, "b"), path).map(drop).unwrap()),
        ("a folder", |_, path| {
            fs::remove_file(path).unwrap();
            fs::create_dir_all(path.join("below")).unwrap();
        }),
        ("nested", |_, path| fs::write(path, "[".repeat(1 << 20)).unwrap()),
    ];
    let test = three();
    let path = record(&test, "a");
    kinds.iter().fold(test, |test, (name, damage)| {
        damage(&test, &path);
        assert_eq!(test.forecast()[0].status, Status::Miss, "{name}");
        assert_eq!(Store::peek(&test.store).unwrap().entries().len(), 2, "{name}");
        let test =
            test.run().ok().warned("is damaged; it was moved to").ran(&["a"]).cached(&["b", "both"]).test();
        damage(&test, &path);
        let damage = test.damage_found();
        assert!(
            matches!(&damage[..], [one] if one.contains("is damaged; it was moved to")),
            "{name}: {damage:?}"
        );
        test.run().ok().ran(&["a"]).test()
    });
}

#[test]
fn a_folder_where_a_file_is_wanted_makes_way() {
    let test = three();
    let (blob, key) = (test.blob("a"), test.forecast()[0].key.clone().unwrap());
    let places = [blob, test.store.join("locks").join(key)];
    for path in &places {
        fs::remove_file(path).unwrap();
        fs::create_dir_all(path.join("below")).unwrap();
    }
    let test =
        test.run().ok().warned("stored file `text`").warned("is not a file; it was moved").ran(&["a"]).test();
    assert!(places.iter().all(|path| path.is_file()));
    // The packed files only make things faster.
    for name in ["files.index", "blobs.index"] {
        let path = test.store.join(name);
        let _ = fs::remove_file(&path);
        fs::create_dir_all(path.join("below")).unwrap();
    }
    let test = test.file("b.txt", "zwei").run().ok().ran(&["b", "both"]).test();
    assert!(!test.store.join("files.index").is_dir() && test.store.join("blobs.index").is_file());
    test.run().ok().ran(&[]);
}

#[test]
fn many_damaged_files_of_one_result_are_a_few_lines() {
    let test = three();
    let path = record(&test, "both");
    let outputs: BTreeMap<_, _> = (0..5000)
        .map(|i| {
            (format!("{i}"), serde_json::json!({"digest": store::Digest::of_bytes(&[i as u8]), "size": i}))
        })
        .collect();
    forge(&path, |all| all["outputs"] = serde_json::json!(outputs));
    let ran = test.run().ok().warned("4997 more stored files of result").ran(&["both"]);
    let warnings = ran.events.iter().filter(|event| matches!(event, Event::NodeWarning { .. })).count();
    assert_eq!(warnings, 4);
}

/// Changes a record as somebody would who knows how its sums are made.
fn forge(path: &Path, change: impl FnOnce(&mut serde_json::Value)) {
    use store::Digest;
    let mut value: serde_json::Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    value.as_object_mut().unwrap().shift_remove("checksum");
    change(&mut value);
    let named: BTreeMap<String, Digest> = value["outputs"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, output)| (name.clone(), output["digest"].as_str().unwrap().parse().unwrap()))
        .collect();
    let named = named.iter().map(|(name, digest)| (name.as_str(), *digest));
    value["digest"] = Digest::of_named("kiln 2026 artifact", named).to_string().into();
    let sum = Digest::of_text("kiln 2026 manifest", &store::canonical(&value));
    value["checksum"] = sum.to_string().into();
    fs::write(path, value.to_string()).unwrap();
}

#[test]
fn a_forged_record_writes_nothing_elsewhere() {
    let test = three();
    let inside = test.path("outside").display().to_string();
    let names = ["../../../outside", "../b/evil", inside.as_str(), "manifest.json", "text/below", "a\\..\\b"];
    let test = names.into_iter().fold(test, |test, name| {
        let path = record(&test, "a");
        forge(&path, |all| all["outputs"][name] = all["outputs"]["text"].clone());
        fs::remove_dir_all(test.path("runs")).unwrap();
        let test = test.run().ok().warned("is damaged").ran(&["a"]).gave("a", "one").test();
        assert!(!test.path("outside").exists() && !test.path("runs/toys/b/evil").exists(), "{name}");
        test
    });
    // What is forged and could be so is what the store says.
    forge(&record(&test, "a"), |all| all["outputs"]["more"] = all["outputs"]["text"].clone());
    let test = test.run().ok().cached(&["a", "b"]).test();
    assert_eq!(fs::read_to_string(test.path("runs/toys/a/more")).unwrap(), "one");
}

#[test]
fn verify_finds_what_is_wrong() {
    let test = three();
    overwrite(&test.blob("both"), "one tvo");
    fs::remove_file(test.blob("a")).unwrap();
    let damage = test.damage_found();
    assert_eq!(damage.len(), 2, "{damage:?}");
    test.run().ok().ran(&["a", "both"]).test().run().ok().ran(&[]);
}

#[test]
fn what_people_do_to_shown_results_harms_nothing() {
    let test = three();
    overwrite(&test.path("runs/toys/both/text"), "my own notes");
    let ran = test.run();
    let told = ran.result.as_ref().unwrap_err();
    assert!(told.to_string().ends_with("was changed after Kiln wrote it"), "{told}");
    assert_eq!(ran.events, [], "told before anything is done");
    let test = ran.test();
    assert_eq!(read(&test.path("runs/toys/both/text")).unwrap(), "my own notes");
    fs::remove_dir_all(test.path("runs")).unwrap();
    let test = test.run().ok().ran(&[]).gave("both", "one two").test();
    let shown = fs::symlink_metadata(test.path("runs/toys/both/text")).unwrap();
    assert!(shown.permissions().readonly() && shown.is_file(), "a read-only copy, not a link");
}
