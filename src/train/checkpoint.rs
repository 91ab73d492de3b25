//! Everything that a run needs to go on as if it had never stopped, in one file.

use std::{collections::BTreeMap, path::Path};

use burn::tensor::{Device, Tensor, TensorData};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use serde::{Deserialize, Serialize};

use super::{ema::Ema, history::History, optimizer::Gradients};
use crate::{
    error::{Error, Result},
    zoo::{Parameter, Parameters, parameters::to_vec},
};

/// Where a run is, and all that it remembers.
#[derive(Debug, Clone)]
pub struct Checkpoint {
    /// Counters and what was measured so far.
    pub position: Position,
    /// The network.
    pub network: Parameters,
    /// Its average.
    pub ema: Ema,
    /// Gradients summed since the last optimizer step.
    pub gradients: Gradients,
    /// What the optimizer remembers.
    pub memory: BTreeMap<String, Vec<Tensor<1>>>,
    /// The average at the best epoch so far.
    pub best: Parameters,
}

/// The counters of a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Position {
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
    /// What was measured after each epoch.
    pub history: History,
}

const FILE: &str = "checkpoint.safetensors";

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
        let position: Position = serde_json::from_str(metadata.metadata().as_ref()?.get("position")?).ok()?;
        let file = SafeTensors::deserialize(bytes).ok()?;
        let mut rooms: BTreeMap<String, Parameters> = BTreeMap::new();
        for (name, view) in file.tensors() {
            let (room, name) = name.split_once('/')?;
            rooms.entry(room.to_owned()).or_default().insert(name.to_owned(), parameter(&view, device));
        }
        let mut take = |room: &str| rooms.remove(room).unwrap_or_default();
        let (network, best, ema) =
            (take("network"), take("best"), Ema::resumed(take("ema"), position.updates));
        let gradients = values(take("gradient")).collect();
        let mut memory: BTreeMap<String, Vec<Tensor<1>>> = BTreeMap::new();
        for slot in 0.. {
            let Some(room) = rooms.remove(&format!("memory{slot}")) else { break };
            values(room).for_each(|(name, tensor)| memory.entry(name).or_default().push(tensor));
        }
        Some(Self { position, network, ema, gradients, memory, best })
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
        let mut arrays: Vec<(String, Vec<usize>, Vec<u8>)> = Vec::new();
        for (room, parameters) in
            [("network", &self.network), ("ema", self.ema.average()), ("best", &self.best)]
        {
            arrays.extend(parameters.iter().map(|(name, p)| array(room, name, p.shape.clone(), &p.values)));
        }
        let flat =
            |room: &str, name: &str, tensor: &Tensor<1>| array(room, name, tensor.dims().to_vec(), tensor);
        arrays.extend(self.gradients.iter().map(|(name, tensor)| flat("gradient", name, tensor)));
        for (name, slots) in &self.memory {
            arrays.extend(
                slots.iter().enumerate().map(|(i, tensor)| flat(&format!("memory{i}"), name, tensor)),
            );
        }
        let views = arrays.iter().map(|(name, shape, bytes)| {
            TensorView::new(Dtype::F32, shape.clone(), bytes).map(|view| (name.clone(), view))
        });
        let views = views
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| Error::new("cannot lay out a checkpoint").because(error))?;
        let position = serde_json::to_string(&self.position).expect("counters are plain data");
        let metadata = [("position".to_owned(), position)].into();
        safetensors::serialize(views, Some(metadata))
            .map_err(|error| Error::new("cannot lay out a checkpoint").because(error))
    }
}

fn values(parameters: Parameters) -> impl Iterator<Item = (String, Tensor<1>)> {
    parameters.into_iter().map(|(name, parameter)| (name, parameter.values))
}

fn array(room: &str, name: &str, shape: Vec<usize>, tensor: &Tensor<1>) -> (String, Vec<usize>, Vec<u8>) {
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
