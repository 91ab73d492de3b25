//! The builder of a test: a folder with a pipeline, how to run it, and what must have happened.

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
    plan::Loaded,
    progress::Stop,
    run::{self, Forecast, Options, Summary},
    store::{self, Limits, Store},
};
use tempfile::TempDir;

use crate::{kinds::KINDS, shared};

/// A folder with a pipeline, and how to run it.
pub(crate) struct Test {
    pub(crate) dir: TempDir,
    pub(crate) options: Options,
    pub(crate) store: PathBuf,
}

/// What happened in a run.
pub(crate) struct Ran {
    pub(crate) test: Test,
    pub(crate) result: Result<Summary>,
    pub(crate) events: Vec<Event>,
}

impl Test {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = dir.path().join("store");
        Self { dir, options: Options { threads: 2, ..Options::default() }, store }
    }

    /// Writes a file, with time stamps that do not look racy.
    pub(crate) fn file(self, name: &str, text: &str) -> Self {
        let path = self.dir.path().join(name);
        fs::write(&path, text).unwrap();
        let past = SystemTime::now() - Duration::from_mins(1);
        fs::File::options().write(true).open(path).unwrap().set_modified(past).unwrap();
        self
    }

    /// Writes the pipeline: lines of `name: {type: …}`.
    pub(crate) fn nodes(self, nodes: &str) -> Self {
        self.seeded_nodes(0, nodes)
    }

    pub(crate) fn seeded_nodes(self, seed: u64, nodes: &str) -> Self {
        let lines: String = nodes.lines().map(|line| format!("  {}\n", line.trim())).collect();
        let text = format!("version: 1\nname: toys\nseed: {seed}\nnodes:\n{lines}");
        fs::write(self.path("pipeline.yaml"), text).unwrap();
        self
    }

    pub(crate) fn options(mut self, change: impl FnOnce(&mut Options)) -> Self {
        self.options = Options { threads: 2, ..Options::default() };
        change(&mut self.options);
        self
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn load(&self) -> Loaded {
        shared::load(&self.path("pipeline.yaml"), KINDS)
    }

    pub(crate) fn run(self) -> Ran {
        self.run_watched(&Stop::default(), |_| {})
    }

    /// Runs, and calls `watch` for each event while the run goes on.
    pub(crate) fn run_watched(self, stop: &Stop, watch: impl Fn(&Event) + Sync) -> Ran {
        let (result, events) = self.execute(stop, watch);
        Ran { test: self, result, events }
    }

    pub(crate) fn execute(
        &self,
        stop: &Stop,
        watch: impl Fn(&Event) + Sync,
    ) -> (Result<Summary>, Vec<Event>) {
        let loaded = self.load();
        let events = Mutex::new(Vec::new());
        let emit = |event: Event| {
            watch(&event);
            events.lock().unwrap().push(event);
        };
        let store = Store::open(&self.store);
        let run = |store| shared::run(&loaded, self.dir.path(), &store, &self.options, stop, &emit);
        let result = store.and_then(run);
        (result, events.into_inner().unwrap())
    }

    pub(crate) fn forecast(&self) -> Vec<Forecast> {
        run::forecast(&self.load().plan, &Store::peek(&self.store).unwrap()).unwrap()
    }

    pub(crate) fn blob(&self, node: &str) -> PathBuf {
        let key = self.forecast().into_iter().find(|row| row.node == node).unwrap().key.unwrap();
        Store::peek(&self.store).unwrap().find(key.parse().unwrap()).unwrap().path("text").unwrap()
    }

    pub(crate) fn damage_found(&self) -> Vec<String> {
        Store::open(&self.store).unwrap().verify().unwrap().damage
    }
}

impl Ran {
    pub(crate) fn nodes(&self, pick: impl Fn(&Event) -> Option<&String>) -> Vec<String> {
        let mut nodes: Vec<_> = self.events.iter().filter_map(pick).cloned().collect();
        nodes.sort();
        nodes
    }

