//! Toy kinds of nodes: they read, join, count and work, and go wrong when asked to.

use std::{
    fs,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use kiln::{
    atomic,
    error::{Error, Result},
    node::{ArtifactType, Context, KeyRole, Kind, Node, NodeKind, SeedPurpose, SourcePath},
    progress::Stop,
    store::Artifact,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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

    fn seed(&self) -> Option<SeedPurpose> {
        Some(SeedPurpose::Training)
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

pub(crate) fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(|error| Error::io("read", path, error))
}

pub(crate) fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).map_err(|error| Error::io("write", path, error))
}

pub(crate) const KINDS: &[Kind] =
    &[Kind::of::<Read>(), Kind::of::<Join>(), Kind::of::<Length>(), Kind::of::<Again>(), Kind::of::<Work>()];
