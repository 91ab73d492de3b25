//! `kiln predict`: images through a model, in one line.

use std::{
    fs,
    path::{Path, PathBuf},
    str::FromStr,
};

use clap::Args;
use serde_json::{Value, json};

use super::{
    Project,
    oneliner::{self, CommonArgs, Show, execute, pipeline},
};
use crate::{
    data::folder::is_image,
    error::{Error, Result},
    run::Results,
    spec::{MessageFormat, PipelineSpec},
    store::{
        Digest,
        atomic::{self, Durability},
    },
};

/// What `kiln predict` is asked.
#[derive(Debug, Clone, Args)]
pub struct PredictArgs {
    /// Trained model: a .safetensors or .bpk of Kiln's, or a .pt
    #[arg(value_name = "MODEL")]
    pub model: PathBuf,
    /// Images, folders, patterns such as 'photos/*.jpg', or lists (.txt, .csv) with a path a line
    #[arg(value_name = "SOURCE", required = true)]
    pub sources: Vec<PathBuf>,
    /// Side of the square images in pixels; the model's own unless given
    #[arg(long, value_name = "PIXELS")]
    pub size: Option<u64>,
    /// How many classes to list for each image, or `all` [default: 5]
    #[arg(long, value_name = "K")]
    pub top: Option<Top>,
    /// Look into folders below a source folder, too
    #[arg(long)]
    pub recursive: bool,
    /// Write copies of the images with the likeliest classes on them
    #[arg(long)]
    pub annotate: bool,
    /// One JSON object for each image, on a line of its own
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub common: CommonArgs,
}

/// How many classes to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Top(u64);

/// More classes than the key `top` of a predict node allows no model has.
const ALL: u64 = 1_000_000;

impl FromStr for Top {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse() {
            Ok(k @ 1..=ALL) => Ok(Self(k)),
            _ if text == "all" => Ok(Self(ALL)),
            _ => Err("must be `all` or a number from 1 to 1000000"),
        }
    }
}

/// Classifies images and prints a line for each; warnings go to standard error.
///
/// Several image files, as a shell makes them of a pattern, go through the model together: their paths
/// are written to a list in `runs/lists/`, which is the source of the one predict node.
///
/// # Errors
/// When the arguments make no valid pipeline, or a node fails.
pub fn predict(args: &PredictArgs, format: MessageFormat) -> Result<()> {
    let list = together(&args.sources).then(|| List::new(args)).transpose()?;
    let sources = list.as_ref().map_or(&args.sources[..], |list| std::slice::from_ref(&list.path));
    if let Some(list) = list.as_ref().filter(|_| !args.common.print) {
        list.write()?;
    }
    if let Some(results) = execute(spec(args, sources)?, &args.common, Show::Trouble, format)? {
        for (id, source) in ids(sources.len()).iter().zip(sources) {
            let base = if list.is_some() { PathBuf::new() } else { base(source) };
            print!("{}", lines(&results, id, &base, args.json)?);
        }
    }
    Ok(())
}

/// Whether these are several images and nothing else.
fn together(sources: &[PathBuf]) -> bool {
    sources.len() > 1 && sources.iter().all(|source| is_image(&source.to_string_lossy()) && source.is_file())
}

/// A file with a path a line.
struct List {
    path: PathBuf,
    text: String,
}

impl List {
    fn new(args: &PredictArgs) -> Result<Self> {
        let mut text = String::new();
        for source in &args.sources {
            let absolute = std::path::absolute(source).map_err(|error| Error::io("find", source, error))?;
            text.push_str(oneliner::text(&absolute)?);
            text.push('\n');
        }
        // Called by its content: the same images are the same source, others never replace it.
        let file = format!("{}.txt", Digest::of_bytes(text.as_bytes()).short());
        Ok(Self { path: Project::of_command(&args.common.store)?.runs.join("lists").join(file), text })
    }

    fn write(&self) -> Result<()> {
        let folder = self.path.parent().unwrap_or(Path::new(""));
        fs::create_dir_all(folder).map_err(|error| Error::io("create", folder, error))?;
        atomic::write(&self.path, self.text.as_bytes(), Durability::Relaxed)
            .map_err(|error| Error::io("write", &self.path, error))
    }
}

/// The pipeline that the command stands for: a predict node for each source.
fn spec(args: &PredictArgs, sources: &[PathBuf]) -> Result<PipelineSpec> {
    let ids = ids(sources.len());
    let mut nodes = vec![("net", "model", json!({ "weights": oneliner::text(&args.model)? }))];
    for (id, source) in ids.iter().zip(sources) {
        let node = json!({
            "model": "net",
            "source": oneliner::text(source)?,
            "recursive": args.recursive.then_some(true),
            "top": args.top.map(|Top(k)| k),
            "size": args.size,
            "annotate": args.annotate.then_some(true),
        });
        nodes.push((id, "predict", node));
    }
    Ok(pipeline(&oneliner::name("predict", &args.model), 0, nodes))
}

