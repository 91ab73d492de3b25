//! Dense convolution of large maps, without columns: maps are spread so that what lies under one place of the kernel,
//! for all pixels of the output, is one run of numbers.
//!
//! A map gets a rim of zeros, and with a stride of `s` its pixels are dealt to `s²` phases, by their row and column
//! modulo `s`: then the kernel's place `(ky, kx)` sees, for the output's pixels row by row, a phase's pixels row by row
//! from `(ky / s, kx / s)` on. Where a row of the phase is longer than one of the output, what comes out between the rows
//! means nothing, and is left out.

use super::Window;
use crate::matrix::{Left, Rows, add_product_with_transposed, product};

/// Numbers of the output that are made at once, about: they stay in the cache.
const NUMBERS: usize = 1 << 14;
/// Pixels of the output that are made at once, at least: so many keep the matrix product busy.
const PIXELS: usize = 144;

/// How the maps of a convolution's images are spread, an image at a time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spread {
    window: Window,
    /// Phases along a side.
    phases: usize,
    /// From one row of a phase to the next.
    pitch: usize,
    /// Numbers of a phase.
    phase: usize,
}

/// Where the pixels that a product makes belong in a plane: how far the first is from its beginning, each from the one
/// before it, and each row from the one above.
struct Grid {
    first: usize,
    step: usize,
    pitch: usize,
}

impl Spread {
    pub(super) fn new(window: Window) -> Self {
        let Window { kernel, stride, padding, .. } = window;
        let more = (kernel - 1) / stride;
        // Without strides the rim behind a row is also the one before the next.
        let shared = if stride == 1 { padding } else { 0 };
        let pitch = window.out_width() + more - shared;
        let phase = (window.out_height() + more) * pitch + shared;
        Self { window, phases: stride.min(kernel), pitch, phase }
    }

    /// The convolution of an image `[c1, height, width]` into `out` `[c2, out height, out width]`.
    pub(super) fn forward(&self, x: &[f32], weight: &[f32], out: &mut [f32]) {
        let (maps, starts) = (self.maps(x), self.starts());
        let Window { c2, .. } = self.window;
        let size = [self.window.out_height(), self.window.out_width()];
        let to = Grid { first: 0, step: 1, pitch: size[1] };
        Bands {
            left: Left::Rows(weight),
            numbers: &maps,
            starts: &starts,
            pitch: self.pitch,
            size,
            channels: c2,
        }
        .run(out, &to);
    }

    /// Adds the gradient of the weight `[c2, c1, kernel, kernel]` to `sum`, given an image and the gradient of its output.
    pub(super) fn add_weight_gradient(&self, x: &[f32], gradient: &[f32], sum: &mut [f32]) {
        let [height, width] = [self.window.out_height(), self.window.out_width()];
        let run = (height - 1) * self.pitch + width;
        // Zeros between the rows, where the maps have what means nothing.
        let mut spread = vec![0.0; self.window.c2 * run];
        for (to, from) in spread.chunks_exact_mut(run).zip(gradient.chunks_exact(height * width)) {
            to.chunks_mut(self.pitch)
                .zip(from.chunks_exact(width))
                .for_each(|(to, from)| to[..width].copy_from_slice(from));
        }
        let (maps, starts) = (self.maps(x), self.starts());
        add_product_with_transposed(&spread, Rows { numbers: &maps, starts: &starts, width: run }, sum);
    }

    /// The way back to the images, for this weight.
    pub(super) fn backward(self, weight: &[f32]) -> Backward {
        let phases = (0..self.phases * self.phases).map(|phase| {
            let phase = [phase / self.phases, phase % self.phases];
            PhaseBackward { phase, weight: self.phase_weight(weight, phase) }
        });
        Backward { spread: self, phases: phases.collect() }
    }

    /// The maps of an image, spread.
    fn maps(&self, x: &[f32]) -> Vec<f32> {
        let Window { c1, .. } = self.window;
        let mut maps = vec![0.0; c1 * self.phases * self.phases * self.phase];
        let phases = maps.chunks_exact_mut(self.phase).enumerate();
        for (i, to) in phases {
            let (channel, phase) = (i / (self.phases * self.phases), i % (self.phases * self.phases));
            let plane = &x[channel * self.window.area()..][..self.window.area()];
            self.deal(plane, [phase / self.phases, phase % self.phases], to);
        }
        maps
    }

    /// Fills a phase with the pixels of a map that belong to it.
    fn deal(&self, plane: &[f32], [py, px]: [usize; 2], to: &mut [f32]) {
        let Window { width, height, stride, padding, kernel, .. } = self.window;
        let more = (kernel - 1) / stride;
        let (rows, columns) = (self.window.out_height() + more, self.window.out_width() + more);
        let (first, column) = (before(padding, py, stride), before(padding, px, stride));
        for row in first..rows {
            let y = row * stride + py - padding;
            if y >= height {
                break;
            }
            let from = plane[y * width..][..width].iter().skip(column * stride + px - padding);
            let to = to[row * self.pitch + column..].iter_mut().take(columns - column);
            to.zip(from.step_by(stride)).for_each(|(to, from)| *to = *from);
        }
    }

