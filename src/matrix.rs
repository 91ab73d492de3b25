//! Products of matrices, row-major, whose sums stay in vector registers.
//!
//! The numbers of each sum are added in one order, by fused multiply-adds: neither the width of the vectors nor the
//! number of threads changes a bit.

use std::array::from_fn;

use pulp::{Arch, Simd, WithSimd};

/// The left one of two matrices, `[m, k]`.
#[derive(Clone, Copy)]
pub(crate) enum Left<'a> {
    /// Row by row.
    Rows(&'a [f32]),
    /// Column by column.
    Columns(&'a [f32]),
}

/// The rows of the right one, each a run of `width` numbers. They may lie anywhere, and over one another.
#[derive(Clone, Copy)]
pub(crate) struct Rows<'a> {
    /// What all rows are runs of.
    pub(crate) numbers: &'a [f32],
    /// Where each begins.
    pub(crate) starts: &'a [usize],
    /// How long each is.
    pub(crate) width: usize,
}

/// Where the rows of a matrix begin that lies row by row.
pub(crate) fn row_by_row(rows: usize, width: usize) -> Vec<usize> {
    (0..rows).map(|row| row * width).collect()
}

/// `left` times `right` `[k, n]`, into `out` `[m, n]`.
pub(crate) fn product(left: Left<'_>, right: Rows<'_>, out: &mut [f32]) {
    Arch::new().dispatch(Product { left, right, n: right.width, m: out.len() / right.width, out });
}

/// Adds `left` `[m, k]` times the transposed `right` `[n, k]` to `out` `[m, n]`.
pub(crate) fn add_product_with_transposed(left: &[f32], right: Rows<'_>, out: &mut [f32]) {
    let (n, k) = (right.starts.len(), right.width);
    Arch::new().dispatch(Dots { left, right, n, m: left.len() / k, k, out });
}

struct Product<'a> {
    left: Left<'a>,
    right: Rows<'a>,
    out: &'a mut [f32],
    m: usize,
    n: usize,
}

impl WithSimd for Product<'_> {
    type Output = ();

    /// As many sums at once as there are registers for.
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match S::F32_LANES {
            16 => self.run::<S, 8, 16>(simd),
            _ => self.run::<S, 4, 8>(simd),
        }
    }
}

impl Product<'_> {
    /// `M` rows of wide tiles, `TALL` rows where less is left than two vectors.
    #[inline(always)]
    fn run<S: Simd, const M: usize, const TALL: usize>(mut self, simd: S) {
        let mut column = 0;
        while column < self.n {
            let vectors = (self.n - column) / S::F32_LANES;
            column += match vectors {
                0 | 1 => self.rows::<S, TALL, 1>(simd, column, S::F32_LANES.min(self.n - column)),
                2 => self.rows::<S, M, 2>(simd, column, 2 * S::F32_LANES),
                _ => self.rows::<S, M, 3>(simd, column, 3 * S::F32_LANES),
            };
        }
    }

    /// All rows of `width` columns.
    #[inline(always)]
    fn rows<S: Simd, const M: usize, const V: usize>(
        &mut self,
        simd: S,
        column: usize,
        width: usize,
    ) -> usize {
        match self.m < M {
            true => (0..self.m).for_each(|row| self.tile::<S, 1, V>(simd, row, column, width)),
            // The last rows once more rather than one by one.
            false => (0..self.m)
                .step_by(M)
                .for_each(|row| self.tile::<S, M, V>(simd, row.min(self.m - M), column, width)),
        }
        width
    }

    #[inline(always)]
    fn tile<S: Simd, const M: usize, const V: usize>(
        &mut self,
        simd: S,
        row: usize,
        column: usize,
        width: usize,
    ) {
        let (m, k) = (self.m, self.right.starts.len());
        let sums: [[S::f32s; V]; M] = match self.left {
            Left::Rows(left) => {
                let rows: [&[f32]; M] = from_fn(|i| &left[(row + i) * k..][..k]);
                self.sums(simd, column, width, |depth| from_fn(|i| rows[i][depth]))
            }
            Left::Columns(left) => {
                let left = &left[row..];
                self.sums(simd, column, width, |depth| {
                    let numbers = &left[depth * m..][..M];
                    from_fn(|i| numbers[i])
                })
            }
        };
        for (i, sums) in sums.iter().enumerate() {
            let out = &mut self.out[(row + i) * self.n + column..][..width];
            match S::as_mut_simd_f32s(out) {
                (vectors, []) => vectors.copy_from_slice(sums),
                (_, rest) => simd.partial_store_f32s(rest, sums[0]),
            }
        }
    }

    #[inline(always)]
    fn sums<S: Simd, const M: usize, const V: usize>(
        &self,
        simd: S,
        column: usize,
        width: usize,
        left: impl Fn(usize) -> [f32; M],
    ) -> [[S::f32s; V]; M] {
        let mut sums = [[simd.splat_f32s(0.0); V]; M];
        for (depth, start) in self.right.starts.iter().enumerate() {
            let right = &self.right.numbers[start + column..][..width];
            let right: [S::f32s; V] = match S::as_simd_f32s(right) {
                (vectors, []) => from_fn(|v| vectors[v]),
                (_, rest) => [simd.partial_load_f32s(rest); V],
            };
            let left = left(depth);
            for i in 0..M {
                let left = simd.splat_f32s(left[i]);
                for v in 0..V {
                    sums[i][v] = simd.mul_add_f32s(left, right[v], sums[i][v]);
                }
            }
        }
        sums
    }
}

