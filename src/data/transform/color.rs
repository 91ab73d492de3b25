//! Pixel arithmetic as Pillow does it on 8-bit RGB: blends, tables, histograms.

use image::RgbImage;
use pulp::NullaryFnOnce;

use super::grayscale::luma;

/// `degenerate + factor * (image - degenerate)` in float32, cut (not rounded) to 8 bits.
///
/// A factor of 1 is the image, 0 the degenerate one, above 1 goes away from it.
#[inline(always)]
pub(super) fn blend(degenerate: u8, value: u8, factor: f32) -> u8 {
    let (low, high) = (i32::from(degenerate), i32::from(value));
    (low as f32 + factor * (high - low) as f32) as u8
}

/// Multiplies values: away from black with a `factor` above 1, towards it below.
pub(super) fn brightness(mut image: RgbImage, factor: f32) -> RgbImage {
    let table = table(|value| blend(0, value, factor));
    look_up(&mut image, &[table; 3]);
    image
}

/// Away from the mean grey of the whole image with a `factor` above 1, towards it below.
pub(super) fn contrast(mut image: RgbImage, factor: f32) -> RgbImage {
    let sum: u64 = image.pixels().map(|pixel| u64::from(luma(pixel.0))).sum();
    let count = u64::from(image.width()) * u64::from(image.height());
    let mean = (sum as f64 / count.max(1) as f64 + 0.5) as u8;
    let table = table(|value| blend(mean, value, factor));
    look_up(&mut image, &[table; 3]);
    image
}

/// Away from the image in grey with a `factor` above 1, towards it below.
pub(super) fn saturation(mut image: RgbImage, factor: f32) -> RgbImage {
    pulp::Arch::new().dispatch(Saturation { pixels: image.as_chunks_mut::<3>().0, factor });
    image
}

struct Saturation<'a> {
    pixels: &'a mut [[u8; 3]],
    factor: f32,
}

impl NullaryFnOnce for Saturation<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        for pixel in self.pixels {
            let grey = luma(*pixel);
            let [red, green, blue] = *pixel;
            *pixel = [
                blend(grey, red, self.factor),
                blend(grey, green, self.factor),
                blend(grey, blue, self.factor),
            ];
        }
    }
}

/// Away from a smoothed image with a `factor` above 1, towards it below. It is smoothed by 3 x 3 pixels with the weight
/// 5 in the middle, and its border is kept.
pub(super) fn sharpness(image: RgbImage, factor: f32) -> RgbImage {
    let mut sharp = image.clone();
    pulp::Arch::new().dispatch(Sharpness { image: &image, factor, sharp: &mut sharp });
    sharp
}

struct Sharpness<'a> {
    image: &'a RgbImage,
    factor: f32,
    sharp: &'a mut RgbImage,
}

impl NullaryFnOnce for Sharpness<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let stride = 3 * self.image.width() as usize;
        // On the border, where there is no smoothing, the blend of a pixel with itself is the pixel.
        if stride <= 6 {
            return;
        }
        for (y, new) in self.sharp.chunks_exact_mut(stride).enumerate().skip(1) {
            if let Some(rows) = self.image.get((y - 1) * stride..(y + 2) * stride) {
                sharper(rows, stride, self.factor, &mut new[3..stride - 3]);
            }
        }
    }
}

/// The inner bytes of a row of `stride`, of it and the rows above and below.
#[inline(always)]
fn sharper(rows: &[u8], stride: usize, factor: f32, new: &mut [u8]) {
    let inner = new.len();
    let neighbours = |row: usize, column: usize| &rows[row * stride + 3 * column..][..inner];
    let [above, here, below] = [0, 1, 2].map(|row| [0, 1, 2].map(|column| neighbours(row, column)));
    for i in 0..inner {
        let sum = |row: [&[u8]; 3]| u16::from(row[0][i]) + u16::from(row[1][i]) + u16::from(row[2][i]);
        let sum = sum(above) + sum(here) + sum(below) + 4 * u16::from(here[1][i]);
        new[i] = blend(((2 * sum + 13) / 26) as u8, here[1][i], factor);
    }
}

/// Keeps the `bits` highest bits.
pub(super) fn posterize(mut image: RgbImage, bits: u32) -> RgbImage {
    let mask = !(0xFF_u32 >> bits) as u8;
    image.iter_mut().for_each(|value| *value &= mask);
    image
}

/// Inverts values that are not below `threshold`.
pub(super) fn solarize(mut image: RgbImage, threshold: f64) -> RgbImage {
    let table = table(|value| if f64::from(value) < threshold { value } else { 255 - value });
    look_up(&mut image, &[table; 3]);
    image
}

/// Makes each value `255 - value`.
pub(super) fn invert(mut image: RgbImage) -> RgbImage {
    image.iter_mut().for_each(|value| *value = 255 - *value);
    image
}

/// Stretches each channel so that its darkest value is 0 and its brightest 255.
pub(super) fn auto_contrast(mut image: RgbImage) -> RgbImage {
    let tables = histograms(&image).map(|histogram| stretch(&histogram));
    look_up(&mut image, &tables);
    image
}

fn stretch(histogram: &[u32; 256]) -> [u8; 256] {
    let low = histogram.iter().position(|count| *count > 0).unwrap_or(0);
    let high = histogram.iter().rposition(|count| *count > 0).unwrap_or(0);
    if high <= low {
        return table(|value| value);
    }
    let scale = 255.0 / (high - low) as f64;
    let offset = -(low as f64) * scale;
    table(|value| (f64::from(value) * scale + offset) as u8)
}

