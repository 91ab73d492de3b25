//! Line charts as SVG, side by side.

use std::fmt::Write as _;

use super::svg::{self, escape, number};

/// Width and height of a chart's field, in pixels.
const FIELD: [f64; 2] = [340.0, 240.0];
/// Space around the field: left, top, right, bottom.
const SPACE: [f64; 4] = [64.0, 56.0, 16.0, 52.0];
/// How many steps an axis has at most.
const STEPS: f64 = 6.0;
/// Where all values are smaller, the upright axis ends at 1.
const LEAST: f64 = 1e-30;
const COLORS: [&str; 4] = ["#3182bd", "#e6550d", "#31a354", "#756bb1"];

/// A field with lines over the numbers 1, 2, 3, ….
#[derive(Debug, Clone)]
pub(crate) struct Chart<'a> {
    /// What stands above the field.
    pub title: &'a str,
    /// What is drawn; lines of equal length.
    pub lines: Vec<Line<'a>>,
    /// Where the upright axis, which begins at 0, ends at least.
    pub top: f64,
}

/// A name and a value, 0 or more, for each number; values that are none leave a gap.
#[derive(Debug, Clone)]
pub(crate) struct Line<'a> {
    /// The line's name in the legend.
    pub name: &'a str,
    /// The first belongs to 1.
    pub values: Vec<f64>,
}

/// Draws charts from left to right, with `below` under each; the number `marked` has an upright line.
pub(crate) fn charts_svg(charts: &[Chart<'_>], below: &str, marked: Option<usize>) -> String {
    let [left, top, right, bottom] = SPACE;
    let (width, height) = (left + FIELD[0] + right, top + FIELD[1] + bottom);
    let mut text = svg::head(width * charts.len().max(1) as f64, height, 12.0);
    for (place, chart) in charts.iter().enumerate() {
        let axes = Axes::new(chart, place as f64 * width + left, top);
        axes.frame(&mut text, chart.title, below);
        if let Some(number) = marked {
            axes.mark(&mut text, number);
        }
        for ((line, color), row) in chart.lines.iter().zip(COLORS.iter().cycle()).zip(0_u32..) {
            axes.line(&mut text, line, color);
            axes.legend(&mut text, line, color, row);
        }
    }
    text.push_str("</svg>\n");
    text
}

/// Where numbers lie on the picture.
struct Axes {
    left: f64,
    top: f64,
    /// The last number on the level axis.
    count: usize,
    /// The last value on the upright axis.
    most: f64,
}

impl Axes {
    fn new(chart: &Chart<'_>, left: f64, top: f64) -> Self {
        let count = chart.lines.iter().map(|line| line.values.len()).max().unwrap_or(0);
        let values = chart.lines.iter().flat_map(|line| &line.values).copied();
        let most = values.filter(|value| value.is_finite()).fold(chart.top, f64::max);
        Self { left, top, count, most: if most > LEAST { most } else { 1.0 } }
    }

    fn x(&self, number: f64) -> f64 {
        self.left + (number - 1.0) / (self.count.max(2) - 1) as f64 * FIELD[0]
    }

    fn y(&self, value: f64) -> f64 {
        self.top + (1.0 - value / self.most) * FIELD[1]
    }

    fn frame(&self, text: &mut String, title: &str, below: &str) {
        let (left, top, bottom) = (number(self.left), number(self.top), self.top + FIELD[1]);
        put(
            text,
            format_args!(
                "<text x=\"{left}\" y=\"{}\" font-size=\"16\">{}</text>",
                number(self.top - 30.0),
                escape(title)
            ),
        );
        self.levels(text);
        put(
            text,
            format_args!(
                "<rect x=\"{left}\" y=\"{top}\" width=\"{}\" height=\"{}\" fill=\"none\" stroke=\"#444444\"/>",
                FIELD[0], FIELD[1]
            ),
        );
        for tick in ticks(1.0, self.count as f64, 1.0) {
            let (x, y) = (number(self.x(tick)), number(bottom + 16.0));
            put(text, format_args!("<text x=\"{x}\" y=\"{y}\" text-anchor=\"middle\">{tick}</text>"));
        }
        let (x, y) = (number(self.left + FIELD[0] / 2.0), number(bottom + 38.0));
        put(text, format_args!("<text x=\"{x}\" y=\"{y}\" text-anchor=\"middle\">{}</text>", escape(below)));
    }

    /// A thin line and its value for each step of the upright axis.
    fn levels(&self, text: &mut String) {
        let (from, to) = (number(self.left), number(self.left + FIELD[0]));
        for tick in ticks(0.0, self.most, 0.0) {
            let y = number(self.y(tick));
            put(text, format_args!("<path d=\"M{from} {y}H{to}\" stroke=\"#dddddd\"/>"));
            let (x, y) = (number(self.left - 6.0), number(self.y(tick) + 4.0));
            put(text, format_args!("<text x=\"{x}\" y=\"{y}\" text-anchor=\"end\">{}</text>", shown(tick)));
        }
    }

    fn mark(&self, text: &mut String, at: usize) {
        let (x, from, to) = (number(self.x(at as f64)), number(self.top), number(self.top + FIELD[1]));
        put(text, format_args!("<path d=\"M{x} {from}V{to}\" stroke=\"#888888\" stroke-dasharray=\"3 3\"/>"));
    }

    fn line(&self, text: &mut String, line: &Line<'_>, color: &str) {
        let mut path = String::new();
        let mut pen = 'M';
        for (place, &value) in line.values.iter().enumerate() {
            if !value.is_finite() {
                pen = 'M';
                continue;
            }
            let (x, y) = (number(self.x(place as f64 + 1.0)), number(self.y(value)));
            write!(path, "{pen}{x} {y}").expect("a string takes any text");
            put(text, format_args!("<circle cx=\"{x}\" cy=\"{y}\" r=\"2\" fill=\"{color}\"/>"));
            pen = 'L';
        }
        put(text, format_args!("<path d=\"{path}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"1.5\"/>"));
    }

    /// The line's name above the field, each a third of its width further to the right.
    fn legend(&self, text: &mut String, line: &Line<'_>, color: &str, row: u32) {
        let (x, y) = (self.left + f64::from(row) * FIELD[0] / 3.0, self.top - 8.0);
        let name = escape(line.name);
        put(
            text,
            format_args!(
                "<rect x=\"{}\" y=\"{}\" width=\"10\" height=\"3\" fill=\"{color}\"/><text x=\"{}\" y=\"{}\">{name}</text>",
                number(x),
                number(y - 5.0),
                number(x + 14.0),
                number(y)
            ),
        );
    }
}

fn put(text: &mut String, line: std::fmt::Arguments<'_>) {
    writeln!(text, "{line}").expect("a string takes any text");
}

/// Round numbers in `from..=to`: multiples of 1, 2 or 5 times a power of ten, about [`STEPS`] of
/// them and at least `least` apart.
fn ticks(from: f64, to: f64, least: f64) -> impl Iterator<Item = f64> {
    let least = ((to - from) / STEPS).max(least).max(f64::MIN_POSITIVE);
    let power = 10_f64.powi(exponent(least));
    let step = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power).into_iter().find(|&step| step >= least);
    let step = step.unwrap_or(10.0 * power);
    let (first, last) = ((from / step).ceil(), (to / step + 1e-9).floor());
    (0..=(last - first).clamp(0.0, 2.0 * STEPS) as u32).map(move |i| (first + f64::from(i)) * step)
}

