//! What is run, what is not, and why: chained real runs of toy nodes.
//!
//! A test is a chain: make files and a pipeline, run, say what must have happened, change something, run
//! again.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::Mutex,
    thread,
    time::{Duration, SystemTime},
};

use kiln::{
    error::{Error, ErrorKind, Result},
    event::Event,
    node::{ArtifactType, Context, Input, Kind, Node, Source},
    plan::{self, Loaded},
    progress::Stop,
    run::{self, Forecast, Job, Options, Reason, Status, Summary},
    store::{self, Limits, Store},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

// ---- toy kinds ----

/// Reads a file, or all files of a folder.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Read {
    /// The file or folder.
    file: String,
    /// A number that counts.
    #[serde(default = "tenth")]
    scale: f64,
    /// A key that does not count.
    #[serde(default)]
    workers: u32,
    /// Changes the file while it reads.
    #[serde(default)]
    meddle: bool,
}

/// A file, or all files of a folder.
fn files_at(path: &Path, _: &Stop) -> Result<Vec<PathBuf>> {
    if path.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = fs::read_dir(path).map_err(|error| Error::io("list", path, error))?;
    let mut files: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    files.sort();
    Ok(files)
}

fn tenth() -> f64 {
    0.1
}

impl Node for Read {
    const NAME: &'static str = "read";
    const VERSION: u32 = 1;
    const INPUTS: &'static [Input] = &[];
    const RUNTIME: &'static [&'static str] = &["workers", "meddle"];

    fn output(&self) -> ArtifactType {
        ArtifactType::Dataset
    }

    fn sources(&self) -> Vec<Source> {
        vec![Source { key: "file", path: self.file.clone(), list: files_at }]
    }

    fn run(&self, cx: &Context<'_>) -> Result<()> {
        let source = &cx.sources["file"];
        let text = source.files.iter().map(|file| read(&file.path)).collect::<Result<String>>()?;
        if self.meddle {
            write(&source.path, &format!("{text}!"))?;
        }
        write(&cx.out.join("text"), &text)
    }
}

/// Puts two texts side by side.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Join {
    /// The first.
    left: String,
    /// The second.
    right: String,
}

const TEXTS: &[ArtifactType] = &[ArtifactType::Dataset];

const fn text_port(port: &'static str) -> Input {
    Input { port, accepts: TEXTS, required: true }
}

impl Node for Join {
    const NAME: &'static str = "join";
    const VERSION: u32 = 1;
    const INPUTS: &'static [Input] = &[text_port("left"), text_port("right")];

    fn output(&self) -> ArtifactType {
        ArtifactType::Dataset
    }

    fn run(&self, cx: &Context<'_>) -> Result<()> {
        let text = |port| read(&cx.required(port).path("text")?);
        write(&cx.out.join("text"), &format!("{} {}", text("left")?, text("right")?))
    }
}

/// The length of a text, which many texts share.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Length {
    /// The text.
    of: String,
}

impl Node for Length {
    const NAME: &'static str = "length";
    const VERSION: u32 = 1;
    const INPUTS: &'static [Input] = &[text_port("of")];

    fn output(&self) -> ArtifactType {
        ArtifactType::Dataset
    }

    fn run(&self, cx: &Context<'_>) -> Result<()> {
        let text = read(&cx.required("of").path("text")?)?;
        write(&cx.out.join("text"), &text.len().to_string())
    }
}

/// Goes to where its input read from, as training goes to the images of a dataset.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Again {
    /// What was read.
    of: String,
    /// Changes the file that its input read.
    #[serde(default)]
    meddle: bool,
}

impl Node for Again {
    const NAME: &'static str = "again";
    const VERSION: u32 = 1;
    const INPUTS: &'static [Input] = &[text_port("of")];
    const RUNTIME: &'static [&'static str] = &["meddle"];

    fn output(&self) -> ArtifactType {
        ArtifactType::Dataset
    }

    fn run(&self, cx: &Context<'_>) -> Result<()> {
        let path = cx.required("of").source("file").ok_or_else(|| Error::new("the source is not known"))?;
        let text = read(path)?;
        if self.meddle {
            write(path, "meddled")?;
        }
        write(&cx.out.join("text"), &text)
    }
}

