//! Names and shapes of a network's parameters, without making the network.

use std::collections::BTreeMap;

use super::{
    Arch, Role, Window,
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Section 1.5 of the reference page counts `num_batches_tracked` too, one for each norm.
    #[test]
    fn networks_have_as_many_parameters_as_the_references() {
        let counts = [
            ("yolo11n-cls", 236),
            ("yolo11m-cls", 296),
            ("yolo26x-cls", 494),
            ("yolov8s-cls", 158),
            ("yolov8m-cls", 230),
            ("yolov8x-cls", 302),
            ("yolo12n-cls", 350),
            ("yolo12m-cls", 410),
            ("yolo12l-cls", 736),
            ("yolov8-cls-resnet50", 326),
            ("yolov8-cls-resnet101", 632),
        ];
        for (name, wanted) in counts {
            let shapes = shapes(&Arch::built_in(name, 10).unwrap());
            let norms = shapes.keys().filter(|name| name.ends_with("running_mean")).count();
            assert_eq!(shapes.len() + norms, wanted, "{name}");
        }
    }

    #[test]
    fn torchvisions_names_are_its_own() {
        let shapes = shapes(&Arch::built_in("yolo11-cls-resnet18", 10).unwrap());
        let shape = |name: &str| shapes[&format!("model.0.m.{name}")].as_slice();
        assert_eq!(shape("0.weight"), [64, 3, 7, 7]);
        assert_eq!(shape("1.running_var"), [64]);
        assert_eq!(shape("4.0.conv1.weight"), [64, 64, 3, 3]);
        assert_eq!(shape("5.0.downsample.0.weight"), [128, 64, 1, 1]);
        assert_eq!(shape("7.1.bn2.bias"), [512]);
        assert_eq!(shapes.keys().filter(|name| name.starts_with("model.0.m.")).count(), 20 * 5);
    }
}
