//! Affine maps with bilinear sampling and black outside, as Pillow does them on 8-bit RGB.

#[cfg(target_arch = "x86_64")]
mod avx2;

use image::RgbImage;

/// Where an output point comes from: `x' = m[0] x + m[1] y + m[2]`, `y' = m[3] x + m[4] y + m[5]`.
pub(super) type Inverse = [f64; 6];

/// Shifts rows: `x' = x + slope * y`.
pub(super) fn shear_x(slope: f64) -> Inverse {
    [1.0, slope, 0.0, 0.0, 1.0, 0.0]
}

/// Shifts columns: `y' = y + slope * x`.
pub(super) fn shear_y(slope: f64) -> Inverse {
    [1.0, 0.0, 0.0, slope, 1.0, 0.0]
}

/// Moves the image right by `x` and down by `y` pixels.
pub(super) fn translate(x: f64, y: f64) -> Inverse {
    [1.0, 0.0, -x, 0.0, 1.0, -y]
}

/// Turns the image about its centre, counter-clockwise, by an angle in degrees. As in Pillow, sine and
/// cosine have fifteen decimals, so that a sine of 30 degrees is a half.
pub(super) fn rotate(degrees: f64, (width, height): (u32, u32)) -> Inverse {
    let angle = -degrees.to_radians();
    let [sin, cos] = [angle.sin(), angle.cos()].map(|value| (value * 1e15).round_ties_even() / 1e15);
    let (x, y) = (f64::from(width) / 2.0, f64::from(height) / 2.0);
    [cos, sin, -cos * x - sin * y + x, -sin, cos, sin * x - cos * y + y]
}

/// `image` under an affine map; the size stays.
pub(super) fn affine(image: &RgbImage, map: Inverse) -> RgbImage {
    let mut out = RgbImage::new(image.width(), image.height());
    match whole_pixels(map) {
        Some((x, y)) => shift(image, x, y, &mut out),
        None if has_drawn(image, map, &mut out) => {}
        None => draw(image, map, &mut out),
    }
    out
}

/// How many pixels a map goes to the right and down for where a point comes from, if it does nothing else.
fn whole_pixels([a, b, c, d, e, f]: Inverse) -> Option<(i32, i32)> {
    let is_whole = |length: f64| length == f64::from(length as i32);
    let shifts = [a, b, d, e] == [1.0, 0.0, 0.0, 1.0] && is_whole(c) && is_whole(f);
    shifts.then_some((c as i32, f as i32))
}

/// Each pixel of `out` from `x` pixels to the right and `y` down: between pixels that far there is nothing to mix.
fn shift(image: &RgbImage, x: i32, y: i32, out: &mut RgbImage) {
    let (width, height) = (image.width() as usize, image.height() as usize);
    let (Some(columns), Some(rows)) = (Stretch::new(width, x), Stretch::new(height, y)) else { return };
    let out: &mut [u8] = out;
    let bytes = 3 * columns.length;
    for row in 0..rows.length {
        let old = 3 * ((rows.old + row) * width + columns.old);
        let new = 3 * ((rows.new + row) * width + columns.new);
        out[new..new + bytes].copy_from_slice(&image.as_raw()[old..old + bytes]);
    }
}

/// Pixels along an axis that stay inside when all are moved.
struct Stretch {
    /// The first one's place, and its new one.
    old: usize,
    new: usize,
    length: usize,
}

impl Stretch {
    /// Of `all` pixels that are moved back by so many places, if any stay inside.
    fn new(all: usize, back: i32) -> Option<Self> {
        let (old, new) = (back.max(0) as usize, back.min(0).unsigned_abs() as usize);
        let length = all.checked_sub(old + new).filter(|length| *length > 0)?;
        Some(Self { old, new, length })
    }
}

/// Whether `out`, which is black, was drawn by vectors.
#[cfg(target_arch = "x86_64")]
fn has_drawn(image: &RgbImage, map: Inverse, out: &mut RgbImage) -> bool {
    avx2::draw(image, map, out)
}

#[cfg(not(target_arch = "x86_64"))]
fn has_drawn(_image: &RgbImage, _map: Inverse, _out: &mut RgbImage) -> bool {
    false
}

fn draw(image: &RgbImage, map: Inverse, out: &mut RgbImage) {
    let source = Pixels::of(image);
    for (x, y, pixel) in out.enumerate_pixels_mut() {
        pixel.0 = source.at(map, x, y);
    }
}

/// An image to be read between its pixels.
struct Pixels<'a> {
    rows: &'a [[u8; 3]],
    width: usize,
    height: usize,
}

