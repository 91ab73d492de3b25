//! The reliability diagram: accuracy against confidence, bin by bin, as SVG.

use std::fmt::Write as _;

use super::{
    calibration::{BINS, Bin, Calibration},
    svg::{self, number},
};

/// Side of the square field, in pixels.
const FIELD: f64 = 360.0;
/// Height of the histogram below it, in pixels.
const HISTOGRAM: f64 = 80.0;
const LEFT: f64 = 60.0;
const TOP: f64 = 44.0;
const GAP: f64 = 16.0;
const ACCURACY: &str = "#3182bd";
const MISSED: &str = "#de2d26";

/// Draws accuracy as a bar for each bin of confidence, what lacks to the bin's mean confidence (or goes
/// beyond it) in red, and below it the share of images that each bin has.
pub fn reliability_svg(calibration: &Calibration) -> String {
    let mut text = svg::head(LEFT + FIELD + 24.0, TOP + FIELD + GAP + HISTOGRAM + 52.0, 12.0);
    title(&mut text, calibration);
    for (i, bin) in calibration.bins().iter().enumerate().filter(|(_, bin)| bin.images > 0) {
        let left = LEFT + i as f64 * FIELD / BINS as f64;
        bar(&mut text, left, bin);
        histogram_bar(&mut text, left, bin.images as f64 / calibration.images() as f64);
    }
    frame(&mut text);
    text.push_str("</svg>\n");
    text
}

fn line(text: &mut String, line: std::fmt::Arguments<'_>) {
    writeln!(text, "{line}").expect("a string takes any text");
}

fn title(text: &mut String, calibration: &Calibration) {
    let (error, images) = (calibration.expected_error(), calibration.images());
    line(
        text,
        format_args!(
            "<text x=\"{LEFT}\" y=\"26\" font-size=\"16\">Reliability: ECE {error:.3}, {images} images, {BINS} bins</text>"
        ),
    );
}

/// A bin's accuracy from the ground up, and its gap to the confidence.
fn bar(text: &mut String, left: f64, bin: &Bin) {
    let (accuracy, confidence) = (bin.accuracy(), bin.confidence());
    rectangle(text, left, 0.0, accuracy, ACCURACY, 1.0);
    rectangle(text, left, accuracy.min(confidence), accuracy.max(confidence), MISSED, 0.35);
    let (x, y) = (number(left), number(TOP));
    let (width, height) = (number(FIELD / BINS as f64), number(FIELD));
    line(
        text,
        format_args!(
            "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" fill-opacity=\"0\"><title>{} images, confidence {confidence:.3}, accuracy {accuracy:.3}</title></rect>",
            bin.images
        ),
    );
}

/// A bar between two shares of the field's height.
fn rectangle(text: &mut String, left: f64, from: f64, to: f64, color: &str, opacity: f64) {
    let (x, y) = (number(left + 1.0), number(TOP + (1.0 - to) * FIELD));
    let (width, height) = (number(FIELD / BINS as f64 - 2.0), number((to - from) * FIELD));
    line(
        text,
        format_args!(
            "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" fill=\"{color}\" fill-opacity=\"{opacity}\"/>"
        ),
    );
}

fn histogram_bar(text: &mut String, left: f64, share: f64) {
    let bottom = TOP + FIELD + GAP + HISTOGRAM;
    let (x, y) = (number(left + 1.0), number(bottom - share * HISTOGRAM));
    let (width, height) = (number(FIELD / BINS as f64 - 2.0), number(share * HISTOGRAM));
    line(
        text,
        format_args!("<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" fill=\"#969696\"/>"),
    );
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

    #[test]
    fn a_picture_of_two_bins() {
        let mut calibration = Calibration::default();
        calibration.add(&[0.0, 4.0], 1);
        calibration.add(&[0.0, 4.0], 0);
        calibration.add(&[0.0, 0.0], 0);
        insta::assert_snapshot!(reliability_svg(&calibration));
    }

    #[test]
    fn no_images_give_an_empty_field() {
        let svg = reliability_svg(&Calibration::default());
        assert!(!svg.contains(ACCURACY) && svg.contains("0 images") && svg.ends_with("</svg>\n"));
    }
}
