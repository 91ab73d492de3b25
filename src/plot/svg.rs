//! What all pictures in SVG share. They are written by hand so that the bytes never change.

use crate::shown;

/// Names are cut after so many characters.
const LONGEST: usize = 24;
/// A character is about this much wider than the font size.
pub(super) const ASPECT: f64 = 0.6;

/// The beginning of a picture on white: `width` and `height` in pixels, and the size of its letters.
/// It ends with `</svg>`.
pub(super) fn head(width: f64, height: f64, font: f64) -> String {
    let (width, height, font) = (number(width), number(height), number(font));
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"Helvetica, Arial, sans-serif\" font-size=\"{font}\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n"
    )
}

/// A number with at most two decimals, for coordinates in pixels.
pub(super) fn number(x: f64) -> String {
    ((x * 100.0).round() / 100.0).to_string()
}

/// A name of at most 24 characters.
pub(super) fn cut(name: &str) -> String {
    if name.chars().count() <= LONGEST {
        return name.to_owned();
    }
    name.chars().take(LONGEST - 1).chain(['…']).collect()
}

/// Text for XML, on one line: what is not seen is escaped, and characters that XML can't hold become a question mark.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for char in shown::text(text).chars() {
        match char {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\u{fffe}' | '\u{ffff}' => escaped.push('?'),
            char => escaped.push(char),
        }
    }
    escaped
}
