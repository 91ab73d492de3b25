//! Stores and folders that hold what Kiln did not put there, or belong to somebody else.

use std::fs;

use kiln::{
    error::{Error, ErrorKind},
    event::Event,
    store::{self, Limits, Store},
};

use crate::kit::{NOTHING, Test, overwrite, prune, set_old, three};

#[cfg(unix)]
#[test]
fn strange_names_and_many_of_them_are_no_trouble() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _};
    let test = three();
    let key = test.forecast()[0].key.clone().unwrap();
    let shelves = ["manifests", "blobs"].map(|folder| format!("{folder}/{}", &key[..2]));
    let flat = ["work", "scratch", "locks", "downloads", "quarantine", ""].map(str::to_owned);
    let mut strange: Vec<Vec<u8>> = (0..600).map(|i| format!("{i}.json").into_bytes()).collect();
    strange.extend([b"\xff\xfe.json".to_vec(), vec![b'x'; 255], b"a\nb".to_vec(), b"-rf".to_vec()]);
    let mut all = Vec::new();
    for folder in shelves.iter().chain(&flat) {
        let folder = test.store.join(folder);
        fs::create_dir_all(&folder).unwrap();
        all.extend(strange.iter().map(|name| folder.join(OsStr::from_bytes(name))));
    }
    for path in &all {
        fs::write(path, "x").unwrap();
        set_old(path);
    }
    let test = test.run().ok().ran(&[]).cached(&["a", "b", "both"]).test();
    assert_eq!(Store::peek(&test.store).unwrap().entries().len(), 3);
    let verified = Store::open(&test.store).unwrap().verify().unwrap();
    // The one whose name is no text is not even listed.
    assert_eq!((verified.results, verified.damage.len(), verified.strange.len()), (3, 0, 603));
    assert_eq!(prune(&test, NOTHING, false).results.len(), 3);
    assert!(all.iter().all(|path| path.exists()));
    test.run().ok().ran(&["a", "b", "both"]);
}

#[test]
fn a_folder_of_the_users_is_no_store() {
    let mut test = Test::new().file("a.txt", "one").nodes("a: {type: read, file: a.txt}");
    test.store = test.path("photos");
    for name in ["manifests/ab", "locks", "work/trip"] {
        fs::create_dir_all(test.store.join(name)).unwrap();
        fs::write(test.store.join(name).join("a.jpg"), "precious").unwrap();
        set_old(&test.store.join(name).join("a.jpg"));
    }
    let list = |test: &Test| {
        let mut names: Vec<_> =
            fs::read_dir(&test.store).unwrap().flatten().map(|entry| entry.file_name()).collect();
        names.sort();
        names
    };
    let told = |error: Error| {
        assert_eq!(error.kind(), ErrorKind::Store);
        assert!(
            error.to_string().ends_with("photos is not a store: it holds other things, and no marker"),
            "{error}"
        );
        assert_eq!(
            error.hint(),
            Some("nothing was changed; name a store, or a new or empty folder, with `--store DIR`")
        );
    };
    told(Store::peek(&test.store).unwrap_err());
    told(store::prune(&test.store, NOTHING, false).unwrap_err());
    told(store::prune(&test.store, NOTHING, true).unwrap_err());
    let ran = test.run();
    told(ran.result.unwrap_err());
    assert_eq!(list(&ran.test), ["locks", "manifests", "work"]);
}

#[test]
fn a_store_from_before_there_were_markers_is_taken_over() {
    let test = three();
    let marker = test.store.join("format");
    assert_eq!(fs::read_to_string(&marker).unwrap(), "kiln store 1\n");
    fs::remove_file(&marker).unwrap();
    assert_eq!(prune(&test, Limits { size: None, ..NOTHING }, false).kept, 13);
    assert!(!marker.exists());
    let test = test.run().ok().ran(&[]).test();
    assert!(marker.exists());
    fs::write(&marker, "").unwrap();
    let _ran = test.run().ok().ran(&[]).cached(&["a", "b", "both"]);
    assert_eq!(fs::read_to_string(&marker).unwrap(), "kiln store 1\n");
}

#[cfg(unix)]
#[test]
fn another_users_store_may_only_be_read() {
    use std::os::unix::fs::chown;
    let test = three();
    // Only the administrator can give files away.
    if chown(&test.store, Some(65_534), None).is_err() {
        return;
    }
    let test = test.run().ok().ran(&[]).cached(&["a", "b", "both"]).test();
    assert_eq!(prune(&test, NOTHING, true).results.len(), 3);
    let error = store::prune(&test.store, NOTHING, false).unwrap_err();
    assert!(error.to_string().starts_with("cannot prune the store"), "{error}");
    overwrite(&test.blob("b"), "tvo");
    let ran = test.run().fails(ErrorKind::Store).warned("could not be moved").ran(&[]);
    let told = ran.events.iter().any(|event| match event {
        Event::NodeFailed { error, .. } => error.ends_with("may only be read: it belongs to another user"),
        _ => false,
    });
    assert!(told, "{:#?}", ran.events);
    chown(&ran.test.store, Some(0), None).unwrap();
    ran.test().run().ok().ran(&["b"]).cached(&["a", "both"]);
}
