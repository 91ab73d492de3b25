//! Which nodes are run: those asked for, those forced.

use std::{fs, thread, time::Duration};

use kiln::{error::ErrorKind, event::Event, progress::Stop};

use crate::kit::{SLOW, THREE, Test, record, three};

#[test]
fn only_takes_what_is_needed() {
    let test = Test::new().file("a.txt", "one").file("b.txt", "two").nodes(THREE);
    let ran = test.options(|options| options.only = vec!["b".into()]).run().ok().ran(&["b"]);
    ran.test()
        .options(|options| options.only = vec!["both".into()])
        .run()
        .ok()
        .ran(&["a", "both"])
        .cached(&["b"]);
}

#[test]
fn force_replaces_the_entry() {
    let test = three();
    let created = |test: &Test| fs::metadata(test.blob("a")).unwrap().modified().unwrap();
    let before = created(&test);
    thread::sleep(Duration::from_millis(20));
    let ran = test
        .options(|options| options.force = vec!["a".into()])
        .run()
        .ok()
        .ran(&["a"])
        .because("a", "forced");
    let test = ran.cached(&["b", "both"]).test();
    assert!(created(&test) > before, "the blob was not replaced");
    let shown = fs::read_to_string(test.path("runs/toys/a/manifest.json")).unwrap();
    assert_eq!(shown, fs::read_to_string(record(&test, "a")).unwrap());
}

#[test]
fn what_is_forced_begins_anew() {
    let stop = Stop::default();
    let ran = Test::new().nodes(SLOW).run_watched(&stop, |event| {
        if matches!(event, Event::NodeProgress { done: 2, .. }) {
            stop.request();
        }
    });
    let test = ran.fails(ErrorKind::Interrupted).test();
    let ran = test.options(|options| options.force = vec!["w".into()]).run().ok().ran(&["n", "w"]);
    assert!(ran.events.iter().any(|event| matches!(event, Event::NodeProgress { done: 1, .. })));
    assert!(!ran.events.iter().any(|event| matches!(event, Event::NodeStarted { resumed: true, .. })));
}

#[test]
fn a_node_that_is_not_there_is_a_usage_error() {
    let ran = three().options(|options| options.force = vec!["bot".into()]).run().fails(ErrorKind::Usage);
    let error = ran.result.unwrap_err();
    assert_eq!(error.to_string(), "pipeline `toys` has no node `bot`");
    assert_eq!(error.hint(), Some("did you mean `both`?"));
}
