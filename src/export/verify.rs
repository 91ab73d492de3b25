//! The proof that an exported file says what the network says: another engine runs it on the same images.

use super::{Engine, Format, Precision, Verification, sample_images::SampleImages};
use crate::{
    data::Batch,
    error::{Error, Result},
    progress::Progress,
    softmax::softmax,
};

impl Precision {
    /// The largest difference of a probability that is no fault of a file with such weights.
    pub fn limit(self) -> f32 {
        match self {
            Self::Fp32 => 1e-4,
            // Rounding alone moved a probability by up to 2.6e-3 (yolo11n-cls, briefly trained).
            Self::Fp16 => 1e-2,
        }
    }
}

/// Compares what `engine` makes of the images with the network's own `logits`: of a batch, `[batch, classes]`, row by row.
/// The engine runs a file of `format`, which has weights of this `precision`.
///
/// # Errors
/// If a probability differs by more than [`Precision::limit`], the engine can't run the file, or the user asks to stop.
pub fn verify(
    (format, precision): (&Format, Precision),
    engine: &dyn Engine,
    images: &SampleImages,
    logits: impl Fn(&Batch) -> Vec<f32>,
    progress: &Progress<'_>,
) -> Result<Verification> {
    let total = images.batches.iter().map(Batch::len).sum();
    let (mut done, mut largest, limit) = (0, 0.0_f32, precision.limit());
    for batch in &images.batches {
        progress.check()?;
        let own = probabilities(&logits(batch), batch.len());
        let second = engine.probabilities(&batch.images, batch.size)?;
        largest = larger(largest, largest_difference(&own, &second));
        done += batch.len();
        progress.step("verify", done, total, "images");
    }
    let (file, engine, source) = (format.file, engine.name().to_owned(), images.source.clone());
    let (images, largest_difference, compiled_by) = (total, largest, None);
    let found = Verification { file, engine, source, images, largest_difference, limit, compiled_by };
    if largest <= limit { Ok(found) } else { Err(differs(largest, limit)) }
}

/// The larger of two numbers; NaN if either is, which `f32::max` would lose.
fn larger(a: f32, b: f32) -> f32 {
    if a.is_nan() || a > b { a } else { b }
}

/// Probabilities of the logits of `images` images: `[images, classes]`, row by row.
pub(super) fn probabilities(logits: &[f32], images: usize) -> Vec<f32> {
    let classes = (logits.len() / images.max(1)).max(1);
    logits.chunks(classes).flat_map(softmax).collect()
}

fn differs(largest: f32, limit: f32) -> Error {
    let message = if largest.is_nan() {
        "a probability is not a number, in the network or in the exported file".to_owned()
    } else {
        format!("the exported file gives a probability that differs by {largest:.1e} from the network's")
    };
    Error::new(message).help(format!(
        "differences up to {limit:.0e} are rounding; a larger one is a fault of the weights or of the exporter"
    ))
}

/// The largest absolute difference of two equally long lists; NaN if there is one in either.
///
/// # Panics
/// If the lists are not equally long.
pub(super) fn largest_difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len(), "both engines were given the same images");
    let differences = a.iter().zip(b).map(|(a, b)| (a - b).abs());
    differences.fold(0.0, larger)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        export::{FORMATS, sample_images::made_up},
        progress::Stop,
    };

    /// Gives the mean of each image as the probability of the first of two classes.
    struct Means;

    impl Engine for Means {
        fn name(&self) -> &'static str {
            "means"
        }

        fn probabilities(&self, images: &[f32], size: usize) -> Result<Vec<f32>> {
            Ok(images.chunks(3 * size * size).flat_map(|image| [mean(image), 1.0 - mean(image)]).collect())
        }
    }

    fn mean(image: &[f32]) -> f32 {
        image.iter().sum::<f32>() / image.len() as f32
    }

    /// Compares the engine with logits that make the first class's odds larger by the factor `1 + off`.
    fn compared(off: f32) -> Result<Verification> {
        let logits = |batch: &Batch| {
            let means = batch.images.chunks(3 * 8 * 8).map(mean);
            means.flat_map(|mean| [(mean * (1.0 + off)).ln(), (1.0 - mean).ln()]).collect()
        };
        let images = SampleImages { source: "made-up images".to_owned(), batches: vec![made_up(8)] };
        verify(
            (&FORMATS[0], Precision::Fp32),
            &Means,
            &images,
            logits,
            &Progress::new(&|_| (), &Stop::default()),
        )
    }

    #[test]
    fn equal_probabilities_pass_and_others_do_not() {
        let Verification { images, largest_difference, .. } = compared(0.0).unwrap();
        assert!(images == 8 && largest_difference < 1e-5, "{images} {largest_difference}");
        assert!(compared(1e-5).is_ok() && compared(0.1).is_err());
        let error = compared(f32::NAN).unwrap_err();
        assert_eq!(
            error.to_string(),
            "a probability is not a number, in the network or in the exported file"
        );
    }

    #[test]
    fn a_difference_above_the_limit_is_told() {
        let error = differs(0.25, 1e-4);
        let message = "the exported file gives a probability that differs by 2.5e-1 from the network's";
        assert_eq!(error.to_string(), message);
        assert!(error.hint().unwrap().starts_with("differences up to 1e-4 are rounding"));
    }

    #[test]
    fn probabilities_add_up_to_one_in_each_row() {
        assert_eq!(probabilities(&[1000.0, 1000.0, -1000.0, 0.0], 2), [0.5, 0.5, 0.0, 1.0]);
    }

    #[test]
    fn a_nan_is_the_largest_difference() {
        assert!(largest_difference(&[0.0, f32::NAN, 1.0], &[0.5, 0.0, 1.0]).is_nan());
        assert!((largest_difference(&[0.0, 1.0], &[0.5, 0.9]) - 0.5).abs() < 1e-6);
    }
}
