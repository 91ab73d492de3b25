//! `kiln init`: looks at a folder of images and writes a pipeline file for it, with comments.

use std::{
    fs,
    io::{self, IsTerminal as _, Write as _},
    path::{Path, PathBuf},
};

use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;

use super::{json, output, project::absolute};
use crate::{
    atomic::{self, Durability},
    data::{Split, source},
    error::{Error, Result},
    nodes::KINDS,
    paths,
    progress::Stop,
    run::command,
    shown,
    spec::{Source, escape, formatted, schema},
};

/// What `kiln init` is asked.
#[derive(Debug, Args)]
pub struct InitArgs {
    /// Folder of images: train/<class>/ and val/<class>/, or <class>/
    #[arg(value_name = "FOLDER")]
    pub data: Option<PathBuf>,
    /// The file to write, which must not be there yet [default: FOLDER.yaml in the current folder]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Built-in architecture or a model YAML
    #[arg(long, value_name = "ARCH")]
    pub arch: Option<String>,
    /// Side of the square images in pixels [default: what suits the images, at most 224]
    #[arg(long, value_name = "PIXELS", value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub size: Option<u32>,
    /// How often every image is learned from
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub epochs: Option<u32>,
    /// Ask nothing
    #[arg(long)]
    pub yes: bool,
    /// Ask nothing, and print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// What was seen in a folder of images.
struct Seen {
    classes: Vec<String>,
    /// How many images each split has: train, val, test.
    counts: [usize; 3],
    /// The median shorter side of some images, in pixels.
    side: u32,
}

/// What was written, as `kiln init --json` prints it.
#[derive(Serialize, JsonSchema)]
pub(super) struct Written {
    /// The pipeline file.
    file: String,
    /// The names of the classes.
    classes: Vec<String>,
    /// How many images each split has.
    images: WrittenImages,
    /// The median shorter side of some images, in pixels.
    side: u32,
}

/// How many images each split has.
#[derive(Serialize, JsonSchema)]
struct WrittenImages {
    train: usize,
    val: usize,
    test: usize,
}

impl Written {
    fn of(file: String, seen: Seen) -> Self {
        let Seen { classes, counts: [train, val, test], side } = seen;
        Self { file, classes, images: WrittenImages { train, val, test }, side }
    }
}

/// What goes into the file.
struct Choice {
    name: String,
    root: String,
    schema: String,
    arch: String,
    size: u32,
    epochs: u32,
}

const ARCH: &str = "yolo11n-cls";
const EPOCHS: u32 = 100;
/// How many images are opened to see how large they are.
const OPENED: usize = 9;

/// Writes a pipeline file for a folder of images, and the schema that editors complete it from.
///
/// # Errors
/// If there is no such folder or no dataset in it, and if the file is there already or can't be written.
pub fn init(args: &InitArgs) -> Result<()> {
    let ask = !args.yes && !args.json && io::stdin().is_terminal() && io::stdout().is_terminal();
    let data = match &args.data {
        Some(data) => data.clone(),
        None if ask => PathBuf::from(answer("Folder of images", "")?),
        None => return Err(Error::usage("which folder of images is it for?").help("`kiln init FOLDER`")),
    };
    let seen = look(&data)?;
    if !args.json {
        output::remark(&seen.line());
    }
    let name = name_of(&data);
    let out = absolute(args.out.as_deref().unwrap_or(format!("{name}.yaml").as_ref()));
    must_be_free(&out)?;
    let arch = chosen(args.arch.clone(), ask, "Architecture", ARCH.to_owned())?;
    let size = chosen(args.size, ask, "Size of the images in pixels", suitable(seen.side))?;
    let epochs = chosen(args.epochs, ask, "Epochs", EPOCHS)?;
    let folder = atomic::folder_of(&out);
    let root = command::text(&relative(folder, &absolute(&data)))?.to_owned();
    let is_new = schema_beside(folder)?;
    if is_new && !args.json {
        output::remark(&format!("wrote {}", shown::path(paths::from_here(&folder.join(schema::PATH)))));
    }
    let schema = schema::PATH.to_owned();
    let choice = Choice { name, root, schema, arch, size, epochs };
    write(&out, &choice.text(&seen))?;
    let out = shown::path(paths::from_here(&out));
    if args.json {
        json::print(&Written::of(out, seen));
        return Ok(());
    }
    output::remark(&format!("wrote {out}\n\n  kiln check {out}\n  kiln run {out}"));
    Ok(())
}

fn look(data: &Path) -> Result<Seen> {
    let (reader, stop) = (source::open(data)?, Stop::default());
    let file = |path: &PathBuf| source::File {
        name: paths::below(reader.root(), path),
        size: 0,
        digest: String::new(),
        fault: None,
    };
    let files: Vec<_> = reader.files(&stop)?.iter().map(file).collect();
    let listing = reader.list(&files, &stop)?;
    let count = |split| listing.images.iter().filter(|image| image.split == split).count();
    let step = (listing.images.len() / OPENED).max(1);
    let some = listing.images.iter().step_by(step).take(OPENED);
    let sides = some.filter_map(|image| reader.decode(&image.sample.location).ok());
    let mut sides: Vec<_> = sides.map(|image| image.width().min(image.height())).collect();
    sides.sort_unstable();
    let side = sides.get(sides.len() / 2).copied().unwrap_or(224);
    Ok(Seen { classes: listing.classes, counts: Split::ALL.map(count), side })
}

impl Seen {
    /// `2 classes (cat, dog); 80 train, 20 val images, about 500 pixels`.
    fn line(&self) -> String {
        let Self { classes, counts: [train, val, test], side } = self;
        let noun = if classes.len() == 1 { "class" } else { "classes" };
        let test = if *test > 0 { format!(", {test} test") } else { String::new() };
        let names = shown::few(classes);
        format!(
            "{} {noun} ({names}); {train} train, {val} val{test} images, shorter sides of about {side} pixels",
            classes.len()
        )
    }
}

/// The size to train at: the reference's 224, or for small images the next multiple of 32, the networks' stride.
fn suitable(side: u32) -> u32 {
    side.next_multiple_of(32).clamp(32, 224)
}

/// The name of a pipeline for a folder: its last part.
fn name_of(data: &Path) -> String {
    let data = absolute(data);
    let name = command::plain_name(&data.file_name().unwrap_or_default().to_string_lossy());
    if name.starts_with(|char: char| char.is_ascii_alphabetic()) {
        return name;
    }
    format!("images-{name}").trim_end_matches('-').to_owned()
}

fn must_be_free(out: &Path) -> Result<()> {
    match fs::symlink_metadata(out) {
        Ok(_) => Err(Error::usage(format!("{} already exists", shown::path(paths::from_here(out))))
            .help("name another file with `--out FILE`")),
        Err(_) => Ok(()),
    }
}

/// Given, asked for, or what would be chosen.
fn chosen<T: std::str::FromStr + ToString>(
    given: Option<T>,
    ask: bool,
    question: &str,
    usual: T,
) -> Result<T> {
    match given {
        Some(given) => Ok(given),
        None if ask => {
            let text = answer(question, &usual.to_string())?;
            text.parse()
                .map_err(|_| Error::usage(format!("{question}: `{}` is no answer", shown::text(&text))))
        }
        None => Ok(usual),
    }
}

/// What the user types; `usual` for nothing.
fn answer(question: &str, usual: &str) -> Result<String> {
    let offer = if usual.is_empty() { String::new() } else { format!(" [{usual}]") };
    print!("{question}{offer}: ");
    let _ = io::stdout().flush();
    let mut line = String::new();
    io::stdin().read_line(&mut line).map_err(|error| Error::io("read", "standard input", error))?;
    let line = line.trim();
    Ok(if line.is_empty() { usual.to_owned() } else { line.to_owned() })
}

/// The path to `to` as a file in `folder` says it: with `..` where that is short, else from the root.
fn relative(folder: &Path, to: &Path) -> PathBuf {
    let above = |(_, above): &(usize, &Path)| to.starts_with(above) && above.parent().is_some();
    let Some((levels, above)) = folder.ancestors().take(4).enumerate().find(above) else {
        return to.to_owned();
    };
    let up = std::iter::repeat_n(Path::new(".."), levels);
    let below = to.strip_prefix(above).ok().filter(|below| !below.as_os_str().is_empty());
    let path: PathBuf = up.chain(below).collect();
    if path.as_os_str().is_empty() { PathBuf::from(".") } else { path }
}

/// Writes the schema that editors read beside the file, unless there is one already; whether it did.
fn schema_beside(folder: &Path) -> Result<bool> {
    let path = folder.join(schema::PATH);
    let is_new = !path.exists();
    if is_new {
        write(&path, schema::PUBLISHED)?;
    }
    Ok(is_new)
}

fn write(path: &Path, text: &str) -> Result<()> {
    atomic::write(path, text.as_bytes(), Durability::Relaxed).map_err(|error| Error::io("write", path, error))
}

impl Choice {
    /// The pipeline file.
    fn text(&self, seen: &Seen) -> String {
        let Self { name, schema, .. } = self;
        let head = format!(
            "# yaml-language-server: $schema={schema}\n#\n# {}.\n#\n\
             #   kiln check {name}.yaml   what is wrong, if anything\n\
             #   kiln plan {name}.yaml    what would run\n\
             #   kiln run {name}.yaml     runs what has not run before; results in runs/{name}\n",
            seen.line()
        );
        let line = |(text, comment): &(String, &str)| match *comment {
            "" => format!("{text}\n"),
            comment => format!("{text:<39} # {comment}\n"),
        };
        let text = head + &self.lines(seen).iter().map(line).collect::<String>();
        formatted(&Source::new(name.as_str(), text.as_str()), KINDS).unwrap_or(text)
    }

