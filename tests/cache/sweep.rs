//! Sweeps: shared nodes run once, finished points never again, and repeats change the seed of training alone.

use std::fs;

use kiln::{error::ErrorKind, plan, run::experiments, spec::render::Style, store::Store};

use crate::{kinds::KINDS, kit::Test};

const NODES: &str = "nodes:
  a: { type: read, file: a.txt }
  b: { type: read, file: a.txt, scale: \"${params.scale}\" }
  w: { type: work, epochs: \"${params.epochs}\", after: b }
  all: { type: join, left: a, right: w }
";

/// The pipeline with lines that make it a sweep.
fn sweep(test: Test, lines: &str) -> Test {
    let text =
        format!("version: 1\nname: toys\nseed: 7\nparams: {{ epochs: 1, scale: 0.5 }}\n{lines}\n{NODES}");
    fs::write(test.path("pipeline.yaml"), text).unwrap();
    test
}

fn new(lines: &str) -> Test {
    sweep(Test::new().file("a.txt", "one"), lines)
}

#[test]
fn shared_nodes_run_once_and_finished_points_never_again() {
    let ran = new("matrix: { epochs: [1, 2] }").run().ok();
    let ran = ran.ran(&["a", "all@epochs=1", "all@epochs=2", "b", "w@epochs=1", "w@epochs=2"]);
    let ran = ran.gave("w@epochs=2", "0 7\n1 7\n").gave("all@epochs=1", "one 0 7\n");
    let test = ran.test().run().ok().ran(&[]).test();
    let test =
        sweep(test, "matrix: { epochs: [1, 3] }").run().ok().ran(&["all@epochs=3", "w@epochs=3"]).test();
    // The point that is the file itself was made by the sweep.
    sweep(test, "").run().ok().ran(&[]).cached(&["a", "all", "b", "w"]);
}

#[test]
fn a_node_is_named_by_what_it_depends_on() {
    let plan = new("matrix: { epochs: [1, 2], scale: [0.5, 0.25] }").load().plan;
    let named = |base: &str| plan.steps().iter().filter(|step| step.id.starts_with(base)).count();
    assert_eq!((plan.steps().len(), named("b@scale="), named("w@epochs=")), (11, 2, 4));
    let sweep = plan.sweep.unwrap();
    let ids: Vec<_> = sweep.points.iter().map(|point| point.id.as_str()).collect();
    assert_eq!(
        ids,
        ["epochs=1,scale=0.5", "epochs=1,scale=0.25", "epochs=2,scale=0.5", "epochs=2,scale=0.25"]
    );
    assert_eq!(
        sweep.points[1].nodes,
        ["a", "all@epochs=1,scale=0.25", "b@scale=0.25", "w@epochs=1,scale=0.25"]
    );
}

#[test]
fn nodes_and_points_can_be_run_alone() {
    let test = new("matrix: { epochs: [1, 2], scale: [0.5, 0.25] }");
    let only = |test: Test, name: &str| test.options(|options| options.only = vec![name.to_owned()]).run();
    let ran = only(test, "w@epochs=1,scale=0.5").ok().ran(&["b@scale=0.5", "w@epochs=1,scale=0.5"]);
    let ran = only(ran.test(), "scale=0.5").ok();
    let ran = ran.ran(&["a", "all@epochs=1,scale=0.5", "all@epochs=2,scale=0.5", "w@epochs=2,scale=0.5"]);
    let ran = only(ran.test(), "b").ok().ran(&["b@scale=0.25"]);
    // Its input has the same bytes at both scales.
    let ran = only(ran.test(), "w@epochs=2").ok().ran(&[]);
    let ran = ran.cached(&["b@scale=0.25", "b@scale=0.5", "w@epochs=2,scale=0.25", "w@epochs=2,scale=0.5"]);
    let ran = only(ran.test(), "scale=9").fails(ErrorKind::Usage);
    only(ran.test(), "c").fails(ErrorKind::Usage);
}

#[test]
fn repeats_change_the_seed_of_training_alone() {
    let ran = new("").run().ok().gave("w", "0 7\n");
    let test = sweep(ran.test(), "repeats: 3");
    // The first repeat is what ran without any.
    let ran = test.run().ok().ran(&["all@repeat=1", "all@repeat=2", "w@repeat=1", "w@repeat=2"]);
    let test = ran.gave("w@repeat=0", "0 7\n").gave("w@repeat=2", "0 9\n").test();
    let store = Store::peek(&test.store).unwrap();
    let points: Vec<_> = experiments(&store).iter().filter_map(|one| one.value("point")).collect();
    assert_eq!(points, ["repeat=0", "repeat=1", "repeat=2"]);
    assert_eq!(experiments(&store)[2].value("w.seed"), Some(9.into()));
}

#[test]
fn what_is_left_beside_the_results_is_the_sweep_again() {
    let lines = "matrix: { epochs: [1, 2], include: [{ scale: 1 }] }\nrepeats: 2";
    let test = new(lines).run().ok().test();
    let again = plan::load(&test.path("runs/toys/pipeline.yaml"), KINDS);
    let again = again.unwrap_or_else(|rejected| panic!("{}", rejected.human(Style::PLAIN))).plan;
    let names = |plan: &plan::Plan| plan.steps().iter().map(|step| step.id.clone()).collect::<Vec<_>>();
    assert_eq!(names(&again), names(&test.load().plan));
    assert_eq!(again.sweep.unwrap().points[0].id, "epochs=1,scale=1,repeat=0");
}

#[test]
fn mistakes_are_told_once() {
    let test = new("matrix: { epochs: [1, 2], scale: [0.5, x] }");
    let nodes = NODES.replace("left: a", "left: c").replace("b: {", "b: { files: 3,");
    let text = fs::read_to_string(test.path("pipeline.yaml")).unwrap().replace(NODES, &nodes);
    fs::write(test.path("pipeline.yaml"), text).unwrap();
    let rejected = plan::load(&test.path("pipeline.yaml"), KINDS).map(drop).unwrap_err();
    let told: Vec<_> = rejected
        .problems
        .iter()
        .map(|it| (it.code, it.message.as_str(), it.help.clone().unwrap_or_default()))
        .collect();
    insta::assert_debug_snapshot!(told);
}
