//! The weights of a convolution in the order that a format wants.

/// Numbers of four dimensions, row-major, with these in another order: the axis that each of the result's was.
pub(in crate::export) fn reordered(numbers: &[f32], shape: [usize; 4], order: [usize; 4]) -> Vec<f32> {
    let steps = [shape[1] * shape[2] * shape[3], shape[2] * shape[3], shape[3], 1];
    let [a, b, c, d] = order.map(|axis| (0..shape[axis]).map(move |place| place * steps[axis]));
    let mut reordered = Vec::with_capacity(numbers.len());
    for a in a {
        for b in b.clone() {
            for c in c.clone() {
                reordered.extend(d.clone().map(|d| numbers[a + b + c + d]));
            }
        }
    }
    reordered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_order_and_back() {
        let numbers: Vec<f32> = (0..24).map(|number| number as f32).collect();
        let last = reordered(&numbers, [2, 3, 2, 2], [0, 2, 3, 1]);
        assert_eq!(last[..6], [0.0, 4.0, 8.0, 1.0, 5.0, 9.0]);
        assert_eq!(reordered(&last, [2, 2, 2, 3], [0, 3, 1, 2]), numbers);
    }
}
