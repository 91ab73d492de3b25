//! The rows of a model, each made by processes of its own.

use std::path::{Path, PathBuf};

use super::{
    BenchArgs,
    alone::alone,
    asked::{Asked, Found},
    table,
};
use crate::{
    bench::{Fresh, Labelled, Measure, Measured, Row, Step, Written},
    cli::output,
    device_name::DeviceName,
    error::{Error, ErrorKind, Result},
    export::Format,
    progress::Stop,
};

/// What a row of Kiln's own network has for a format.
const OWN: &str = "kiln";

/// What all rows have in common.
pub(super) struct Bench<'a> {
    /// What is asked.
    pub(super) args: &'a BenchArgs,
    /// The device for Kiln's own networks.
    pub(super) device: DeviceName,
    /// How many threads compute.
    pub(super) threads: usize,
    /// Images to measure accuracy on.
    pub(super) data: Option<Labelled>,
    /// A folder for files that nobody needs afterwards.
    pub(super) scratch: &'a Path,
    /// Whether the user asked to stop.
    pub(super) stop: &'a Stop,
}

impl Bench<'_> {
    /// The rows of a model: as it is, and in each format.
    ///
    /// # Errors
    /// If the user asks to stop.
    pub(super) fn model(&self, model: &Asked, rows: &mut Vec<Row>) -> Result<()> {
        let folder = tempfile::tempdir_in(self.scratch);
        let folder = folder.map_err(|error| Error::io("create", self.scratch, error))?;
        let file = match self.file(model, folder.path()) {
            Ok(file) => file,
            Err(error) => {
                rows.push(self.row(model, OWN, Err(error))?);
                return Ok(());
            }
        };
        let own = Format::of(&file).map_or(OWN, |(format, _)| format.name);
        rows.push(self.row(model, own, Ok(file.clone()))?);
        for format in &self.args.formats {
            let folder = folder.path().join(format.name);
            let written = Written { model: file.clone(), format, size: self.size(), folder };
            let made = self.alone(&Step::Written(written.clone())).map(|_| written.file());
            rows.push(self.row(model, format.name, made)?);
        }
        Ok(())
    }

    /// The model's file, written first where there is none.
    fn file(&self, model: &Asked, folder: &Path) -> Result<PathBuf> {
        match &model.found {
            Found::File(path) => Ok(path.clone()),
            Found::Arch(arch) => {
                let file = folder.join("fresh.safetensors");
                self.alone(&Step::Fresh(Fresh::of(arch, file.clone()))).map(|_| file)
            }
        }
    }

    fn size(&self) -> Option<usize> {
        self.args.size.map(usize::from)
    }

    fn alone(&self, step: &Step) -> Result<serde_json::Value> {
        alone(step, self.scratch, self.stop)
    }

    /// The row of a file, or of why there is none.
    fn row(&self, model: &Asked, format: &str, file: Result<PathBuf>) -> Result<Row> {
        let outcome = file.and_then(|file| self.measured(model, file));
        if let Err(error) = &outcome
            && error.kind() == ErrorKind::Interrupted
        {
            return Err(Error::interrupted());
        }
        let row = Row::new(&model.name, format, outcome);
        table::lines(&row).iter().for_each(|line| output::aside(line));
        Ok(row)
    }

    fn measured(&self, model: &Asked, file: PathBuf) -> Result<Measured> {
        let measure = Measure {
            model: file,
            size: self.size(),
            batch: self.args.batch.into(),
            device: self.device.to_string(),
            threads: self.threads,
            seconds: self.args.seconds,
            // What random weights say means nothing.
            data: self.data.clone().filter(|_| matches!(model.found, Found::File(_))),
        };
        let told = self.alone(&Step::Measure(measure))?;
        serde_json::from_value(told)
            .map_err(|error| Error::new("what was measured is damaged").because(error))
    }
}
