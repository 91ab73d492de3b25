//! Orders of dimensions by number: ncnn counts them as a dictionary would list them.

/// The number of an order of `0, 1, 2, …`.
pub(super) fn number(order: &[usize]) -> usize {
    let smaller = |place: usize| order[place + 1..].iter().filter(|axis| **axis < order[place]).count();
    (0..order.len()).map(|place| smaller(place) * ways(order.len() - 1 - place)).sum()
}

/// The order of so many dimensions that has this number, if there is one.
pub(super) fn order(number: usize, dimensions: usize) -> Option<Vec<usize>> {
    let mut left: Vec<usize> = (0..dimensions).collect();
    let place = |place: usize| number / ways(dimensions - 1 - place) % (dimensions - place);
    (number < ways(dimensions)).then(|| (0..dimensions).map(|at| left.remove(place(at))).collect())
}

/// In how many ways so many things can be ordered.
fn ways(things: usize) -> usize {
    (1..=things).product()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_order_has_a_number() {
        for dimensions in 1..5 {
            let orders: Vec<Vec<usize>> =
                (0..ways(dimensions)).map(|at| order(at, dimensions).unwrap()).collect();
            assert!(orders.is_sorted(), "{orders:?}");
            assert!(orders.iter().map(|order| number(order)).eq(0..orders.len()));
            assert_eq!(order(orders.len(), dimensions), None);
        }
        // As in ncnn's documents: 12 is `w d c h`, innermost first.
        assert_eq!(number(&[2, 0, 1, 3]), 12);
    }
}