    /// Where the run of each channel and place of the kernel begins, in the weight's order.
    fn starts(&self) -> Vec<usize> {
        let Window { c1, kernel, stride, .. } = self.window;
        let start = |i: usize| {
            let (channel, ky, kx) = (i / (kernel * kernel), i / kernel % kernel, i % kernel);
            let phase = (channel * self.phases + ky % stride) * self.phases + kx % stride;
            phase * self.phase + ky / stride * self.pitch + kx / stride
        };
        (0..c1 * kernel * kernel).map(start).collect()
    }

    /// Of the weight, what makes a phase of the images' gradient: `[c1, c2 · places]`.
    fn phase_weight(&self, weight: &[f32], [py, px]: [usize; 2]) -> Vec<f32> {
        let Window { c1, c2, kernel, stride, .. } = self.window;
        let mut part = Vec::new();
        for channel in 0..c1 {
            for out in 0..c2 {
                let kernel_of = &weight[(out * c1 + channel) * kernel * kernel..][..kernel * kernel];
                for ky in (py..kernel).step_by(stride) {
                    part.extend(kernel_of[ky * kernel..][..kernel].iter().skip(px).step_by(stride));
                }
            }
        }
        part
    }
}

/// The way back to the images.
pub(super) struct Backward {
    spread: Spread,
    phases: Vec<PhaseBackward>,
}

/// The way back to the pixels of one phase.
struct PhaseBackward {
    phase: [usize; 2],
    weight: Vec<f32>,
}

impl Backward {
    /// The gradient of an image into `out` `[c1, height, width]`, which is all zeros, given that of its output.
    pub(super) fn run(&self, gradient: &[f32], out: &mut [f32]) {
        let Spread { window, .. } = self.spread;
        let rim = (window.kernel - 1) / window.stride;
        let (height, pitch) = (window.out_height(), window.out_width() + rim);
        let plane = (height + 2 * rim) * pitch + rim;
        let mut numbers = vec![0.0; window.c2 * plane];
        for (to, from) in numbers.chunks_exact_mut(plane).zip(gradient.chunks_exact(window.out_area())) {
            let rows = to[rim * pitch + rim..].chunks_mut(pitch).zip(from.chunks_exact(window.out_width()));
            rows.for_each(|(to, from)| to[..from.len()].copy_from_slice(from));
        }
        for phase in &self.phases {
            phase.run(window, &numbers, [rim, pitch, plane], out);
        }
    }
}

impl PhaseBackward {
    /// Fills the phase's pixels of `out`, given gradients with a rim.
    fn run(&self, window: Window, numbers: &[f32], [rim, pitch, plane]: [usize; 3], out: &mut [f32]) {
        let Window { c1, height, width, stride, padding, .. } = window;
        let first = self.phase.map(|phase| before(padding, phase, stride));
        let starts = self.starts(window, [rim, pitch, plane], first);
        let [y, x] = [0, 1].map(|axis| first[axis] * stride + self.phase[axis] - padding);
        // No window reaches pixels beyond those; their gradient is 0.
        let seen = [window.out_height() + rim - first[0], pitch - first[1]];
        let size = [
            height.saturating_sub(y).div_ceil(stride).min(seen[0]),
            width.saturating_sub(x).div_ceil(stride).min(seen[1]),
        ];
        let to = Grid { first: y * width + x, step: stride, pitch: stride * width };
        Bands { left: Left::Rows(&self.weight), numbers, starts: &starts, pitch, size, channels: c1 }
            .run(out, &to);
    }

    /// Where the run of each output channel and place of the kernel begins, in the order of the phase's weight.
    fn starts(
        &self,
        window: Window,
        [rim, pitch, plane]: [usize; 3],
        [first_y, first_x]: [usize; 2],
    ) -> Vec<usize> {
        let Window { c2, kernel, stride, .. } = window;
        let [rows, columns] = self.phase.map(|phase| (phase..kernel).step_by(stride).len());
        let start = |i: usize| {
            let (out, y, x) = (i / (rows * columns), i / columns % rows, i % columns);
            out * plane + (rim - y + first_y) * pitch + rim - x + first_x
        };
        (0..c2 * rows * columns).map(start).collect()
    }
}

/// A product some rows of pixels at a time.
struct Bands<'a> {
    left: Left<'a>,
    numbers: &'a [f32],
    starts: &'a [usize],
    pitch: usize,
    /// Rows and columns of pixels that mean something.
    size: [usize; 2],
    channels: usize,
}

