//! Resampling along one axis: with vectors where the processor has them, otherwise one pixel after the other. Both
//! give the same bytes.

use image::RgbImage;

use super::{
    view::View,
    weights::{BITS, HALF, Weights},
};

/// New columns, made of the old ones.
pub(super) fn horizontal(view: View, columns: &Weights) -> RgbImage {
    let mut image = RgbImage::new(columns.len() as u32, view.size().1);
    #[cfg(target_arch = "x86_64")]
    if super::pass_vectors::horizontal(view, columns, &mut image) {
        return image;
    }
    plain_horizontal(view, columns, &mut image);
    image
}

/// New rows, made of the old ones.
pub(super) fn vertical(view: View, rows: &Weights) -> RgbImage {
    let mut image = RgbImage::new(view.size().0, rows.len() as u32);
    #[cfg(target_arch = "x86_64")]
    if super::pass_vectors::vertical(view, rows, &mut image) {
        return image;
    }
    plain_vertical(view, rows, &mut image);
    image
}

pub(super) fn plain_horizontal(view: View, columns: &Weights, out: &mut RgbImage) {
    for (y, new) in out.chunks_exact_mut(3 * columns.len()).enumerate() {
        let old = view.row(y);
        for (new, (low, weights)) in new.as_chunks_mut::<3>().0.iter_mut().zip(columns.iter()) {
            *new = weighted_pixel(&old[3 * low..], weights);
        }
    }
}

fn weighted_pixel(old: &[u8], weights: &[i32]) -> [u8; 3] {
    let mut sum = [HALF; 3];
    for (old, weight) in old.as_chunks::<3>().0.iter().zip(weights) {
        for channel in 0..3 {
            sum[channel] += i32::from(old[channel]) * weight;
        }
    }
    sum.map(pixel)
}

pub(super) fn plain_vertical(view: View, rows: &Weights, out: &mut RgbImage) {
    let mut sums = vec![HALF; view.row_len()];
    for (new, (low, weights)) in out.chunks_exact_mut(view.row_len()).zip(rows.iter()) {
        sums.fill(HALF);
        for (y, weight) in (low..).zip(weights) {
            for (sum, old) in sums.iter_mut().zip(view.row(y)) {
                *sum += i32::from(*old) * weight;
            }
        }
        for (new, sum) in new.iter_mut().zip(&sums) {
            *new = pixel(*sum);
        }
    }
}

/// A fixed-point sum as a pixel.
fn pixel(sum: i32) -> u8 {
    (sum >> BITS).clamp(0, 255) as u8
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::data::resample::{Interpolation, Part};

    /// Each byte with a value of its own.
    fn noise(width: u32, height: u32) -> RgbImage {
        let mut random = crate::random::Random::new("noise", &[width.into(), height.into()]);
        RgbImage::from_fn(width, height, |_, _| image::Rgb([(); 3].map(|()| random.below(256) as u8)))
    }

    proptest! {
        /// From far apart to far together, at the edges of the image and inside of it.
        #[test]
        fn vectors_give_the_bytes_of_plain_code(
            old in (1_u32..90, 1_u32..40), (left, top) in (0_u32..9, 0_u32..9), right in 0_u32..9,
            new in prop_oneof![1_u32..12, 1_u32..200], cubic: bool,
        ) {
            let how = if cubic { Interpolation::Bicubic } else { Interpolation::Bilinear };
            let image = noise(left + old.0 + right, top + old.1);
            let view = View::of(&image).part(Part { left, top, width: old.0, height: old.1 });
            let columns = Weights::new(old.0, new, 0..new, how);
            let mut plain = RgbImage::new(new, old.1);
            plain_horizontal(view, &columns, &mut plain);
            prop_assert!(horizontal(view, &columns) == plain);
            let rows = Weights::new(old.1, new, 0..new, how);
            let mut plain = RgbImage::new(old.0, new);
            plain_vertical(view, &rows, &mut plain);
            prop_assert!(vertical(view, &rows) == plain);
        }
    }
}