/// Works in epochs, keeps a checkpoint, and does what goes wrong.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Work {
    /// How many.
    epochs: u64,
    /// How long one takes.
    #[serde(default)]
    milliseconds: u64,
    /// What happens in the end.
    #[serde(default)]
    end: End,
    /// Waits for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    after: Option<String>,
}

#[derive(Serialize, Deserialize, JsonSchema, Default)]
#[serde(rename_all = "snake_case")]
enum End {
    #[default]
    Well,
    Fail,
    Panic,
}

impl Node for Work {
    const NAME: &'static str = "work";
    const VERSION: u32 = 1;
    const INPUTS: &'static [Input] = &[Input { port: "after", accepts: TEXTS, required: false }];
    const RUNTIME: &'static [&'static str] = &["milliseconds"];

    fn output(&self) -> ArtifactType {
        ArtifactType::Dataset
    }

    fn seeded(&self) -> bool {
        true
    }

    fn uses_device(&self) -> bool {
        true
    }

    fn run(&self, cx: &Context<'_>) -> Result<()> {
        let checkpoint = cx.scratch.join("epochs");
        let mut log = fs::read_to_string(&checkpoint).unwrap_or_default();
        for epoch in log.lines().count() as u64..self.epochs {
            cx.progress.check()?;
            thread::sleep(Duration::from_millis(self.milliseconds));
            log.push_str(&format!("{epoch} {}\n", cx.seed));
            store::atomic::write(&checkpoint, log.as_bytes(), store::atomic::Durability::Relaxed)
                .map_err(|error| Error::io("write", &checkpoint, error))?;
            cx.progress.step("epochs", epoch as usize + 1, self.epochs as usize, "epochs");
        }
        match self.end {
            End::Well => write(&cx.out.join("text"), &log),
            End::Fail => Err(Error::new("it did not go well").help("try again")),
            End::Panic => panic!("out of cheese"),
        }
    }
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(|error| Error::io("read", path, error))
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).map_err(|error| Error::io("write", path, error))
}

const KINDS: &[Kind] =
    &[Kind::of::<Read>(), Kind::of::<Join>(), Kind::of::<Length>(), Kind::of::<Again>(), Kind::of::<Work>()];

// ---- the builder ----

/// A folder with a pipeline, and how to run it.
struct Test {
    dir: TempDir,
    options: Options,
    store: PathBuf,
}

/// What happened in a run.
struct Ran {
    test: Test,
    result: Result<Summary>,
    events: Vec<Event>,
}

impl Test {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = dir.path().join("store");
        Self { dir, options: Options { threads: 2, ..Options::default() }, store }
    }

    /// Writes a file, with time stamps that do not look racy.
    fn file(self, name: &str, text: &str) -> Self {
        let path = self.dir.path().join(name);
        fs::write(&path, text).unwrap();
        let past = SystemTime::now() - Duration::from_secs(60);
        fs::File::options().write(true).open(path).unwrap().set_modified(past).unwrap();
        self
    }

    /// Writes the pipeline: lines of `name: {type: …}`.
    fn nodes(self, nodes: &str) -> Self {
        self.seeded_nodes(0, nodes)
    }

    fn seeded_nodes(self, seed: u64, nodes: &str) -> Self {
        let lines: String = nodes.lines().map(|line| format!("  {}\n", line.trim())).collect();
        let text = format!("version: 1\nname: toys\nseed: {seed}\nnodes:\n{lines}");
        fs::write(self.path("pipeline.yaml"), text).unwrap();
        self
    }

    fn options(mut self, change: impl FnOnce(&mut Options)) -> Self {
        self.options = Options { threads: 2, ..Options::default() };
        change(&mut self.options);
        self
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn load(&self) -> Loaded {
        plan::load(&self.path("pipeline.yaml"), KINDS)
            .unwrap_or_else(|rejected| panic!("{}", rejected.human(kiln::spec::render::Style::PLAIN)))
    }

    fn run(self) -> Ran {
        self.run_watched(&Stop::default(), |_| {})
    }

    /// Runs, and calls `watch` for each event while the run goes on.
    fn run_watched(self, stop: &Stop, watch: impl Fn(&Event) + Sync) -> Ran {
        let (result, events) = self.execute(stop, watch);
        Ran { test: self, result, events }
    }

    fn execute(&self, stop: &Stop, watch: impl Fn(&Event) + Sync) -> (Result<Summary>, Vec<Event>) {
        let loaded = self.load();
        let events = Mutex::new(Vec::new());
        let emit = |event: Event| {
            watch(&event);
            events.lock().unwrap().push(event);
        };
        let store = Store::open(&self.store);
        let result = store.and_then(|store| {
            run::run(&Job {
                spec: &loaded.spec,
                plan: &loaded.plan,
                store: &store,
                runs: &self.path("runs"),
                options: &self.options,
                emit: &emit,
                stop,
            })
        });
        (result, events.into_inner().unwrap())
    }

    fn forecast(&self) -> Vec<Forecast> {
        run::forecast(&self.load().plan, &Store::peek(&self.store)).unwrap()
    }

    fn blob(&self, node: &str) -> PathBuf {
        let key = self.forecast().into_iter().find(|row| row.node == node).unwrap().key.unwrap();
        Store::peek(&self.store).find(key.parse().unwrap()).unwrap().path("text").unwrap()
    }

    fn damage_found(&self) -> Vec<String> {
        Store::open(&self.store).unwrap().verify().unwrap().damage
    }
}

