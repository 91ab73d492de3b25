//! What a text would cost the parser, told before the parser sees it.
//!
//! The parser looks at all open brackets again at each token, at all `%` directives at each of them, and clears
//! the longest run of blanks of a text at each of its lines. So these are counted first, without understanding
//! YAML: brackets, separators and blanks count wherever they stand, so that no quote or comment hides them.

use super::read::Refusal;

/// The most brackets open at a time, as far as counting tells.
const MAX_OPEN: usize = 500;
/// The most separators: whatever may end or begin a value.
const MAX_MARKS: u64 = 100_000;
/// The most brackets that open, times separators.
const MAX_STEPS: u64 = 100_000_000;
/// The longest run of spaces, tabs and ends of lines, in bytes.
const MAX_BLANKS: usize = 4_096;
/// The most lines that begin with `%`.
const MAX_DIRECTIVES: usize = 16;

/// Why a text is not given to the parser, and at which byte.
pub(super) fn refusal(text: &str) -> Option<(Refusal, usize)> {
    let mut seen = Seen::default();
    let mut previous = b'\n';
    for (at, byte) in text.bytes().enumerate() {
        if let Some(refusal) = seen.add(previous, byte) {
            return Some((refusal, at));
        }
        previous = byte;
    }
    None
}

#[derive(Default)]
struct Seen {
    opened: u64,
    open: usize,
    marks: u64,
    blanks: usize,
    directives: usize,
}

impl Seen {
    fn add(&mut self, previous: u8, byte: u8) -> Option<Refusal> {
        // U+0085, U+2028 and U+2029 end lines too; their bytes count as blanks wherever they stand.
        let is_blank = matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | 0xc2 | 0x85 | 0xe2 | 0x80 | 0xa8 | 0xa9);
        self.blanks = if is_blank { self.blanks + 1 } else { 0 };
        self.marks += u64::from(is_mark(previous, byte));
        match byte {
            b'[' | b'{' => {
                self.open += 1;
                self.opened += 1;
            }
            b']' | b'}' => self.open = self.open.saturating_sub(1),
            b'%' => self.directives += usize::from(matches!(previous, b'\r' | b'\n')),
            _ => {}
        }
        self.refusal()
    }

    fn refusal(&self) -> Option<Refusal> {
        if self.open > MAX_OPEN {
            return Some(Refusal::TooDeep);
        }
        if self.marks > MAX_MARKS || self.opened.saturating_mul(self.marks) > MAX_STEPS {
            return Some(Refusal::TooMany);
        }
        if self.blanks > MAX_BLANKS {
            return Some(Refusal::Unlikely(format!("there are more than {MAX_BLANKS} blanks in a row")));
        }
        (self.directives > MAX_DIRECTIVES)
            .then(|| Refusal::Unlikely(format!("more than {MAX_DIRECTIVES} lines begin with `%`")))
    }
}

/// Whether a value may end or begin here.
fn is_mark(previous: u8, byte: u8) -> bool {
    match byte {
        b'[' | b']' | b'{' | b'}' | b',' | b':' | b'?' | b'\n' => true,
        b'\r' => true,
        b' ' | b'\t' => previous == b'-',
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_costs_the_parser_more_than_its_size_is_not_given_to_it() {
        let refused = |text: String| refusal(&text).map(|(refusal, _)| refusal);
        assert_eq!(refused("{a: ".repeat(32_000)), Some(Refusal::TooDeep));
        assert_eq!(refused("[ # ]\n".repeat(32_000)), Some(Refusal::TooMany), "the comments close nothing");
        assert_eq!(refused("- a\n".repeat(100_001)), Some(Refusal::TooMany));
        let unlikely = |text| matches!(refused(text), Some(Refusal::Unlikely(_)));
        assert!(unlikely(format!("a{}b", "\n".repeat(5_000))));
        assert!(unlikely(format!("a{}b", "\u{2028}".repeat(5_000))));
        assert!(unlikely("%TAG !a! b\n".repeat(20)));
    }

    #[test]
    fn pages_of_a_pipeline_pass() {
        let nodes = "  fit: { type: train, model: net, dataset: digits, lr: [1, 2], mix: {a: 1} }\n";
        let text = format!("version: 1\nname: a\nnodes:\n{}", nodes.repeat(1_000));
        assert_eq!(refusal(&text), None);
        assert_eq!(refusal(&"# ----- [ 100 %, {a: 1} ] -----\n".repeat(500)), None);
    }
}
