//! The four verbs for people without a file yet: each makes the file it stands for and runs that.

use std::{collections::BTreeMap, fs, io::stderr, path::Path};

use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use super::{
    Project, StoreArgs, check,
    flags::{Flags, Reworded},
    json, output,
    project::absolute,
    run::{HowArgs, run_loaded},
};
pub(super) use crate::run::command::{name, pipeline, text};
use crate::{
    error::{Error, Result},
    nodes::KINDS,
    paths,
    plan::load_source,
    report::{self, Lines, Reporter},
    run::{
        Origin, Results,
        command::{identity, place},
    },
    shown,
    spec::{MessageFormat, PipelineSpec, Source},
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

impl Show {
    /// The result alone, if it is for a program.
    pub(super) fn of(json: bool) -> Self {
        if json { Self::Trouble } else { Self::Progress }
    }
}

/// What `kiln train`, `val` or `export` made, as they print it with `--json`.
#[derive(Serialize, JsonSchema)]
pub(super) struct Made {
    /// The folder of all results.
    results: String,
    /// The folders of what was asked for, by node.
    nodes: BTreeMap<String, String>,
    /// What was measured, by node; the same as their `metrics.json`.
    metrics: BTreeMap<String, Map<String, Value>>,
}

impl Made {
    fn of(results: &Results, nodes: &[&str]) -> Self {
        let path = |path: &Path| shown::path(paths::from_here(path));
        let metrics = |node: &&str| {
            let text = fs::read(results.folder(node).join("metrics.json")).ok()?;
            Some(((*node).to_owned(), serde_json::from_slice(&text).ok()?))
        };
        Self {
            results: path(results.root()),
            nodes: nodes.iter().map(|node| ((*node).to_owned(), path(&results.folder(node)))).collect(),
            metrics: nodes.iter().filter_map(metrics).collect(),
        }
    }
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
    let (spec, results) = shown_in(spec, &project, common.how.out.as_deref())?;
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
        Show::Progress => report::for_stdout(output::progress(common.how.progress)),
        Show::Trouble => Box::new(Lines::new(stderr(), false).only_trouble()),
    };
    let reporter = Reworded { command, reporter };
    run_loaded(&loaded, &project, &results, &common.how.options()?, &reporter)?;
    Ok(Some(results))
}

/// The folder for a command's results, and the pipeline called as it: `out`, or one below `runs`.
fn shown_in(spec: PipelineSpec, project: &Project, out: Option<&Path>) -> Result<(PipelineSpec, Results)> {
    let Some(out) = out else { return place(spec, &project.runs, &project.root, &project.because) };
    // Another folder may hold other files of the same names.
    let origin = Origin::Command(identity(&spec, Some(&project.root)));
    Ok((spec, project.results(absolute(out), origin)))
}

/// Says where the files lie that the nodes made.
pub(super) fn tell(results: &Results, nodes: &[&str], as_json: bool) {
    if as_json {
        return json::print(&Made::of(results, nodes));
    }
    for node in nodes {
        println!("{node}: {}", shown::path(paths::from_here(&results.folder(node))));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_was_asked_for_shows_one_command() {
        let dir = tempfile::tempdir().unwrap();
        let project = Project {
            root: dir.path().to_owned(),
            because: String::new(),
            store: dir.path().join("store"),
            runs: dir.path().join("runs"),
        };
        let show = |seed| {
            let spec = pipeline("x", seed, vec![("t", "transforms", serde_json::json!({"size": 32}))]);
            let (spec, results) = shown_in(spec, &project, Some(&dir.path().join("here"))).unwrap();
            let source = Source::new("x", spec.to_yaml());
            let loaded = load_source(source, &project.root, KINDS).map_err(drop).unwrap();
            results.claim(&spec, &loaded.plan).map(|()| results.root().to_owned())
        };
        assert_eq!(show(0).unwrap(), dir.path().join("here"));
        let taken = show(1).unwrap_err();
        assert_eq!(taken.hint(), Some("name another folder with `--out DIR`"));
    }
}