impl Ran {
    fn nodes(&self, pick: impl Fn(&Event) -> Option<&String>) -> Vec<String> {
        let mut nodes: Vec<_> = self.events.iter().filter_map(pick).cloned().collect();
        nodes.sort();
        nodes
    }

    #[track_caller]
    fn ran(self, expected: &[&str]) -> Self {
        let ran = self.nodes(|event| match event {
            Event::NodeFinished { node, .. } => Some(node),
            _ => None,
        });
        assert_eq!(ran, expected, "these should have run; events: {:#?}", self.events);
        self
    }

    #[track_caller]
    fn cached(self, expected: &[&str]) -> Self {
        let cached = self.nodes(|event| match event {
            Event::NodeCached { node, .. } => Some(node),
            _ => None,
        });
        assert_eq!(cached, expected, "these should have been cached; events: {:#?}", self.events);
        self
    }

    #[track_caller]
    fn skipped(self, expected: &[&str]) -> Self {
        let skipped = self.nodes(|event| match event {
            Event::NodeSkipped { node, .. } => Some(node),
            _ => None,
        });
        assert_eq!(skipped, expected, "these should have been skipped; events: {:#?}", self.events);
        self
    }

    #[track_caller]
    fn because(self, node: &str, expected: &str) -> Self {
        let reasons: BTreeMap<_, _> = self
            .events
            .iter()
            .filter_map(|event| match event {
                Event::NodeStarted { node, reason, .. } => Some((node.as_str(), reason.as_str())),
                _ => None,
            })
            .collect();
        assert_eq!(reasons.get(node), Some(&expected));
        self
    }

    #[track_caller]
    fn warned(self, part: &str) -> Self {
        let warned = |event: &Event| matches!(event, Event::NodeWarning { line, .. } if line.contains(part));
        assert!(self.events.iter().any(warned), "no warning says `{part}`: {:#?}", self.events);
        self
    }

    #[track_caller]
    fn gave(self, node: &str, expected: &str) -> Self {
        let path = self.test.path(&format!("runs/toys/{node}/text"));
        assert_eq!(fs::read_to_string(path).unwrap(), expected);
        self
    }

    #[track_caller]
    fn ok(self) -> Self {
        if let Err(error) = &self.result {
            panic!("{error}: {:#?}", self.events);
        }
        self
    }

    #[track_caller]
    fn fails(self, kind: ErrorKind) -> Self {
        assert_eq!(self.result.as_ref().map_err(Error::kind), Err(kind), "{:#?}", self.events);
        self
    }

    fn test(self) -> Test {
        self.test
    }
}

const THREE: &str = "a: {type: read, file: a.txt}
    b: {type: read, file: b.txt}
    both: {type: join, left: a, right: b}";

/// A pipeline of three nodes that has run once.
fn three() -> Test {
    let test = Test::new().file("a.txt", "one").file("b.txt", "two").nodes(THREE);
    test.run()
        .ok()
        .ran(&["a", "b", "both"])
        .cached(&[])
        .because("both", "never run")
        .gave("both", "one two")
        .test()
}

