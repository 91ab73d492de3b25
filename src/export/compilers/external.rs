//! A compiler that the user names.

use std::{fs, path::Path};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{command, outcome};
use crate::{
    error::{Error, Result},
    export::{Card, Content, Format, Model, OptionFault, folder},
    names::PlainName,
    progress::Progress,
    shown,
};

/// Another program that makes a file or folder of one that `format` writes: for hardware whose compiler Kiln does not know.
/// The program may do whatever its user may: run only pipeline files whose `command` you trust. It runs in a folder of its
/// own, in which the input lies; no shell takes part. Neither its version nor other files that it reads count: after a
/// change, run with `--force`. What it makes is not run by Kiln.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct External {
    /// The program, on `PATH` or as a path, and its arguments. The input lies in its folder under the name that its format
    /// gives it, e.g. `model.onnx`; other files need absolute paths.
    #[schemars(length(min = 1))]
    pub command: Vec<String>,
    /// The format that it is given, which must be among those of `format`.
    #[serde(default)]
    pub input: &'static Format,
    /// The file or folder that it makes, in the folder where it runs; so it is called in the result.
    #[schemars(length(min = 1))]
    pub output: String,
}

impl External {
    /// What is wrong with it where these formats are written. Nothing is run.
    pub fn faults(&self, formats: &[&Format]) -> Vec<OptionFault> {
        let fault = |message: String, label: &str, help: String| OptionFault {
            key: "external",
            message,
            label: label.to_owned(),
            help,
        };
        let input = self.input.name;
        let is_network = matches!(self.input.content, Content::Network(_));
        let unwritten = !is_network || !formats.iter().any(|format| format.name == input);
        let unwritten = unwritten.then(|| {
            fault(
                format!("the input `{input}` is no network that `format` writes"),
                "nothing to be given",
                format!("add `{input}` to `format`, or name another `input`"),
            )
        });
        let missing = self.program().and_then(super::missing).map(|message| {
            fault(
                message,
                "needs another program",
                "install it and put its folder on PATH, or write its absolute path".to_owned(),
            )
        });
        let no_name = (!self.is_free(formats)).then(|| {
            fault(
                format!("`output` can't be `{}`", shown::text(&self.output)),
                "not a free name below the program's folder",
                "name a file or folder by a relative path, such as `model.hef`".to_owned(),
            )
        });
        unwritten.into_iter().chain(missing).chain(no_name).collect()
    }

    /// The program that it runs.
    pub fn program(&self) -> Option<&str> {
        self.command.first().map(String::as_str)
    }

    /// Whether the output is a plain name that nothing else of the result has.
    fn is_free(&self, formats: &[&Format]) -> bool {
        let first = self.output.split('/').next().unwrap_or_default();
        let taken = [Card::FILE, folder::METADATA, "verification.json", "manifest.json", "recipe.json"];
        let mut taken = taken.into_iter().chain(formats.iter().map(|format| format.file));
        self.output.parse::<PlainName>().is_ok() && !taken.any(|taken| taken.eq_ignore_ascii_case(first))
    }

    /// Makes the output below `out`, with a `metadata.yaml`, of the `model` whose input lies in `folder`.
    ///
    /// # Errors
    /// If the program is not there, fails, is stopped, or makes no output.
    pub fn make(
        &self,
        model: &Model<'_>,
        (workplace, out): (&Path, &Path),
        progress: &Progress<'_>,
    ) -> Result<()> {
        let [program, arguments @ ..] = &self.command[..] else {
            return Err(Error::new("`external` has no program"));
        };
        command::run((program, arguments), workplace, progress)?;
        let (made, place) = (outcome::checked(workplace, &self.output)?, out.join(&self.output));
        let parent = place.parent().unwrap_or(out);
        fs::create_dir_all(parent).map_err(|error| Error::io("make", parent, error))?;
        fs::rename(&made, &place).map_err(|error| Error::io("move", &made, error))?;
        let beside = if place.is_dir() {
            self.output.as_str()
        } else {
            self.output.rsplit_once('/').map_or(".", |(folder, _)| folder)
        };
        folder::metadata(beside, model).write(out)
    }
}
