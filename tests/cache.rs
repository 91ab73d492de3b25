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
    atomic,
    device_name::DeviceName,
    error::{Error, ErrorKind, Result},
    event::Event,
    node::{ArtifactType, Context, KeyRole, Kind, Node, NodeKind, SourcePath},
    plan::{self, Loaded},
    progress::Stop,
    run::{self, Amount, Forecast, Options, Origin, Reason, Results, RunRequest, Status, Summary},
    store::{self, Artifact, Limits, Store},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

// ---- toy kinds ----

/// Where the pipeline of the folder `dir` shows its results.
fn results(dir: &Path) -> Results {
    Results::new(dir.join("runs/toys"), Origin::File("pipeline.yaml".into()), dir)
}

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

impl NodeKind for Read {
    const NAME: &'static str = "read";
    const VERSION: u32 = 1;
    const KEYS: &'static [(&'static str, KeyRole)] =
        &[("file", KeyRole::Source), ("workers", KeyRole::Runtime), ("meddle", KeyRole::Runtime)];
}

impl Node for Read {
    fn output(&self) -> ArtifactType {
        TEXT
    }

    fn sources(&self) -> Vec<SourcePath> {
        vec![SourcePath::new("file", &self.file, files_at)]
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

const TEXT: ArtifactType = ArtifactType { name: "text", phrase: "a text" };
const TEXTS: &[ArtifactType] = &[TEXT];

impl NodeKind for Join {
    const NAME: &'static str = "join";
    const VERSION: u32 = 1;
    const KEYS: &'static [(&'static str, KeyRole)] =
        &[("left", KeyRole::Input(TEXTS)), ("right", KeyRole::Input(TEXTS))];
}

impl Node for Join {
    fn output(&self) -> ArtifactType {
        TEXT
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
    /// Another text, to wait for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    after: Option<String>,
}

impl NodeKind for Length {
    const NAME: &'static str = "length";
    const VERSION: u32 = 1;
    const KEYS: &'static [(&'static str, KeyRole)] =
        &[("of", KeyRole::Input(TEXTS)), ("after", KeyRole::OptionalInput(TEXTS))];
}

impl Node for Length {
    fn output(&self) -> ArtifactType {
        TEXT
    }

    fn check_input(&self, port: &str, artifact: &Artifact) -> Result<()> {
        let text = read(&artifact.path("text")?)?;
        if port == "of" && text.is_empty() {
            Err(Error::new("there is no text").help("write one"))
        } else {
            Ok(())
        }
    }

    fn run(&self, cx: &Context<'_>) -> Result<()> {
        let text = read(&cx.required("of").path("text")?)?;
        self.check_input("of", cx.required("of"))?;
        cx.progress.headline(format!("{} bytes", text.len()));
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

impl NodeKind for Again {
    const NAME: &'static str = "again";
    const VERSION: u32 = 1;
    const KEYS: &'static [(&'static str, KeyRole)] =
        &[("of", KeyRole::Input(TEXTS)), ("meddle", KeyRole::Runtime)];
}

impl Node for Again {
    fn output(&self) -> ArtifactType {
        TEXT
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
    /// With more than a small disk has room for.
    Much,
    Fail,
    Panic,
}

impl NodeKind for Work {
    const NAME: &'static str = "work";
    const VERSION: u32 = 1;
    const KEYS: &'static [(&'static str, KeyRole)] =
        &[("after", KeyRole::OptionalInput(TEXTS)), ("milliseconds", KeyRole::Runtime)];
    const AMOUNT: Option<&'static str> = Some("epochs");
}

impl Node for Work {
    fn output(&self) -> ArtifactType {
        TEXT
    }

    fn seeded(&self) -> bool {
        true
    }

