//! How much each old pixel counts for each new one.

use std::ops::Range;

use super::Interpolation;

/// Bits after the point of a weight: 32, less 8 of the pixel and 2 for sums beyond 255.
pub(super) const BITS: u32 = 32 - 8 - 2;
/// A half in units of a weight: what makes cutting a sum rounding.
pub(super) const HALF: i32 = 1 << (BITS - 1);

/// The old pixels that count for new `pixels`, which are not none.
pub(super) fn reach(old: u32, new: u32, pixels: Range<u32>, interpolation: Interpolation) -> Range<u32> {
    if old == new {
        return pixels;
    }
    let scale = f64::from(old) / f64::from(new);
    let support = interpolation.support() * scale.max(1.0);
    let of = |pixel| span(old, scale, support, pixel).1;
    of(pixels.start).start as u32..of(pixels.end - 1).end as u32
}

/// Where among the old pixels the middle of a new one lies, and which count for it.
fn span(old: u32, scale: f64, support: f64, pixel: u32) -> (f64, Range<usize>) {
    let centre = (f64::from(pixel) + 0.5) * scale;
    let low = (centre - support + 0.5).max(0.0) as usize;
    let high = ((centre + support + 0.5) as usize).min(old as usize);
    (centre, low..high)
}

/// For every new pixel, which old ones count and how much.
pub(super) struct Weights {
    /// First old pixel and number of old pixels, for each new pixel.
    spans: Vec<(usize, usize)>,
    /// The weights of all spans in turn, in units of 2^-[`BITS`].
    fixed: Vec<i32>,
}

impl Weights {
    pub(super) fn new(old: u32, new: u32, pixels: Range<u32>, interpolation: Interpolation) -> Self {
        let scale = f64::from(old) / f64::from(new);
        let stretch = scale.max(1.0);
        let support = interpolation.support() * stretch;
        let mut weights = Self { spans: Vec::with_capacity(pixels.len()), fixed: Vec::new() };
        let mut row = Vec::new();
        for pixel in pixels {
            let (centre, Range { start: low, end: high }) = span(old, scale, support, pixel);
            row.clear();
            let offset = |i: usize| (i as f64 - centre + 0.5) * (1.0 / stretch);
            row.extend((low..high).map(|i| interpolation.weight(offset(i))));
            weights.push(low, &row);
        }
        weights
    }

    fn push(&mut self, low: usize, row: &[f64]) {
        let sum: f64 = row.iter().sum();
        let unit = f64::from(1 << BITS);
        let fixed = row.iter().map(|weight| {
            let weight = if sum == 0.0 { *weight } else { weight / sum };
            (weight * unit + 0.5_f64.copysign(weight)) as i32
        });
        self.fixed.extend(fixed);
        self.spans.push((low, row.len()));
    }

    /// How many new pixels there are.
    pub(super) fn len(&self) -> usize {
        self.spans.len()
    }

    /// The old pixels that count for any new one.
    pub(super) fn reach(&self) -> Range<usize> {
        let start = self.spans.iter().map(|(low, _)| *low).min().unwrap_or(0);
        let end = self.spans.iter().map(|(low, count)| low + count).max().unwrap_or(0);
        start..end
    }

    /// Counts the old pixels from `start` on, instead of from the first.
    pub(super) fn count_from(&mut self, start: usize) {
        self.spans.iter_mut().for_each(|(low, _)| *low -= start);
    }

    /// First old pixel and weights, for each new pixel.
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, &[i32])> {
        let mut rest = &self.fixed[..];
        self.spans.iter().map(move |&(low, count)| {
            let (weights, after) = rest.split_at(count);
            rest = after;
            (low, weights)
        })
    }
}
