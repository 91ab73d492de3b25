//! `kiln predict`: images through a model, in one line.

use std::{
    collections::BTreeMap,
    fs,
    io::{Write as _, stderr},
    path::{Path, PathBuf},
    str::FromStr,
};

use clap::Args;
use serde_json::{Value, json};

use super::{
    Project,
    oneliner::{self, CommonArgs, Show, execute, pipeline},
    output,
};
use crate::{
    atomic::{self, Durability},
    data::image_files::is_image,
    error::{Error, Result},
    nodes::predict::remote,
    paths,
    progress::{Progress, Stop},
    run::Results,
    shown,
    spec::{MessageFormat, PipelineSpec},
    store::{Digest, Store},
};

/// What `kiln predict` is asked.
#[derive(Debug, Clone, Args)]
pub struct PredictArgs {
    /// Trained model: a .safetensors or .bpk of Kiln's, a .pt, or an exported network such as model.onnx
    #[arg(value_name = "MODEL")]
    pub model: PathBuf,
    /// Images, folders, patterns such as 'photos/*.jpg', lists (.txt, .csv) with a path a line, or https URLs of images
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
/// are written to a list in `runs/lists/`, which is the source of the one predict node. So are paths that a
/// pipeline file can't hold, because they are not UTF-8. What lies behind a URL is looked at now.
///
/// # Errors
/// When the arguments make no valid pipeline, or a node fails.
pub fn predict(args: &PredictArgs, format: MessageFormat) -> Result<()> {
    let list = together(&args.sources).then(|| List::new(args)).transpose()?;
    let sources = list.as_ref().map_or(&args.sources[..], |list| std::slice::from_ref(&list.path));
    let mut digests = BTreeMap::new();
    if !args.common.print {
        list.as_ref().map(List::write).transpose()?;
        digests = look(sources, args)?;
    }
    if let Some(results) =
        execute("predict", spec(args, sources, &digests)?, &args.common, Show::Trouble, format)?
    {
        for (id, source) in ids(sources.len()).iter().zip(sources) {
            let base = if list.is_some() { PathBuf::new() } else { base(source) };
            print!("{}", lines(&results, id, &base, args.json)?);
            unreadable(&results, id)?.iter().for_each(|line| _ = writeln!(stderr(), "{line}"));
        }
        output::aside(&format!("results in {}", shown::path(paths::from_here(results.root()))));
    }
    Ok(())
}

/// Whether these are several images and nothing else, or no text that a pipeline file can hold.
fn together(sources: &[PathBuf]) -> bool {
    let is_image = |source: &PathBuf| is_image(&source.to_string_lossy()) && source.is_file();
    let is_fit = |source: &PathBuf| is_image(source) || source.is_dir();
    let is_no_text = sources.iter().any(|source| source.to_str().is_none());
    sources.len() > 1 && sources.iter().all(is_image) || is_no_text && sources.iter().all(is_fit)
}

/// The URL that a source is meant as.
fn url(source: &Path) -> Option<&str> {
    source.to_str().filter(|text| remote::is_url(text))
}

/// The digests of what lies behind URLs now, which is kept for the node that asks for it.
fn look(sources: &[PathBuf], args: &PredictArgs) -> Result<BTreeMap<String, String>> {
    let urls: Vec<&str> = sources.iter().filter_map(|source| url(source)).collect();
    if urls.is_empty() {
        return Ok(BTreeMap::new());
    }
    let downloads = Store::open(&Project::of_command(&args.common.store)?.store)?.downloads();
    let (silent, stop) = (|_| (), Stop::default());
    let digest =
        |url: &str| Ok((url.to_owned(), remote::look(url, &downloads, &Progress::new(&silent, &stop))?));
    urls.into_iter().map(digest).collect()
}

/// A file with a path a line.
struct List {
    path: PathBuf,
    text: Vec<u8>,
}

impl List {
    fn new(args: &PredictArgs) -> Result<Self> {
        let mut text = Vec::new();
        for source in &args.sources {
            let absolute = std::path::absolute(source).map_err(|error| Error::io("find", source, error))?;
            text.extend(line(&absolute));
            text.push(b'\n');
        }
        // Called by its content: the same images are the same source, others never replace it.
        let file = format!("{}.txt", Digest::of_bytes(&text).short());
        Ok(Self { path: Project::of_command(&args.common.store)?.runs.join("lists").join(file), text })
    }

