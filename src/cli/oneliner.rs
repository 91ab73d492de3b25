//! The four verbs for people without a file yet: each makes the file it stands for and runs that.

use std::{
    io::stderr,
    path::{Path, PathBuf},
};

use clap::Args;
use indexmap::IndexMap;
use serde_json::Value;

use super::{
    Project, StoreArgs, check,
    run::{HowArgs, run_loaded},
};
use crate::{
    error::{Error, Result},
    nodes::KINDS,
    plan::load_source,
    report::{self, Lines, Reporter},
    run::Results,
    spec::{MessageFormat, NodeSpec, PipelineSpec, Source},
};

/// What all four verbs can be asked.
#[derive(Debug, Clone, Args)]
pub struct CommonArgs {
    /// Print the pipeline file that this command stands for, and do nothing else
    #[arg(long)]
    pub print: bool,
    #[command(flatten)]
    pub how: HowArgs,
    #[command(flatten)]
    pub store: StoreArgs,
}

/// Who sees what happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Show {
    /// Standard output has the progress.
    Progress,
    /// Standard output is for the result; standard error has warnings and failures.
    Trouble,
}

/// A pipeline of these nodes: name, kind, and parameters.
pub(super) fn pipeline(name: &str, seed: u64, nodes: Vec<(&str, &str, Value)>) -> PipelineSpec {
    let node = |(id, kind, params): (&str, &str, Value)| {
        let Value::Object(mut params) = params else { unreachable!("parameters are written as objects") };
        // What was not asked for is left to the defaults.
        params.retain(|_, value| !value.is_null());
        (id.to_owned(), NodeSpec { kind: kind.to_owned(), params })
    };
    let nodes: IndexMap<_, _> = nodes.into_iter().map(node).collect();
    PipelineSpec { version: 1, name: name.to_owned(), seed, nodes }
}

/// What many models' files are called.
const COMMON: [&str; 3] = ["model", "best", "last"];

/// A pipeline's name for work on `path`: `train-mnist160`, `val-mnist160-fit-model`. Characters that names can't
/// have become `-`.
pub(super) fn name(verb: &str, path: &Path) -> String {
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let text = |part: Option<&std::ffi::OsStr>| part.unwrap_or_default().to_string_lossy().into_owned();
    let own = text(path.file_stem());
    let above = |levels| text(path.ancestors().nth(levels).and_then(Path::file_name));
    let stem = match COMMON.contains(&own.as_str()) {
        true => [above(2), above(1), own].join("-"),
        false => own,
    };
    let plain = |char: char| if char.is_ascii_alphanumeric() || char == '_' { char } else { '-' };
    let stem: String = stem.chars().map(plain).take(60).collect();
    match stem.trim_matches('-') {
        "" => verb.to_owned(),
        stem => format!("{verb}-{stem}"),
    }
}

/// A path as a pipeline file has it.
///
/// # Errors
/// If it is not UTF-8, which a file must be.
pub(super) fn text(path: &Path) -> Result<&str> {
    path.to_str().ok_or_else(|| {
        Error::usage(format!("the path {} is not UTF-8", path.display())).help("rename the file or folder")
    })
}

/// Prints the pipeline's file and gives nothing, or runs it from the current folder with the ordinary
/// parser, planner and store and gives its results.
///
/// # Errors
/// Of kind invalid, after showing what is wrong with the file; otherwise as [`run_loaded`].
pub(super) fn execute(
    spec: &PipelineSpec,
    common: &CommonArgs,
    show: Show,
    format: MessageFormat,
) -> Result<Option<Results>> {
    let text = spec.to_yaml();
    if common.print {
        print!("{text}");
        return Ok(None);
    }
    let here = std::env::current_dir().map_err(|error| Error::io("read", ".", error))?;
    let loaded =
        load_source(Source::new("this command as a file", text), &here, KINDS).map_err(|rejected| {
            check::show(&rejected, format);
            Error::invalid("the command asks for something that can't be")
                .help("`--print` shows the whole pipeline file that it stands for")
        })?;
    let project = Project::of_folder(&here, &common.store);
    let reporter: Box<dyn Reporter> = match show {
        Show::Progress => report::for_stdout(common.how.progress),
        Show::Trouble => Box::new(Lines::new(stderr(), false).only_trouble()),
    };
    run_loaded(&loaded, &project, &common.how.options(), reporter.as_ref())?;
    Ok(Some(Results::new(&project.runs, &spec.name)))
}

/// Says where the files lie that the nodes made.
pub(super) fn tell(results: &Results, nodes: &[&str]) {
    let here = std::env::current_dir().unwrap_or_default();
    for node in nodes {
        let folder = results.folder(node);
        let folder: PathBuf = folder.strip_prefix(&here).map(Path::to_owned).unwrap_or(folder);
        println!("{node}: {}", folder.display());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_pipelines_come_from_paths() {
        let name = |path: &str| name("train", Path::new(path));
        assert_eq!(name("no/such/mnist160"), "train-mnist160");
        assert_eq!(name("no/such/My photos (2).d"), "train-My-photos--2");
        assert_eq!(name("no/such/写真"), "train");
        assert_eq!(name("runs/mnist160/fit/model.safetensors"), "train-mnist160-fit-model");
        assert_eq!(name("model.safetensors"), "train-model");
    }

    #[test]
    fn what_was_not_asked_for_is_left_out() {
        let spec = pipeline("p", 1, vec![("a", "dataset", serde_json::json!({"root": "x", "seed": null}))]);
        assert_eq!(
            spec.to_yaml(),
            "version: 1\nname: p\nseed: 1\nnodes:\n  a:\n    type: dataset\n    root: x\n"
        );
    }
}
