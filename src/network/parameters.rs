//! A network's parameters as one vector.

use std::{ops::Range, sync::Arc};

use burn::tensor::{Device, Tensor, TensorData};

use super::{
    Values,
    layout::{Layout, Slot},
    order::Order,
};
use crate::weights::{Array, Weights};

/// How much of a batch's statistics enters the running ones, PyTorch's default.
const MOMENTUM: f64 = 0.1;

/// All parameters of a network, running statistics included, in one vector without gradients. Cheap to clone: the
/// numbers are shared.
#[derive(Debug, Clone)]
pub struct Parameters {
    /// Which parameter lies where in the vector of values.
    pub layout: Arc<Layout>,
    /// The numbers of all parameters, those of kernels in the device's [`Order`]: `[layout.count()]`.
    pub values: Tensor<1>,
}

impl Parameters {
    /// The parameters of `weights` on a device, laid out so.
    ///
    /// # Panics
    /// If one is missing or has another shape.
    pub fn from_weights(layout: Arc<Layout>, weights: &Weights, device: &Device) -> Self {
        let order = Order::of(device);
        let mut values = Vec::with_capacity(layout.count());
        for Slot { name, shape, .. } in layout.slots() {
            let array = &weights[name];
            assert_eq!(array.shape, *shape, "{name}");
            values.extend(order.kept(shape, &array.data));
        }
        Self { layout, values: to_tensor(values, device) }
    }

    /// The same numbers by name, off the device.
    pub fn to_weights(&self) -> Weights {
        let (order, values) = (Order::of(&self.values.device()), to_vec(self.values.clone()));
        let array = |slot: &Slot| {
            let data = order.rows(&slot.shape, &values[slot.range()]);
            Array { shape: slot.shape.clone(), data }
        };
        self.layout.slots().iter().map(|slot| (slot.name.clone(), array(slot))).collect()
    }

    /// The numbers of a range, without copying them where the device can.
    pub fn range(&self, range: Range<usize>) -> Tensor<1> {
        self.values.clone().slice(range)
    }

    /// The parameters as leaves of a recorded pass: those that are learnt want gradients.
    ///
    /// Each is cut out before it is recorded: the gradient of a part of a recorded vector would be as long as that.
    pub fn leaves(&self) -> Values {
        let learnt = self.layout.learnt();
        let leaf = |slot: &Slot| {
            let leaf = Tensor::from_inner(self.range(slot.range()));
            (slot.name.clone(), if learnt.contains(&slot.offset) { leaf.require_grad() } else { leaf })
        };
        self.layout.slots().iter().map(leaf).collect()
    }

    /// The same on another device, for which kernels have the same [`Order`].
    #[must_use]
    pub fn on(&self, device: &Device) -> Self {
        Self { layout: self.layout.clone(), values: self.values.clone().to_device(device) }
    }

    /// Moves the running statistics by what norms saw of a batch: 0.9 of the old, 0.1 of the new.
    pub fn follow(&mut self, seen: Tensor<1>) {
        let range = self.layout.statistics();
        if !range.is_empty() {
            let old = self.range(range.clone());
            let new = old.mul_scalar(1.0 - MOMENTUM) + seen.mul_scalar(MOMENTUM);
            self.values = taken(&mut self.values).slice_assign(range, new);
        }
    }
}

/// A vector that is about to be replaced: nobody holds it any more, so that it may be written to in place.
pub fn taken(vector: &mut Tensor<1>) -> Tensor<1> {
    let device = vector.device();
    std::mem::replace(vector, Tensor::empty([0], &device))
}

/// The numbers of `weights` as a network takes them, those of kernels in the device's [`Order`].
pub fn values(weights: &Weights, device: &Device) -> Values {
    let order = Order::of(device);
    let tensor = |array: &Array| to_tensor(order.kept(&array.shape, &array.data), device);
    weights.iter().map(|(name, array)| (name.clone(), tensor(array))).collect()
}

/// A vector of these numbers.
pub(super) fn to_tensor(numbers: Vec<f32>, device: &Device) -> Tensor<1> {
    let count = numbers.len();
    Tensor::from_data(TensorData::new(numbers, [count]), device)
}

/// A tensor's numbers, row-major.
pub fn to_vec<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().convert::<f32>().try_into_vec().expect("converted to f32")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn weights_come_back_as_they_went_in_and_leaves_show_them() {
        let array = |shape: &[usize], data: &[f32]| Array { shape: shape.to_vec(), data: data.to_vec() };
        let weights = Weights::from([
            ("a.bias".to_owned(), array(&[2], &[5.0, 6.0])),
            ("a.weight".to_owned(), array(&[2, 2], &[1.0, 2.0, 3.0, 4.0])),
            ("b.running_mean".to_owned(), array(&[1], &[7.0])),
        ]);
        let shapes = weights.iter().map(|(name, array)| (name.clone(), array.shape.clone())).collect();
        let layout = Arc::new(Layout::new(&shapes, BTreeSet::new()));
        let mut parameters = Parameters::from_weights(layout.clone(), &weights, &Device::flex());
        assert_eq!(to_vec(parameters.values.clone()), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]);
        assert_eq!(parameters.to_weights(), weights);
        for (name, leaf) in parameters.leaves() {
            assert_eq!(leaf.is_require_grad(), name != "b.running_mean");
            assert_eq!(to_vec(leaf.inner()), weights[&name].data);
        }
        parameters.follow(Tensor::from_floats([17.0], &Device::flex()));
        assert_eq!(to_vec(parameters.range(5..7)), [6.0, 8.0]);
    }
}
