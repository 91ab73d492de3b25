//! A part of the training images (docs/reference.md, Fraction).

use crate::data::Dataset;

/// The dataset with `fraction` of its training images: a share up to 1, a number of images above.
/// They are spread evenly over the index, which is in the order of classes, so that all have their part.
pub(super) fn subset(dataset: &Dataset, fraction: f64) -> Dataset {
    let mut part = dataset.clone();
    part.index.train = picked(dataset.index.train.len(), fraction)
        .into_iter()
        .map(|i| dataset.index.train[i].clone())
        .collect();
    part
}

/// The places of the images that are kept: `linspace(0, total - 1, count)`, cut to whole numbers.
fn picked(total: usize, fraction: f64) -> Vec<usize> {
    let share = (fraction * total as f64).round_ties_even() as usize;
    let count = if fraction > 1.0 { fraction as usize } else { share.max(1) };
    if count >= total {
        return (0..total).collect();
    }
    let step = (total - 1) as f64 / count.saturating_sub(1).max(1) as f64;
    (0..count).map(|i| if i > 0 && i + 1 == count { total - 1 } else { (i as f64 * step) as usize }).collect()
}

#[cfg(test)]
mod tests {
    use super::picked;

    /// As `numpy.linspace(0, total - 1, count).astype(int)`.
    #[test]
    fn images_are_picked_as_by_the_reference() {
        assert_eq!(picked(10, 1.0), (0..10).collect::<Vec<_>>());
        assert_eq!(picked(10, 0.5), [0, 2, 4, 6, 9]);
        assert_eq!(picked(10, 3.0), [0, 4, 9]);
        assert_eq!(picked(10, 0.25), [0, 9]);
        assert_eq!(picked(10, 0.01), [0]);
        assert_eq!(picked(7, 100.0), (0..7).collect::<Vec<_>>());
        // The last is the last, though 11 · (15 / 11) is a little less than 15.
        assert_eq!(picked(16, 12.0).last(), Some(&15));
        assert_eq!(picked(0, 0.5), [] as [usize; 0]);
    }
}
