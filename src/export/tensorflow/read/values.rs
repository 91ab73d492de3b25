//! What nodes give. Some say only half of what an operator is: the node after them says the rest.

use std::collections::BTreeMap;

use super::super::Tensor;
use crate::{
    arch::Window,
    error::{Error, Result},
    export::{channels_last::Seen, lowered::ConstantId},
};

/// What a node gives.
pub(super) enum Value {
    /// Tensors of the network.
    Tensors(Vec<Seen>),
    /// Numbers that are known beforehand.
    Constant(Tensor),
    /// The sigmoid of a tensor: what is multiplied by its own becomes a SiLU.
    Gate(Seen),
    /// A map with so many rows and columns of numbers around it.
    Padded(Seen, usize, Outside),
    /// A convolution, or a linear layer if there is no window, without its bias.
    Product(Seen, ConstantId, Option<Window>),
}

/// What is around a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outside {
    /// Zeros.
    Zeros,
    /// The lowest number.
    Lowest,
}

/// What was made before, by its name.
#[derive(Default)]
pub(super) struct Values(BTreeMap<String, Value>);

impl Values {
    /// Says what a name stands for.
    pub(super) fn name(&mut self, name: String, value: Value) -> Result<()> {
        match self.0.insert(name.clone(), value) {
            Some(_) => Err(Error::new(format!("two nodes are called {name}"))),
            None => Ok(()),
        }
    }

    /// What this name stands for, if for anything.
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// The tensor of this name, e.g. `a` or `a:1`.
    pub(super) fn tensor(&self, name: &str) -> Result<Seen> {
        let (node, place) = name.split_once(':').unwrap_or((name, "0"));
        let seen = match (self.0.get(node), place.parse::<usize>()) {
            (Some(Value::Tensors(tensors)), Ok(place)) => tensors.get(place).copied(),
            _ => None,
        };
        seen.ok_or_else(|| Error::new(format!("no tensor that is called {name:?} was made before")))
    }

    /// Takes the numbers of this name: each is used once.
    pub(super) fn constant(&mut self, name: &str) -> Result<Tensor> {
        match self.0.remove(name) {
            Some(Value::Constant(tensor)) => Ok(tensor),
            _ => Err(Error::new(format!("{name:?} is not known beforehand, or is used twice"))),
        }
    }
}
