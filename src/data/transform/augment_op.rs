//! The ops that RandAugment, AutoAugment and AugMix draw from, and how strong each is, as in torchvision 0.24.

use image::RgbImage;

use super::{color, geometry};

/// An op on pixels. Its strength is a number of its own unit, given beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AugmentOp {
    /// Leaves the image as it is.
    Identity,
    /// Shifts rows; the strength is the slope.
    ShearX,
    /// Shifts columns; the strength is the slope.
    ShearY,
    /// Moves to the right by so many pixels; a part of one is cut off.
    TranslateX,
    /// Moves down by so many pixels; a part of one is cut off.
    TranslateY,
    /// Turns counter-clockwise by so many degrees.
    Rotate,
    /// Multiplies all values; the strength is the factor less 1.
    Brightness,
    /// Goes away from the grey image; the strength is the factor less 1.
    Color,
    /// Goes away from the mean grey; the strength is the factor less 1.
    Contrast,
    /// Goes away from the smoothed image; the strength is the factor less 1.
    Sharpness,
    /// Keeps so many of the highest bits of each value.
    Posterize,
    /// Inverts the values from this one on.
    Solarize,
    /// Stretches each channel over the whole range; has no strength.
    AutoContrast,
    /// Makes all values of each channel equally frequent; has no strength.
    Equalize,
    /// Makes each value 255 less it; has no strength.
    Invert,
}

impl AugmentOp {
    /// Whether the op has a direction: its strength may be negated.
    pub(super) fn is_signed(self) -> bool {
        matches!(
            self,
            Self::ShearX
                | Self::ShearY
                | Self::TranslateX
                | Self::TranslateY
                | Self::Rotate
                | Self::Brightness
                | Self::Color
                | Self::Contrast
                | Self::Sharpness
        )
    }

    /// `image` after the op; the size stays, and what comes from outside is black.
    pub(super) fn apply(self, image: RgbImage, strength: f64) -> RgbImage {
        let factor = (1.0 + strength) as f32;
        match self {
            Self::Identity => image,
            Self::ShearX => geometry::affine(&image, geometry::shear_x(strength)),
            Self::ShearY => geometry::affine(&image, geometry::shear_y(strength)),
            Self::TranslateX => geometry::affine(&image, geometry::translate(strength.trunc(), 0.0)),
            Self::TranslateY => geometry::affine(&image, geometry::translate(0.0, strength.trunc())),
            Self::Rotate => geometry::affine(&image, geometry::rotate(strength, image.dimensions())),
            Self::Brightness => color::brightness(image, factor),
            Self::Color => color::saturation(image, factor),
            Self::Contrast => color::contrast(image, factor),
            Self::Sharpness => color::sharpness(image, factor),
            Self::Posterize => color::posterize(image, strength as u32),
            Self::Solarize => color::solarize(image, strength),
            Self::AutoContrast => color::auto_contrast(image),
            Self::Equalize => color::equalize(image),
            Self::Invert => color::invert(image),
        }
    }
}

/// How strong the ops of a policy are at each of its magnitudes, from 0 to one less than `bins`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Magnitudes {
    /// How many magnitudes there are.
    pub bins: u32,
    /// The longest translation, as a part of the image's side.
    pub translate: f64,
    /// How many bits `Posterize` keeps at magnitude 0; at the last one, 4 fewer.
    pub bits: u32,
}

impl Magnitudes {
    /// The strength of `op`, not negated, on an image of `size`.
    pub(super) fn strength(&self, op: AugmentOp, magnitude: u32, size: (u32, u32)) -> f64 {
        let last = f64::from(self.bins - 1);
        let part = |most: f64| f64::from(linspace(most as f32, self.bins, magnitude));
        match op {
            AugmentOp::ShearX | AugmentOp::ShearY => part(0.3),
            AugmentOp::TranslateX => part(self.translate * f64::from(size.0)),
            AugmentOp::TranslateY => part(self.translate * f64::from(size.1)),
            AugmentOp::Rotate => part(30.0),
            AugmentOp::Brightness | AugmentOp::Color | AugmentOp::Contrast | AugmentOp::Sharpness => {
                part(0.9)
            }
            AugmentOp::Posterize => {
                f64::from(self.bits) - (f64::from(magnitude) / (last / 4.0)).round_ties_even()
            }
            AugmentOp::Solarize => 255.0 - 255.0 / last * f64::from(magnitude),
            AugmentOp::Identity | AugmentOp::AutoContrast | AugmentOp::Equalize | AugmentOp::Invert => 0.0,
        }
    }
}

