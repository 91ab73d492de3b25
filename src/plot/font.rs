//! Letters on pictures: one font, drawn the same on every machine.

use image::{Rgb, RgbImage};
use noto_sans_mono_bitmap::{FontWeight, RasterHeight, get_raster, get_raster_width};

/// Stands for characters that the font lacks.
const UNKNOWN: char = '?';

/// A size of the one font there is, with each pixel drawn as a square of `scale`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Font {
    raster: RasterHeight,
    scale: u32,
}

impl Font {
    /// The smallest letters: 16 pixels high.
    pub(super) const SMALL: Self = Self { raster: RasterHeight::Size16, scale: 1 };

    /// Letters about 3.5 % as high as the mean of width and height, as in the reference: 16 or 32 pixels
    /// and multiples.
    pub(super) fn for_picture(width: u32, height: u32) -> Self {
        let wanted = (f64::midpoint(f64::from(width), f64::from(height)) * 0.035).round();
        if wanted < 24.0 {
            return Self::SMALL;
        }
        Self { raster: RasterHeight::Size32, scale: (wanted / 32.0).round().max(1.0) as u32 }
    }

    /// Width of a letter, in pixels.
    pub(super) fn width(self) -> u32 {
        get_raster_width(FontWeight::Regular, self.raster) as u32 * self.scale
    }

    /// Height of a letter, in pixels.
    pub(super) fn height(self) -> u32 {
        self.raster.val() as u32 * self.scale
    }

    /// Writes one line that begins at (`left`, `top`); what does not fit on the picture is cut off.
    pub(super) fn write(self, image: &mut RgbImage, line: &str, left: u32, top: u32, color: [u8; 3]) {
        for (place, char) in (0_u32..).zip(line.chars()) {
            let left = left.saturating_add(place.saturating_mul(self.width()));
            if left >= image.width() {
                break;
            }
            self.draw(image, char, left, top, color);
        }
    }

    fn draw(self, image: &mut RgbImage, char: char, left: u32, top: u32, color: [u8; 3]) {
        let glyph = |char| get_raster(char, FontWeight::Regular, self.raster);
        let Some(glyph) = glyph(char).or_else(|| glyph(UNKNOWN)) else { return };
        for (row, line) in (0_u32..).zip(glyph.rows()) {
            for (column, &ink) in (0_u32..).zip(line) {
                let (x, y) = (left + column * self.scale, top + row * self.scale);
                blend(image, x, y, self.scale, self.scale, color, ink);
            }
        }
    }
}

/// Lays `color` over a rectangle, as far as it is on the picture; `alpha` 255 hides what is below.
pub(super) fn blend(
    image: &mut RgbImage,
    left: u32,
    top: u32,
    width: u32,
    height: u32,
    color: [u8; 3],
    alpha: u8,
) {
    let right = left.saturating_add(width).min(image.width());
    let bottom = top.saturating_add(height).min(image.height());
    for y in top..bottom {
        for x in left..right {
            let Rgb(below) = *image.get_pixel(x, y);
            let mix = |i: usize| {
                let (over, under, alpha) = (u32::from(color[i]), u32::from(below[i]), u32::from(alpha));
                ((over * alpha + under * (255 - alpha) + 127) / 255) as u8
            };
            image.put_pixel(x, y, Rgb([mix(0), mix(1), mix(2)]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_grow_with_the_picture() {
        let scale = |side| Font::for_picture(side, side);
        assert_eq!((scale(28), scale(671)), (Font::SMALL, Font::SMALL));
        assert_eq!(scale(686), Font { raster: RasterHeight::Size32, scale: 1 });
        assert_eq!(scale(800), Font { raster: RasterHeight::Size32, scale: 1 });
        assert_eq!(scale(4000), Font { raster: RasterHeight::Size32, scale: 4 });
    }

    #[test]
    fn letters_of_twice_the_scale_have_pixels_of_twice_the_size() {
        let written = |scale: u32| {
            let font = Font { raster: RasterHeight::Size32, scale };
            let mut image = RgbImage::from_pixel(60 * scale, 40 * scale, Rgb([255; 3]));
            font.write(&mut image, "Ag", 3 * scale, 2 * scale, [0; 3]);
            (image, font.width(), font.height())
        };
        let ((plain, width, height), (double, double_width, double_height)) = (written(1), written(2));
        assert_eq!((double_width, double_height), (2 * width, 2 * height));
        assert!(plain.pixels().any(|pixel| pixel.0 == [0; 3]));
        assert!(double.enumerate_pixels().all(|(x, y, pixel)| pixel == plain.get_pixel(x / 2, y / 2)));
    }
}
