//! The four verbs for people without a file yet: each makes the file it stands for and runs that.

use std::{io::stderr, path::Path};

use clap::Args;
use indexmap::IndexMap;
use serde_json::Value;

use super::{
    Project, StoreArgs, check,
    flags::{Flags, Reworded},
    project::absolute,
    run::{HowArgs, run_loaded},
};
use crate::{
    error::{Error, Result},
    nodes::KINDS,
    paths,
    plan::load_source,
    report::{self, Lines, Reporter},
    run::{Origin, Results},
    shown,
    spec::{MessageFormat, NodeSpec, PipelineSpec, Source},
    store::Digest,
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
/// parser, planner and store and gives its results. Hints name the flags of `kiln COMMAND`.
///
/// # Errors
/// Of kind invalid, after showing what is wrong with the file; otherwise as [`run_loaded`].
pub(super) fn execute(
    command: &str,
    spec: PipelineSpec,
    common: &CommonArgs,
    show: Show,
    format: MessageFormat,
) -> Result<Option<Results>> {
    if common.print {
        print!("{}", spec.to_yaml());
        return Ok(None);
    }
    let project = Project::of_command(&common.store)?;
    let (spec, results) = place(spec, &project, common.how.out.as_deref())?;
    let source = Source::new("this command as a file", spec.to_yaml());
    let loaded = load_source(source, &project.root, KINDS).map_err(|mut rejected| {
        let flags = Flags::of(command);
        for help in rejected.problems.iter_mut().filter_map(|problem| problem.help.as_mut()) {
            *help = flags.reword(help);
        }
        check::show(&rejected, format);
        Error::invalid("the command asks for something that is not possible")
            .help("`--print` shows the whole pipeline file that it stands for")
    })?;
    let reporter: Box<dyn Reporter> = match show {
        Show::Progress => report::for_stdout(common.how.progress),
        Show::Trouble => Box::new(Lines::new(stderr(), false).only_trouble()),
    };
    let reporter = Reworded { command, reporter };
    run_loaded(&loaded, &project, &results, &common.how.options()?, &reporter)?;
    Ok(Some(results))
}

/// The most folders that are tried for the results of one command.
const MOST: usize = 10_000;

/// The folder for a command's results, and the pipeline called as it: `out`, or the first of `train-digits`,
/// `train-digits-2`, … that shows the results of the same command, or nothing yet.
fn place(mut spec: PipelineSpec, project: &Project, out: Option<&Path>) -> Result<(PipelineSpec, Results)> {
    if let Some(out) = out {
        // Another folder may hold other files of the same names.
        let origin = Origin::Command(identity(&spec, Some(&project.root)));
        return Ok((spec, project.results(absolute(out), origin)));
    }
    let (origin, base) = (Origin::Command(identity(&spec, None)), spec.name.clone());
    for number in 1..=MOST {
        spec.name = if number == 1 { base.clone() } else { format!("{base}-{number}") };
        let results = project.results(project.runs.join(&spec.name), origin.clone());
        if results.is_free()? {
            return Ok((spec, results));
        }
    }
    Err(Error::store(format!("{} has {MOST} folders for such a command", shown::path(&project.runs)))
        .help("name another folder with `--out DIR`"))
}

/// What a command is known by: all that it stands for but its name.
fn identity(spec: &PipelineSpec, from: Option<&Path>) -> Digest {
    let from = from.map(|folder| folder.as_os_str().as_encoded_bytes()).unwrap_or_default();
    let spec = PipelineSpec { name: String::new(), ..spec.clone() };
    Digest::of_bytes(&[from, b"\n", spec.to_yaml().as_bytes()].concat())
}

/// Says where the files lie that the nodes made.
pub(super) fn tell(results: &Results, nodes: &[&str]) {
    for node in nodes {
        println!("{node}: {}", shown::path(paths::from_here(&results.folder(node))));
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
    fn another_command_gets_another_folder_and_the_same_one_its_own() {
        let dir = tempfile::tempdir().unwrap();
        let project = Project {
            root: dir.path().to_owned(),
            because: String::new(),
            store: dir.path().join("store"),
            runs: dir.path().join("runs"),
        };
        let command =
            |seed| pipeline("train-x", seed, vec![("t", "transforms", serde_json::json!({"size": 32}))]);
        let run = |seed, out: Option<&str>| {
            let out = out.map(|out| dir.path().join(out));
            let (spec, results) = place(command(seed), &project, out.as_deref()).unwrap();
            let loaded =
                load_source(Source::new("p", spec.to_yaml()), &project.root, KINDS).map_err(|_| ()).unwrap();
            results.claim(&spec, &loaded.plan).map(|()| (spec.name, results.root().to_owned()))
        };
        assert_eq!(run(0, None).unwrap().1, project.runs.join("train-x"));
        assert_eq!(run(1, None).unwrap(), ("train-x-2".to_owned(), project.runs.join("train-x-2")));
        assert_eq!(run(0, None).unwrap().1, project.runs.join("train-x"));
        std::fs::create_dir(project.runs.join("train-x-3")).unwrap();
        std::fs::write(project.runs.join("train-x-3/notes.txt"), "mine").unwrap();
        assert_eq!(run(2, None).unwrap().0, "train-x-4", "what lies there stays");
        assert_eq!(run(0, Some("here")).unwrap().1, dir.path().join("here"));
        let taken = run(1, Some("here")).unwrap_err();
        assert_eq!(taken.hint(), Some("name another folder with `--out DIR`"));
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
