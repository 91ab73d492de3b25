//! `type: dataset`: a folder of images becomes an index of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::Read as _,
    path::{Path, PathBuf},
};

use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::artifacts::{ARCHITECTURE, DATASET, METRICS, MODEL};
use crate::{
    data::{
        self, Index, Split,
        findings::Finding,
        image_files,
        index::{IndexOptions, OnCorrupt, build},
        source::{self, File},
    },
    error::{Error, Result},
    files,
    node::{ArtifactType, Context, KeyRole, Node, NodeKind, SeedPurpose, SourceFiles, SourcePath},
    paths,
    progress::{Progress, Stop},
    spec::{Place, Problem, codes},
    store::{Artifact, Digest},
};

/// The part of each class that validates, unless the file says another.
const VAL_FRACTION: f64 = 0.2;

/// Labelled images in folders. Expects `<root>/train/<class>/` and `<root>/val/<class>/`, and perhaps
/// `<root>/test/<class>/`; other usual spellings (`Training`, `valid`, `test_set`) count, too, and so does a
/// folder around them. If there are only `<root>/<class>/` folders, a part of each class is drawn for
/// validation; no file is moved or copied. Hidden files and the system's own (`.git`, `@eaDir`) are left out.
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
    /// The share of each class that is held out for validation, if no folder says which images are: up to 0.9, or 1
    /// for a dataset that is used for measuring alone. Left out, it is 0.2; it is 1 if val nodes use the dataset and
    /// nothing learns from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub val_fraction: Option<f64>,
}

impl NodeKind for Dataset {
    const NAME: &'static str = "dataset";
    const VERSION: u32 = 2;
    const KEYS: &'static [(&'static str, KeyRole)] = &[("root", KeyRole::Source)];
    // They tell of what else lies in the folder, which is no part of the dataset.
    const LOGS: &'static [&'static str] = &["findings.json"];
    const SYNONYMS: &'static [(&'static str, &'static [&'static str])] =
        &[("root", &["path", "data", "dir", "folder", "directory", "data_dir"])];
}

impl Node for Dataset {
    fn output(&self) -> ArtifactType {
        DATASET
    }

    fn seed(&self) -> Option<SeedPurpose> {
        Some(SeedPurpose::Data)
    }

    fn sources(&self) -> Vec<SourcePath> {
        vec![SourcePath::new("root", &self.root, source::files)]
    }

    fn defaults(&self, uses: &BTreeSet<ArtifactType>) -> Map<String, Value> {
        let learns = uses.contains(&MODEL) || uses.contains(&ARCHITECTURE);
        let fraction = if uses.contains(&METRICS) && !learns { 1.0 } else { VAL_FRACTION };
        Map::from_iter([("val_fraction".to_owned(), fraction.into())])
    }

    fn check(&self) -> Vec<Problem> {
        let fraction = self.val_fraction.unwrap_or(VAL_FRACTION);
        if (0.0..=0.9).contains(&fraction) || fraction == 1.0 {
            return Vec::new();
        }
        let message = format!("a validation part of {fraction} leaves next to nothing to train on");
        let problem = Problem::rule(Place::Value(["val_fraction"].into()), message);
        vec![problem.label("must lie between 0 and 0.9, or be 1").help("0.2 holds out a fifth of each class")]
    }

    fn check_sources(&self, paths: &BTreeMap<&'static str, PathBuf>) -> Vec<Problem> {
        let root = paths.get("root").filter(|root| source::open(root).is_err());
        root.map(|root| no_source(root)).into_iter().collect()
    }

    fn run(&self, cx: &Context<'_>) -> Result<()> {
        let root = cx.sources.get("root").ok_or_else(|| Error::new("the dataset has no `root`"))?;
        let options = IndexOptions {
            on_corrupt: self.on_corrupt,
            val_fraction: self.val_fraction.unwrap_or(VAL_FRACTION),
            seed: cx.seed,
        };
        let reader = source::open(&root.path)?;
        let (index, findings) = build(&*reader, &files(root), &options, &cx.progress)?;
        tell(&index, &findings, &cx.progress);
        cx.write("index.json", json(&index))?;
        cx.write("findings.json", json(&findings))?;
        cx.write("classes.txt", lines(&index.classes))
    }
}