// ---- hits and misses ----

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
    let Summary { ran, cached, .. } = ran.result.unwrap();
    assert_eq!((ran, cached), (1, 1));
}

// ---- which nodes ----

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
}

#[test]
fn a_node_that_is_not_there_is_a_usage_error() {
    let ran = three().options(|options| options.force = vec!["bot".into()]).run().fails(ErrorKind::Usage);
    let error = ran.result.unwrap_err();
    assert_eq!(error.to_string(), "pipeline `toys` has no node `bot`");
    assert_eq!(error.hint(), Some("did you mean `both`?"));
}

// ---- failures ----

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
    // What failed is tried again; what went well is kept.
    ran.test().run().fails(ErrorKind::Failed).ran(&[]);
}

#[test]
fn without_it_nothing_new_begins() {
    let test = Test::new().file("a.txt", "one").nodes(FAILING);
    let ran = test.run().fails(ErrorKind::Failed);
    let failed = Event::NodeFailed {
        node: "bad".into(),
        error: "it did not go well".into(),
        help: Some("try again".into()),
    };
    assert!(ran.events.contains(&failed));
    let skipped = ran.events.iter().filter(|event| matches!(event, Event::NodeSkipped { .. })).count();
    assert!(skipped >= 2, "{:#?}", ran.events);
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

// ---- damage ----

/// Replaces a read-only file, as a failing disk would.
fn overwrite(path: &Path, text: &str) {
    fs::remove_file(path).unwrap();
    fs::write(path, text).unwrap();
}

#[test]
fn a_corrupted_blob_is_put_away_and_made_anew() {
    let test = three();
    let blob = test.blob("both");
    overwrite(&blob, "one tvo");
    let ran = test.run().ok().warned("stored file `text` of result").ran(&["both"]).cached(&["a", "b"]);
    let ran = ran.because("both", "its stored result is damaged").gave("both", "one two");
    let test = ran.test();
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
    let test = test.run().ok().ran(&[]).gave("both", "one two").test();
    fs::remove_dir_all(test.path("runs")).unwrap();
    let test = test.run().ok().ran(&[]).gave("both", "one two").test();
    let shown = fs::symlink_metadata(test.path("runs/toys/both/text")).unwrap();
    assert!(shown.permissions().readonly() && shown.is_file(), "a read-only copy, not a link");
}

// ---- edits while it runs ----

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

// ---- interruption ----

const SLOW: &str = "w: {type: work, epochs: 5, milliseconds: 5}\nn: {type: length, of: w}";

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
fn more_epochs_than_a_finished_run_are_told() {
    let test = Test::new().nodes("w: {type: work, epochs: 2}").run().ok().test();
    let test = test.nodes("w: {type: work, epochs: 4}");
    let [row] = &test.forecast()[..] else { panic!("one node") };
    assert!(matches!(row.why, Some(Reason::Changed { finished_epochs: Some(2), .. })), "{row:?}");
    test.run().ok().because("w", "epochs: 2 -> 4; a finished run with 2 epochs is in the store");
}

#[test]
fn the_second_of_two_runs_waits_and_finds() {
    let nodes = "w: {type: work, epochs: 10, milliseconds: 20}";
    let first = Test::new().nodes(nodes);
    let second = Test {
        dir: tempfile::tempdir().unwrap(),
        store: first.store.clone(),
        options: first.options.clone(),
    };
    let second = second.nodes(nodes);
    let (begun, wait) = std::sync::mpsc::channel();
    thread::scope(|scope| {
        let first = scope.spawn(move || {
            first.run_watched(&Stop::default(), |event| {
                if matches!(event, Event::NodeStarted { .. }) {
                    begun.send(()).unwrap();
                }
            })
        });
        wait.recv().unwrap();
        let second = second.run().ok().ran(&[]).cached(&["w"]);
        assert!(matches!(second.events[1], Event::NodeWaiting { .. }), "{:#?}", second.events);
        first.join().unwrap().ok().ran(&["w"]);
    });
}

#[test]
#[ignore = "not a test: what `kills_at_any_moment_leave_a_store_that_works` runs, and kills"]
fn child() {
    let dir = PathBuf::from(std::env::var_os("KILN_TEST_CHILD").expect("only started by the test below"));
    let loaded =
        plan::load(&dir.join("pipeline.yaml"), KINDS).unwrap_or_else(|_| panic!("the file is right"));
    let store = Store::open(&dir.join("store")).unwrap();
    let job = Job {
        spec: &loaded.spec,
        plan: &loaded.plan,
        store: &store,
        runs: &dir.join("runs"),
        options: &Options::default(),
        emit: &|_| {},
        stop: &Stop::default(),
    };
    run::run(&job).unwrap();
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
            .args(["--exact", "child", "--ignored", "--quiet"])
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

// ---- plan ----

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
    let rows = run::forecast(&shown.plan, &Store::peek(&test.store)).unwrap();
    assert!(rows.iter().all(|row| row.status == Status::Hit), "{rows:#?}");
}

// ---- prune ----

fn prune(test: &Test, limits: Limits, dry_run: bool) -> store::Pruned {
    store::prune(&test.store, limits, dry_run).unwrap().expect("nobody uses the store")
}

const NOTHING: Limits = Limits { size: Some(0), age: None, spare: Duration::ZERO };

#[test]
fn prune_takes_what_was_used_longest_ago() {
    let test = three();
    thread::sleep(Duration::from_millis(20));
    let test = test.options(|options| options.only = vec!["b".into()]).run().ok().cached(&["b"]).test();
    let total = prune(&test, Limits { size: None, ..NOTHING }, true).kept;
    assert_eq!(total, 3 + 3 + 7);
    let pruned = prune(&test, Limits { size: Some(total - 1), ..NOTHING }, false);
    assert_eq!(pruned.results.len(), 1);
    assert_ne!(pruned.results[0].manifest.story.node, "b");
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
fn a_dry_run_removes_nothing_and_a_real_one_everything() {
    let test = three();
    assert_eq!(prune(&test, NOTHING, true).results.len(), 3);
    let test = test.run().ok().ran(&[]).test();
    let pruned = prune(&test, NOTHING, false);
    assert_eq!((pruned.results.len(), pruned.blobs, pruned.freed), (3, 3, 13));
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

// ---- trouble ----

#[test]
fn a_store_that_cannot_be_made_is_told() {
    let mut test = Test::new().file("a.txt", "one").nodes("a: {type: read, file: a.txt}");
    test.store = test.path("a.txt").join("below");
    let error = test.run().fails(ErrorKind::Store).result.unwrap_err();
    assert!(error.to_string().starts_with("cannot open the store "), "{error}");
    assert_eq!(error.hint(), Some("name a folder that you may write to with `--store DIR`"));
}

/// A file system of 96 KiB that is full at once; `None` where this may not be done (it takes root, on Linux).
fn tiny_disk(at: &Path) -> Option<impl Drop + use<>> {
    struct Mounted(PathBuf);
    impl Drop for Mounted {
        fn drop(&mut self) {
            let _ = Command::new("umount").arg(&self.0).status();
        }
    }
    fs::create_dir_all(at).unwrap();
    let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=96k", "tmpfs"]).arg(at).output();
    mount.is_ok_and(|output| output.status.success()).then(|| Mounted(at.to_owned()))
}

#[test]
fn a_full_disk_is_told_and_leaves_nothing_half_written() {
    let test = Test::new().file("a.txt", "one").file("b.txt", &"b".repeat(200_000)).nodes(THREE);
    let Some(disk) = tiny_disk(&test.store) else { return };
    let ran = test.run().fails(ErrorKind::Store).ran(&["a"]);
    let told = ran.events.iter().find_map(|event| match event {
        Event::NodeFailed { node, error, .. } if node == "b" => Some(error.clone()),
        _ => None,
    });
    assert!(told.as_ref().is_some_and(|error| error.contains("No space left on device")), "{told:?}");
    assert_eq!(ran.test.damage_found(), Vec::<String>::new());
    assert_eq!(fs::read_dir(ran.test.store.join("work")).unwrap().count(), 0, "the work folder is left");
    // With less to keep there is room.
    let ran = ran.test().file("b.txt", "two").run().ok().ran(&["b", "both"]).cached(&["a"]);
    let test = ran.gave("both", "one two").test();
    // The folder can't be removed while something is mounted in it.
    drop(disk);
    drop(test);
}

// ---- much to look at (how fast is for benches/) ----

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
    let past = SystemTime::now() - Duration::from_secs(60);
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