impl Bands<'_> {
    /// Writes the pixels into each plane of `out`, in the places that `to` tells.
    fn run(&self, out: &mut [f32], to: &Grid) {
        let [height, width] = self.size;
        if height == 0 || width == 0 {
            return;
        }
        let rows = (NUMBERS / self.channels).max(PIXELS).div_ceil(self.pitch).min(height);
        let mut made = vec![0.0; self.channels * rows * self.pitch];
        for first in (0..height).step_by(rows) {
            let rows = rows.min(height - first);
            let run = (rows - 1) * self.pitch + width;
            let made = &mut made[..self.channels * run];
            let right =
                Rows { numbers: &self.numbers[first * self.pitch..], starts: self.starts, width: run };
            product(self.left, right, made);
            let plane = out.len() / self.channels;
            for (plane, made) in out.chunks_exact_mut(plane).zip(made.chunks_exact(run)) {
                self.write(made, &mut plane[to.first + first * to.pitch..], to);
            }
        }
    }

    fn write(&self, made: &[f32], plane: &mut [f32], to: &Grid) {
        let width = self.size[1];
        for (row, made) in made.chunks(self.pitch).enumerate() {
            let plane = &mut plane[row * to.pitch..];
            match to.step {
                1 => plane[..width].copy_from_slice(&made[..width]),
                step => plane.iter_mut().step_by(step).zip(&made[..width]).for_each(|(to, from)| *to = *from),
            }
        }
    }
}

/// How many pixels of a phase lie before the map.
fn before(padding: usize, phase: usize, stride: usize) -> usize {
    padding.saturating_sub(phase).div_ceil(stride)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::random::Random;

    fn numbers(name: &str, count: usize) -> Vec<f32> {
        let mut random = Random::new(name, &[count as u64]);
        (0..count).map(|_| random.uniform(-1.0, 1.0) as f32).collect()
    }

    /// Does `visit` for every pixel of the output and what lies under the kernel there: output, weight and image by place.
    fn each(window: Window, mut visit: impl FnMut(usize, usize, usize)) {
        let Window { c1, c2, height, width, kernel, stride, padding, .. } = window;
        let [out_height, out_width] = [window.out_height(), window.out_width()];
        for i in 0..c2 * out_height * out_width * c1 * kernel * kernel {
            let (kx, ky, channel) = (i % kernel, i / kernel % kernel, i / (kernel * kernel) % c1);
            let out = i / (kernel * kernel * c1);
            let (x, y) = (out % out_width * stride + kx, out / out_width % out_height * stride + ky);
            let inside = (padding..padding + height).contains(&y) && (padding..padding + width).contains(&x);
            if inside {
                let weight =
                    (out / (out_width * out_height) * c1 + channel) * kernel * kernel + ky * kernel + kx;
                visit(out, weight, (channel * height + y - padding) * width + x - padding);
            }
        }
    }

    fn assert_near(ours: &[f32], exact: &[f64]) {
        assert_eq!(ours.len(), exact.len());
        ours.iter()
            .zip(exact)
            .for_each(|(ours, exact)| assert!((f64::from(*ours) - exact).abs() < 1e-4, "{ours} {exact}"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]
        #[test]
        fn sums_are_those_of_the_definition(
            [c1, c2] in prop::array::uniform2(1..4_usize), [height, width] in prop::array::uniform2(1..24_usize),
            kernel in 1..6_usize, stride in 1..4_usize,
        ) {
            let window = Window { batch: 1, c1, c2, height, width, kernel, stride, padding: kernel / 2 };
            let (spread, outs) = (Spread::new(window), c2 * window.out_area());
            let [x, weight, gradient] =
                [c1 * window.area(), c2 * c1 * kernel * kernel, outs].map(|count| numbers("spread", count));
            let [mut y, mut of_x, mut of_weight] = [vec![0.0; outs], vec![0.0; x.len()], vec![0.0; weight.len()]];
            each(window, |out, at, pixel| {
                y[out] += f64::from(weight[at]) * f64::from(x[pixel]);
                of_x[pixel] += f64::from(weight[at]) * f64::from(gradient[out]);
                of_weight[at] += f64::from(x[pixel]) * f64::from(gradient[out]);
            });
            let [mut ours, mut ours_of_x, mut ours_of_weight] = [vec![0.0; outs], vec![0.0; x.len()], vec![0.0; weight.len()]];
            spread.forward(&x, &weight, &mut ours);
            spread.backward(&weight).run(&gradient, &mut ours_of_x);
            spread.add_weight_gradient(&x, &gradient, &mut ours_of_weight);
            assert_near(&ours, &y);
            assert_near(&ours_of_x, &of_x);
            assert_near(&ours_of_weight, &of_weight);
        }
    }
}
