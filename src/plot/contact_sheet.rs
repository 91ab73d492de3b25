//! Many small images on one picture, each with a few words below it.

use image::{Rgb, RgbImage, imageops};

use super::font::Font;
use crate::data::resample::{Interpolation, resize};

/// Side of the square that an image is fitted into, in pixels: room for 27 letters.
const SIDE: u32 = 192;
/// Space around each image, in pixels.
const GAP: u32 = 8;
/// Stands where the middle of a line was left out.
const CUT: &str = "..";
const PAPER: [u8; 3] = [255; 3];
const INK: [u8; 3] = [26; 3];

/// An image with the lines below it.
#[derive(Debug, Clone)]
pub struct Tile {
    /// Of any size of at least one pixel.
    pub image: RgbImage,
    /// Lines that are too long lose their middle.
    pub lines: Vec<String>,
}

/// A tile of what a network sees.
///
/// `pixels`: `[3, size, size]`, 0 to 1; values beyond are cut off.
pub(crate) fn tile(pixels: &[f32], size: usize, line: String) -> Tile {
    let value = |plane: usize, x: u32, y: u32| {
        let value = pixels[(plane * size + y as usize) * size + x as usize];
        (value * 255.0).round().clamp(0.0, 255.0) as u8
    };
    let pixel = |x, y| Rgb([value(0, x, y), value(1, x, y), value(2, x, y)]);
    Tile { image: RgbImage::from_fn(size as u32, size as u32, pixel), lines: vec![line] }
}

/// The tiles row by row, as near to a square as can be.
pub(crate) fn contact_sheet(tiles: &[Tile]) -> RgbImage {
    let columns = (1..=tiles.len()).find(|side| side * side >= tiles.len()).unwrap_or(1);
    let lines = tiles.iter().map(|tile| tile.lines.len()).max().unwrap_or(0) as u32;
    let (width, height) = (SIDE + GAP, SIDE + 2 * GAP + lines * Font::SMALL.height());
    let rows = tiles.len().div_ceil(columns.max(1)).max(1) as u32;
    let columns = columns.max(1) as u32;
    let mut sheet = RgbImage::from_pixel(columns * width + GAP, rows * height + GAP, Rgb(PAPER));
    for (place, tile) in (0_u32..).zip(tiles) {
        let (left, top) = (GAP + place % columns * width, GAP + place / columns * height);
        paste(&mut sheet, &fitted(&tile.image), left, top);
        for (line, text) in (0_u32..).zip(&tile.lines) {
            let top = top + SIDE + GAP / 2 + line * Font::SMALL.height();
            Font::SMALL.write(&mut sheet, &shortened(text), left, top, INK);
        }
    }
    sheet
}

/// The image in the middle of a square of [`SIDE`].
fn paste(sheet: &mut RgbImage, image: &RgbImage, left: u32, top: u32) {
    let (left, top) = (left + (SIDE - image.width()) / 2, top + (SIDE - image.height()) / 2);
    imageops::replace(sheet, image, left.into(), top.into());
}

/// An image as large as it is shown: small ones grow by a whole factor, so that single pixels can be seen; large
/// ones shrink. Doing it twice changes nothing, so that tiles need not be kept at their own sizes.
pub(crate) fn fitted(image: &RgbImage) -> RgbImage {
    let (width, height) = image.dimensions();
    let longest = width.max(height).max(1);
    if longest <= SIDE {
        let factor = SIDE / longest;
        return RgbImage::from_fn(width * factor, height * factor, |x, y| {
            *image.get_pixel(x / factor, y / factor)
        });
    }
    let side = |length: u32| (u64::from(length) * u64::from(SIDE) / u64::from(longest)).max(1) as u32;
    resize(image, side(width), side(height), Interpolation::Bilinear)
}

