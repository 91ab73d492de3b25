//! `type: dataset`: a folder of images becomes an index of them.

use std::{
    collections::BTreeMap,
    fs,
    io::Read as _,
    path::{Path, PathBuf},
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    data::{
        self, Index, Split,
        findings::{Finding, Topic},
        folder,
        index::{OnCorrupt, Options, build},
    },
    error::{Error, Result},
    files,
    node::{ArtifactType, Context, Input, Node, Source, SourceFiles},
    progress::Progress,
    spec::{Place, Problem, codes},
    store::Artifact,
};

/// How many unreadable images are shown one by one; `findings.json` has all.
const MAX_WARNINGS: usize = 10;

/// Labelled images in folders. Expects `<root>/train/<class>/` and `<root>/val/<class>/` (also
/// `validation` or `valid`), and perhaps `<root>/test/<class>/`. If there are only `<root>/<class>/`
/// folders, a part of each class is drawn for validation; no file is moved or copied.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Dataset {
    /// The folder with the images; relative to this file, or absolute.
    #[schemars(length(min = 1))]
    pub root: String,
    /// What happens with an image that can't be read: `skip` leaves it out with a warning, `fail`
    /// stops.
    #[serde(default)]
    pub on_corrupt: OnCorrupt,
    /// The part of each class that validates, if no folder says which images do.
    #[serde(default = "val_fraction")]
    #[schemars(range(min = 0.0, max = 0.9))]
    pub val_fraction: f64,
}

fn val_fraction() -> f64 {
    0.2
}

impl Node for Dataset {
    const NAME: &'static str = "dataset";
    const VERSION: u32 = 1;
    const INPUTS: &'static [Input] = &[];

    fn output(&self) -> ArtifactType {
        ArtifactType::Dataset
    }

    fn seeded(&self) -> bool {
        true
    }

    fn sources(&self) -> Vec<Source> {
        vec![Source { key: "root", path: self.root.clone(), list: folder::list }]
    }

    fn check(&self) -> Vec<Problem> {
        if (0.0..=0.9).contains(&self.val_fraction) {
            return Vec::new();
        }
        let message = format!("a validation part of {} leaves nothing to train on", self.val_fraction);
        let problem = Problem::rule(Place::Value(["val_fraction"].into()), message);
        vec![problem.label("must lie between 0 and 0.9").help("0.2 holds out a fifth of each class")]
    }

    fn check_sources(&self, paths: &BTreeMap<&'static str, PathBuf>) -> Vec<Problem> {
        let root = paths.get("root").filter(|root| !root.is_dir());
        root.map(|root| no_folder(root)).into_iter().collect()
    }

    fn run(&self, cx: &Context<'_>) -> Result<()> {
        let source = cx.sources.get("root").ok_or_else(|| Error::new("the dataset has no `root`"))?;
        if !source.path.is_dir() {
            return Err(Error::new(format!("{} is no folder", source.path.display()))
                .help("name the folder that holds train/<class>/ and val/<class>/"));
        }
        let options = Options {
            on_corrupt: self.on_corrupt,
            val_fraction: self.val_fraction,
            seed: cx.seed,
            threads: cx.threads,
        };
        let (index, findings) = build(&source.path, &files(source), &options, &cx.progress)?;
        tell(&index, &findings, &cx.progress);
        write_json(&cx.out.join("index.json"), &index)?;
        write_json(&cx.out.join("findings.json"), &findings)?;
        write(&cx.out.join("classes.txt"), lines(&index.classes).as_bytes())
    }
}

/// The mistake of a `root` that is a file, called by what it is.
fn no_folder(root: &Path) -> Problem {
    let extension = root.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    let name = root.file_name().unwrap_or_default().to_string_lossy();
    let mut start = Vec::new();
    // What can't be read is no folder either.
    let _ = files::open(root).and_then(|file| file.take(8).read_to_end(&mut start));
    let (what, help) = match (start.as_slice(), extension.as_str()) {
        ([b'P', b'K', 3 | 5, ..], _) | (_, "zip") => ("a zip file", "unpack it, and name the folder"),
        ([0x1f, 0x8b, ..] | [b'B', b'Z', b'h', ..] | [0xfd, b'7', b'z', ..], _)
        | (_, "tar" | "7z" | "rar") => ("an archive", "unpack it, and name the folder"),
        (_, "yaml" | "yml") => {
            ("a YAML file", "name the folder with the images, which it may have as its `path`")
        }
        (_, "txt" | "csv" | "json") => ("a list", "name the folder with the images, a folder for each class"),
        _ if folder::is_image(&name) => {
            ("an image", "name the folder with the images, a folder for each class")
        }
        _ => ("a file", "name the folder that holds train/<class>/ and val/<class>/"),
    };
    Problem::new(
        codes::MISSING_PATH,
        Place::Value(["root"].into()),
        format!("`root` is {what}, not a folder"),
    )
    .label("not a folder")
    .help(help)
}

/// The dataset that a `dataset` node made, with its images where they lie now.
///
/// # Errors
/// When the artifact is no dataset, or does not know where its images lie.
pub fn load(artifact: &Artifact) -> Result<data::Dataset> {
    let path = artifact.path("index.json")?;
    let bytes = fs::read(&path).map_err(|source| Error::io("read", &path, source))?;
    let index: Index = serde_json::from_slice(&bytes)
        .map_err(|source| Error::store("the stored index of the dataset is damaged").because(source))?;
    let root = artifact.source("root").ok_or_else(|| Error::new("the dataset's folder is not known"))?;
    Ok(data::Dataset { root: root.to_owned(), index })
}

