//! What a node that fails, panics or would fail later does to the others.

use std::sync::Mutex;

use kiln::{error::ErrorKind, event::Event, progress::Stop};

use crate::kit::{LONG, Test};

const FAILING: &str = "bad: {type: work, epochs: 0, end: fail}
    after: {type: length, of: bad}
    later: {type: length, of: after}
    a: {type: read, file: a.txt}
    n: {type: length, of: a}
    last: {type: work, epochs: 1, after: n}";

#[test]
fn keep_going_leaves_out_only_what_needs_the_failed_node() {
    let test = Test::new().file("a.txt", "one").nodes(FAILING);
    let ran = test.options(|options| options.keep_going = true).run().fails(ErrorKind::Failed);
    let ran = ran.ran(&["a", "last", "n"]).skipped(&["after", "later"]);
    assert_eq!(ran.result.as_ref().unwrap_err().to_string(), "1 of 6 nodes failed");
    let Some(Event::RunFinished { ran: 3, cached: 0, failed: 1, skipped: 2, .. }) = ran.events.last() else {
        panic!("{:#?}", ran.events.last());
    };
    // What failed is tried again; what went well is kept.
    ran.test().run().fails(ErrorKind::Failed).ran(&[]);
}

#[test]
fn without_it_nothing_new_begins() {
    let test = Test::new().file("a.txt", "one").nodes(FAILING);
    // If `a` begins before `bad` has failed, it does not end before that.
    let (send, failed) = std::sync::mpsc::channel();
    let failed = Mutex::new(failed);
    let ran = test.run_watched(&Stop::default(), |event| match event {
        Event::NodeFailed { .. } => send.send(()).unwrap(),
        Event::NodeStarted { node, .. } if node == "a" => failed.lock().unwrap().recv_timeout(LONG).unwrap(),
        _ => {}
    });
    let ran = ran.fails(ErrorKind::Failed);
    let failed = Event::NodeFailed {
        node: "bad".into(),
        error: "it did not go well".into(),
        help: Some("try again".into()),
    };
    assert!(ran.events.contains(&failed));
    let needs = |wanted: bool| {
        ran.nodes(|event| match event {
            Event::NodeSkipped { node, because, needs } if because == "bad" && *needs == wanted => Some(node),
            _ => None,
        })
    };
    assert_eq!(needs(true), ["after", "later"]);
    // `a` was begun before `bad` had failed, or it was not.
    assert!(needs(false).ends_with(&["last".to_owned(), "n".to_owned()]), "{:#?}", ran.events);
}

#[test]
fn a_panic_is_a_failure_with_a_message() {
    let test = Test::new().nodes("bad: {type: work, epochs: 0, end: panic}");
    let ran = test.run().fails(ErrorKind::Failed);
    let failed = |event: &Event| match event {
        Event::NodeFailed { error, .. } => error == "the node panicked: out of cheese",
        _ => false,
    };
    assert!(ran.events.iter().any(failed), "{:#?}", ran.events);
    assert!(ran.test.damage_found().is_empty());
}

#[test]
fn a_later_node_that_cannot_work_is_told_before_long_work_begins() {
    let nodes = "a: {type: read, file: a.txt}
        w: {type: work, epochs: 1, milliseconds: 1, after: a}
        j: {type: join, left: w, right: a}
        n: {type: length, of: a, after: j}";
    let test = Test::new().file("a.txt", "").nodes(nodes);
    let ran = test.run();
    assert!(ran.result.is_err());
    let told = ran.events.iter().find_map(|event| match event {
        Event::NodeFailed { node, error, help } if node == "w" => {
            Some((error.clone(), help.clone().unwrap()))
        }
        _ => None,
    });
    let (error, help) = told.expect("the long work is not begun");
    assert_eq!(error, "not begun, since `n` would fail after it: there is no text");
    assert_eq!(help, "write one; `--keep-going` begins all the same");
    let test = ran.test().options(|options| options.keep_going = true);
    test.run().ran(&["j", "w"]);
}
