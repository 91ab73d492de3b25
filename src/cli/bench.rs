//! `kiln bench`: models in a table, with what they cost and how good they are.

mod alone;
mod asked;
mod rows;
mod table;

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::Args;

pub(super) use self::table::Benchmarked;
use self::{asked::Asked, rows::Bench};
use super::{
    companion,
    device_choice::{DeviceChoice, best},
    output,
    overview::OverviewFormat,
    run::limit_threads,
    signal,
};
use crate::{
    bench::{Labelled, Machine},
    device,
    device_name::DeviceName,
    error::{Error, Result},
    export::Format,
    nodes::dataset,
    progress::{Progress, Stop, Update},
    run::Options,
    shown,
    spec::MessageFormat,
};

/// What `kiln bench` is asked.
#[derive(Debug, Args)]
pub struct BenchArgs {
    /// Trained models, exported files, and architectures by name or model YAML, which get random weights [default: all
    /// built-in names]
    #[arg(value_name = "MODEL")]
    models: Vec<String>,
    /// Measure each model also as a file of these formats, which Kiln writes, reads again and runs on the CPU
    #[arg(long, value_name = "FORMAT,…", value_delimiter = ',', value_parser = format)]
    formats: Vec<&'static Format>,
    /// Folder of images to measure accuracy and decoding on, for models with weights of their own: val/<class>/ and
    /// others, or <class>/
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Side of the square images in pixels; the model's own, or 224, unless given
    #[arg(long, value_name = "PIXELS", value_parser = clap::value_parser!(u16).range(1..=4096))]
    size: Option<u16>,
    /// Images per forward pass that is timed
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=4096))]
    batch: u16,
    /// The device for Kiln's own networks: cpu, libtorch, cuda:0, or auto, the best there is
    #[arg(long, default_value = "cpu", value_name = "DEVICE")]
    device: String,
    /// How many threads compute [default: one for each hardware thread]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    threads: Option<u16>,
    /// How long each network is timed at most; it ends before after 200 passes
    #[arg(long, value_name = "SECONDS", default_value_t = 4.0, value_parser = seconds)]
    seconds: f64,
    /// How the table is written
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: OverviewFormat,
    /// The same as --format json
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// What a process does that was started for a row: the file that says it
    #[arg(long, hide = true, value_name = "FILE")]
    step: Option<PathBuf>,
}

fn format(name: &str) -> Result<&'static Format, String> {
    serde_json::from_value(name.into()).map_err(|error| error.to_string())
}

fn seconds(text: &str) -> Result<f64, String> {
    let seconds = text.parse().ok().filter(|seconds| (0.0..=3600.0).contains(seconds));
    seconds.ok_or_else(|| "must be a number from 0 to 3600".to_owned())
}

/// Measures models, each in processes of its own, and prints a table; what is not to be measured says why.
///
/// # Errors
/// If there is no such model, device or data, the user asks to stop, or a row could not be measured. What was measured until
/// then is printed.
pub fn bench(args: &BenchArgs, format: MessageFormat) -> Result<()> {
    if let Some(step) = &args.step {
        return alone::step(step);
    }
    let models = Asked::all(&args.models, format)?;
    let (device, threads) = (args.device()?, args.threads());
    limit_threads(threads)?;
    let stop = Stop::default();
    signal::listen(&stop)?;
    let scratch = tempfile::tempdir().map_err(|error| Error::io("create", std::env::temp_dir(), error))?;
    let data = args.data.as_deref().map(|root| index(root, scratch.path(), &stop)).transpose()?;
    let bench = Bench { args, device, threads, data, scratch: scratch.path(), stop: &stop };
    let mut rows = Vec::new();
    let ended = models.iter().try_for_each(|model| bench.model(model, &mut rows));
    let faults = rows.iter().filter(|row| row.fault.is_some()).count();
    let machine = Machine::this(device, threads);
    Benchmarked { machine, batch: args.batch.into(), rows }.print(args.format());
    ended?;
    match faults {
        0 => Ok(()),
        some => Err(Error::new(format!("{} could not be measured", shown::count(some, "row")))),
    }
}

/// The index of the images in a folder, as a file.
fn index(root: &Path, scratch: &Path, stop: &Stop) -> Result<Labelled> {
    let hear = |update| match update {
        Update::Warning(line) => output::aside(&format!("warning: {line}")),
        Update::Note(line) => output::aside(&line),
        _ => {}
    };
    let dataset = dataset::of_folder(root, &Progress::new(&hear, stop))?;
    let index = scratch.join("index.json");
    let text = serde_json::to_vec(&dataset.index).expect("an index is plain data");
    fs::write(&index, text).map_err(|error| Error::io("write", &index, error))?;
    Ok(Labelled { root: root.to_owned(), index })
}

impl BenchArgs {
    /// The device, where it can be told before anything is measured that there is none.
    fn device(&self) -> Result<DeviceName> {
        let device = match self.device.parse()? {
            DeviceChoice::Auto => best().device,
            DeviceChoice::Named(devices) if devices.count() == 1 => devices.first(),
            DeviceChoice::Named(_) => {
                return Err(Error::usage("a network is measured on one device").help("name one"));
            }
        };
        if device::needs_other_program(device) {
            companion::program(device)?;
        }
        Ok(device)
    }

    fn threads(&self) -> usize {
        self.threads.map_or(Options::default().threads, usize::from)
    }

    fn format(&self) -> OverviewFormat {
        if self.json { OverviewFormat::Json } else { self.format }
    }
}