    /// The lines below the head, each with a comment or none.
    fn lines(&self, seen: &Seen) -> Vec<(String, &'static str)> {
        let Self { name, root, arch, size, epochs, .. } = self;
        let mut lines = Vec::new();
        let mut add = |text: String, comment| lines.push((text, comment));
        add("version: 1".into(), "");
        add(format!("name: {name}"), "");
        add("seed: 0".into(), "decides all random numbers");
        add("\nnodes:\n  data:\n    type: dataset".into(), "");
        add(format!("    root: {}", quoted(&escape(root))), "relative to this file");
        if seen.counts[1] == 0 {
            add(
                "    # val_fraction: 0.2".into(),
                "there is no val folder: this share is held out to measure on",
            );
        }
        add("  prep:\n    type: transforms".into(), "");
        add(format!("    size: {size}"), "side of the square images in pixels");
        add("    # train: and eval: are the reference's chains unless you write your own".into(), "");
        add("  net:\n    type: model".into(), "");
        add(format!("    arch: {arch}"), "n, s, m, l, x: more accurate, slower");
        add("    dataset: data".into(), "");
        add("    # weights: yolo11n-cls.pt".into(), "a checkpoint to start from");
        add("  fit:\n    type: train\n    model: net\n    dataset: data\n    transforms: prep".into(), "");
        add(format!("    epochs: {epochs}"), "");
        add("    # batch: 16".into(), "");
        add("    # optimizer: auto".into(), "sgd, adam, adamw, musgd, ...");
        add("    # patience: 100".into(), "stop after so many epochs without a better one");
        add("  score:\n    type: val".into(), "");
        add("    model: fit".into(), "metrics.json and more below runs/");
        add("  onnx:\n    type: export\n    model: fit\n    format: onnx".into(), "");
        add("    dataset: data".into(), "the file is read back and run on its images");
        lines
    }
}

/// A text as a value in YAML, in quotes where it could be taken for something else.
fn quoted(text: &str) -> String {
    let plain = |char: char| char.is_alphanumeric() || matches!(char, '/' | '.' | '_' | '-');
    let safe = text.chars().all(plain)
        && text.starts_with(|char: char| char.is_alphabetic() || matches!(char, '/' | '.'));
    if safe { text.to_owned() } else { serde_json::Value::from(text).to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_that_suit() {
        assert_eq!([8, 28, 64, 65, 200, 224, 3000].map(suitable), [32, 32, 64, 96, 224, 224, 224]);
    }

    #[test]
    fn names_that_may_be() {
        let name = |path: &str| name_of(Path::new(path));
        assert_eq!(name("/photos/My Cats (2)"), "My-Cats--2");
        assert_eq!(name("/2024"), "images-2024");
        assert_eq!(name("/写真"), "images");
    }

    #[test]
    fn roots_are_relative_where_that_is_short() {
        let from = |to: &str| relative(Path::new("/home/me/work"), Path::new(to));
        for (to, path) in [
            ("/home/me/work/digits", "digits"),
            ("/home/me/digits", "../digits"),
            ("/home/me/work", "."),
            ("/home/me", ".."),
            ("/data/digits", "/data/digits"),
        ] {
            assert_eq!(from(to), Path::new(path));
        }
    }

    #[test]
    fn a_file_that_says_what_it_does() {
        let seen = Seen { classes: vec!["cat".into(), "dog".into()], counts: [80, 0, 3], side: 500 };
        let choice = Choice {
            name: "pets".into(),
            root: "my pets in a folder whose path is longer than most".into(),
            schema: schema::PATH.into(),
            arch: ARCH.into(),
            size: 224,
            epochs: 100,
        };
        insta::assert_snapshot!(choice.text(&seen));
    }
}
