//! Everything that a run needs to go on as if it had never stopped, in one file.

use std::{collections::BTreeMap, path::Path};

use burn::tensor::{Device, Tensor, TensorData};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use serde::{Deserialize, Serialize};

use super::{ema::Ema, history::History, optimizer::Gradients, scaler::Scaler};
use crate::{
    error::{Error, Result},
    eval::classes::Hits,
    network::{Parameter, Parameters, parameters::to_vec},
};

/// Where a run is, and what it needs to go back to the start of the epoch.
#[derive(Debug, Clone)]
pub struct Checkpoint {
    /// Where it is.
    pub now: State,
    /// Where it was at the start of the epoch, if that is somewhere else.
    pub start: Option<State>,
    /// The weights at the best epoch so far.
    pub best: Parameters,
}

/// What changes while a network is fitted. Cheap to clone: the numbers are shared.
#[derive(Debug, Clone)]
pub struct State {
    /// Counters and what was measured so far.
    pub position: Position,
    /// The network.
    pub network: Parameters,
    /// Its average, if there is one.
    pub ema: Option<Ema>,
    /// Gradients summed since the last optimizer step.
    pub gradients: Gradients,
    /// What the optimizer remembers.
    pub memory: BTreeMap<String, Vec<Tensor<1>>>,
}

/// The counters of a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Position {
    /// How many epochs the run has; only a `time` budget changes it on the way.
    pub epochs: usize,
    /// The epoch that is going on, from 0.
    pub epoch: usize,
    /// Its next batch.
    pub batch: usize,
    /// Micro-batches since the start of the run.
    pub step: usize,
    /// The micro-batch of the last optimizer step; -1 before the first.
    pub moved: isize,
    /// Optimizer steps.
    pub optimizer_steps: u64,
    /// Updates of the average.
    pub updates: u64,
    /// Sum of this epoch's batch losses.
    pub loss: f32,
    /// Seconds of work, earlier attempts included.
    pub seconds: f64,
    /// Whether the `time` budget is used up.
    pub spent: bool,
    /// How often the run went back because its loss was not a number.
    pub recoveries: u32,
    /// How the gradients of half precision are scaled.
    pub scaler: Option<Scaler>,
    /// What was measured after each epoch.
    pub history: History,
    /// What the best of them named right, class by class.
    pub hits: Vec<Hits>,
}

const FILE: &str = "checkpoint.safetensors";
/// How the names of the parts of the two states begin, and what the best weights are called.
const NOW: &str = "";
const START: &str = "start.";
const BEST: &str = "best";

/// The arrays of a file by what they are for.
type Rooms = BTreeMap<String, Parameters>;
/// An array's name, shape and bytes.
type Stored = (String, Vec<usize>, Vec<u8>);

impl Checkpoint {
    /// The checkpoint in `folder`, if there is a whole one.
    ///
    /// # Errors
    /// If the file can't be read. A damaged one counts as none: training starts over.
    pub fn load(folder: &Path, device: &Device) -> Result<Option<Self>> {
        let path = folder.join(FILE);
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io("read", &path, error)),
        };
        Ok(Self::parse(&bytes, device))
    }

    fn parse(bytes: &[u8], device: &Device) -> Option<Self> {
        let (_, metadata) = SafeTensors::read_metadata(bytes).ok()?;
        let positions = metadata.metadata().as_ref()?;
        let file = SafeTensors::deserialize(bytes).ok()?;
        let mut rooms = Rooms::new();
        for (name, view) in file.tensors() {
            let (room, name) = name.split_once('/')?;
            rooms.entry(room.to_owned()).or_default().insert(name.to_owned(), parameter(&view, device));
        }
        let mut state = |prefix: &str| match positions.get(&format!("{prefix}position")) {
            Some(position) => Some(State::take(&mut rooms, prefix, serde_json::from_str(position).ok()?)),
            None => None,
        };
        let (now, start) = (state(NOW)?, state(START));
        Some(Self { now, start, best: rooms.remove(BEST).unwrap_or_default() })
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
        let (mut arrays, mut positions) = (Vec::new(), BTreeMap::new());
        for (prefix, state) in [(NOW, Some(&self.now)), (START, self.start.as_ref())] {
            let Some(state) = state else { continue };
            state.arrays(prefix, &mut arrays);
            let position = serde_json::to_string(&state.position).expect("counters are plain data");
            positions.insert(format!("{prefix}position"), position);
        }
        arrays.extend(shaped(BEST, &self.best));
        let views = arrays.iter().map(|(name, shape, bytes)| {
            TensorView::new(Dtype::F32, shape.clone(), bytes).map(|view| (name.clone(), view))
        });
        let views = views
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| Error::new("cannot lay out a checkpoint").because(error))?;
        safetensors::serialize(views, Some(positions.into_iter().collect()))
            .map_err(|error| Error::new("cannot lay out a checkpoint").because(error))
    }
}

impl State {
    /// What `rooms` holds under names that begin with `prefix`.
    fn take(rooms: &mut Rooms, prefix: &str, position: Position) -> Self {
        let mut take = |room: &str| rooms.remove(&format!("{prefix}{room}"));
        let network = take("network").unwrap_or_default();
        let ema = take("ema").map(|average| Ema::resumed(average, position.updates));
        let gradients = values(take("gradient").unwrap_or_default()).collect();
        let mut memory: BTreeMap<String, Vec<Tensor<1>>> = BTreeMap::new();
        for slot in 0.. {
            let Some(room) = take(&format!("memory{slot}")) else { break };
            values(room).for_each(|(name, tensor)| memory.entry(name).or_default().push(tensor));
        }
        Self { position, network, ema, gradients, memory }
    }

    fn arrays(&self, prefix: &str, arrays: &mut Vec<Stored>) {
        arrays.extend(shaped(&format!("{prefix}network"), &self.network));
        if let Some(ema) = &self.ema {
            arrays.extend(shaped(&format!("{prefix}ema"), ema.average()));
        }
        let flat = |room: &str, name: &str, tensor: &Tensor<1>| {
            array(&format!("{prefix}{room}"), name, tensor.dims().to_vec(), tensor)
        };
        arrays.extend(self.gradients.iter().map(|(name, tensor)| flat("gradient", name, tensor)));
        for (name, slots) in &self.memory {
            let slots = slots.iter().enumerate();
            arrays.extend(slots.map(|(slot, tensor)| flat(&format!("memory{slot}"), name, tensor)));
        }
    }
}

fn shaped(room: &str, parameters: &Parameters) -> Vec<Stored> {
    parameters.iter().map(|(name, p)| array(room, name, p.shape.clone(), &p.values)).collect()
}

fn values(parameters: Parameters) -> impl Iterator<Item = (String, Tensor<1>)> {
    parameters.into_iter().map(|(name, parameter)| (name, parameter.values))
}

fn array(room: &str, name: &str, shape: Vec<usize>, tensor: &Tensor<1>) -> Stored {
    let bytes = to_vec(tensor.clone()).iter().flat_map(|value| value.to_le_bytes()).collect();
    (format!("{room}/{name}"), shape, bytes)
}

fn parameter(view: &TensorView<'_>, device: &Device) -> Parameter {
    let values: Vec<f32> =
        view.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
    let count = values.len();
    let values = Tensor::from_data(TensorData::new(values, [count]), device);
    Parameter { shape: view.shape().to_vec(), values, id: burn::module::ParamId::new() }
}
