//! Names and shapes of a network's parameters, without making the network.

use std::collections::BTreeMap;

use super::{
    Role,
    arch::{Arch, Window},
    walk::{Attention, Convolution, Operations, walk},
};
use crate::error::Result;

/// Shapes by name, e.g. `model.0.conv.weight`: `[16, 3, 3, 3]`.
pub type Shapes = BTreeMap<String, Vec<usize>>;

/// Names and shapes of all parameters of `arch`'s network, running statistics included.
pub fn shapes(arch: &Arch) -> Shapes {
    of(arch, false)
}

/// The same after every norm was folded into the convolution before it.
pub fn folded(arch: &Arch) -> Shapes {
    of(arch, true)
}

/// How many numbers the network learns.
pub fn learnt(arch: &Arch) -> u64 {
    count(&shapes(arch))
}

/// How many numbers of these are learnt.
pub fn count(shapes: &Shapes) -> u64 {
    let learnt = shapes.iter().filter(|(name, shape)| Role::of(name, shape.len()) != Role::Statistic);
    let sizes = learnt.map(|(_, shape)| shape.iter().fold(1_u64, |n, side| n.saturating_mul(*side as u64)));
    sizes.fold(0, u64::saturating_add)
}

fn of(arch: &Arch, folded: bool) -> Shapes {
    let mut collect = Collect { folded, found: Shapes::new() };
    walk(&mut collect, arch, ()).expect("nothing can fail without an image");
    collect.found
}

struct Collect {
    folded: bool,
    found: Shapes,
}

impl Collect {
    fn insert(&mut self, module: &str, name: &str, shape: &[usize]) {
        self.found.insert(format!("{module}.{name}"), shape.to_vec());
    }
}

impl Operations for Collect {
    type Map = ();

    fn conv(&mut self, conv: &Convolution, (): &()) -> Result<()> {
        let Window { kernel, groups, .. } = conv.window;
        self.insert(&conv.conv, "weight", &[conv.c2, conv.c1 / groups, kernel, kernel]);
        if self.folded {
            self.insert(&conv.conv, "bias", &[conv.c2]);
        } else {
            for part in ["weight", "bias", "running_mean", "running_var"] {
                self.insert(&conv.norm, part, &[conv.c2]);
            }
        }
        Ok(())
    }

    fn add(&mut self, _: &str, (): &(), (): &()) {}

    fn concat(&mut self, _: &str, _: &[()]) {}

    fn halves(&mut self, _: &str, (): &()) -> [(); 2] {
        [(), ()]
    }

    fn attend(&mut self, _: &str, (): &(), _: Attention) -> Result<[(); 2]> {
        Ok([(), ()])
    }

    fn scale(&mut self, at: &str, (): &(), channels: usize) -> Result<()> {
        self.insert(at, "gamma", &[channels]);
        Ok(())
    }

    fn relu(&mut self, _: &str, (): &()) {}

    fn max_pool(&mut self, _: &str, (): &(), _: Window) -> Result<()> {
        Ok(())
    }

    fn classify(&mut self, at: &str, (): &(), channels: usize, classes: usize) -> Result<()> {
        self.insert(at, "linear.weight", &[classes, channels]);
        self.insert(at, "linear.bias", &[classes]);
        Ok(())
    }
}
