//! Everything that a run needs to go on as if it had never stopped, in one file.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use burn::tensor::{Device, Tensor, TensorData};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use serde::{Deserialize, Serialize};

use super::{ema::Ema, grad_scaler::GradScaler, history::History};
use crate::{
    error::{Error, Result},
    eval::classes::Hits,
    network::{Parameters, layout::Layout, order::Order, parameters::to_vec},
};

/// Where a run is, and what it needs to go back to the start of the epoch.
#[derive(Debug, Clone)]
pub struct Checkpoint {
    /// Where the run is, to go on from.
    pub now: TrainState,
    /// Where it was at the start of the epoch, if that is somewhere else.
    pub start: Option<TrainState>,
    /// The weights at the best epoch so far.
    pub best: Option<Parameters>,
}

/// What changes while a network is fitted. Cheap to clone: the numbers are shared.
#[derive(Debug, Clone)]
pub struct TrainState {
    /// Counters and what was measured so far.
    pub position: Position,
    /// The network's parameters.
    pub parameters: Parameters,
    /// Its average, if there is one.
    pub ema: Option<Ema>,
    /// The sum of the gradients since the last optimizer step, if there were any.
    pub gradient: Option<Tensor<1>>,
    /// What the optimizer remembers.
    pub moments: Vec<Tensor<1>>,
}

/// The counters of a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Position {
    /// How many epochs the run has; only a `time` budget changes it on the way.
    pub epochs: usize,
    /// What decides the steps beside their number: the same in a longer run that can go on from here.
    #[serde(default)]
    pub terms: String,
    /// The epoch that is going on, from 0.
    pub epoch: usize,
    /// The epoch's next micro-batch, from 0.
    pub batch: usize,
    /// Micro-batches since the start of the run.
    pub step: usize,
    /// The micro-batch of the last optimizer step; -1 before the first.
    pub last_opt_step: isize,
    /// How many steps the optimizer has made.
    pub optimizer_steps: u64,
    /// Updates of the average.
    pub updates: u64,
    /// Sum of this epoch's batch losses.
    pub loss: f32,
    /// Seconds of work, earlier attempts included.
    pub seconds: f64,
    /// Seconds of them in which training waited for images.
    #[serde(default)]
    pub waited: f64,
    /// Whether the `time` budget is used up.
    pub out_of_time: bool,
    /// How often the run went back because its loss was not a number.
    pub recoveries: u32,
    /// How the gradients of half precision are scaled.
    pub scaler: Option<GradScaler>,
    /// What was measured after each epoch.
    pub history: History,
    /// What the best of them named right, class by class.
    pub hits: Vec<Hits>,
}

const FILE: &str = "checkpoint.safetensors";
/// How the names of the arrays of the two states begin.
const NOW: &str = "";
const START: &str = "start.";
/// What the arrays are called, and the entries beside them.
const PARAMETERS: &str = "parameters";
const AVERAGE: &str = "average";
const GRADIENT: &str = "gradient";
const MOMENT: &str = "moment";
const BEST: &str = "best";
const POSITION: &str = "position";
const LAYOUT: &str = "layout";

/// A file's arrays, and where the parameters lie in them.
struct File<'a> {
    arrays: SafeTensors<'a>,
    entries: BTreeMap<String, String>,
    layout: &'a Arc<Layout>,
    device: &'a Device,
}