struct Dots<'a> {
    left: &'a [f32],
    right: Rows<'a>,
    out: &'a mut [f32],
    m: usize,
    k: usize,
    n: usize,
}

/// A sum is kept in so many parts, on every processor.
const LANES: usize = 16;

impl WithSimd for Dots<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match S::F32_LANES {
            16 => self.run::<S, 4, 6, 1>(simd),
            8 => self.run::<S, 2, 3, 2>(simd),
            4 => self.run::<S, 2, 2, 4>(simd),
            _ => self.run::<S, 1, 1, LANES>(simd),
        }
    }
}

impl Dots<'_> {
    #[inline(always)]
    fn run<S: Simd, const M: usize, const N: usize, const P: usize>(self, simd: S) {
        for row in (0..self.m).step_by(M) {
            for column in (0..self.n).step_by(N) {
                // Those beyond the last are the last one again, and not written.
                let left: [&[f32]; M] =
                    from_fn(|i| &self.left[(row + i).min(self.m - 1) * self.k..][..self.k]);
                let right: [&[f32]; N] = from_fn(|j| {
                    let start = self.right.starts[(column + j).min(self.n - 1)];
                    &self.right.numbers[start..][..self.k]
                });
                let sums = dots::<S, M, N, P>(simd, left, right);
                for (i, sums) in sums.iter().take(self.m - row).enumerate() {
                    let out = &mut self.out[(row + i) * self.n + column..];
                    out.iter_mut().zip(sums.iter().take(self.n - column)).for_each(|(out, sum)| *out += sum);
                }
            }
        }
    }
}

#[inline(always)]
fn dots<S: Simd, const M: usize, const N: usize, const P: usize>(
    simd: S,
    left: [&[f32]; M],
    right: [&[f32]; N],
) -> [[f32; N]; M] {
    let count = left[0].len() / LANES;
    // Functions of the standard library that take a closure stay calls here: they know nothing of wide vectors.
    let mut lefts: [&[[f32; LANES]]; M] = [&[]; M];
    let mut rights: [&[[f32; LANES]]; N] = [&[]; N];
    (0..M).for_each(|i| lefts[i] = &left[i].as_chunks().0[..count]);
    (0..N).for_each(|j| rights[j] = &right[j].as_chunks().0[..count]);
    let mut sums = [[[simd.splat_f32s(0.0); P]; N]; M];
    for at in 0..count {
        multiply(simd, &mut sums, from_fn(|i| &lefts[i][at]), from_fn(|j| &rights[j][at]));
    }
    let done = count * LANES;
    if left[0].len() > done {
        let (lefts, rights): ([_; M], [_; N]) =
            (from_fn(|i| filled(&left[i][done..])), from_fn(|j| filled(&right[j][done..])));
        multiply(simd, &mut sums, from_fn(|i| &lefts[i]), from_fn(|j| &rights[j]));
    }
    from_fn(|i| from_fn(|j| total::<S, P>(simd, sums[i][j])))
}