/// The mistake of a `root` that is a file, called by what it is.
fn no_source(root: &Path) -> Problem {
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
        _ if image_files::is_image(&name) => {
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
    let samples = Split::ALL.into_iter().flat_map(|split| index.split(split));
    let is_sound =
        |sample: &data::Sample| sample.class < index.classes.len() && sample.location.stays_below();
    if !samples.into_iter().all(is_sound) {
        return Err(Error::store("the stored index of the dataset has impossible entries"));
    }
    data::Dataset::open(root, index)
}

/// The dataset in the folder `root`, to be measured on and not learned from: where no folder says which images validate, all
/// of them do. Tells what its owner should know.
///
/// # Errors
/// If there are no images with classes, none of them can be read, or the user asks to stop.
pub fn of_folder(root: &Path, progress: &Progress<'_>) -> Result<data::Dataset> {
    let reader = source::open(root)?;
    let paths = reader.files(progress.stop())?;
    let files: Vec<File> = paths.par_iter().map(|path| file(root, path)).collect();
    let options = IndexOptions { on_corrupt: OnCorrupt::Skip, val_fraction: 1.0, seed: 0 };
    let (index, findings) = build(&*reader, &files, &options, progress)?;
    tell(&index, &findings, progress);
    data::Dataset::open(root, index)
}

/// A file as a reader wants it, with why it can't be read, if so.
fn file(root: &Path, path: &Path) -> File {
    let name = paths::below(root, path);
    match Digest::of_file(path) {
        Ok((digest, size)) => File { name, size, digest: digest.to_string(), fault: None },
        Err(error) => File { name, size: 0, digest: String::new(), fault: Some(error.to_string()) },
    }
}

/// The classes of the images at `root`, by the names of its files alone: none is opened. Empty if they can't be told.
pub fn class_names(root: &Path) -> Vec<String> {
    let listed = || {
        let reader = source::open(root)?;
        let names = reader.files(&Stop::default())?.into_iter().map(|path| paths::below(root, &path));
        let file = |name| File { name, size: 0, digest: String::new(), fault: None };
        reader.list(&names.map(file).collect::<Vec<_>>(), &Stop::default())
    };
    listed().map(|listing: source::Listing| listing.classes).unwrap_or_default()
}

fn files(source: &SourceFiles) -> Vec<File> {
    let file = |file: &crate::node::SourceFile| File {
        name: file.name.clone(),
        size: file.size,
        digest: file.digest.to_string(),
        fault: file.fault.clone(),
    };
    source.files.iter().map(file).collect()
}

fn tell(index: &Index, findings: &[Finding], progress: &Progress<'_>) {
    findings.iter().for_each(|finding| progress.warn(&finding.message));
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

fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec_pretty(value).expect("an index is plain data")
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::{
        device_names::DeviceNames,
        node::SourceFile,
        nodes::artifacts::PREDICTIONS,
        paths,
        progress::{Stop, Update},
    };

    fn look(root: &Path) -> SourceFiles {
        let file = |path: PathBuf| {
            let (digest, size) = Digest::of_file(&path).unwrap();
            SourceFile { name: paths::below(root, &path), path, size, digest, fault: None }
        };
        let files = image_files::list(root, &Stop::default()).unwrap().into_iter().map(file).collect();
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
                devices: &DeviceNames::default(),
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
        assert_eq!(index.train[8].location.name(), "train/1/00000.png");
        assert_eq!(fs::read_to_string(out.path().join("findings.json")).unwrap(), "[]");
        assert_eq!(fs::read_to_string(out.path().join("classes.txt")).unwrap().lines().count(), 10);
        assert!(said.contains(&Update::Note("10 classes; images: 80 train, 80 val, 0 test".into())));
        assert!(said.iter().all(|update| !matches!(update, Update::Warning(_))), "{said:?}");
    }

    #[test]
    fn a_folder_outside_of_a_run_is_measured_whole() {
        let dir = tempfile::tempdir().unwrap();
        for class in ["a", "b"] {
            fs::create_dir(dir.path().join(class)).unwrap();
            let side = if class == "a" { 12 } else { 14 };
            image::RgbImage::from_pixel(side, side, image::Rgb([200; 3]))
                .save(dir.path().join(class).join("1.png"))
                .unwrap();
        }
        fs::write(dir.path().join("a/2.png"), "no image").unwrap();
        let said = Mutex::new(Vec::new());
        let (sink, stop) = (|update| said.lock().unwrap().push(update), Stop::default());
        let dataset = of_folder(dir.path(), &Progress::new(&sink, &stop)).unwrap();
        assert_eq!((dataset.index.counts(Split::Val), dataset.index.train.len()), (vec![1, 1], 0));
        let said = said.into_inner().unwrap();
        let warns = |update: &Update| matches!(update, Update::Warning(line) if line.starts_with("a/2.png is left out: "));
        assert!(said.iter().any(warns), "{said:?}");
    }

    #[test]
    fn many_unreadable_images_are_one_line_and_all_in_the_findings() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("a")).unwrap();
        image::RgbImage::new(12, 12).save(dir.path().join("a/good.png")).unwrap();
        for i in 0..14 {
            fs::write(dir.path().join(format!("a/{i:02}.png")), "no image").unwrap();
        }
        let (out, said) = run(&node(), look(dir.path())).unwrap();
        let warnings: Vec<&String> = said
            .iter()
            .filter_map(|update| if let Update::Warning(line) = update { Some(line) } else { None })
            .collect();
        let unreadable = warnings.iter().filter(|line| line.contains("a/0")).collect::<Vec<_>>();
        assert_eq!(unreadable.len(), 1, "{warnings:?}");
        assert!(unreadable[0].starts_with("14 images are left out: a/00.png ("), "{warnings:?}");
        assert!(unreadable[0].ends_with(" and 11 more"), "{warnings:?}");
        let findings = fs::read_to_string(out.path().join("findings.json")).unwrap();
        let findings: Vec<Finding> = serde_json::from_str(&findings).unwrap();
        assert_eq!((findings[0].paths.len(), findings[0].reasons.len()), (14, 14));
    }

    #[test]
    fn a_file_is_called_by_what_it_is() {
        let message = |suffix: &str, start: &[u8]| {
            let file = tempfile::Builder::new().suffix(suffix).tempfile().unwrap();
            fs::write(file.path(), start).unwrap();
            no_source(file.path()).message
        };
        for (suffix, start, what) in [
            (".ZIP", &b""[..], "a zip file"),
            ("", b"PK\x03\x04", "a zip file"),
            (".tgz", b"\x1f\x8b\x08", "an archive"),
            (".rar", b"", "an archive"),
            (".yml", b"path: x", "a YAML file"),
            (".csv", b"a,b", "a list"),
            (".jpeg", b"", "an image"),
            (".bin", b"", "a file"),
        ] {
            assert_eq!(message(suffix, start), format!("`root` is {what}, not a folder"), "{suffix}");
        }
    }

    #[test]
    fn too_large_a_validation_part_is_refused() {
        assert!(node().check().is_empty());
        for (fraction, problems) in [(0.0, 0), (0.9, 0), (0.95, 1), (1.0, 0), (1.1, 1)] {
            assert_eq!(
                Dataset { val_fraction: Some(fraction), ..node() }.check().len(),
                problems,
                "{fraction}"
            );
        }
    }

    #[test]
    fn what_only_is_measured_is_measured_whole() {
        let fraction = |gives: &[ArtifactType]| {
            node().defaults(&gives.iter().copied().collect())["val_fraction"].as_f64().unwrap()
        };
        assert_eq!(fraction(&[METRICS]), 1.0);
        for gives in [&[][..], &[MODEL], &[MODEL, METRICS], &[ARCHITECTURE, METRICS], &[PREDICTIONS]] {
            assert_eq!(fraction(gives), 0.2, "{gives:?}");
        }
    }
}