/// Makes each channel's values about equally frequent.
pub(super) fn equalize(mut image: RgbImage) -> RgbImage {
    let tables = histograms(&image).map(|histogram| flatten(&histogram));
    look_up(&mut image, &tables);
    image
}

fn flatten(histogram: &[u32; 256]) -> [u8; 256] {
    let last = histogram.iter().rev().find(|count| **count > 0).copied().unwrap_or(0);
    let step = (histogram.iter().sum::<u32>() - last) / 255;
    if step == 0 {
        return table(|value| value);
    }
    let mut seen = step / 2;
    let mut flat = [0; 256];
    for (new, count) in flat.iter_mut().zip(histogram) {
        *new = (seen / step).min(255) as u8;
        seen += count;
    }
    flat
}

/// Turns the hue by `shift` 256ths of the circle, through Pillow's 8-bit HSV.
pub(super) fn shift_hue(mut image: RgbImage, shift: u8) -> RgbImage {
    for pixel in image.pixels_mut() {
        let [hue, saturation, value] = to_hsv(pixel.0);
        pixel.0 = to_rgb([hue.wrapping_add(shift), saturation, value]);
    }
    image
}

fn to_hsv([r, g, b]: [u8; 3]) -> [u8; 3] {
    let (high, low) = (r.max(g).max(b), r.min(g).min(b));
    if high == low {
        return [0, 0, high];
    }
    let range = f32::from(high - low);
    let saturation = range / f32::from(high);
    let part = |value: u8| f32::from(high - value) / range;
    let sixth = if r == high {
        part(b) - part(g)
    } else if g == high {
        (2.0 + f64::from(part(r)) - f64::from(part(b))) as f32
    } else {
        (4.0 + f64::from(part(g)) - f64::from(part(r))) as f32
    };
    let hue = ((f64::from(sixth) / 6.0 + 1.0) % 1.0) as f32;
    [(f64::from(hue) * 255.0) as u8, (f64::from(saturation) * 255.0) as u8, high]
}

fn to_rgb([hue, saturation, value]: [u8; 3]) -> [u8; 3] {
    if saturation == 0 {
        return [value; 3];
    }
    let fraction = (f64::from(saturation) / 255.0) as f32;
    let sixth = (f64::from(hue) * 6.0 / 255.0) as f32;
    let rest = sixth - sixth.floor();
    let scaled = |factor: f64| (f64::from(value) * factor).round() as u8;
    let p = scaled(1.0 - f64::from(fraction));
    let q = scaled(1.0 - f64::from(fraction * rest));
    let t = scaled(1.0 - f64::from(fraction) * (1.0 - f64::from(rest)));
    match sixth.floor() as u8 % 6 {
        0 => [value, t, p],
        1 => [q, value, p],
        2 => [p, value, t],
        3 => [p, q, value],
        4 => [t, p, value],
        _ => [value, p, q],
    }
}

fn table(new: impl Fn(u8) -> u8) -> [u8; 256] {
    std::array::from_fn(|value| new(value as u8))
}

fn look_up(image: &mut RgbImage, tables: &[[u8; 256]; 3]) {
    for pixel in image.pixels_mut() {
        pixel.0 = std::array::from_fn(|channel| tables[channel][usize::from(pixel.0[channel])]);
    }
}

fn histograms(image: &RgbImage) -> [[u32; 256]; 3] {
    let mut histograms = [[0; 256]; 3];
    for pixel in image.pixels() {
        for (histogram, value) in histograms.iter_mut().zip(pixel.0) {
            histogram[usize::from(value)] += 1;
        }
    }
    histograms
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::data::decode::decode;

    fn fixture(name: &str) -> RgbImage {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/images/pillow");
        decode(&folder.join(format!("{name}.png"))).unwrap()
    }

    #[test]
    fn the_mean_grey_is_rounded() {
        let two = RgbImage::from_fn(2, 1, |x, _| image::Rgb([10 + x as u8; 3]));
        assert!(contrast(two, 0.0).iter().all(|value| *value == 11));
    }

    #[test]
    fn grey_and_hue_are_pillows() {
        assert!(saturation(fixture("part"), 0.0) == fixture("grey"));
        assert!(shift_hue(fixture("part"), 76) == fixture("hue"));
        assert!(shift_hue(fixture("part"), -3_i8 as u8) == fixture("hue_back"));
    }

    #[test]
    fn a_blend_is_cut_and_clipped() {
        assert_eq!(blend(0, 255, 1.27), 255);
        assert_eq!(blend(200, 100, 2.5), 0);
        assert_eq!(blend(0, 3, 0.5), 1);
    }

    #[test]
    fn flat_channels_stay_as_they_are() {
        let image = RgbImage::from_pixel(40, 40, image::Rgb([9, 99, 199]));
        assert_eq!(auto_contrast(image.clone()), image);
        assert_eq!(equalize(image.clone()), image);
    }

    /// Worked by Pillow's formula.
    #[test]
    fn hues_of_every_sixth_of_the_circle_are_pillows() {
        for (rgb, hsv, back) in [
            ([200, 60, 10], [11, 242, 200], [200, 59, 10]),
            ([60, 200, 10], [73, 242, 200], [64, 200, 10]),
            ([10, 200, 60], [96, 242, 200], [10, 200, 59]),
            ([10, 60, 200], [158, 242, 200], [10, 64, 200]),
            ([60, 10, 200], [181, 242, 200], [59, 10, 200]),
            ([200, 10, 60], [243, 242, 200], [200, 10, 64]),
        ] {
            assert_eq!((to_hsv(rgb), to_rgb(hsv)), (hsv, back), "{rgb:?}");
        }
    }
}
