//! Runs that are stopped, killed, or beside another one.

use std::{fs, path::PathBuf, process::Command, sync::Mutex, thread, time::Duration};

use kiln::{error::ErrorKind, event::Event, progress::Stop, run::Options, store::Store};

use crate::{
    kinds::KINDS,
    kit::{LONG, SLOW, Test},
    shared,
};

#[test]
fn an_interrupted_node_goes_on_where_it_was() {
    let stop = Stop::default();
    let ran = Test::new().nodes(SLOW).run_watched(&stop, |event| {
        if matches!(event, Event::NodeProgress { done: 2, .. }) {
            stop.request();
        }
    });
    let ran = ran.fails(ErrorKind::Interrupted).ran(&[]);
    assert!(ran.events.contains(&Event::NodeInterrupted { node: "w".into() }));
    let ran = ran.test().run().ok().ran(&["n", "w"]).gave("w", "0 0\n1 0\n2 0\n3 0\n4 0\n");
    let epochs: Vec<_> = ran
        .events
        .iter()
        .filter_map(|event| match event {
            Event::NodeProgress { done, .. } => Some(*done),
            Event::NodeStarted { node, resumed, .. } if node == "w" => Some(if *resumed { 100 } else { 0 }),
            _ => None,
        })
        .collect();
    assert_eq!(epochs, [100, 3, 4, 5]);
    assert_eq!(fs::read_dir(ran.test.store.join("scratch")).unwrap().count(), 0, "scratch is left");
}

#[test]
fn a_stop_that_comes_too_late_stops_nothing() {
    let stop = Stop::default();
    let ran = Test::new().nodes("w: {type: work, epochs: 1}").run_watched(&stop, |event| {
        if matches!(event, Event::NodeFinished { .. }) {
            stop.request();
        }
    });
    ran.ok().ran(&["w"]);
}

#[test]
fn the_second_of_two_runs_waits_and_finds() {
    let nodes = "w: {type: work, epochs: 2}";
    let first = Test::new().nodes(nodes);
    let second = Test {
        dir: tempfile::tempdir().unwrap(),
        store: first.store.clone(),
        options: first.options.clone(),
    };
    let second = second.nodes(nodes);
    let ((begun, begins), (waiting, waits)) = (std::sync::mpsc::channel(), std::sync::mpsc::channel());
    let waits = Mutex::new(waits);
    thread::scope(|scope| {
        let first = scope.spawn(move || {
            first.run_watched(&Stop::default(), |event| match event {
                Event::NodeStarted { .. } => begun.send(()).unwrap(),
                // It does not end before the other one waits.
                Event::NodeProgress { done: 1, .. } => waits.lock().unwrap().recv_timeout(LONG).unwrap(),
                _ => {}
            })
        });
        begins.recv_timeout(LONG).unwrap();
        let second = second.run_watched(&Stop::default(), |event| {
            if matches!(event, Event::NodeWaiting { .. }) {
                waiting.send(()).unwrap();
            }
        });
        let second = second.ok().ran(&[]).cached(&["w"]);
        assert!(matches!(second.events[1], Event::NodeWaiting { twin: None, .. }), "{:#?}", second.events);
        first.join().unwrap().ok().ran(&["w"]);
    });
}

#[test]
#[ignore = "not a test: what `kills_at_any_moment_leave_a_store_that_works` runs, and kills"]
fn child() {
    let dir = PathBuf::from(std::env::var_os("KILN_TEST_CHILD").expect("only started by the test below"));
    let loaded = shared::load(&dir.join("pipeline.yaml"), KINDS);
    let store = Store::open(&dir.join("store")).unwrap();
    shared::run(&loaded, &dir, &store, &Options::default(), &Stop::default(), &|_| {}).unwrap();
}

#[test]
fn kills_at_any_moment_leave_a_store_that_works() {
    let nodes = "a: {type: read, file: a.txt}
        w: {type: work, epochs: 10, milliseconds: 3}
        n: {type: length, of: w}
        both: {type: join, left: a, right: n}";
    let test = Test::new().file("a.txt", "one").nodes(nodes);
    for number in 0..20 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "interruption::child", "--ignored", "--quiet"])
            .env("KILN_TEST_CHILD", test.dir.path())
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        thread::sleep(Duration::from_millis(2 + 3 * number));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let test = test.run().ok().gave("both", "one 40").test();
    assert_eq!(test.damage_found(), Vec::<String>::new());
    test.run().ok().ran(&[]);
}
