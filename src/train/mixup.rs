//! Mixup (Zhang et al., 2018) and CutMix (Yun et al., 2019): two images in one, their classes shared.

use super::loss::{Targets, one_hot};
use crate::{data::Batch, random::Random};

/// How often batches are mixed, and how much.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mix {
    /// Probability that a batch is blended.
    pub mixup: f64,
    /// How even the blends are: the share of the own image is drawn from Beta(alpha, alpha).
    pub mixup_alpha: f64,
    /// Probability that a batch gets patches of other images.
    pub cutmix: f64,
    /// How even the patches' sizes are, likewise.
    pub cutmix_alpha: f64,
}

impl Mix {
    /// Whether any batch may be mixed.
    pub fn is_on(&self) -> bool {
        self.mixup + self.cutmix > 0.0
    }

    /// Mixes each image of the batch with the one before it, or leaves the batch alone, as `random` says.
    pub fn apply(&self, batch: &mut Batch, classes: usize, random: &mut Random) -> Targets {
        let draw = random.unit();
        let share = if draw < self.mixup {
            blend(batch, beta(random, self.mixup_alpha))
        } else if draw < self.mixup + self.cutmix {
            let share = beta(random, self.cutmix_alpha);
            patch(batch, share, random)
        } else {
            return Targets::Classes(batch.targets.clone());
        };
        Targets::Soft(shared(&batch.targets, share as f32, classes))
    }
}

/// Each image's own class has `share`, the class of the image before has the rest.
fn shared(targets: &[usize], share: f32, classes: usize) -> Vec<f32> {
    let mut rows = one_hot(targets, classes);
    rows.iter_mut().for_each(|one| *one *= share);
    for (i, row) in rows.chunks_exact_mut(classes).enumerate() {
        row[targets[before(i, targets.len())]] += 1.0 - share;
    }
    rows
}

/// The place of the image that is mixed into image `i`.
fn before(i: usize, count: usize) -> usize {
    (i + count - 1) % count
}

/// `share · own + (1 - share) · other`; gives `share`.
fn blend(batch: &mut Batch, share: f64) -> f64 {
    let own = share as f32;
    let others = others(batch);
    for (pixel, other) in batch.images.iter_mut().zip(others) {
        *pixel = own * *pixel + (1.0 - own) * other;
    }
    share
}

/// A rectangle of `1 - share` of the area, anywhere, from the other image; gives the share of the own image
/// that is left, as a part of the rectangle may lie outside.
fn patch(batch: &mut Batch, share: f64, random: &mut Random) -> f64 {
    let size = batch.size;
    let half = size as f64 * (1.0 - share).sqrt() / 2.0;
    let [rows, columns] = [(); 2].map(|()| {
        let middle = random.uniform(0.0, size as f64);
        let edge = |at: f64| at.clamp(0.0, size as f64).round() as usize;
        edge(middle - half)..edge(middle + half)
    });
    let others = others(batch);
    let planes = batch.images.chunks_exact_mut(size * size).zip(others.chunks_exact(size * size));
    for (plane, other) in planes {
        for row in rows.clone() {
            let line = row * size + columns.start..row * size + columns.end;
            plane[line.clone()].copy_from_slice(&other[line]);
        }
    }
    1.0 - (rows.len() * columns.len()) as f64 / (size * size) as f64
}

/// The images of the batch, each in the place of the one after it.
fn others(batch: &Batch) -> Vec<f32> {
    let mut others = batch.images.clone();
    others.rotate_right(batch.images.len() / batch.len());
    others
}