impl<'a> Pixels<'a> {
    fn of(image: &'a RgbImage) -> Self {
        let (width, height) = (image.width() as usize, image.height() as usize);
        Self { rows: image.as_chunks::<3>().0, width, height }
    }

    /// The colour of the new pixel at `x`, `y`.
    fn at(&self, [a, b, c, d, e, f]: Inverse, x: u32, y: u32) -> [u8; 3] {
        let (x, y) = (f64::from(x) + 0.5, f64::from(y) + 0.5);
        self.sample(a * x + b * y + c, d * x + e * y + f)
    }

    /// The colour at a point, between the four pixel centres around it; black outside.
    fn sample(&self, x: f64, y: f64) -> [u8; 3] {
        if !(0.0..self.width as f64).contains(&x) || !(0.0..self.height as f64).contains(&y) {
            return [0; 3];
        }
        let (left, right, dx) = neighbours(x, self.width);
        let (top, bottom, dy) = neighbours(y, self.height);
        let row = |y: usize| &self.rows[y * self.width..][..self.width];
        let (above, below) = (row(top), row(bottom));
        let (nw, ne, sw, se) = (above[left], above[right], below[left], below[right]);
        std::array::from_fn(|channel| {
            let value = |pixel: [u8; 3]| f64::from(pixel[channel]);
            let above = between(value(nw), value(ne), dx);
            let below = between(value(sw), value(se), dx);
            between(above, below, dy) as u8
        })
    }
}

/// The pixels whose centres lie before and after a point inside of `0..length`, and how far it lies
/// between them. The edge repeats outwards.
fn neighbours(point: f64, length: usize) -> (usize, usize, f64) {
    let point = point - 0.5;
    if point < 0.0 {
        return (0, 0, point + 1.0);
    }
    // Casting is rounding down here, and much faster than `floor` on a plain x86-64.
    let before = point as usize;
    (before, (before + 1).min(length - 1), point - before as f64)
}

fn between(a: f64, b: f64, part: f64) -> f64 {
    a + (b - a) * part
}

#[cfg(test)]
mod tests {
    use image::Rgb;
    use proptest::prelude::*;

    use super::*;

    fn noise(width: u32, height: u32) -> RgbImage {
        let mut random = crate::random::Random::new("noise", &[width.into(), height.into()]);
        RgbImage::from_fn(width, height, |_, _| Rgb([(); 3].map(|()| random.below(256) as u8)))
    }

    proptest! {
        #[test]
        fn short_ways_give_the_bytes_of_the_long_one(
            (width, height) in (1_u32..70, 1_u32..40), slope in -1.5..1.5_f64, degrees in -180.0..180.0_f64,
            (x, y) in (-80_i32..80, -50_i32..50), part in 0.0..1.0_f64,
        ) {
            let image = noise(width, height);
            let moved = translate(f64::from(x), f64::from(y));
            let between = translate(f64::from(x) + part, f64::from(y));
            for map in [shear_x(slope), shear_y(slope), rotate(degrees, (width, height)), moved, between] {
                let mut plain = RgbImage::new(width, height);
                draw(&image, map, &mut plain);
                prop_assert!(affine(&image, map) == plain, "{map:?}");
            }
        }
    }

    #[test]
    fn a_quarter_turn_moves_whole_pixels() {
        let image = RgbImage::from_fn(3, 3, |x, y| Rgb([x as u8 * 50, y as u8 * 50, 9]));
        let turned = affine(&image, rotate(90.0, (3, 3)));
        // Counter-clockwise: what was right is on top. Sines are not exact, so values may be cut.
        let near = |a: Rgb<u8>, b: [u8; 3]| a.0.iter().zip(b).all(|(a, b)| a.abs_diff(b) <= 1);
        assert!(near(*turned.get_pixel(1, 0), [100, 50, 9]), "{:?}", turned.get_pixel(1, 0));
        assert!(near(*turned.get_pixel(0, 1), [50, 0, 9]), "{:?}", turned.get_pixel(0, 1));
    }

    #[test]
    fn what_comes_from_outside_is_black() {
        let image = RgbImage::from_pixel(4, 2, Rgb([200; 3]));
        let moved = affine(&image, translate(3.0, -1.0));
        let bright: Vec<(u32, u32)> = moved
            .enumerate_pixels()
            .filter(|(_, _, pixel)| pixel.0 == [200; 3])
            .map(|(x, y, _)| (x, y))
            .collect();
        assert_eq!(bright, [(3, 0)]);
    }
}