#[inline(always)]
fn multiply<S: Simd, const M: usize, const N: usize, const P: usize>(
    simd: S,
    sums: &mut [[[S::f32s; P]; N]; M],
    left: [&[f32; LANES]; M],
    right: [&[f32; LANES]; N],
) {
    let right: [[S::f32s; P]; N] = from_fn(|j| vectors::<S, P>(right[j]));
    for i in 0..M {
        let left = vectors::<S, P>(left[i]);
        for j in 0..N {
            for p in 0..P {
                sums[i][j][p] = simd.mul_add_f32s(left[p], right[j][p], sums[i][j][p]);
            }
        }
    }
}

#[inline(always)]
fn vectors<S: Simd, const P: usize>(numbers: &[f32; LANES]) -> [S::f32s; P] {
    let (vectors, _) = S::as_simd_f32s(numbers);
    from_fn(|p| vectors[p])
}

/// The numbers, and zeros behind them.
#[inline(always)]
fn filled(rest: &[f32]) -> [f32; LANES] {
    from_fn(|lane| rest.get(lane).copied().unwrap_or(0.0))
}

/// The sum of all lanes, halves by halves whatever the width of the vectors.
#[inline(always)]
fn total<S: Simd, const P: usize>(simd: S, mut parts: [S::f32s; P]) -> f32 {
    let mut half = P / 2;
    while half > 0 {
        (0..half).for_each(|p| parts[p] = simd.add_f32s(parts[p], parts[p + half]));
        half /= 2;
    }
    simd.reduce_sum_f32s(parts[0])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    fn numbers(name: &str, count: usize) -> Vec<f32> {
        let mut random = Random::new(name, &[count as u64]);
        (0..count).map(|_| random.uniform(-1.0, 1.0) as f32).collect()
    }

    fn transposed(matrix: &[f32], columns: usize) -> Vec<f32> {
        (0..columns).flat_map(|column| matrix.iter().skip(column).step_by(columns)).copied().collect()
    }

    /// Sums by fused multiply-adds, in order.
    fn in_order(left: &[f32], right: &[f32], [m, k, n]: [usize; 3]) -> Vec<f32> {
        let sum =
            |i: usize| (0..k).fold(0.0, |sum, j| left[i / n * k + j].mul_add(right[j * n + i % n], sum));
        (0..m * n).map(sum).collect()
    }

    const SHAPES: [[usize; 3]; 6] =
        [[1, 1, 1], [3, 5, 2], [8, 27, 48], [17, 64, 49], [33, 301, 100], [5, 16, 1]];

    #[test]
    fn sums_are_in_order_whatever_the_vectors() {
        for [m, k, n] in SHAPES {
            let (left, right) = (numbers("left", m * k), numbers("right", k * n));
            let exact = in_order(&left, &right, [m, k, n]);
            for left in [Left::Rows(&left), Left::Columns(&transposed(&left, k))] {
                let mut out = vec![7.0; m * n];
                product(left, Rows { numbers: &right, starts: &row_by_row(k, n), width: n }, &mut out);
                assert!(out == exact, "{m} {k} {n}");
            }
        }
    }

    #[test]
    fn narrow_vectors_give_the_same_bytes() {
        let Some(narrow) = pulp::x86::V3::try_new() else { return };
        for [m, k, n] in SHAPES {
            let (left, right) = (numbers("left", m * k), numbers("right", n * k));
            let [mut wide, mut thin] = [(); 2].map(|()| vec![1.0; m * n]);
            let rows = Rows { numbers: &right, starts: &row_by_row(n, k), width: k };
            add_product_with_transposed(&left, rows, &mut wide);
            Simd::vectorize(narrow, Dots { left: &left, right: rows, out: &mut thin, m, k, n });
            assert!(wide == thin, "{m} {k} {n}");
            let exact = in_order(&left, &transposed(&right, k), [m, k, n]);
            wide.iter().zip(exact).for_each(|(sum, exact)| assert!((sum - 1.0 - exact).abs() < 1e-4));
        }
    }
}
