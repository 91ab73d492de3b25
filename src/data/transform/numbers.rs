//! From rows of RGB bytes to planes of numbers.

use image::RgbImage;

/// Appends `p / 255` for every byte `p`, color by color: a float32 division, not the product with a reciprocal.
pub(super) fn append_numbers(pixels: &RgbImage, out: &mut Vec<f32>) {
    pulp::Arch::new().dispatch(Append { pixels: pixels.as_chunks::<3>().0, out });
}

struct Append<'a> {
    pixels: &'a [[u8; 3]],
    out: &'a mut Vec<f32>,
}

impl pulp::NullaryFnOnce for Append<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        self.out.reserve(3 * self.pixels.len());
        for color in 0..3 {
            self.out.extend(self.pixels.iter().map(|pixel| f32::from(pixel[color]) / 255.0));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_becomes_its_quotient_behind_what_is_there() {
        let image = RgbImage::from_fn(256, 1, |x, _| image::Rgb([x as u8, 255 - x as u8, 7]));
        let mut out = vec![9.0];
        append_numbers(&image, &mut out);
        let quotients = (0..256).map(|value| value as f32 / 255.0);
        let wanted = quotients.clone().chain(quotients.rev()).chain([7.0 / 255.0; 256]);
        assert_eq!(out, [9.0].into_iter().chain(wanted).collect::<Vec<f32>>());
    }
}
