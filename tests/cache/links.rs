//! A store into which somebody put links.

use std::{
    fs,
    path::{Path, PathBuf},
};

use kiln::{
    error::{Error, ErrorKind},
    event::Event,
    store::{self, Store},
};

use crate::kit::{NOTHING, Test, prune, set_old, three};

/// A folder outside the store with whatever names the store itself might use, and nothing but old files.
fn outside(test: &Test) -> (PathBuf, impl Fn() + use<>) {
    let folder = test.path("outside");
    let key = test.forecast()[0].key.clone().unwrap();
    let names = [&key, &key[2..], &format!("{}.json", &key[2..]), ".tmp-x", "a.txt", "lock"]
        .map(|name| folder.join(name));
    let below = folder.join("ab").join(&key[2..]);
    fs::create_dir_all(below.parent().unwrap()).unwrap();
    for path in names.iter().chain([&below]) {
        fs::write(path, "precious").unwrap();
        set_old(path);
    }
    let all = names.len() + 1;
    let check = {
        let folder = folder.clone();
        move || {
            let left: Vec<_> = fs::read_dir(&folder).unwrap().flatten().map(|entry| entry.path()).collect();
            assert_eq!(left.len(), all, "{left:?}");
            let files = names.iter().chain([&below]);
            files.for_each(|path| {
                assert_eq!(fs::read_to_string(path).unwrap(), "precious", "{}", path.display());
            });
        }
    };
    (folder, check)
}

#[cfg(unix)]
#[test]
fn a_link_where_the_store_has_its_own_is_refused() {
    let test = three();
    let (outside, untouched) = outside(&test);
    for name in
        ["manifests", "blobs", "work", "scratch", "locks", "downloads", "quarantine", "lock", "format"]
    {
        let (path, aside) = (test.store.join(name), test.path("aside"));
        let there = fs::rename(&path, &aside).is_ok();
        let target = if path.extension().is_none() && ["lock", "format"].contains(&name) {
            outside.join("a.txt")
        } else {
            outside.clone()
        };
        std::os::unix::fs::symlink(target, &path).unwrap();
        let told = |error: Error| {
            assert_eq!(error.kind(), ErrorKind::Store);
            assert!(error.to_string().contains(" is a link, where the store has a f"), "{error}");
        };
        told(Store::open(&test.store).unwrap_err());
        told(Store::peek(&test.store).unwrap_err());
        told(store::prune(&test.store, NOTHING, true).unwrap_err());
        told(store::prune(&test.store, NOTHING, false).unwrap_err());
        untouched();
        fs::remove_file(&path).unwrap();
        if there {
            fs::rename(aside, path).unwrap();
        }
    }
    test.run().ok().ran(&[]);
}

#[cfg(unix)]
#[test]
fn a_link_deeper_in_the_store_is_not_followed() {
    use std::os::unix::fs::symlink;
    let test = three();
    let (outside, untouched) = outside(&test);
    let key = test.forecast()[0].key.clone().unwrap();
    let link = |to: &Path, path: &str| {
        let path = test.store.join(path);
        let _ = fs::remove_dir_all(&path).or_else(|_| fs::remove_file(&path));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(to, path).unwrap();
    };
    let file = outside.join("a.txt");
    for folder in ["blobs/zz", "blobs/ab", "manifests/zz", "manifests/ab", "quarantine/blobs-ab-x"] {
        link(&outside, folder);
    }
    for folder in ["work", "scratch"] {
        link(&outside, &format!("{folder}/{key}"));
    }
    for path in [
        format!("downloads/{key}"),
        format!("downloads/{key}.part"),
        format!("locks/{key}"),
        "files.index".to_owned(),
        "CACHEDIR.TAG".to_owned(),
    ] {
        let _ = fs::remove_file(test.store.join(&path));
        if path != "CACHEDIR.TAG" {
            link(&file, &path);
        }
    }
    link(&file, &format!("manifests/{}/{}.json", &key[..2], &key[2..]));
    let test = test.run().ok().warned("is damaged").ran(&["a"]).test();
    untouched();
    let test = test.options(|options| options.force = vec!["b".into()]).run().ok().ran(&["b"]).test();
    untouched();
    prune(&test, NOTHING, false);
    untouched();
    test.damage_found();
    untouched();
}

#[cfg(unix)]
#[test]
fn what_holds_links_is_no_checkpoint() {
    let test = Test::new().nodes("w: {type: work, epochs: 2}");
    let key = test.forecast()[0].key.clone().unwrap();
    Store::open(&test.store).unwrap();
    let scratch = test.store.join("scratch").join(key);
    fs::create_dir_all(&scratch).unwrap();
    fs::write(test.path("outside"), "0 0\n").unwrap();
    std::os::unix::fs::symlink(test.path("outside"), scratch.join("epochs")).unwrap();
    let ran = test.run().ok().ran(&["w"]).gave("w", "0 0\n1 0\n");
    assert!(!ran.events.iter().any(|event| matches!(event, Event::NodeStarted { resumed: true, .. })));
    assert_eq!(fs::read_to_string(ran.test.path("outside")).unwrap(), "0 0\n");
}
