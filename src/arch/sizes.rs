//! How large the maps of a computation are, for images of one size.

use super::computation::{Computation, Op, Operation};
use crate::error::{Error, Result};

/// A square map's size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Map {
    /// How many channels it has.
    pub channels: usize,
    /// Side in pixels; 1 behind the global average.
    pub side: usize,
}

impl Map {
    /// How many numbers it has.
    pub fn elements(self) -> u64 {
        (self.channels * self.side * self.side) as u64
    }

    /// How many pixels it has.
    pub fn positions(self) -> usize {
        self.side * self.side
    }
}

/// The size of every value, by its number, for square images of `size` pixels.
///
/// # Errors
/// If the images are too small, or of a size that an operation can't divide.
pub fn sizes(computation: &Computation, size: usize) -> Result<Vec<Map>> {
    let map = |channels: &usize| Map { channels: *channels, side: size };
    let mut maps: Vec<Map> = computation.channels.iter().map(map).collect();
    for operation in &computation.operations {
        let side = side(operation, maps[operation.inputs[0].0].side)?;
        operation.outputs.iter().for_each(|output| maps[output.0].side = side);
    }
    Ok(maps)
}

/// The side of what an operation gives, if what it takes has this `side`.
fn side(operation: &Operation, side: usize) -> Result<usize> {
    match &operation.op {
        Op::Convolution(convolution) => convolution.window.side(side, &convolution.name),
        Op::MaxPool(window) => window.side(side, &operation.at),
        Op::EverySecond { .. } if !side.is_multiple_of(2) => Err(odd(side, &operation.at)),
        Op::EverySecond { .. } => Ok(side / 2),
        Op::Attention(attention) if !(side * side).is_multiple_of(attention.areas) => {
            Err(undivided(side * side, attention.areas, &operation.at))
        }
        Op::GlobalAverage | Op::Dropout | Op::Linear(_) => Ok(1),
        Op::Activation(_) | Op::Add | Op::Concat | Op::Split(_) | Op::Attention(_) | Op::Scale(_) => Ok(side),
    }
}

fn undivided(positions: usize, areas: usize, at: &str) -> Error {
    Error::new(format!("{positions} positions can't be divided into {areas} areas at {at}"))
        .help("choose an image size that is a multiple of 32")
}

fn odd(side: usize, at: &str) -> Error {
    Error::new(format!("{at} takes every second pixel, and its map has {side} of them in a row"))
        .help("choose an image size that is a multiple of 32")
}
