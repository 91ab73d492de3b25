//! The confusion matrix as a picture: SVG, written by hand so that the bytes never change.

use std::fmt::Write as _;

use super::svg::{self, ASPECT, cut, escape, number};

/// The largest side of the field of cells, in pixels.
const FIELD: f64 = 720.0;
/// A cell is never larger than this, in pixels.
const CELL: f64 = 52.0;
/// With this many classes or more, cells have no numbers.
const NUMBERED: usize = 30;
/// With this many classes or more, not every class has its name beside the field.
const NAMED: usize = 100;

/// Draws a confusion matrix as SVG, with rows for true classes from top to bottom and columns for predicted ones
/// from left to right. A cell's colour is its share of its row; its number is the count.
///
/// `counts`: `[classes, classes]`, row by row; `names`: `[classes]`.
pub(crate) fn confusion_svg(counts: &[u64], names: &[String]) -> String {
    let mut picture = Picture::new(counts, names);
    picture.head();
    picture.cells();
    picture.ticks();
    picture.axes();
    picture.scale();
    picture.text.push_str("</svg>\n");
    picture.text
}

struct Picture<'a> {
    text: String,
    counts: &'a [u64],
    names: Vec<String>,
    cell: f64,
    font: f64,
    left: f64,
    top: f64,
    /// Whether names under the field are turned, because they are wider than a cell.
    turned: bool,
}

impl<'a> Picture<'a> {
    fn new(counts: &'a [u64], names: &[String]) -> Self {
        let cell = (FIELD / names.len().max(1) as f64).min(CELL);
        let font = (cell * 0.8).clamp(7.0, 13.0);
        let names: Vec<String> = names.iter().map(|name| cut(name)).collect();
        let longest = names.iter().map(|name| name.chars().count()).max().unwrap_or(0) as f64;
        let width = longest * font * ASPECT;
        let (left, turned) = (44.0 + width, width > cell - 4.0);
        Self { text: String::new(), counts, names, cell, font, left, top: 48.0, turned }
    }

    fn classes(&self) -> usize {
        self.names.len()
    }

    /// Counts of one true class by predicted class: `[classes]`.
    fn row(&self, truth: usize) -> &'a [u64] {
        &self.counts[truth * self.classes()..(truth + 1) * self.classes()]
    }

    fn field(&self) -> f64 {
        self.cell * self.classes() as f64
    }

    fn bottom(&self) -> f64 {
        self.top + self.field()
    }

    /// The height below the field: names and the axis' name.
    fn foot(&self) -> f64 {
        if self.turned { self.left } else { 30.0 + self.font }
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        writeln!(self.text, "{line}").expect("a string takes any text");
    }

    fn head(&mut self) {
        let width = (self.left + self.field() + 96.0).max(360.0);
        let height = (self.bottom() + self.foot() + 12.0).max(self.top + 150.0);
        self.text.push_str(&svg::head(width, height, self.font));
        let (images, right) = self.totals();
        let x = number(self.left);
        self.line(format_args!("<text x=\"{x}\" y=\"28\" font-size=\"16\">Confusion matrix: {right} of {images} images right</text>"));
    }

    fn totals(&self) -> (u64, u64) {
        let right = (0..self.classes()).map(|class| self.row(class)[class]).sum();
        (self.counts.iter().sum(), right)
    }

    fn cells(&mut self) {
        for truth in 0..self.classes() {
            let row = self.row(truth);
            let whole: u64 = row.iter().sum();
            for (predicted, &count) in row.iter().enumerate().filter(|(_, count)| **count > 0) {
                self.one(truth, predicted, count, count as f64 / whole as f64);
            }
        }
        let (x, y, side) = (number(self.left), number(self.top), number(self.field()));
        self.line(format_args!(
            "<rect x=\"{x}\" y=\"{y}\" width=\"{side}\" height=\"{side}\" fill=\"none\" stroke=\"#444444\"/>"
        ));
    }

    fn one(&mut self, truth: usize, predicted: usize, count: u64, share: f64) {
        let (x, y) = (self.left + predicted as f64 * self.cell, self.top + truth as f64 * self.cell);
        let (true_name, name) = (escape(&self.names[truth]), escape(&self.names[predicted]));
        let (left, top, side) = (number(x), number(y), number(self.cell));
        self.line(format_args!(
            "<rect x=\"{left}\" y=\"{top}\" width=\"{side}\" height=\"{side}\" fill=\"{}\"><title>{true_name} taken for {name}: {count}</title></rect>",
            blue(share)
        ));
        if self.classes() < NUMBERED {
            let ink = if share > 0.5 { "#ffffff" } else { "#1a1a1a" };
            let (x, y) = (number(x + self.cell / 2.0), number(y + self.cell / 2.0 + self.font * 0.35));
            self.line(format_args!(
                "<text x=\"{x}\" y=\"{y}\" text-anchor=\"middle\" fill=\"{ink}\">{count}</text>"
            ));
        }
    }

    fn ticks(&mut self) {
        let classes = self.classes();
        let step = if classes < NAMED { 1 } else { (classes / 60).max(2) };
        for class in (0..classes).step_by(step) {
            let name = escape(&self.names[class]);
            let middle = (class as f64 + 0.5) * self.cell;
            let (x, y) = (number(self.left - 6.0), number(self.top + middle + self.font * 0.35));
            self.line(format_args!("<text x=\"{x}\" y=\"{y}\" text-anchor=\"end\">{name}</text>"));
            self.name_below(&name, self.left + middle);
        }
    }

    fn name_below(&mut self, name: &str, middle: f64) {
        let y = self.bottom() + 6.0;
        if self.turned {
            let (x, y) = (number(middle + self.font * 0.35), number(y));
            self.line(format_args!(
                "<text x=\"{x}\" y=\"{y}\" text-anchor=\"end\" transform=\"rotate(-90 {x} {y})\">{name}</text>"
            ));
        } else {
            let (x, y) = (number(middle), number(y + self.font));
            self.line(format_args!("<text x=\"{x}\" y=\"{y}\" text-anchor=\"middle\">{name}</text>"));
        }
    }

    fn axes(&mut self) {
        let middle = self.field() / 2.0;
        let (x, y) = (number(self.left + middle), number(self.bottom() + self.foot() - 6.0));
        self.line(format_args!(
            "<text x=\"{x}\" y=\"{y}\" text-anchor=\"middle\" font-size=\"14\">predicted class</text>"
        ));
        let y = number(self.top + middle);
        self.line(format_args!(
            "<text x=\"20\" y=\"{y}\" text-anchor=\"middle\" font-size=\"14\" transform=\"rotate(-90 20 {y})\">true class</text>"
        ));
    }

    /// The colour scale, at the right.
    fn scale(&mut self) {
        const STEPS: usize = 20;
        let height = self.field().clamp(80.0, 240.0);
        let (x, step) = (self.left + self.field() + 24.0, height / STEPS as f64);
        for i in 0..STEPS {
            let share = 1.0 - (i as f64 + 0.5) / STEPS as f64;
            let (x, y, step) = (number(x), number(self.top + i as f64 * step), number(step + 0.5));
            self.line(format_args!(
                "<rect x=\"{x}\" y=\"{y}\" width=\"14\" height=\"{step}\" fill=\"{}\"/>",
                blue(share)
            ));
        }
        for (share, label) in [(1.0, "100 %"), (0.5, "50 %"), (0.0, "0 %")] {
            let (x, y) = (number(x + 19.0), number(self.top + (1.0 - share) * height + 4.0));
            self.line(format_args!("<text x=\"{x}\" y=\"{y}\" font-size=\"11\">{label}</text>"));
        }
        let (x, y) = (number(x), number(self.top + height + 24.0));
        self.line(format_args!("<text x=\"{x}\" y=\"{y}\" font-size=\"11\">of the row</text>"));
    }
}

