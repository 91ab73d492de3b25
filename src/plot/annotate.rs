//! Predictions written on a picture.

use image::RgbImage;

use super::font::{Font, blend};

/// Half of a dark grey lies over the picture behind the text.
const BOX: [u8; 3] = [64; 3];
const BOX_ALPHA: u8 = 128;

/// Writes `lines` one below the other, in white on a translucent box at the upper left.
///
/// As in the reference, the letters' height is 3.5 % of the mean of width and height and the margin 3 %
/// of the height; the height is rounded to what the font has: 16 or 32 pixels and multiples.
/// What does not fit on the picture is cut off.
pub(crate) fn annotate(image: &mut RgbImage, lines: &[String]) {
    let font = Font::for_picture(image.width(), image.height());
    let margin = (f64::from(image.height()) * 0.03).round() as u32;
    let mut top = margin;
    for line in lines {
        let letters = u32::try_from(line.chars().count()).unwrap_or(u32::MAX);
        shade(image, margin, top, font.width().saturating_mul(letters), font.height());
        font.write(image, line, margin, top, [255; 3]);
        top = top.saturating_add(font.height());
    }
}

fn shade(image: &mut RgbImage, left: u32, top: u32, width: u32, height: u32) {
    blend(image, left, top, width, height, BOX, BOX_ALPHA);
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;

    fn annotated(width: u32, height: u32, lines: &[&str]) -> RgbImage {
        let mut image = RgbImage::from_pixel(width, height, Rgb([200, 100, 0]));
        let lines: Vec<String> = lines.iter().map(|line| format!("{line} 0.99")).collect();
        annotate(&mut image, &lines);
        image
    }

    #[test]
    fn text_is_white_on_a_darkened_box() {
        let image = annotated(300, 200, &["seven", "one"]);
        let colors: std::collections::BTreeSet<[u8; 3]> = image.pixels().map(|pixel| pixel.0).collect();
        assert!(colors.contains(&[200, 100, 0]) && colors.contains(&[132, 82, 32]));
        assert!(colors.iter().any(|color| color.iter().all(|&channel| channel > 240)));
        // The margin is 3 % of the height.
        assert_eq!(image.get_pixel(5, 10).0, [200, 100, 0]);
        assert_ne!(image.get_pixel(6, 6).0, [200, 100, 0]);
    }

    #[test]
    fn any_name_fits_on_any_picture() {
        let long = "very long ".repeat(1000);
        for name in ["", "ä ö ü ß", "漢字", "🦀", "a\nb\tc\u{0}", "\u{202e}", &long] {
            for (width, height) in [(1, 1), (28, 28), (1, 500), (500, 1)] {
                let image = annotated(width, height, &[name; 5]);
                assert_eq!(image.dimensions(), (width, height));
            }
        }
    }

    #[test]
    fn unknown_characters_are_question_marks() {
        assert_eq!(annotated(200, 60, &["漢字"]), annotated(200, 60, &["??"]));
        assert_ne!(annotated(200, 60, &["ä"]), annotated(200, 60, &["?"]));
    }
}