    fn write(&self) -> Result<()> {
        let folder = self.path.parent().unwrap_or(Path::new(""));
        fs::create_dir_all(folder).map_err(|error| Error::io("create", folder, error))?;
        atomic::write(&self.path, &self.text, Durability::Relaxed)
            .map_err(|error| Error::io("write", &self.path, error))
    }
}

/// A path as a line of a list: as it is, unless it would not be one line.
fn line(path: &Path) -> Vec<u8> {
    let bytes = path.as_os_str().as_encoded_bytes();
    let is_plain = !bytes.contains(&b'\n') && !bytes.ends_with(b"\r");
    if is_plain {
        bytes.to_vec()
    } else {
        paths::to_text(path).replace('\n', "\\x0a").replace('\r', "\\x0d").into_bytes()
    }
}

/// The pipeline that the command stands for: a predict node for each source.
fn spec(args: &PredictArgs, sources: &[PathBuf], digests: &BTreeMap<String, String>) -> Result<PipelineSpec> {
    let ids = ids(sources.len());
    let mut nodes = vec![("net", "model", json!({ "weights": oneliner::text(&args.model)? }))];
    for (id, source) in ids.iter().zip(sources) {
        let node = json!({
            "model": "net",
            "source": oneliner::text(source)?,
            "sha256": url(source).and_then(|url| digests.get(url)),
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
    if url(source).is_some() {
        return PathBuf::new();
    }
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
        let damaged = |error| Error::new(format!("{} is damaged", shown::path(&path))).because(error);
        let mut prediction: Value = serde_json::from_str(line).map_err(damaged)?;
        let name = prediction["path"].as_str().unwrap_or_default();
        if !remote::is_url(name) {
            prediction["path"] = paths::to_text(paths::from_here(&base.join(paths::from_text(name)))).into();
        }
        lines += &if json { super::json::object(&prediction).to_string() } else { for_people(&prediction) };
        lines.push('\n');
    }
    Ok(lines)
}

/// That images could not be read, which a run that finds its result in the store says nowhere else.
fn unreadable(results: &Results, id: &str) -> Result<Option<String>> {
    let path = results.folder(id).join("errors.csv");
    let text = fs::read_to_string(&path).map_err(|error| Error::io("read", &path, error))?;
    // Every row is a line, and the first has the titles.
    let rows = text.lines().count().saturating_sub(1);
    let told = || {
        format!("{} can't be read: see {}", shown::count(rows, "image"), shown::path(paths::from_here(&path)))
    };
    Ok((rows > 0).then(told))
}

/// `photos/a.png: seven 0.98, one 0.01`, escaped.
fn for_people(prediction: &Value) -> String {
    let guess = |guess: &Value| {
        let confidence = guess["confidence"].as_f64().unwrap_or_default();
        format!("{} {confidence:.2}", guess["name"].as_str().unwrap_or_default())
    };
    let guesses: Vec<String> = prediction["top"].as_array().into_iter().flatten().map(guess).collect();
    let line = format!("{}: {}", prediction["path"].as_str().unwrap_or_default(), guesses.join(", "));
    shown::text(&line).into_owned()
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
        spec(&args, &args.sources, &BTreeMap::new()).unwrap().to_yaml()
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
        let evil = json!({"path": "a\u{1b}[2J.png", "top": [{"name": "x\ny", "confidence": 1.0}]});
        assert_eq!(for_people(&evil), "a\\u{1b}[2J.png: x\\ny 1.00");
    }

    #[test]
    fn what_lies_behind_a_url_counts() {
        let args = args("no/best.pt https://example.org/a.png");
        let digests = BTreeMap::from([("https://example.org/a.png".to_owned(), "ab".repeat(32))]);
        let yaml = spec(&args, &args.sources, &digests).unwrap().to_yaml();
        assert!(
            yaml.ends_with(&format!("source: https://example.org/a.png\n    sha256: {}\n", "ab".repeat(32))),
            "{yaml}"
        );
        assert_eq!(base(&args.sources[0]), Path::new(""));
    }

    #[cfg(unix)]
    #[test]
    fn a_path_that_is_no_text_goes_through_a_list() {
        use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _};
        let dir = tempfile::tempdir().unwrap();
        let odd = dir.path().join(OsStr::from_bytes(b"m\xfcll.png"));
        fs::write(&odd, "").unwrap();
        assert!(together(std::slice::from_ref(&odd)) && together(&[odd.clone(), dir.path().to_owned()]));
        assert!(line(&odd).ends_with(b"/m\xfcll.png"));
        assert_eq!(line(Path::new("/a\nb.png")), b"/a\\x0ab.png");
    }
}