/// The line's beginning and end, as far as there is room.
fn shortened(line: &str) -> String {
    let room = (SIDE / Font::SMALL.width()) as usize;
    let letters: Vec<char> = line.chars().collect();
    if letters.len() <= room {
        return line.to_owned();
    }
    let (start, end) = ((room - CUT.len()) / 2, (room - CUT.len()).div_ceil(2));
    letters[..start]
        .iter()
        .chain(&CUT.chars().collect::<Vec<_>>())
        .chain(&letters[letters.len() - end..])
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn plain(width: u32, height: u32, value: u8) -> Tile {
        Tile { image: RgbImage::from_pixel(width, height, Rgb([value; 3])), lines: vec!["a line".into()] }
    }

    #[test]
    fn images_lie_in_rows_in_their_order() {
        let tiles: Vec<Tile> = (1..=5).map(|i| plain(96, 96, 40 * i)).collect();
        let sheet = contact_sheet(&tiles);
        let row = SIDE + 2 * GAP + 16;
        assert_eq!(sheet.dimensions(), (3 * (SIDE + GAP) + GAP, 2 * row + GAP));
        let at = |column: u32, line: u32| {
            sheet.get_pixel(GAP + column * (SIDE + GAP) + 90, GAP + line * row + 90).0[0]
        };
        assert_eq!(
            [at(0, 0), at(1, 0), at(2, 0), at(0, 1), at(1, 1), at(2, 1)],
            [40, 80, 120, 160, 200, 255]
        );
    }

    #[test]
    fn four_images_are_a_square_and_a_line_that_just_fits_is_whole() {
        let tiles: Vec<Tile> = (1..=4).map(|i| plain(96, 96, 40 * i)).collect();
        assert_eq!(contact_sheet(&tiles).width(), 2 * (SIDE + GAP) + GAP);
        let room = (SIDE / Font::SMALL.width()) as usize;
        assert_eq!(shortened(&"a".repeat(room)), "a".repeat(room));
        assert_eq!(shortened(&"a".repeat(room + 1)).len(), room);
    }

    #[test]
    fn numbers_become_colours() {
        let pixels: Vec<f32> = (0..12).map(|i| i as f32 / 10.0).collect();
        let image = tile(&pixels, 2, String::new()).image;
        assert_eq!(image.get_pixel(1, 0).0, [26, 128, 230]);
        assert_eq!(image.get_pixel(1, 1).0, [77, 179, 255]);
    }

    #[test]
    fn small_images_grow_by_whole_pixels_and_large_ones_shrink() {
        let image = RgbImage::from_fn(28, 14, |x, _| Rgb([x as u8; 3]));
        let grown = fitted(&image);
        assert_eq!(grown.dimensions(), (168, 84));
        assert_eq!([grown.get_pixel(11, 0).0[0], grown.get_pixel(12, 0).0[0]], [1, 2]);
        assert_eq!(fitted(&RgbImage::new(1920, 10)).dimensions(), (192, 1));
        assert_eq!(fitted(&RgbImage::new(384, 192)).dimensions(), (192, 96));
    }

    #[test]
    fn long_lines_keep_their_beginning_and_end() {
        assert_eq!(shortened("val/a long name/and a longer one/0001.png"), "val/a long n.. one/0001.png");
        assert_eq!(shortened("val/7/00001.png"), "val/7/00001.png");
    }

    #[test]
    fn an_empty_sheet_is_a_picture_too() {
        assert!(contact_sheet(&[]).width() > 0);
    }

    proptest! {
        #[test]
        fn any_line_fits(line in ".*") {
            prop_assert!(shortened(&line).chars().count() <= 27);
        }
    }

    #[test]
    fn an_image_lies_in_the_middle_of_its_square() {
        let sheet = contact_sheet(&[plain(10, 20, 9), plain(20, 10, 9)]);
        let is_image = |x: u32, y: u32| sheet.get_pixel(x, y).0 == [9; 3];
        let (across, along) = ((SIDE - 90) / 2, (SIDE - 180) / 2);
        for (left, top, right, bottom) in [
            (GAP + across, GAP + along, GAP + across + 89, GAP + along + 179),
            (2 * GAP + SIDE + along, GAP + across, 2 * GAP + SIDE + along + 179, GAP + across + 89),
        ] {
            assert!(is_image(left, top) && is_image(right, bottom));
            assert!(!is_image(left - 1, top) && !is_image(left, top - 1));
            assert!(!is_image(right + 1, bottom) && !is_image(right, bottom + 1));
        }
    }

    #[test]
    fn lines_stand_one_below_the_other_under_their_image() {
        let lines = ["H".to_owned(), String::new(), "H".to_owned()].to_vec();
        let sheet = contact_sheet(&[Tile { lines, ..plain(96, 96, 200) }]);
        let ink = |left: u32, top: u32| {
            let area = (left..left + Font::SMALL.width()).flat_map(|x| (top..top + 16).map(move |y| (x, y)));
            area.filter(|&(x, y)| sheet.get_pixel(x, y).0[0] < 100).count()
        };
        let top = GAP + SIDE + GAP / 2;
        let inks = [0, 1, 2].map(|line| ink(GAP, top + line * 16));
        assert!(inks[0] > 9 && inks[1] == 0 && inks[2] == inks[0], "{inks:?}");
        let all = sheet.pixels().filter(|pixel| pixel.0[0] < 100).count();
        assert_eq!(all, 2 * inks[0]);
    }
}