fn files(source: &SourceFiles) -> Vec<folder::File> {
    let file = |file: &crate::node::SourceFile| folder::File {
        name: file.name.clone(),
        size: file.size,
        digest: file.digest.to_string(),
    };
    source.files.iter().map(file).collect()
}

fn tell(index: &Index, findings: &[Finding], progress: &Progress<'_>) {
    let (unreadable, others): (Vec<_>, Vec<_>) =
        findings.iter().partition(|finding| finding.topic == Topic::Unreadable);
    for finding in unreadable.iter().take(MAX_WARNINGS).chain(&others) {
        progress.warn(&finding.message);
    }
    if unreadable.len() > MAX_WARNINGS {
        let more = unreadable.len() - MAX_WARNINGS;
        progress.warn(format!("{more} more images are left out; findings.json names them"));
    }
    let count = |split: Split| format!("{} {split}", index.split(split).len());
    let counts: Vec<String> = Split::ALL.into_iter().map(count).collect();
    let classes = match index.classes.len() {
        1 => "1 class".to_owned(),
        count => format!("{count} classes"),
    };
    progress.note(format!("{classes}; images: {}", counts.join(", ")));
}

fn lines(names: &[String]) -> String {
    names.iter().map(|name| format!("{}\n", crate::shown::text(name))).collect()
}

fn write_json(path: &Path, value: &impl Serialize) -> Result<()> {
    let json = serde_json::to_vec_pretty(value).expect("an index is plain data");
    write(path, &json)
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    fs::write(path, bytes).map_err(|source| Error::io("write", path, source))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::{
        node::SourceFile,
        progress::{Stop, Update},
        store::Digest,
    };

    fn look(root: &Path) -> SourceFiles {
        let file = |path: PathBuf| {
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
            let (digest, size) = Digest::of_file(&path).unwrap();
            SourceFile { name, path, size, digest }
        };
        let files = folder::list(root).unwrap().into_iter().map(file).collect();
        SourceFiles { path: root.to_owned(), files, digest: Digest::of_bytes(b"") }
    }

    /// What the node leaves in its folder, and what it says.
    fn run(node: &Dataset, source: SourceFiles) -> Result<(tempfile::TempDir, Vec<Update>)> {
        let (out, scratch) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let said = Mutex::new(Vec::new());
        let (sink, stop) = (|update| said.lock().unwrap().push(update), Stop::default());
        Node::run(
            node,
            &Context {
                inputs: BTreeMap::new(),
                sources: BTreeMap::from([("root".to_owned(), source)]),
                out: out.path(),
                scratch: scratch.path(),
                downloads: scratch.path(),
                seed: 0,
                device: "cpu",
                threads: 2,
                progress: Progress::new(&sink, &stop),
            },
        )?;
        Ok((out, said.into_inner().unwrap()))
    }

    fn node() -> Dataset {
        serde_json::from_str(r#"{"root": "images"}"#).unwrap()
    }

    #[test]
    fn the_digits_become_an_index() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/data/mnist160");
        let (out, said) = run(&node(), look(&root)).unwrap();
        let index: Index = serde_json::from_slice(&fs::read(out.path().join("index.json")).unwrap()).unwrap();
        assert_eq!((index.train.len(), index.val.len(), index.test.len()), (80, 80, 0));
        assert_eq!(index.counts(Split::Train), [8; 10]);
        assert_eq!(index.train[8].path, "train/1/00000.png");
        assert_eq!(fs::read_to_string(out.path().join("findings.json")).unwrap(), "[]");
        assert_eq!(fs::read_to_string(out.path().join("classes.txt")).unwrap().lines().count(), 10);
        assert!(said.contains(&Update::Note("10 classes; images: 80 train, 80 val, 0 test".into())));
        assert!(said.iter().all(|update| !matches!(update, Update::Warning(_))), "{said:?}");
    }

    #[test]
    fn many_unreadable_images_are_shown_in_part() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("a")).unwrap();
        image::RgbImage::new(12, 12).save(dir.path().join("a/good.png")).unwrap();
        for i in 0..14 {
            fs::write(dir.path().join(format!("a/{i:02}.png")), "no image").unwrap();
        }
        let (_, said) = run(&node(), look(dir.path())).unwrap();
        let warnings: Vec<&String> = said
            .iter()
            .filter_map(|update| if let Update::Warning(line) = update { Some(line) } else { None })
            .collect();
        assert!(warnings[0].starts_with("a/00.png is left out"), "{warnings:?}");
        assert_eq!(warnings.last().unwrap().as_str(), "4 more images are left out; findings.json names them");
    }

    #[test]
    fn a_file_is_no_dataset() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let source = SourceFiles { path: file.path().into(), files: vec![], digest: Digest::of_bytes(b"") };
        let error = run(&node(), source).unwrap_err();
        assert!(error.to_string().ends_with("is no folder"), "{error}");
    }

    #[test]
    fn too_large_a_validation_part_is_refused() {
        assert!(node().check().is_empty());
        let all = Dataset { val_fraction: 1.0, ..node() };
        assert_eq!(all.check()[0].at, Place::Value(["val_fraction"].into()));
    }
}
