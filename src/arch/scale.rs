//! How deep and wide the nominal rows of a model YAML become (docs/reference.md, Row scaling).

/// One entry of `scales`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Scale {
    /// `n`, `s`, `m`, `l` or `x`; empty without scales.
    pub letter: String,
    /// What the repeats of rows are multiplied by.
    pub depth: f64,
    /// What the channels of rows are multiplied by.
    pub width: f64,
    /// Bound on nominal channels, applied before `width`.
    pub max_channels: usize,
}

impl Default for Scale {
    fn default() -> Self {
        Self { letter: String::new(), depth: 1.0, width: 1.0, max_channels: usize::MAX }
    }
}

impl Scale {
    /// `max(round(n · depth), 1)`, half to even; a single repeat stays one.
    pub(super) fn repeats(&self, n: usize) -> usize {
        if n > 1 { ((n as f64 * self.depth).round_ties_even() as usize).max(1) } else { n }
    }

    /// `min(c, max_channels) · width`, rounded up to a multiple of 8.
    pub(super) fn channels(&self, c: usize) -> usize {
        ((c.min(self.max_channels) as f64 * self.width / 8.0).ceil() as usize) * 8
    }

    /// Whether its letter is one of `letters`.
    pub(super) fn is(&self, letters: &str) -> bool {
        !self.letter.is_empty() && letters.contains(&self.letter)
    }
}