/// White at 0, dark blue at 1, steadily darker between.
fn blue(share: f64) -> String {
    const STOPS: [[f64; 3]; 4] =
        [[247.0, 251.0, 255.0], [158.0, 202.0, 225.0], [49.0, 130.0, 189.0], [8.0, 48.0, 107.0]];
    let at = share.clamp(0.0, 1.0) * (STOPS.len() - 1) as f64;
    let stop = (at as usize).min(STOPS.len() - 2);
    let mix = |i: usize| {
        let (from, to) = (STOPS[stop][i], STOPS[stop + 1][i]);
        (from + (to - from) * (at - stop as f64)).round() as u8
    };
    format!("#{:02x}{:02x}{:02x}", mix(0), mix(1), mix(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn diagonal(classes: usize) -> Vec<u64> {
        let mut counts = vec![0; classes * classes];
        counts.iter_mut().step_by(classes + 1).for_each(|count| *count = 1);
        counts
    }

    fn names(classes: usize) -> Vec<String> {
        (0..classes).map(|class| format!("class {class}")).collect()
    }

    #[test]
    fn small_matrices_have_numbers_and_all_names() {
        let names = ["<b> & \"c\"", "a name that goes on and on and on"].map(String::from);
        insta::assert_snapshot!(confusion_svg(&[1, 1, 0, 1], &names));
    }

    #[test]
    fn large_matrices_have_no_numbers_and_fewer_names() {
        let texts = |classes| confusion_svg(&diagonal(classes), &names(classes)).matches("<text").count();
        // Beside names: a title, two axes, four lines at the scale.
        assert_eq!(texts(29), 29 * 3 + 7);
        assert_eq!(texts(30), 30 * 2 + 7);
        assert_eq!(texts(200), 67 * 2 + 7);
    }

    #[test]
    fn only_cells_with_images_are_drawn() {
        let svg = confusion_svg(&diagonal(200), &names(200));
        assert_eq!(svg.matches("<title>").count(), 200);
    }

    #[test]
    fn names_are_turned_only_if_they_are_wider_than_a_cell() {
        let turned =
            |name: &str| confusion_svg(&diagonal(1), &[name.into()]).contains(&format!(")\">{name}<"));
        assert!(turned("elephant") && !turned("ant"));
    }

    #[test]
    fn colours_get_darker() {
        assert_eq!((blue(0.0), blue(1.0)), ("#f7fbff".into(), "#08306b".into()));
        let colours: Vec<String> = (0..=20).map(|i| blue(f64::from(i) / 20.0)).collect();
        assert!(colours.windows(2).all(|pair| pair[0] > pair[1]), "{colours:?}");
    }
}