impl Checkpoint {
    /// The checkpoint in `folder`, if there is a whole one of parameters laid out so.
    ///
    /// # Errors
    /// If the file can't be read. A damaged one counts as none: training starts over.
    pub fn load(folder: &Path, layout: &Arc<Layout>, device: &Device) -> Result<Option<Self>> {
        let path = folder.join(FILE);
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io("read", &path, error)),
        };
        Ok(Self::parse(&bytes, layout, device))
    }

    fn parse(bytes: &[u8], layout: &Arc<Layout>, device: &Device) -> Option<Self> {
        let (_, metadata) = SafeTensors::read_metadata(bytes).ok()?;
        let entries: BTreeMap<_, _> = metadata.metadata().clone()?.into_iter().collect();
        if *entries.get(LAYOUT)? != names(layout) {
            return None;
        }
        let file = File { arrays: SafeTensors::deserialize(bytes).ok()?, entries, layout, device };
        let start = match file.entries.contains_key(&format!("{START}{POSITION}")) {
            true => Some(file.state(START)?),
            false => None,
        };
        Some(Self { now: file.state(NOW)?, start, best: file.parameters(BEST) })
    }

    /// Writes the checkpoint to `folder`, replacing the one there in one go.
    ///
    /// # Errors
    /// If it can't be written; the old one is untouched then.
    pub fn save(&self, folder: &Path) -> Result<()> {
        let path = folder.join(FILE);
        let bytes = self.serialize()?;
        let write = || -> std::io::Result<()> {
            let mut file = tempfile::NamedTempFile::new_in(folder)?;
            std::io::Write::write_all(&mut file, &bytes)?;
            file.as_file().sync_all()?;
            file.persist(&path)?;
            Ok(())
        };
        write().map_err(|error| {
            Error::io("write", &path, error)
                .help("the last checkpoint is untouched; free some space and run again")
        })
    }

    fn serialize(&self) -> Result<Vec<u8>> {
        let layout = &self.now.parameters.layout;
        let (mut arrays, mut entries) = (Vec::new(), BTreeMap::from([(LAYOUT.to_owned(), names(layout))]));
        for (prefix, state) in [(NOW, Some(&self.now)), (START, self.start.as_ref())] {
            let Some(state) = state else { continue };
            arrays
                .extend(state.arrays().into_iter().map(|(name, vector)| (format!("{prefix}{name}"), vector)));
            let position = serde_json::to_string(&state.position).expect("counters are plain data");
            entries.insert(format!("{prefix}{POSITION}"), position);
        }
        arrays.extend(self.best.iter().map(|best| (BEST.to_owned(), best.values.clone())));
        laid_out(layout, &arrays, entries)
            .map_err(|error| Error::new("cannot lay out a checkpoint").because(error))
    }
}

impl File<'_> {
    /// The state whose arrays' names begin with `prefix`.
    fn state(&self, prefix: &str) -> Option<TrainState> {
        let name = |name: &str| format!("{prefix}{name}");
        let position: Position = serde_json::from_str(self.entries.get(&name(POSITION))?).ok()?;
        let average = self.parameters(&name(AVERAGE));
        let moments = (0..).map_while(|number| self.vector(&name(&format!("{MOMENT}{number}"))));
        Some(TrainState {
            parameters: self.parameters(&name(PARAMETERS))?,
            ema: average.map(|average| Ema::resumed(average, position.updates)),
            gradient: self.vector(&name(GRADIENT)),
            moments: moments.collect(),
            position,
        })
    }

    fn parameters(&self, name: &str) -> Option<Parameters> {
        let values = self.vector(name).filter(|values| values.dims() == [self.layout.count()])?;
        Some(Parameters { layout: self.layout.clone(), values })
    }

    fn vector(&self, name: &str) -> Option<Tensor<1>> {
        let (numbers, _) = self.arrays.tensor(name).ok()?.data().as_chunks();
        let values: Vec<f32> = numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        let values = Order::of(self.device).kept_vector(self.layout, &values);
        let count = values.len();
        Some(Tensor::from_data(TensorData::new(values, [count]), self.device))
    }
}

impl TrainState {
    fn arrays(&self) -> Vec<(String, Tensor<1>)> {
        let mut arrays = vec![(PARAMETERS.to_owned(), self.parameters.values.clone())];
        arrays.extend(self.ema.iter().map(|ema| (AVERAGE.to_owned(), ema.average().values.clone())));
        arrays.extend(self.gradient.iter().map(|gradient| (GRADIENT.to_owned(), gradient.clone())));
        let moments = self.moments.iter().enumerate();
        arrays.extend(moments.map(|(number, moment)| (format!("{MOMENT}{number}"), moment.clone())));
        arrays
    }
}

/// What lies in a vector, in words: a checkpoint of other parameters does not fit.
fn names(layout: &Layout) -> String {
    layout.slots().iter().map(|slot| format!("{} {:?}\n", slot.name, slot.shape)).collect()
}

/// The bytes of a file with these vectors, row by row whatever the device: another may go on.
fn laid_out(
    layout: &Layout,
    arrays: &[(String, Tensor<1>)],
    entries: BTreeMap<String, String>,
) -> Result<Vec<u8>, safetensors::SafeTensorError> {
    let bytes = |vector: &Tensor<1>| -> Vec<u8> {
        let rows = Order::of(&vector.device()).rows_of_vector(layout, &to_vec(vector.clone()));
        rows.iter().flat_map(|value| value.to_le_bytes()).collect()
    };
    let bytes: Vec<Vec<u8>> = arrays.iter().map(|(_, vector)| bytes(vector)).collect();
    let views = arrays.iter().zip(&bytes).map(|((name, vector), bytes)| {
        TensorView::new(Dtype::F32, vector.dims().to_vec(), bytes).map(|view| (name.clone(), view))
    });
    safetensors::serialize(views.collect::<Result<Vec<_>, _>>()?, Some(entries.into_iter().collect()))
}