    fn precision(&self) -> Option<&'static str> {
        Some("f32")
    }

    fn run(&self, cx: &Context<'_>) -> Result<()> {
        let checkpoint = cx.scratch.join("epochs");
        let mut log = fs::read_to_string(&checkpoint).unwrap_or_default();
        for epoch in log.lines().count() as u64..self.epochs {
            cx.progress.check()?;
            thread::sleep(Duration::from_millis(self.milliseconds));
            log.push_str(&format!("{epoch} {}\n", cx.seed));
            atomic::write(&checkpoint, log.as_bytes(), atomic::Durability::Relaxed)
                .map_err(|error| Error::io("write", &checkpoint, error))?;
            cx.progress.step("epochs", epoch as usize + 1, self.epochs as usize, "epochs");
        }
        match self.end {
            End::Well => write(&cx.out.join("text"), &log),
            End::Much => write(&cx.out.join("text"), &"b".repeat(200_000)),
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
            run::run(&RunRequest {
                spec: &loaded.spec,
                plan: &loaded.plan,
                store: &store,
                results: &results(self.dir.path()),
                options: &self.options,
                emit: &emit,
                stop,
            })
        });
        (result, events.into_inner().unwrap())
    }

    fn forecast(&self) -> Vec<Forecast> {
        run::forecast(&self.load().plan, &Store::peek(&self.store).unwrap()).unwrap()
    }

    fn blob(&self, node: &str) -> PathBuf {
        let key = self.forecast().into_iter().find(|row| row.node == node).unwrap().key.unwrap();
        Store::peek(&self.store).unwrap().find(key.parse().unwrap()).unwrap().path("text").unwrap()
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
    fn notes(self, expected: &[(&str, &str)]) -> Self {
        let note = |event: &Event| match event {
            Event::NodeNote { node, line } => Some((node.clone(), line.clone())),
            _ => None,
        };
        let notes: Vec<_> = self.events.iter().filter_map(note).collect();
        let notes: Vec<_> = notes.iter().map(|(node, line)| (node.as_str(), line.as_str())).collect();
        assert_eq!(notes, expected);
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
    let shown = fs::read_to_string(test.path("runs/toys/a/manifest.json")).unwrap();
    assert_eq!(shown, fs::read_to_string(record(&test, "a")).unwrap());
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

/// Where the record of a node's result lies.
fn record(test: &Test, node: &str) -> PathBuf {
    let key = test.forecast().into_iter().find(|row| row.node == node).unwrap().key.unwrap();
    test.store.join("manifests").join(&key[..2]).join(format!("{}.json", &key[2..]))
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

// ---- what is told before long work ----

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
fn the_device_is_needed_where_a_node_that_uses_it_may_run() {
    let test =
        Test::new().file("a.txt", "one").nodes("a: {type: read, file: a.txt}\nw: {type: work, epochs: 1}");
    let needs = |test: &Test, force: &str| {
        let options =
            Options { device: DeviceName::Cuda(0), force: vec![force.into()], ..Options::default() };
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
    test.run().ok().because("w", "epochs: 2 -> 4; a finished run with `epochs: 2` is in the store");
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

/// Longer than anything here takes on a busy machine.
const LONG: Duration = Duration::from_secs(60);

#[test]
#[ignore = "not a test: what `kills_at_any_moment_leave_a_store_that_works` runs, and kills"]
fn child() {
    let dir = PathBuf::from(std::env::var_os("KILN_TEST_CHILD").expect("only started by the test below"));
    let loaded =
        plan::load(&dir.join("pipeline.yaml"), KINDS).unwrap_or_else(|_| panic!("the file is right"));
    let store = Store::open(&dir.join("store")).unwrap();
    let job = RunRequest {
        spec: &loaded.spec,
        plan: &loaded.plan,
        store: &store,
        results: &results(&dir),
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
    let rows = run::forecast(&shown.plan, &Store::peek(&test.store).unwrap()).unwrap();
    assert!(rows.iter().all(|row| row.status == Status::Hit), "{rows:#?}");
}

// ---- prune ----

fn prune(test: &Test, limits: Limits, dry_run: bool) -> store::Pruned {
    // A process that another test is about to start shares this one's locks until it is the other program.
    let tries = (0..1000).find_map(|_| {
        let pruned = store::prune(&test.store, limits, dry_run).unwrap();
        pruned.or_else(|| {
            thread::sleep(Duration::from_millis(20));
            None
        })
    });
    tries.expect("nobody uses the store")
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
    assert_ne!(pruned.results[0].manifest.provenance.node, "b");
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
fn what_was_used_last_stays_whatever_its_key() {
    for recent in ["a", "b"] {
        let test = three();
        for node in ["a", "b", "both"] {
            used(&test, node, if node == recent { 1 } else { 2 });
        }
        assert_eq!(prune(&test, Limits { size: Some(3), ..NOTHING }, false).results.len(), 2);
        test.options(|options| options.only = vec![recent.into()]).run().ok().cached(&[recent]);
    }
}

/// Makes a result look as if it was last used so many hours ago.
fn used(test: &Test, node: &str, hours: u64) {
    let file = fs::File::options().append(true).open(record(test, node)).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_hours(hours)).unwrap();
}

#[test]
fn prune_takes_what_was_not_used_for_long() {
    let test = three();
    for (node, hours) in [("a", 25), ("b", 23), ("both", 23)] {
        used(&test, node, hours);
    }
    let day = Limits { size: None, age: Some(Duration::from_hours(24)), spare: Duration::ZERO };
    assert_eq!(prune(&test, day, false).results.len(), 1);
    test.run().ok().ran(&["a"]).cached(&["b", "both"]);
}

#[test]
fn a_file_of_two_results_counts_once_and_stays_for_the_second() {
    let nodes = "a: {type: read, file: a.txt}
        b: {type: read, file: b.txt}
        m: {type: length, of: a}
        n: {type: length, of: b}";
    let test = Test::new().file("a.txt", "one").file("b.txt", "two").nodes(nodes).run().ok().test();
    for (node, hours) in [("m", 9), ("n", 8), ("a", 7), ("b", 6)] {
        used(&test, node, hours);
    }
    let names = |pruned: store::Pruned| {
        pruned.results.iter().map(|entry| entry.manifest.provenance.node.clone()).collect::<Vec<_>>()
    };
    // Without `m` it is as much as before: `n` has the same file.
    assert_eq!(names(prune(&test, Limits { size: Some(6), ..NOTHING }, true)), ["m", "n"]);
    let old = Limits { size: None, age: Some(Duration::from_mins(8 * 60 + 30)), spare: Duration::ZERO };
    let pruned = prune(&test, old, false);
    assert_eq!((pruned.blobs, pruned.freed, pruned.kept), (0, 0, 7));
    test.run().ok().ran(&["m"]).cached(&["a", "b", "n"]);
}

#[test]
fn prune_forgets_files_that_are_gone() {
    let test = three();
    let (a, b) = (test.path("a.txt"), test.path("b.txt"));
    let looked = |path: &Path| store::stat::FileStamp {
        signature: store::stat::Signature::of(path).unwrap(),
        digest: store::Digest::of_bytes(b""),
    };
    let (of_a, of_b) = (looked(&a), looked(&b));
    let store = Store::open(&test.store).unwrap();
    store.files().remember(&a, of_a);
    store.files().remember(&b, of_b);
    store.save().unwrap();
    drop(store);
    fs::remove_file(&a).unwrap();
    let blobs = |test: &Test| fs::metadata(test.store.join("blobs.index")).unwrap().len();
    let before = blobs(&test);
    prune(&test, NOTHING, false);
    let store = Store::peek(&test.store).unwrap();
    assert_eq!(store.files().known(&a, of_a.signature), None);
    assert_eq!(store.files().known(&b, of_b.signature), Some(of_b.digest));
    assert!(blobs(&test) < before);
}

#[test]
fn a_dry_run_removes_nothing_and_a_real_one_everything() {
    let test = three();
    assert_eq!(prune(&test, NOTHING, true).results.len(), 3);
    let test = test.run().ok().ran(&[]).test();
    let pruned = prune(&test, NOTHING, false);
    assert_eq!((pruned.results.len(), pruned.blobs, pruned.freed), (3, 3, 13));
    assert_eq!(test.damage_found(), Vec::<String>::new());
    assert!(Store::peek(&test.store).unwrap().entries().is_empty());
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

// ---- a store that somebody else packed ----

/// Makes a file or a folder look as if nobody had touched it for months.
fn set_old(path: &Path) {
    set_age(path, Duration::from_hours(24 * 99));
}

fn set_age(path: &Path, age: Duration) {
    fs::File::open(path).unwrap().set_modified(SystemTime::now() - age).unwrap();
}

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
                assert_eq!(fs::read_to_string(path).unwrap(), "precious", "{}", path.display())
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

#[test]
fn prune_removes_only_what_has_a_name_of_the_stores() {
    let test = three();
    let digest = store::Digest::of_bytes(b"nobody's").to_string();
    let (shelf, rest) = digest.split_at(2);
    let own = [
        format!("blobs/{shelf}/{rest}"),
        format!("blobs/{shelf}/.tmp-x"),
        format!("manifests/{shelf}/.tmp-x"),
        format!("locks/{digest}"),
        format!("locks/{digest}.lease"),
        format!("work/{digest}/half"),
        format!("scratch/{digest}/checkpoint"),
        format!("downloads/{digest}.part"),
        format!("quarantine/blobs-{shelf}-{rest}"),
        ".tmp-x".to_owned(),
    ];
    let not = [
        format!("blobs/{shelf}/notes.txt"),
        format!("blobs/{shelf}/{rest}.bak"),
        format!("blobs/{shelf}0/{rest}"),
        format!("blobs/{shelf}0/.tmp-x"),
        format!("blobs/zz/{rest}"),
        format!("blobs/{}/{rest}", shelf.to_uppercase() + "A"),
        "blobs/notes.txt".to_owned(),
        format!("manifests/{shelf}/notes.json"),
        format!("manifests/{shelf}/{rest}.txt"),
        "locks/notes".to_owned(),
        "work/photos/a.jpg".to_owned(),
        "scratch/photos/a.jpg".to_owned(),
        "downloads/film.mp4".to_owned(),
        "quarantine/mine.txt".to_owned(),
        "notes.txt".to_owned(),
        "photos/a.jpg".to_owned(),
    ];
    let age = |age| {
        for name in own.iter().chain(&not) {
            let path = test.store.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, "x").unwrap();
            set_age(&path, age);
            if path.parent() != Some(&test.store) {
                set_age(path.parent().unwrap(), age);
            }
        }
    };
    let any = Limits { size: None, ..NOTHING };
    let left = |names: &[String]| names.iter().filter(|name| test.store.join(name).exists()).count();
    age(Duration::from_mins(50));
    prune(&test, any, false);
    assert_eq!(left(&own), own.len(), "somebody may still be about to use them");
    age(Duration::from_hours(24 * 29));
    prune(&test, any, false);
    assert_eq!(left(&own), 3, "checkpoints, downloads and what is in quarantine stay longer");
    age(Duration::from_hours(24 * 31));
    prune(&test, any, true);
    assert_eq!((left(&own), left(&not)), (own.len(), not.len()), "a dry run removes nothing");
    assert_eq!(prune(&test, any, false).blobs, 2);
    assert_eq!((left(&own), left(&not)), (0, not.len()));
    let verified = Store::open(&test.store).unwrap().verify().unwrap();
    assert_eq!(verified.damage, Vec::<String>::new());
    assert_eq!(verified.strange.len(), 2, "{:?}", verified.strange);
    test.run().ok().ran(&[]);
}

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

#[test]
fn what_needs_no_writing_works_where_nothing_can_be_written() {
    let test = Test::new();
    let Some(disk) = small_disk(test.dir.path(), "4m") else { return };
    let test = test.file("a.txt", "one").file("b.txt", "two").nodes(THREE).run().ok().test();
    // Files that have to be read again would be written down.
    let test = test.file("a.txt", "one").file("b.txt", "two");
    let frozen = Command::new("mount").args(["-o", "remount,ro"]).arg(test.dir.path()).status();
    assert!(frozen.unwrap().success());
    let test = test.run().ok().ran(&[]).cached(&["a", "b", "both"]).test();
    assert_eq!(test.forecast().iter().filter(|row| row.status == Status::Hit).count(), 3);
    assert_eq!(Store::peek(&test.store).unwrap().entries().len(), 3);
    assert_eq!(test.damage_found(), Vec::<String>::new());
    assert_eq!(prune(&test, NOTHING, true).results.len(), 3);
    let ran = test.options(|options| options.force = vec!["a".into()]).run().fails(ErrorKind::Store);
    let told = ran.events.iter().any(|event| match event {
        Event::NodeFailed { error, .. } => error.contains("may only be read: Read-only file system"),
        _ => false,
    });
    assert!(told, "{:#?}", ran.events);
    // The folder can't be removed while something is mounted in it.
    drop(disk);
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

/// A file system of its own; `None` where this may not be done (it takes root, on Linux).
fn small_disk(at: &Path, size: &str) -> Option<impl Drop + use<>> {
    struct Mounted(PathBuf);
    impl Drop for Mounted {
        fn drop(&mut self) {
            let _ = Command::new("umount").arg(&self.0).status();
        }
    }
    fs::create_dir_all(at).unwrap();
    let mount =
        Command::new("mount").args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]).arg(at).output();
    mount.is_ok_and(|output| output.status.success()).then(|| Mounted(at.to_owned()))
}

#[test]
fn a_full_disk_is_told_and_leaves_nothing_half_written() {
    // One after the other: side by side they would race for the last kilobytes.
    let nodes = "a: {type: read, file: a.txt}
        b: {type: work, epochs: 1, end: much, after: a}
        both: {type: join, left: a, right: b}";
    let test = Test::new().file("a.txt", "one").nodes(nodes);
    // Full at once.
    let Some(disk) = small_disk(&test.store, "96k") else { return };
    let ran = test.run().fails(ErrorKind::Store).ran(&["a"]);
    let told = ran.events.iter().find_map(|event| match event {
        Event::NodeFailed { node, error, .. } if node == "b" => Some(error.clone()),
        _ => None,
    });
    assert!(told.as_ref().is_some_and(|error| error.contains("No space left on device")), "{told:?}");
    assert_eq!(ran.test.damage_found(), Vec::<String>::new());
    assert_eq!(fs::read_dir(ran.test.store.join("work")).unwrap().count(), 0, "the work folder is left");
    // With less to keep there is room.
    let nodes = nodes.replace("much", "well");
    let ran = ran.test().nodes(&nodes).run().ok().ran(&["b", "both"]).cached(&["a"]);
    let test = ran.gave("both", "one 0 0\n").test();
    // The folder can't be removed while something is mounted in it.
    drop(disk);
    drop(test);
}

#[test]
fn what_is_there_is_found_on_a_full_disk() {
    let test = Test::new().file("a.txt", "one").nodes("a: {type: read, file: a.txt}");
    let Some(disk) = small_disk(&test.store, "96k") else { return };
    let test = test.run().ok().test();
    // What was read would be written down, were there room.
    fs::remove_file(test.store.join("blobs.index")).unwrap();
    assert!(fs::write(test.store.join("filler"), [0; 200_000]).is_err());
    let test = test.run().ok().ran(&[]).cached(&["a"]).test();
    assert!(!test.store.join("blobs.index").exists());
    drop(disk);
}

#[test]
fn trouble_with_the_store_is_the_worst() {
    let nodes = "a: {type: read, file: a.txt}
        big: {type: work, epochs: 1, end: much}
        bad: {type: work, epochs: 0, end: fail, after: a}";
    let test = Test::new().file("a.txt", "one").nodes(nodes);
    let Some(disk) = small_disk(&test.store, "96k") else { return };
    let ran = test.options(|options| options.keep_going = true).run().fails(ErrorKind::Store);
    let failed = ran.nodes(|event| match event {
        Event::NodeFailed { node, .. } => Some(node),
        _ => None,
    });
    assert!(failed.contains(&"big".to_owned()), "{failed:?}");
    drop(disk);
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
