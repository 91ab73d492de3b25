//! Formats that only another company's compiler writes: Kiln writes what that is given, proves it, runs the compiler, and
//! adds to what came out what the file should say of itself.
//!
//! Each compiler is one file here, a [`Compiler`] as a constant, and a [`Format`] in the table. Nothing that comes out is
//! run: there is no such hardware here, and cards and notes say so.

mod axelera;
mod carrier;
mod command;
mod external;
mod outcome;
mod program;
mod rknn;
mod tensorrt;

use std::{
    fs,
    path::{Path, PathBuf},
};

use self::carrier::Carrier;
pub(super) use self::{axelera::AXELERA, rknn::RKNN, tensorrt::ENGINE};
pub use self::{external::External, rknn::Chip};
use super::{Choice, Format, Model, OptionFault, Options, OutputFile};
use crate::{
    error::{Error, ErrorKind, Result},
    progress::Progress,
};

/// A program that makes another file of one that Kiln writes.
#[derive(Debug)]
pub struct Compiler {
    /// The format that it is given. Its file lies in the folder where the program runs.
    pub input: &'static Format,
    /// The options that it has.
    pub choices: &'static [Choice],
    /// The option without which it can't work.
    pub needs: Option<Choice>,
    /// The program, which is looked for on `PATH`.
    pub program: &'static str,
    /// What brings it, as a sentence of advice.
    pub brings: &'static str,
    /// What it is called with, for images of this size.
    arguments: fn(Options, usize) -> Vec<String>,
    /// A file that it needs in its folder besides: its name and its text.
    script: Option<(&'static str, &'static str)>,
    /// What it makes: a file or folder in the folder where it runs.
    makes: &'static str,
    /// Bytes that what it makes has at a place, as far as that is known.
    mark: Option<(usize, &'static [u8])>,
    carrier: Carrier,
    /// What the user should know of what was made.
    pub remark: Option<&'static str>,
}

/// Why a program can't be run on this machine; none if it is there.
pub(super) fn missing(program: &str) -> Option<String> {
    program::find(program).is_none().then(|| format!("there is no program `{program}` here"))
}

impl Compiler {
    /// What stands in the way of making `format` with it. Nothing is run.
    pub fn faults(&self, format: &Format, options: Options) -> Vec<OptionFault> {
        let key = "format";
        let tool = missing(self.program).map(|message| OptionFault {
            key,
            message: format!("{message}, which makes {}", format.file),
            label: "needs another program".to_owned(),
            help: self.brings.to_owned(),
        });
        let lacks = self.needs.filter(|choice| !options.made().contains(choice)).map(|choice| OptionFault {
            key,
            message: format!("{} needs `{}`", format.file, choice.key()),
            label: format!("for which {}?", choice.noun()),
            help: format!("add `{}`", choice.key()),
        });
        tool.into_iter().chain(lacks).collect()
    }

    /// What the input is to be: in 32 bits, which the compiler makes what it will.
    pub fn input_options(options: Options) -> Options {
        Options { dynamic_batch: options.dynamic_batch, ..Options::default() }
    }

    /// Makes `format` below `out` of `model`, whose file of the [`Self::input`] lies in `folder`, and of the `options`.
    ///
    /// # Errors
    /// If the program is not there, fails, is stopped, or makes not what it should.
    pub fn make(
        &self,
        (format, options): (&Format, Options),
        model: &Model<'_>,
        (folder, out): (&Path, &Path),
        progress: &Progress<'_>,
    ) -> Result<()> {
        if let Some((name, text)) = self.script {
            OutputFile { path: name.to_owned(), bytes: text.as_bytes().to_vec() }.write(folder)?;
        }
        let arguments = (self.arguments)(options, model.size);
        command::run((self.program, &arguments), folder, progress).map_err(|error| self.advised(error))?;
        let made = outcome::checked(folder, self.makes)?;
        if let Some((at, mark)) = self.mark {
            outcome::has_mark(&made, at, mark)?;
        }
        self.carrier.carry(&made, &out.join(format.file), model)
    }

    /// The error with what brings the program, unless somebody asked to stop.
    fn advised(&self, error: Error) -> Error {
        if error.hint().is_some() || error.kind() == ErrorKind::Interrupted {
            error
        } else {
            error.help(self.brings)
        }
    }
}

/// An empty folder `name` below `scratch`.
///
/// # Errors
/// If it can't be made.
pub fn workplace(scratch: &Path, name: &str) -> Result<PathBuf> {
    let folder = scratch.join(name);
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(|error| Error::io("empty", &folder, error))?;
    }
    fs::create_dir_all(&folder).map_err(|error| Error::io("make", &folder, error))?;
    Ok(folder)
}

#[cfg(all(test, unix))]
mod tests;
