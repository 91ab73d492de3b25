//! The reliability diagram: accuracy against confidence, bin by bin, as SVG.

use std::fmt::Write as _;

use super::svg::{self, number};

/// Side of the square field, in pixels.
const FIELD: f64 = 360.0;
/// Height of the histogram below it, in pixels.
const HISTOGRAM: f64 = 80.0;
const LEFT: f64 = 60.0;
const TOP: f64 = 44.0;
const GAP: f64 = 16.0;
const ACCURACY: &str = "#3182bd";
const MISSED: &str = "#de2d26";

/// The images whose confidence lies in one of several ranges of equal width, from 0 to 1.
#[derive(Debug, Clone, Copy)]
pub struct Bar {
    /// How many there are; a range without images stays empty.
    pub images: u64,
    /// The share of them that is right, in 0 to 1.
    pub accuracy: f64,
    /// The mean of their confidences, in 0 to 1.
    pub confidence: f64,
}

/// Draws accuracy as a bar for each range of confidence, what lacks to the range's mean confidence (or goes
/// beyond it) in red, and below it the share of images that each range has.
///
/// `error`: the expected calibration error, for the title.
pub(crate) fn reliability_svg(error: f64, bars: &[Bar]) -> String {
    let mut text = svg::head(LEFT + FIELD + 24.0, TOP + FIELD + GAP + HISTOGRAM + 52.0, 12.0);
    let images: u64 = bars.iter().map(|bar| bar.images).sum();
    title(&mut text, error, images, bars.len());
    let width = FIELD / bars.len().max(1) as f64;
    for (i, bar) in bars.iter().enumerate().filter(|(_, bar)| bar.images > 0) {
        let place = Column { left: LEFT + i as f64 * FIELD / bars.len() as f64, width };
        place.bar(&mut text, bar);
        place.share(&mut text, bar.images as f64 / images as f64);
    }
    frame(&mut text);
    text.push_str("</svg>\n");
    text
}

fn line(text: &mut String, line: std::fmt::Arguments<'_>) {
    writeln!(text, "{line}").expect("a string takes any text");
}

fn title(text: &mut String, error: f64, images: u64, bins: usize) {
    line(
        text,
        format_args!(
            "<text x=\"{LEFT}\" y=\"26\" font-size=\"16\">Reliability: ECE {error:.3}, {images} images, {bins} bins</text>"
        ),
    );
}

/// Where a bar stands, in pixels.
struct Column {
    left: f64,
    width: f64,
}

impl Column {
    /// The accuracy from the ground up, and its gap to the confidence.
    fn bar(&self, text: &mut String, &Bar { images, accuracy, confidence }: &Bar) {
        self.rectangle(text, 0.0, accuracy, ACCURACY, 1.0);
        self.rectangle(text, accuracy.min(confidence), accuracy.max(confidence), MISSED, 0.35);
        let (x, y) = (number(self.left), number(TOP));
        let (width, height) = (number(self.width), number(FIELD));
        line(
            text,
            format_args!(
                "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" fill-opacity=\"0\"><title>{images} images, confidence {confidence:.3}, accuracy {accuracy:.3}</title></rect>"
            ),
        );
    }

    /// A bar between two shares of the field's height.
    fn rectangle(&self, text: &mut String, from: f64, to: f64, color: &str, opacity: f64) {
        let (x, y) = (number(self.left + 1.0), number(TOP + (1.0 - to) * FIELD));
        let (width, height) = (number(self.width - 2.0), number((to - from) * FIELD));
        line(
            text,
            format_args!(
                "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" fill=\"{color}\" fill-opacity=\"{opacity}\"/>"
            ),
        );
    }

    /// The share of all images, in the histogram.
    fn share(&self, text: &mut String, share: f64) {
        let bottom = TOP + FIELD + GAP + HISTOGRAM;
        let (x, y) = (number(self.left + 1.0), number(bottom - share * HISTOGRAM));
        let (width, height) = (number(self.width - 2.0), number(share * HISTOGRAM));
        line(
            text,
            format_args!(
                "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" fill=\"#969696\"/>"
            ),
        );
    }
}

/// Borders, the diagonal of a classifier that is right as often as it says, ticks and names.
fn frame(text: &mut String) {
    let (right, bottom) = (number(LEFT + FIELD), number(TOP + FIELD));
    line(
        text,
        format_args!(
            "<path d=\"M{LEFT} {bottom}L{right} {TOP}\" stroke=\"#444444\" stroke-dasharray=\"4 4\"/>"
        ),
    );
    border(text, TOP, FIELD);
    border(text, TOP + FIELD + GAP, HISTOGRAM);
    let foot = TOP + FIELD + GAP + HISTOGRAM;
    for i in 0..=5 {
        let (at, label) = (f64::from(i) / 5.0, number(f64::from(i) / 5.0));
        let (x, y) = (number(LEFT - 6.0), number(TOP + (1.0 - at) * FIELD + 4.0));
        line(text, format_args!("<text x=\"{x}\" y=\"{y}\" text-anchor=\"end\">{label}</text>"));
        let (x, y) = (number(LEFT + at * FIELD), number(foot + 16.0));
        line(text, format_args!("<text x=\"{x}\" y=\"{y}\" text-anchor=\"middle\">{label}</text>"));
    }
    upright(text, "accuracy", TOP + FIELD / 2.0);
    upright(text, "images", TOP + FIELD + GAP + HISTOGRAM / 2.0);
    let (x, y) = (number(LEFT + FIELD / 2.0), number(foot + 38.0));
    line(
        text,
        format_args!("<text x=\"{x}\" y=\"{y}\" text-anchor=\"middle\" font-size=\"14\">confidence</text>"),
    );
}

fn border(text: &mut String, top: f64, height: f64) {
    let (top, width, height) = (number(top), number(FIELD), number(height));
    line(
        text,
        format_args!(
            "<rect x=\"{LEFT}\" y=\"{top}\" width=\"{width}\" height=\"{height}\" fill=\"none\" stroke=\"#444444\"/>"
        ),
    );
}

fn upright(text: &mut String, name: &str, middle: f64) {
    let y = number(middle);
    line(
        text,
        format_args!(
            "<text x=\"20\" y=\"{y}\" text-anchor=\"middle\" font-size=\"14\" transform=\"rotate(-90 20 {y})\">{name}</text>"
        ),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bars(full: &[(usize, Bar)]) -> Vec<Bar> {
        let mut bars = vec![Bar { images: 0, accuracy: 0.0, confidence: 0.0 }; 15];
        full.iter().for_each(|(at, bar)| bars[*at] = *bar);
        bars
    }

    #[test]
    fn a_picture_of_two_bins() {
        let unsure = Bar { images: 1, accuracy: 1.0, confidence: 0.5 };
        let sure = Bar { images: 2, accuracy: 0.5, confidence: 0.982_013_8 };
        insta::assert_snapshot!(reliability_svg(0.488_009_2, &bars(&[(7, unsure), (14, sure)])));
    }

    #[test]
    fn no_images_give_an_empty_field() {
        for bars in [bars(&[]), Vec::new()] {
            let svg = reliability_svg(0.0, &bars);
            assert!(!svg.contains(ACCURACY) && svg.contains("0 images") && svg.ends_with("</svg>\n"));
        }
    }
}