/// `guess`, or `guess1`, `guess2`, … where there are several sources.
fn ids(sources: usize) -> Vec<String> {
    match sources {
        1 => vec!["guess".to_owned()],
        count => (1..=count).map(|i| format!("guess{i}")).collect(),
    }
}

/// What the paths in a node's files are relative to, as seen from the current folder.
fn base(source: &Path) -> PathBuf {
    let starred = |path: &Path| path.to_string_lossy().contains('*') && !path.exists();
    if source.is_dir() {
        return source.to_owned();
    }
    let above = |path: &Path| path.parent().map(Path::to_owned).unwrap_or_default();
    let mut base = above(source);
    while starred(&base) {
        base = above(&base);
    }
    base
}

/// A node's predictions, with paths as seen from the current folder.
fn lines(results: &Results, id: &str, base: &Path, json: bool) -> Result<String> {
    let path = results.folder(id).join("predictions.jsonl");
    let text = fs::read_to_string(&path).map_err(|error| Error::io("read", &path, error))?;
    let mut lines = String::new();
    for line in text.lines() {
        let damaged = |error| Error::new(format!("{} is damaged", path.display())).because(error);
        let mut prediction: Value = serde_json::from_str(line).map_err(damaged)?;
        let image = from_here(&base.join(prediction["path"].as_str().unwrap_or_default()));
        prediction["path"] = image.to_string_lossy().into();
        lines += &if json { prediction.to_string() } else { for_people(&prediction) };
        lines.push('\n');
    }
    Ok(lines)
}

/// Relative to the current folder, if it lies there.
fn from_here(path: &Path) -> PathBuf {
    let here = std::env::current_dir().unwrap_or_default();
    path.strip_prefix(here).unwrap_or(path).to_owned()
}

/// `photos/a.png: seven 0.98, one 0.01`.
fn for_people(prediction: &Value) -> String {
    let guess = |guess: &Value| {
        let confidence = guess["confidence"].as_f64().unwrap_or_default();
        format!("{} {confidence:.2}", guess["name"].as_str().unwrap_or_default())
    };
    let guesses: Vec<String> = prediction["top"].as_array().into_iter().flatten().map(guess).collect();
    format!("{}: {}", prediction["path"].as_str().unwrap_or_default(), guesses.join(", "))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: PredictArgs,
    }

    fn args(line: &str) -> PredictArgs {
        Line::parse_from(std::iter::once("kiln").chain(line.split(' '))).args
    }

    fn yaml(line: &str) -> String {
        let args = args(line);
        spec(&args, &args.sources).unwrap().to_yaml()
    }

    #[test]
    fn image_files_go_together_but_nothing_else_does() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        for name in ["a.png", "b.jpg", "list.txt"] {
            fs::write(path(name), "").unwrap();
        }
        assert!(together(&[path("a.png"), path("b.jpg")]));
        assert!(!together(&[path("a.png")]));
        assert!(!together(&[path("a.png"), path("list.txt")]));
        assert!(!together(&[path("a.png"), path("gone.png")]));
        assert!(!together(&[path("a.png"), dir.path().to_owned()]));
    }

    #[test]
    fn one_source() {
        insta::assert_snapshot!(yaml("no/best.pt photos/*.jpg"), @r"
        version: 1
        name: predict-no-best
        seed: 0
        nodes:
          net:
            type: model
            weights: no/best.pt
          guess:
            type: predict
            model: net
            source: photos/*.jpg
        ");
    }

    #[test]
    fn several_sources_and_every_argument() {
        let line = "no/best.pt a.png photos --size 64 --top all --recursive --annotate";
        insta::assert_snapshot!(yaml(line), @r"
        version: 1
        name: predict-no-best
        seed: 0
        nodes:
          net:
            type: model
            weights: no/best.pt
          guess1:
            type: predict
            model: net
            source: a.png
            recursive: true
            top: 1000000
            size: 64
            annotate: true
          guess2:
            type: predict
            model: net
            source: photos
            recursive: true
            top: 1000000
            size: 64
            annotate: true
        ");
    }

    #[test]
    fn top_is_a_number_or_all() {
        assert_eq!("3".parse(), Ok(Top(3)));
        assert_eq!("all".parse(), Ok(Top(ALL)));
        for wrong in ["0", "-1", "some", "1000001"] {
            assert!(wrong.parse::<Top>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn paths_are_seen_from_the_current_folder() {
        let base = |source: &str| base(Path::new(source)).display().to_string();
        assert_eq!(base("no/a.png"), "no");
        assert_eq!(base("a.png"), "");
        assert_eq!(base("no/photos*/**/*.jpg"), "no");
        assert_eq!(base("src"), "src");
    }

    #[test]
    fn a_line_for_people() {
        let prediction = json!({
            "path": "a.png", "class": 7, "name": "seven", "confidence": 0.984,
            "top": [{"class": 7, "name": "seven", "confidence": 0.984}, {"class": 1, "name": "one", "confidence": 0.01}]
        });
        assert_eq!(for_people(&prediction), "a.png: seven 0.98, one 0.01");
    }
}
