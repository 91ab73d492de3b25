//! Convolution of groups of channels that see only themselves.

use super::{
    Array, Window, array,
    channels::{joined, parted},
    conv::Dense,
};

/// A convolution that is one of its own for each group.
#[derive(Debug, Clone, Copy)]
pub(super) struct Grouped {
    /// The window of all groups together.
    window: Window,
    groups: usize,
    /// That of one group.
    dense: Dense,
}

impl Grouped {
    pub(super) fn new(window: Window, groups: usize) -> Self {
        let part = Window { c1: window.c1 / groups, c2: window.c2 / groups, ..window };
        Self { window, groups, dense: Dense::new(part) }
    }

    /// Each image by itself, as [`Dense::one_by_one`].
    pub(super) fn one_by_one(self) -> Self {
        Self { dense: self.dense.one_by_one(), ..self }
    }

    /// The convolution; `finish` gets every output plane with its channel.
    pub(super) fn forward(
        &self,
        x: &Array,
        weight: &Array,
        finish: impl Fn(usize, &mut [f32]) + Sync,
    ) -> Array {
        let each = self.window.c2 / self.groups;
        let parts = parted(x, &self.of_each(self.window.c1)).into_iter().zip(self.weights(weight));
        let outs = parts.enumerate().map(|(group, (x, weight))| {
            self.dense.forward(x, weight, |channel, plane| finish(group * each + channel, plane))
        });
        joined(&outs.collect::<Vec<_>>())
    }

    /// Gradient of the images, given that of the output.
    pub(super) fn x_gradient(&self, weight: &Array, gradient: &Array) -> Array {
        let gradients = parted(gradient, &self.of_each(self.window.c2)).into_iter();
        let parts = gradients.zip(self.weights(weight));
        let parts: Vec<Array> =
            parts.map(|(gradient, weight)| self.dense.x_gradient(weight, gradient)).collect();
        joined(&parts)
    }

    /// Gradient of the weight, given that of the output.
    pub(super) fn weight_gradient(&self, x: &Array, gradient: &Array) -> Array {
        let Window { c1, c2, kernel, .. } = self.window;
        let parts = parted(x, &self.of_each(c1)).into_iter().zip(parted(gradient, &self.of_each(c2)));
        let parts = parts.map(|(x, gradient)| self.dense.weight_gradient(x, gradient));
        let numbers = parts.flat_map(|part| part.storage::<f32>().to_vec()).collect();
        array(numbers, vec![c2, c1 / self.groups, kernel, kernel])
    }

    fn of_each(&self, channels: usize) -> Vec<usize> {
        vec![channels / self.groups; self.groups]
    }

    /// The weight of each group.
    fn weights(&self, weight: &Array) -> Vec<Array> {
        let Window { c1, c2, kernel, .. } = self.window;
        let shape = [c2 / self.groups, c1 / self.groups, kernel, kernel];
        let parts = weight.storage::<f32>().chunks_exact(shape.iter().product());
        parts.map(|part| array(part.to_vec(), shape.to_vec())).collect()
    }
}
