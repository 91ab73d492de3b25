//! What is measured of a model's file.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use super::{Labelled, Measured, memory, timing::Timing};
use crate::{
    arch::Costs,
    data::Batch,
    device,
    device_name::DeviceName,
    error::{Error, Result},
    eval::Classifier,
    export::{Format, Usable},
    nodes::exported,
    progress::Stop,
    random::Random,
};

/// How much room a thread has for what it calls, as in a run.
const STACK: usize = 8 << 20;

/// A model's file, and how it is measured.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Measure {
    /// The file, or the folder of an exported network.
    pub model: PathBuf,
    /// Side of the square images, in pixels; the model's own unless given.
    pub size: Option<usize>,
    /// How many images go through the network at once, at least 1.
    pub batch: usize,
    /// The name of the device for Kiln's own networks; exported files always run on the CPU.
    pub device: String,
    /// How many threads compute, at least 1.
    pub threads: usize,
    /// How long the network is timed at most, in seconds, without what goes before.
    pub seconds: f64,
    /// Images to measure the accuracy on.
    pub data: Option<Labelled>,
}

/// A model that is ready, and what it costs.
struct Opened {
    classifier: Classifier,
    device: DeviceName,
    parameters: u64,
    gflops: f64,
}

impl Measure {
    /// Measures: first the network's speed, then the process's memory, then accuracy and decoding.
    ///
    /// # Errors
    /// If the model can't be read, can't take such images or runs on no such device, or the data can't be used.
    pub fn run(&self) -> Result<Measured> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(self.threads).stack_size(STACK).build();
        let pool = pool.map_err(|error| Error::new("cannot start threads").because(error))?;
        pool.install(|| device::guard(|| self.work()))
    }

    fn work(&self) -> Result<Measured> {
        let Opened { classifier, device, parameters, gflops } = self.open()?;
        let timing = self.timing(&classifier);
        let [ms, ms_p95] = [timing.median, timing.p95].map(|it| thousandth(it * 1e3 / self.batch as f64));
        let measured = Measured {
            pixels: classifier.size,
            ms,
            ms_p95,
            peak_mb: memory::peak().map(megabytes),
            file_mb: megabytes(bytes(&self.model)?),
            parameters,
            gflops: (gflops * 1e4).round() / 1e4,
            device: device.to_string(),
            ..Measured::default()
        };
        match &self.data {
            None => Ok(measured),
            Some(data) => data.score(&classifier, self.threads, self.limit(), measured),
        }
    }

    fn open(&self) -> Result<Opened> {
        match Format::of(&self.model) {
            Some(format) => self.exported(Usable::read(format, &self.model)?),
            None => self.own(self.device.parse()?),
        }
    }

    fn exported(&self, usable: Usable) -> Result<Opened> {
        let (parameters, gflops) = (usable.parameters(), usable.gflops());
        let classifier = exported::classifier(usable)?.at_size(self.size)?;
        Ok(Opened { classifier, device: DeviceName::Cpu, parameters, gflops })
    }

    fn own(&self, device: DeviceName) -> Result<Opened> {
        let classifier = Classifier::load(&self.model, device)?.at_size(self.size)?;
        let costs = classifier.own().map(|(arch, _)| Costs::of(arch, classifier.size)).transpose()?;
        let total = costs.map(|costs| costs.total).unwrap_or_default();
        Ok(Opened { classifier, device, parameters: total.parameters, gflops: total.gflops() })
    }

    /// How long the network takes for `batch` images.
    fn timing(&self, classifier: &Classifier) -> Timing {
        let (size, count) = (classifier.size, self.batch);
        let mut random = Random::new("bench", &[]);
        let images = (0..count * 3 * size * size).map(|_| random.unit() as f32).collect();
        let batch = Batch { images, targets: vec![0; count], indices: (0..count).collect(), size };
        Timing::of(self.limit(), || drop(classifier.logits(&batch)))
    }

    fn limit(&self) -> Duration {
        Duration::try_from_secs_f64(self.seconds).unwrap_or_default()
    }
}

/// What a file takes on disk, or all files of a folder, in bytes.
fn bytes(path: &Path) -> Result<u64> {
    let files = exported::all_files(path, &Stop::default())?;
    let size = |file: &PathBuf| fs::metadata(file).map(|it| it.len());
    files.iter().map(size).sum::<io::Result<u64>>().map_err(|error| Error::io("read", path, error))
}

/// Bytes in 10⁶, as exact as anybody reads them.
fn megabytes(bytes: u64) -> f64 {
    (bytes as f64 / 1e4).round() / 100.0
}

/// As exact as a time is that was measured.
pub(super) fn thousandth(number: f64) -> f64 {
    (number * 1e3).round() / 1e3
}
