//! Predictions written on a picture.

use image::{Rgb, RgbImage};
use noto_sans_mono_bitmap::{FontWeight, RasterHeight, get_raster, get_raster_width};

use super::predictions::Guess;

/// Half of a dark grey lies over the picture behind the text.
const BOX: [u8; 3] = [64; 3];
const BOX_ALPHA: u8 = 128;
/// Stands for characters that the font lacks.
const UNKNOWN: char = '?';

/// Writes `name 0.98` for each guess, one a line, in white on a translucent box at the upper left.
///
/// As in the reference, the letters' height is 3.5 % of the mean of width and height and the margin 3 %
/// of the height; the height is rounded to what the font has: 16 or 32 pixels and multiples.
/// What does not fit on the picture is cut off.
pub fn annotate(image: &mut RgbImage, guesses: &[Guess]) {
    let font = Font::for_picture(image.width(), image.height());
    let margin = (f64::from(image.height()) * 0.03).round() as u32;
    let mut top = margin;
    for guess in guesses {
        let line: Vec<char> = format!("{} {:.2}", guess.name, guess.confidence).chars().collect();
        let width = font.width().saturating_mul(u32::try_from(line.len()).unwrap_or(u32::MAX));
        shade(image, margin, top, width, font.height());
        for (place, &char) in (0_u32..).zip(&line) {
            let left = margin.saturating_add(place.saturating_mul(font.width()));
            if left >= image.width() {
                break;
            }
            font.draw(image, char, left, top);
        }
        top = top.saturating_add(font.height());
    }
}

/// A size of the one font there is, with each pixel drawn as a square of `scale`.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Font {
    raster: RasterHeight,
    scale: u32,
}

impl Font {
    fn for_picture(width: u32, height: u32) -> Self {
        let wanted = ((f64::from(width) + f64::from(height)) / 2.0 * 0.035).round();
        if wanted < 24.0 {
            return Self { raster: RasterHeight::Size16, scale: 1 };
        }
        Self { raster: RasterHeight::Size32, scale: (wanted / 32.0).round().max(1.0) as u32 }
    }

    fn width(self) -> u32 {
        get_raster_width(FontWeight::Regular, self.raster) as u32 * self.scale
    }

    fn height(self) -> u32 {
        self.raster.val() as u32 * self.scale
    }

    fn draw(self, image: &mut RgbImage, char: char, left: u32, top: u32) {
        let glyph = |char| get_raster(char, FontWeight::Regular, self.raster);
        let Some(glyph) = glyph(char).or_else(|| glyph(UNKNOWN)) else { return };
        for (row, line) in (0_u32..).zip(glyph.rows()) {
            for (column, &ink) in (0_u32..).zip(line) {
                let (x, y) = (left + column * self.scale, top + row * self.scale);
                blend(image, x, y, self.scale, self.scale, [255; 3], ink);
            }
        }
    }
}

fn shade(image: &mut RgbImage, left: u32, top: u32, width: u32, height: u32) {
    blend(image, left, top, width, height, BOX, BOX_ALPHA);
}

/// Lays `color` over a rectangle, as far as it is on the picture; `alpha` 255 hides what is below.
fn blend(image: &mut RgbImage, left: u32, top: u32, width: u32, height: u32, color: [u8; 3], alpha: u8) {
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

    fn guess(name: &str) -> Guess {
        Guess { class: 0, name: name.into(), confidence: 0.987 }
    }

    fn annotated(width: u32, height: u32, guesses: &[Guess]) -> RgbImage {
        let mut image = RgbImage::from_pixel(width, height, Rgb([200, 100, 0]));
        annotate(&mut image, guesses);
        image
    }

    #[test]
    fn text_is_white_on_a_darkened_box() {
        let image = annotated(300, 200, &[guess("seven"), guess("one")]);
        let colors: std::collections::BTreeSet<[u8; 3]> = image.pixels().map(|pixel| pixel.0).collect();
        assert!(colors.contains(&[200, 100, 0]) && colors.contains(&[132, 82, 32]));
        assert!(colors.iter().any(|color| color.iter().all(|&channel| channel > 240)));
        // The margin is 3 % of the height.
        assert_eq!(image.get_pixel(5, 10).0, [200, 100, 0]);
        assert_ne!(image.get_pixel(6, 6).0, [200, 100, 0]);
    }

    #[test]
    fn letters_grow_with_the_picture() {
        let scale = |side| Font::for_picture(side, side);
        assert_eq!(scale(28), Font { raster: RasterHeight::Size16, scale: 1 });
        assert_eq!(scale(800), Font { raster: RasterHeight::Size32, scale: 1 });
        assert_eq!(scale(4000), Font { raster: RasterHeight::Size32, scale: 4 });
    }

    #[test]
    fn any_name_fits_on_any_picture() {
        let long = "very long ".repeat(1000);
        for name in ["", "ä ö ü ß", "漢字", "🦀", "a\nb\tc\u{0}", "\u{202e}", &long] {
            for (width, height) in [(1, 1), (28, 28), (1, 500), (500, 1)] {
                let image = annotated(width, height, &vec![guess(name); 5]);
                assert_eq!(image.dimensions(), (width, height));
            }
        }
    }

    #[test]
    fn unknown_characters_are_question_marks() {
        assert_eq!(annotated(200, 60, &[guess("漢字")]), annotated(200, 60, &[guess("??")]));
        assert_ne!(annotated(200, 60, &[guess("ä")]), annotated(200, 60, &[guess("?")]));
    }
}
