//! A network's parameters as one vector.

use std::{ops::Range, sync::Arc};

use burn::tensor::{Device, Tensor, TensorData};

use super::{
    layout::{Layout, Slot},
    parameters::to_vec,
};
use crate::weights::{Array, Weights};

/// All parameters of a network, running statistics included, in one vector without gradients. Cheap to clone: the
/// numbers are shared.
#[derive(Debug, Clone)]
pub struct FlatParameters {
    /// What lies where.
    pub layout: Arc<Layout>,
    /// `[layout.count()]`.
    pub values: Tensor<1>,
}

impl FlatParameters {
    /// The parameters of `weights` on a device, laid out so.
    ///
    /// # Panics
    /// If one is missing or has another shape.
    pub fn from_weights(layout: Arc<Layout>, weights: &Weights, device: &Device) -> Self {
        let mut values = Vec::with_capacity(layout.count());
        for Slot { name, shape, .. } in layout.slots() {
            let array = &weights[name];
            assert_eq!(array.shape, *shape, "{name}");
            values.extend_from_slice(&array.data);
        }
        let count = values.len();
        Self { layout, values: Tensor::from_data(TensorData::new(values, [count]), device) }
    }

    /// The same numbers by name, off the device.
    pub fn to_weights(&self) -> Weights {
        let values = to_vec(self.values.clone());
        let array = |slot: &Slot| Array { shape: slot.shape.clone(), data: values[slot.range()].to_vec() };
        self.layout.slots().iter().map(|slot| (slot.name.clone(), array(slot))).collect()
    }

    /// The numbers of a range, without copying them where the device can.
    pub fn range(&self, range: Range<usize>) -> Tensor<1> {
        self.values.clone().slice(range)
    }

    /// Replaces the running statistics that follow the batches.
    pub fn set_statistics(&mut self, statistics: Tensor<1>) {
        let range = self.layout.statistics();
        if !range.is_empty() {
            let values = std::mem::replace(&mut self.values, Tensor::empty([0], &statistics.device()));
            self.values = values.slice_assign(range, statistics);
        }
    }

    /// A parameter's numbers in its shape.
    pub fn view<const D: usize>(&self, slot: &Slot) -> Tensor<D> {
        let shape: [usize; D] = slot.shape.clone().try_into().expect("a slot's rank is known to who asks");
        self.range(slot.range()).reshape(shape)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_come_back_as_they_went_in_and_views_show_them() {
        let array = |shape: &[usize], data: &[f32]| Array { shape: shape.to_vec(), data: data.to_vec() };
        let weights = Weights::from([
            ("a.bias".to_owned(), array(&[2], &[5.0, 6.0])),
            ("a.weight".to_owned(), array(&[2, 2], &[1.0, 2.0, 3.0, 4.0])),
            ("b.running_mean".to_owned(), array(&[1], &[7.0])),
        ]);
        let shapes = weights.iter().map(|(name, array)| (name.clone(), array.shape.clone())).collect();
        let layout = Arc::new(Layout::new(&shapes, &Default::default()));
        let flat = FlatParameters::from_weights(layout.clone(), &weights, &Device::flex());
        assert_eq!(to_vec(flat.values.clone()), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]);
        assert_eq!(flat.to_weights(), weights);
        assert_eq!(to_vec(flat.view::<2>(&layout.slots()[0]).transpose()), [1.0, 3.0, 2.0, 4.0]);
        assert_eq!(to_vec(flat.range(layout.statistics())), [7.0]);
    }
}
