//! Pipelines that no file holds, but a command or a call of the library: how they are made, called and shown.

use std::path::Path;

use indexmap::IndexMap;
use serde_json::Value;

use super::{Origin, Results};
use crate::{
    error::{Error, Result},
    shown,
    spec::{NodeSpec, PipelineSpec},
    store::Digest,
};

/// A pipeline of these nodes: name, kind, and parameters.
pub fn pipeline(name: &str, seed: u64, nodes: Vec<(&str, &str, Value)>) -> PipelineSpec {
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
pub fn name(verb: &str, path: &Path) -> String {
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let text = |part: Option<&std::ffi::OsStr>| part.unwrap_or_default().to_string_lossy().into_owned();
    let own = text(path.file_stem());
    let above = |levels| text(path.ancestors().nth(levels).and_then(Path::file_name));
    let stem = match COMMON.contains(&own.as_str()) {
        true => [above(2), above(1), own].join("-"),
        false => own,
    };
    match &*plain_name(&stem) {
        "" => verb.to_owned(),
        stem => format!("{verb}-{stem}"),
    }
}

/// A text as a part of a pipeline's name: characters that names can't have become `-`; empty if nothing is left.
pub fn plain_name(text: &str) -> String {
    let plain = |char: char| if char.is_ascii_alphanumeric() || char == '_' { char } else { '-' };
    let name: String = text.chars().map(plain).take(60).collect();
    name.trim_matches('-').to_owned()
}

/// A path as a pipeline file has it.
///
/// # Errors
/// If it is not UTF-8, which a file must be.
pub fn text(path: &Path) -> Result<&str> {
    path.to_str().ok_or_else(|| {
        Error::usage(format!("the path {} is not UTF-8", path.display())).help("rename the file or folder")
    })
}

/// The most folders that are tried for the results of one command.
const MOST: usize = 10_000;

/// The folder for the results of a pipeline that no file holds, and the pipeline called as it: the first of
/// `train-digits`, `train-digits-2`, … below `runs` that shows the results of the same pipeline, or nothing yet.
/// Paths in records start at `project`, which is the one `because` of something.
///
/// # Errors
/// When a folder can't be read, or too many are taken.
pub fn place(
    mut spec: PipelineSpec,
    runs: &Path,
    project: &Path,
    because: &str,
) -> Result<(PipelineSpec, Results)> {
    let (origin, base) = (Origin::Command(identity(&spec, None)), spec.name.clone());
    for number in 1..=MOST {
        spec.name = if number == 1 { base.clone() } else { format!("{base}-{number}") };
        let results = Results::new(runs.join(&spec.name), origin.clone(), project).because(because);
        if results.is_free()? {
            return Ok((spec, results));
        }
    }
    Err(Error::store(format!("{} has {MOST} folders for such a command", shown::path(runs)))
        .help("name another folder with `--out DIR`"))
}

/// What a pipeline that no file holds is known by: all of it but its name; and the folder that its paths start `from`, where
/// results of several folders may come together.
pub fn identity(spec: &PipelineSpec, from: Option<&Path>) -> Digest {
    let from = from.map(|folder| folder.as_os_str().as_encoded_bytes()).unwrap_or_default();
    let spec = PipelineSpec { name: String::new(), ..spec.clone() };
    Digest::of_bytes(&[from, b"\n", spec.to_yaml().as_bytes()].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{nodes::KINDS, plan::load_source, spec::Source};

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
        let runs = dir.path().join("runs");
        let command =
            |seed| pipeline("train-x", seed, vec![("t", "transforms", serde_json::json!({"size": 32}))]);
        let run = |seed| {
            let (spec, results) = place(command(seed), &runs, dir.path(), "").unwrap();
            let loaded =
                load_source(Source::new("p", spec.to_yaml()), dir.path(), KINDS).map_err(|_| ()).unwrap();
            results.claim(&spec, &loaded.plan).map(|()| (spec.name, results.root().to_owned()))
        };
        assert_eq!(run(0).unwrap().1, runs.join("train-x"));
        assert_eq!(run(1).unwrap(), ("train-x-2".to_owned(), runs.join("train-x-2")));
        assert_eq!(run(0).unwrap().1, runs.join("train-x"));
        std::fs::create_dir(runs.join("train-x-3")).unwrap();
        std::fs::write(runs.join("train-x-3/notes.txt"), "mine").unwrap();
        assert_eq!(run(2).unwrap().0, "train-x-4", "what lies there stays");
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
