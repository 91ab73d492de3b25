//! What is said of a run before it.

use kiln::{
    device_name::DeviceName,
    plan,
    run::{self, Amount, Options, Reason, Status},
    store::Store,
};

use crate::{
    kinds::KINDS,
    kit::{THREE, Test, three},
};

#[test]
fn a_forecast_tells_what_a_run_would_do_and_changes_nothing() {
    let test = Test::new().file("a.txt", "one").file("b.txt", "two").nodes(THREE);
    let statuses = |test: &Test| test.forecast().iter().map(|row| row.status).collect::<Vec<_>>();
    assert_eq!(statuses(&test), [Status::Miss, Status::Miss, Status::Unknown]);
    assert!(!test.store.exists());
    let test = test.run().ok().test();
    assert_eq!(statuses(&test), [Status::Hit, Status::Hit, Status::Hit]);
    let test = test.file("b.txt", "zwei");
    let rows = test.forecast();
    assert_eq!(statuses(&test), [Status::Hit, Status::Miss, Status::Unknown]);
    assert_eq!(rows[2].key, None);
    assert_eq!(rows[2].why, Some(Reason::Upstream { nodes: vec!["b".into()] }));
}

#[test]
fn the_shown_spec_is_a_valid_pipeline() {
    let test = three();
    let loaded = plan::load(&test.path("runs/toys/pipeline.yaml"), KINDS);
    let shown = loaded.unwrap_or_else(|rejected| panic!("{:?}", rejected.problems));
    let rows = run::forecast(&shown.plan, &Store::peek(&test.store).unwrap()).unwrap();
    assert!(rows.iter().all(|row| row.status == Status::Hit), "{rows:#?}");
}

#[test]
fn the_device_is_needed_where_a_node_that_uses_it_may_run() {
    let test =
        Test::new().file("a.txt", "one").nodes("a: {type: read, file: a.txt}\nw: {type: work, epochs: 1}");
    let needs = |test: &Test, force: &str| {
        let options =
            Options { devices: DeviceName::Cuda(0).into(), force: vec![force.into()], ..Options::default() };
        run::needs_device(&test.load().plan, &Store::peek(&test.store).unwrap(), &options).unwrap()
    };
    assert!(needs(&test, "a"));
    let test = test.run().ok().test();
    assert!(!needs(&test, "a"));
    assert!(needs(&test, "w"));
    let precisions: Vec<_> = test.forecast().into_iter().map(|row| row.recipe.unwrap().precision).collect();
    assert_eq!(precisions, [None, Some("f32".to_owned())]);
}

#[test]
fn more_epochs_than_a_finished_run_are_told() {
    let test = Test::new().nodes("w: {type: work, epochs: 2}").run().ok().test();
    let test = test.nodes("w: {type: work, epochs: 4}");
    let [row] = &test.forecast()[..] else { panic!("one node") };
    assert!(
        matches!(row.why, Some(Reason::Changed { finished: Some(Amount { value: 2, .. }), .. })),
        "{row:?}"
    );
    let obstacle =
        "epochs: 2 -> 4; can't go on from the finished run with `epochs: 2`: nothing is kept to go on from";
    test.run().ok().because("w", obstacle);
}