    #[track_caller]
    pub(crate) fn ran(self, expected: &[&str]) -> Self {
        let ran = self.nodes(|event| match event {
            Event::NodeFinished { node, .. } => Some(node),
            _ => None,
        });
        assert_eq!(ran, expected, "these should have run; events: {:#?}", self.events);
        self
    }

    #[track_caller]
    pub(crate) fn cached(self, expected: &[&str]) -> Self {
        let cached = self.nodes(|event| match event {
            Event::NodeCached { node, .. } => Some(node),
            _ => None,
        });
        assert_eq!(cached, expected, "these should have been cached; events: {:#?}", self.events);
        self
    }

    #[track_caller]
    pub(crate) fn notes(self, expected: &[(&str, &str)]) -> Self {
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
    pub(crate) fn skipped(self, expected: &[&str]) -> Self {
        let skipped = self.nodes(|event| match event {
            Event::NodeSkipped { node, .. } => Some(node),
            _ => None,
        });
        assert_eq!(skipped, expected, "these should have been skipped; events: {:#?}", self.events);
        self
    }

    #[track_caller]
    pub(crate) fn because(self, node: &str, expected: &str) -> Self {
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
    pub(crate) fn warned(self, part: &str) -> Self {
        let warned = |event: &Event| matches!(event, Event::NodeWarning { line, .. } if line.contains(part));
        assert!(self.events.iter().any(warned), "no warning says `{part}`: {:#?}", self.events);
        self
    }

    #[track_caller]
    pub(crate) fn gave(self, node: &str, expected: &str) -> Self {
        let path = self.test.path(&format!("runs/toys/{node}/text"));
        assert_eq!(fs::read_to_string(path).unwrap(), expected);
        self
    }

    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        if let Err(error) = &self.result {
            panic!("{error}: {:#?}", self.events);
        }
        self
    }

    #[track_caller]
    pub(crate) fn fails(self, kind: ErrorKind) -> Self {
        assert_eq!(self.result.as_ref().map_err(Error::kind), Err(kind), "{:#?}", self.events);
        self
    }

    pub(crate) fn test(self) -> Test {
        self.test
    }
}

pub(crate) const THREE: &str = "a: {type: read, file: a.txt}
    b: {type: read, file: b.txt}
    both: {type: join, left: a, right: b}";

/// A node that works for a while, and one that needs it.
pub(crate) const SLOW: &str = "w: {type: work, epochs: 5, milliseconds: 5}\nn: {type: length, of: w}";

/// A pipeline of three nodes that has run once.
pub(crate) fn three() -> Test {
    let test = Test::new().file("a.txt", "one").file("b.txt", "two").nodes(THREE);
    test.run()
        .ok()
        .ran(&["a", "b", "both"])
        .cached(&[])
        .because("both", "never run")
        .gave("both", "one two")
        .test()
}

/// Longer than anything here takes on a busy machine.
pub(crate) const LONG: Duration = Duration::from_mins(1);

/// Replaces a read-only file, as a failing disk would.
pub(crate) fn overwrite(path: &Path, text: &str) {
    fs::remove_file(path).unwrap();
    fs::write(path, text).unwrap();
}

/// Where the record of a node's result lies.
pub(crate) fn record(test: &Test, node: &str) -> PathBuf {
    let key = test.forecast().into_iter().find(|row| row.node == node).unwrap().key.unwrap();
    test.store.join("manifests").join(&key[..2]).join(format!("{}.json", &key[2..]))
}

pub(crate) fn prune(test: &Test, limits: Limits, dry_run: bool) -> store::Pruned {
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

pub(crate) const NOTHING: Limits = Limits { size: Some(0), age: None, spare: Duration::ZERO };

/// Makes a file or a folder look as if nobody had touched it for months.
pub(crate) fn set_old(path: &Path) {
    set_age(path, Duration::from_hours(24 * 99));
}

pub(crate) fn set_age(path: &Path, age: Duration) {
    fs::File::open(path).unwrap().set_modified(SystemTime::now() - age).unwrap();
}

/// A file system of its own; `None` where this may not be done (it takes root, on Linux).
pub(crate) fn small_disk(at: &Path, size: &str) -> Option<impl Drop + use<>> {
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