/// The power of ten below a number above 0.
fn exponent(value: f64) -> i32 {
    let text = format!("{value:e}");
    text.split_once('e').and_then(|(_, exponent)| exponent.parse().ok()).unwrap_or(0)
}

/// A tick as people write it: without the last digits, which are noise.
fn shown(tick: f64) -> String {
    let power = exponent(tick.abs().max(f64::MIN_POSITIVE));
    if tick != 0.0 && !(-4..6).contains(&power) {
        return format!("{tick:.1e}");
    }
    let text = format!("{tick:.6}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn chart(values: Vec<f64>) -> Chart<'static> {
        Chart { title: "loss", lines: vec![Line { name: "train", values }], top: 0.0 }
    }

    #[test]
    fn a_chart_with_two_lines() {
        let mut chart = chart(vec![2.0, 1.0, 0.5]);
        chart.lines.push(Line { name: "val <1>", values: vec![2.5, f64::NAN, 1.5] });
        insta::assert_snapshot!(charts_svg(&[chart], "epoch", Some(3)));
    }

    #[test]
    fn ticks_are_round() {
        let texts = |from, to| ticks(from, to, from).map(shown).collect::<Vec<_>>().join(" ");
        assert_eq!(texts(0.0, 1.0), "0 0.2 0.4 0.6 0.8 1");
        assert_eq!(texts(0.0, 2.35), "0 0.5 1 1.5 2");
        assert_eq!(texts(0.0, 0.000_714), "0 0.0002 0.0004 0.0006");
        assert_eq!(texts(0.0, 0.000_01), "0 2.0e-6 4.0e-6 6.0e-6 8.0e-6 1.0e-5");
        assert_eq!(texts(1.0, 10.0), "2 4 6 8 10");
        assert_eq!(texts(1.0, 1.0), "1");
        let far: Vec<f64> = ticks(100.0, 110.0, 0.0).collect();
        assert_eq!(far, [100.0, 102.0, 104.0, 106.0, 108.0, 110.0]);
    }

    #[test]
    fn one_epoch_and_none_can_be_drawn() {
        for values in [vec![], vec![0.0], vec![f64::INFINITY]] {
            let svg = charts_svg(&[chart(values)], "epoch", None);
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        }
    }

    proptest! {
        #[test]
        fn everything_is_a_number(values in prop::collection::vec(any::<f64>(), 0..20)) {
            let svg = charts_svg(&[chart(values.iter().map(|value| value.abs()).collect())], "epoch", Some(1));
            prop_assert!(!svg.contains("NaN") && !svg.contains("inf"));
        }
    }

    #[test]
    fn charts_stand_side_by_side() {
        let one = charts_svg(&[chart(vec![1.0, 2.0])], "epoch", None);
        let two = charts_svg(&[chart(vec![1.0, 2.0]), chart(vec![1.0, 2.0])], "epoch", None);
        assert!(one.contains("width=\"420\"") && two.contains("width=\"840\""), "{two}");
        let place = |svg: &str| {
            let last = svg.rsplit_once("<circle cx=\"").unwrap().1;
            last.split_once('"').unwrap().0.parse::<f64>().unwrap()
        };
        assert_eq!(place(&two) - place(&one), 420.0);
    }
}