/// The number at `place` of `count` numbers from 0 to `end`, to the last digit as torch.linspace has it in
/// float32: counted from the nearer end.
fn linspace(end: f32, count: u32, place: u32) -> f32 {
    let step = end / (count - 1) as f32;
    if place < count / 2 {
        return step * place as f32;
    }
    // One rounding, of an exact difference.
    (f64::from(end) - f64::from(step) * f64::from(count - 1 - place)) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY: [AugmentOp; 15] = [
        AugmentOp::Identity,
        AugmentOp::ShearX,
        AugmentOp::ShearY,
        AugmentOp::TranslateX,
        AugmentOp::TranslateY,
        AugmentOp::Rotate,
        AugmentOp::Brightness,
        AugmentOp::Color,
        AugmentOp::Contrast,
        AugmentOp::Sharpness,
        AugmentOp::Posterize,
        AugmentOp::Solarize,
        AugmentOp::AutoContrast,
        AugmentOp::Equalize,
        AugmentOp::Invert,
    ];

    #[test]
    fn strengths_are_torchvisions() {
        let of = |bins, translate, bits, op, magnitudes: [u32; 4]| {
            magnitudes.map(|magnitude| Magnitudes { bins, translate, bits }.strength(op, magnitude, (64, 48)))
        };
        // RandAugment.
        assert_eq!(of(31, 150.0 / 331.0, 8, AugmentOp::Posterize, [0, 9, 15, 30]), [8.0, 7.0, 6.0, 4.0]);
        assert_eq!(of(31, 150.0 / 331.0, 8, AugmentOp::Solarize, [0, 9, 15, 30]), [255.0, 178.5, 127.5, 0.0]);
        // AutoAugment.
        assert_eq!(of(10, 150.0 / 331.0, 8, AugmentOp::Posterize, [5, 6, 7, 8]), [6.0, 5.0, 5.0, 4.0]);
        // AugMix (docs/reference.md, Random operations).
        let near = |found: [f64; 4], wanted: [f64; 4]| {
            assert!(found.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 1e-4), "{found:?} {wanted:?}");
        };
        near(of(10, 1.0 / 3.0, 4, AugmentOp::Posterize, [0, 1, 2, 9]), [4.0, 4.0, 3.0, 0.0]);
        near(of(10, 1.0 / 3.0, 4, AugmentOp::Solarize, [0, 1, 2, 9]), [255.0, 226.6667, 198.3333, 0.0]);
        near(of(10, 1.0 / 3.0, 4, AugmentOp::ShearX, [0, 1, 2, 9]), [0.0, 0.033_333, 0.066_667, 0.3]);
        near(of(10, 1.0 / 3.0, 4, AugmentOp::Rotate, [0, 1, 2, 9]), [0.0, 3.333_333, 6.666_667, 30.0]);
        near(of(10, 1.0 / 3.0, 4, AugmentOp::TranslateY, [0, 1, 2, 9]), [0.0, 1.777_778, 3.555_556, 16.0]);
        near(of(10, 1.0 / 3.0, 4, AugmentOp::Color, [0, 1, 2, 9]), [0.0, 0.1, 0.2, 0.9]);
    }

    #[test]
    fn no_op_panics_on_one_pixel() {
        let strengths = Magnitudes { bins: 31, translate: 150.0 / 331.0, bits: 8 };
        for op in EVERY {
            for magnitude in [0, 30] {
                let image = RgbImage::from_pixel(1, 1, image::Rgb([3, 200, 90]));
                let strength = -strengths.strength(op, magnitude, (1, 1));
                assert_eq!(op.apply(image, strength).dimensions(), (1, 1));
            }
        }
    }

    #[test]
    fn inverting_twice_changes_nothing() {
        let image = RgbImage::from_fn(9, 9, |x, y| image::Rgb([x as u8 * 28, y as u8 * 28, 7]));
        let once = AugmentOp::Invert.apply(image.clone(), 0.0);
        assert_eq!(once.get_pixel(1, 2).0, [227, 199, 248]);
        assert_eq!(AugmentOp::Invert.apply(once, 0.0), image);
    }
}
