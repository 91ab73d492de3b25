//! What is found in the store, and what is run again because something that counts changed.

use std::{
    collections::BTreeMap,
    fs,
    time::{Duration, SystemTime},
};

use kiln::{event::Event, run::Summary, store::Store};

use crate::kit::{Ran, THREE, Test, three};

#[test]
fn the_second_run_finds_everything() {
    three().run().ok().ran(&[]).cached(&["a", "b", "both"]).gave("both", "one two");
}

#[test]
fn a_changed_parameter_runs_its_node_only_as_far_as_bytes_change() {
    let test = three().nodes(&THREE.replace("a.txt", "a.txt, scale: 0.2"));
    test.run().ok().ran(&["a"]).because("a", "scale: 0.1 -> 0.2").cached(&["b", "both"]);
}

#[test]
fn spelling_order_and_keys_that_do_not_count_change_nothing() {
    let test = three().nodes(
        "both: {right: b, type: join, left: a}
        b: {file: ./b.txt, type: read, workers: 7}
        a: {scale: 1e-1, type: read, file: a.txt}",
    );
    test.run().ok().ran(&[]).cached(&["a", "b", "both"]);
}

#[test]
fn a_changed_file_runs_what_depends_on_it() {
    let ran = three().file("a.txt", "uno").run().ok().ran(&["a", "both"]).cached(&["b"]);
    let ran = ran.because("a", "sources.file changed").because("both", "inputs.left changed");
    // Back again: both results are still there.
    ran.gave("both", "uno two").test().file("a.txt", "one").run().ok().ran(&[]).gave("both", "one two");
}

#[test]
fn a_moved_file_and_a_renamed_node_change_nothing() {
    let test = three();
    fs::create_dir(test.path("sub")).unwrap();
    fs::rename(test.path("a.txt"), test.path("sub/a.txt")).unwrap();
    let test = test.nodes(&THREE.replace("a.txt", "sub/a.txt").replace("both:", "pair:"));
    test.run().ok().ran(&[]).cached(&["a", "b", "pair"]).gave("pair", "one two");
}

#[test]
fn swapped_inputs_are_another_recipe() {
    let test = three().nodes(&THREE.replace("left: a, right: b", "left: b, right: a"));
    test.run().ok().ran(&["both"]).cached(&["a", "b"]).gave("both", "two one");
}

#[test]
fn the_seed_counts_where_it_decides() {
    let nodes = "a: {type: read, file: a.txt}\nw: {type: work, epochs: 1}";
    let test = Test::new().file("a.txt", "one").seeded_nodes(1, nodes).run().ok().ran(&["a", "w"]).test();
    let ran = test.seeded_nodes(2, nodes).run().ok().ran(&["w"]).cached(&["a"]);
    ran.because("w", "seed: 1 -> 2").gave("w", "0 2\n");
}

#[test]
fn equal_bytes_from_upstream_cut_the_work_off() {
    let nodes = "a: {type: read, file: a.txt}
        n: {type: length, of: a}
        m: {type: length, of: n}";
    let test = Test::new().file("a.txt", "one").nodes(nodes).run().ok().ran(&["a", "m", "n"]).test();
    test.file("a.txt", "two").run().ok().ran(&["a", "n"]).cached(&["m"]);
}

#[test]
fn a_headline_is_told_again_where_the_result_is_found() {
    let nodes = "a: {type: read, file: a.txt}\nn: {type: length, of: a}";
    let test = Test::new().file("a.txt", "one").nodes(nodes).run().ok().ran(&["a", "n"]);
    let test = test.notes(&[("n", "3 bytes")]).test();
    test.run().ok().cached(&["a", "n"]).notes(&[("n", "3 bytes")]);
}

#[test]
fn sources_are_known_on_hits_too() {
    let nodes = "a: {type: read, file: a.txt}\nagain: {type: again, of: a}";
    let test = Test::new().file("a.txt", "one").nodes(nodes).run().ok().test();
    let test = test.options(|options| options.force = vec!["again".into()]);
    test.run().ok().ran(&["again"]).cached(&["a"]).because("again", "forced").gave("again", "one");
}