/// A number from Beta(alpha, alpha), as a part of two from Gamma(alpha).
fn beta(random: &mut Random, alpha: f64) -> f64 {
    let (a, b) = (random.gamma(alpha), random.gamma(alpha));
    // Both can be too small to tell apart where alpha is tiny: then one image or the other is whole.
    if a + b > 0.0 { a / (a + b) } else { f64::from(u8::from(random.chance(0.5))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Image `i` is all `i + 1`, its class `i`.
    fn batch(count: usize) -> Batch {
        let (size, length) = (8, 3 * 8 * 8);
        let images = (0..count).flat_map(|i| vec![(i + 1) as f32; length]).collect();
        Batch { images, targets: (0..count).collect(), indices: (0..count).collect(), size }
    }

    fn mix(mixup: f64, cutmix: f64) -> Mix {
        Mix { mixup, mixup_alpha: 0.8, cutmix, cutmix_alpha: 1.0 }
    }

    fn random(number: u64) -> Random {
        Random::new("test", &[number])
    }

    #[test]
    fn a_blend_shares_pixels_as_it_shares_classes() {
        for number in 0..20 {
            let mut blended = batch(3);
            let Targets::Soft(shares) = mix(1.0, 0.0).apply(&mut blended, 3, &mut random(number)) else {
                panic!("not mixed")
            };
            for (i, row) in shares.chunks_exact(3).enumerate() {
                let expected: f32 = row.iter().zip([1.0, 2.0, 3.0]).map(|(share, value)| share * value).sum();
                let image = &blended.images[i * 192..][..192];
                assert!(image.iter().all(|pixel| (pixel - expected).abs() < 1e-5), "{i}: {expected}");
                assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-6);
            }
        }
    }

    #[test]
    fn a_patch_shares_classes_by_its_area() {
        let mut areas = Vec::new();
        for number in 0..50 {
            let mut patched = batch(3);
            let Targets::Soft(shares) = mix(0.0, 1.0).apply(&mut patched, 3, &mut random(number)) else {
                panic!("not mixed")
            };
            for (i, row) in shares.chunks_exact(3).enumerate() {
                let image = &patched.images[i * 192..][..192];
                let own = image.iter().filter(|&&pixel| pixel == (i + 1) as f32).count() as f32 / 192.0;
                let other = image.iter().filter(|&&pixel| pixel == (before(i, 3) + 1) as f32).count();
                assert!(
                    (row[i] - own).abs() < 1e-6 && (row[before(i, 3)] - other as f32 / 192.0).abs() < 1e-6
                );
                areas.push(own);
            }
        }
        assert!(areas.iter().any(|&area| area < 0.4) && areas.iter().any(|&area| area > 0.6), "{areas:?}");
    }

    #[test]
    fn batches_are_mixed_as_often_as_asked() {
        let mixed = |mix: Mix| {
            let one = |number| matches!(mix.apply(&mut batch(2), 2, &mut random(number)), Targets::Soft(_));
            (0..1000).filter(|&number| one(number)).count()
        };
        assert_eq!((mixed(mix(0.0, 0.0)), mixed(mix(0.5, 0.5))), (0, 1000));
        assert!((250..350).contains(&mixed(mix(0.2, 0.1))));
    }

    #[test]
    fn an_image_alone_stays_itself() {
        let mut alone = batch(1);
        let targets = mix(0.5, 0.5).apply(&mut alone, 2, &mut random(0));
        assert_eq!(alone, batch(1));
        let Targets::Soft(shares) = targets else { panic!("not mixed") };
        assert!((shares[0] - 1.0).abs() < 1e-6);
    }

    #[test]
    fn beta_has_its_mean_and_variance() {
        for alpha in [0.01, 0.2, 1.0, 4.0] {
            let mut random = random(7);
            let draws: Vec<f64> = (0..20_000).map(|_| beta(&mut random, alpha)).collect();
            let mean = draws.iter().sum::<f64>() / draws.len() as f64;
            let variance = draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / draws.len() as f64;
            let expected = 1.0 / (4.0 * (2.0 * alpha + 1.0));
            assert!((mean - 0.5).abs() < 0.015, "alpha {alpha}: mean {mean}");
            assert!((variance - expected).abs() < 0.01, "alpha {alpha}: variance {variance}, not {expected}");
        }
    }

    #[test]
    fn a_patch_is_as_large_as_its_share_where_all_of_it_lies_inside() {
        let left: Vec<f64> = (0..500).map(|number| patch(&mut batch(2), 0.75, &mut random(number))).collect();
        // A side of half of 8 pixels; 16 of 64.
        assert_eq!(left.iter().copied().fold(1.0, f64::min), 0.75);
        assert!(left.iter().any(|left| *left > 0.9));
    }

    #[test]
    fn a_blend_is_made_of_its_shares() {
        let mut blended = batch(3);
        let Targets::Soft(shares) = mix(1.0, 0.0).apply(&mut blended, 3, &mut random(0)) else {
            panic!("not mixed")
        };
        assert!(shares[0] > 0.0 && shares[0] < 1.0, "{shares:?}");
        for (i, row) in shares.chunks_exact(3).enumerate() {
            let wanted: f32 = row.iter().zip([1.0, 2.0, 3.0]).map(|(share, value)| share * value).sum();
            assert!(blended.images[i * 192..][..192].iter().all(|pixel| (pixel - wanted).abs() < 1e-5));
        }
    }

    #[test]
    fn one_image_is_whole_where_no_share_can_be_told() {
        let draws: Vec<f64> = (0..50).map(|number| beta(&mut random(number), 1e-300)).collect();
        assert!(draws.iter().all(|draw| *draw == 0.0 || *draw == 1.0), "{draws:?}");
        assert!(draws.contains(&0.0) && draws.contains(&1.0));
    }
}
