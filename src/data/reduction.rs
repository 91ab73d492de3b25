//! Images that are made smaller before anything else is done to them: a JPEG as it is decoded.

use image::RgbImage;

use super::resample::Part;

/// How often an image's sides are halved: not at all, or up to three times.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reduction(u32);

/// What is needed of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Needed {
    /// How much smaller than in its file.
    pub reduction: Reduction,
    /// Which part of it then: of the rest nothing is said.
    pub part: Part,
}

impl Reduction {
    /// The image as it is.
    pub const NONE: Self = Self(0);
    /// An eighth of each side: what a JPEG's blocks have one pixel for.
    const MOST: u32 = 3;

    /// The strongest one that leaves an image of this width and height at least `least` pixels of its shorter side.
    pub fn keeping(least: f64, (width, height): (u32, u32)) -> Self {
        let shorter = f64::from(width.min(height));
        let halvings = (1..=Self::MOST).take_while(|halvings| shorter / f64::from(1 << halvings) >= least);
        Self(halvings.last().unwrap_or(0))
    }

    /// Of so many along each side: 1, 2, 4 or 8.
    #[cfg(test)]
    pub(super) fn by(factor: u32) -> Self {
        Self(factor.trailing_zeros())
    }

    /// Along each side so many pixels become one.
    pub fn factor(self) -> u32 {
        1 << self.0
    }

    /// Width and height that an image of these has afterwards.
    pub fn size(self, (width, height): (u32, u32)) -> (u32, u32) {
        (width.div_ceil(self.factor()), height.div_ceil(self.factor()))
    }

    /// The image reduced: each pixel is the mean of those in its place, rounded.
    pub fn of(self, image: RgbImage) -> RgbImage {
        if self == Self::NONE {
            return image;
        }
        let size = self.size(image.dimensions());
        let factor = self.factor() as usize;
        let mut means = Vec::with_capacity(3 * size.0 as usize * size.1 as usize);
        for rows in image.chunks(factor * 3 * image.width() as usize) {
            mean_row(rows, image.width() as usize, factor, &mut means);
        }
        RgbImage::from_raw(size.0, size.1, means).expect("a mean for each of its pixels")
    }
}

/// Appends one row of means of `rows` of `width` pixels.
fn mean_row(rows: &[u8], width: usize, factor: usize, means: &mut Vec<u8>) {
    let mut sums = vec![[0_u32; 3]; width.div_ceil(factor)];
    for row in rows.chunks_exact(3 * width) {
        for (sum, pixels) in sums.iter_mut().zip(row.chunks(3 * factor)) {
            for pixel in pixels.as_chunks::<3>().0 {
                (0..3).for_each(|color| sum[color] += u32::from(pixel[color]));
            }
        }
    }
    let height = rows.len() / (3 * width);
    for (place, sum) in sums.into_iter().enumerate() {
        // The last one may have fewer.
        let count = (height * factor.min(width - place * factor)) as u32;
        means.extend(sum.map(|sum| ((sum + count / 2) / count) as u8));
    }
}

impl Needed {
    /// All of an image of this width and height, as it is.
    pub fn all(image: (u32, u32)) -> Self {
        Self { reduction: Reduction::NONE, part: Part::all(image) }
    }

    /// All of the reduced image, which has this width and height in its file.
    #[must_use]
    pub fn whole(self, image: (u32, u32)) -> Self {
        Self { part: Part::all(self.reduction.size(image)), ..self }
    }
}

#[cfg(test)]
mod tests {
    use image::Rgb;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_shorter_side_stays_long_enough() {
        let factor = |least, image| Reduction::keeping(least, image).factor();
        assert_eq!(factor(448.0, (2000, 1500)), 2);
        assert_eq!(factor(375.0, (1500, 2000)), 4);
        assert_eq!(factor(375.1, (1500, 2000)), 2);
        assert_eq!(factor(64.0, (40_000, 30_000)), 8);
        assert_eq!(factor(64.0, (40, 30)), 1);
    }

    #[test]
    fn pixels_become_their_mean_and_those_at_the_edge_that_of_fewer() {
        let image = RgbImage::from_fn(3, 3, |x, y| Rgb([(10 * x) as u8, (100 * y) as u8, 7]));
        let reduced = Reduction::by(2).of(image.clone());
        let pixels: Vec<[u8; 3]> = reduced.pixels().map(|pixel| pixel.0).collect();
        assert_eq!(pixels, [[5, 50, 7], [20, 50, 7], [5, 200, 7], [20, 200, 7]]);
        assert_eq!(Reduction::NONE.of(image.clone()), image);
    }

    proptest! {
        #[test]
        fn one_colour_stays(width in 1_u32..30, height in 1_u32..30, factor in prop::sample::select(vec![1, 2, 4, 8]), color: [u8; 3]) {
            let reduced = Reduction::by(factor).of(RgbImage::from_pixel(width, height, Rgb(color)));
            prop_assert_eq!(reduced.dimensions(), Reduction::by(factor).size((width, height)));
            prop_assert!(reduced.pixels().all(|pixel| pixel.0 == color));
        }
    }
}