#[test]
fn equal_nodes_of_one_run_do_the_work_once() {
    let nodes = "w: {type: work, epochs: 3, milliseconds: 20}\nv: {type: work, epochs: 3}";
    let ran = Test::new().nodes(nodes).run().ok();
    let waiting = ran.events.iter().find_map(|event| match event {
        Event::NodeWaiting { node, twin, .. } => Some((node.clone(), twin.clone())),
        _ => None,
    });
    let Summary { ran: made, cached, .. } = ran.result.unwrap();
    assert_eq!((made, cached), (1, 1));
    // The second may come so late that it does not wait; if it does, it is told for whom.
    let pairs = [("v", "w"), ("w", "v")].map(|(node, twin)| (node.to_owned(), Some(twin.to_owned())));
    assert!(waiting.as_ref().is_none_or(|waiting| pairs.contains(waiting)), "{waiting:?}");
}

#[test]
fn one_node_at_a_time_has_the_device() {
    let nodes = "v: {type: work, epochs: 6, milliseconds: 5}\nw: {type: work, epochs: 5, milliseconds: 5}";
    let ran = Test::new().nodes(nodes).run().ok();
    let mut at_work: Vec<_> = ran
        .events
        .iter()
        .filter_map(|event| match event {
            Event::NodeProgress { node, .. } => Some(node.as_str()),
            _ => None,
        })
        .collect();
    at_work.dedup();
    assert_eq!(at_work.len(), 2, "{at_work:?}");
}

#[test]
fn a_run_with_nothing_to_do_runs_nothing() {
    let test = Test::new();
    fs::create_dir(test.path("images")).unwrap();
    let test = (0..160).fold(test, |test, i| test.file(&format!("images/{i:03}.png"), &"x".repeat(600)));
    let test = test.nodes(
        "images: {type: read, file: images}
        n: {type: length, of: images}
        w: {type: work, epochs: 1, after: n}
        m: {type: length, of: w}
        again: {type: join, left: m, right: n}
        both: {type: join, left: m, right: n}
        last: {type: length, of: both}",
    );
    let test = test.run().ok().test();
    let ran = test.run().ok().ran(&[]);
    assert!(matches!(ran.events.last(), Some(Event::RunFinished { .. })), "the run has not ended");
}

#[test]
fn ten_thousand_small_files_are_told_apart_and_found_again() {
    let dir = tempfile::tempdir().unwrap();
    let paths: Vec<_> = (0..10_000).map(|i| dir.path().join(format!("{i:05}.png"))).collect();
    let past = SystemTime::now() - Duration::from_mins(1);
    for path in &paths {
        fs::write(path, path.as_os_str().as_encoded_bytes()).unwrap();
        fs::File::options().write(true).open(path).unwrap().set_modified(past).unwrap();
    }
    let store = Store::open(&dir.path().join("store")).unwrap();
    let first = store.files().look_all(&paths).unwrap();
    let second = store.files().look_all(&paths).unwrap();
    assert_eq!(first, second);
    let digests: std::collections::BTreeSet<_> = first.iter().map(|looked| looked.digest).collect();
    assert_eq!(digests.len(), paths.len());
}

#[test]
fn what_was_made_from_an_edited_file_is_not_stored() {
    let nodes = "a: {type: read, file: a.txt, meddle: true}\nn: {type: length, of: a}";
    let ran =
        Test::new().file("a.txt", "one").nodes(nodes).run().ok().warned("a.txt changed while the node ran");
    let stored = |ran: &Ran| {
        let stored = ran.events.iter().filter_map(|event| match event {
            Event::NodeFinished { node, stored, .. } => Some((node.clone(), *stored)),
            _ => None,
        });
        stored.collect::<BTreeMap<_, _>>()
    };
    // What may look at the file through its input is not trusted either.
    assert_eq!(stored(&ran), [("a".to_owned(), false), ("n".to_owned(), false)].into());
    let ran = ran.gave("a", "one").gave("n", "3");
    let nodes = nodes.replace(", meddle: true", "");
    let ran = ran.test().file("a.txt", "one").nodes(&nodes).run().ok().ran(&["a", "n"]);
    assert_eq!(stored(&ran), [("a".to_owned(), true), ("n".to_owned(), true)].into());
}

#[test]
fn an_edit_of_what_the_input_was_made_from_counts_too() {
    let nodes = "a: {type: read, file: a.txt}\nagain: {type: again, of: a, meddle: true}";
    let ran =
        Test::new().file("a.txt", "one").nodes(nodes).run().ok().warned("a.txt changed while the node ran");
    let nodes = nodes.replace(", meddle: true", "");
    ran.test().file("a.txt", "one").nodes(&nodes).run().ok().ran(&["again"]).cached(&["a"]);
}
