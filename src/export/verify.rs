//! The proof that an exported file says what the network says: another engine runs it on the same images.

use super::{engine::Engine, sample_images::SampleImages};
use crate::{
    data::Batch,
    error::{Error, Result},
    progress::Progress,
    softmax::softmax,
};

/// The largest difference of a probability that is no fault.
pub const LIMIT: f32 = 1e-4;

/// What a comparison found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Verified {
    /// How many images both were given.
    pub images: usize,
    /// The largest absolute difference of a class's probability.
    pub largest_difference: f32,
}

/// Compares what `engine` makes of the images, `at_once` in a pass, with the network's own `logits`: of a batch,
/// `[batch, classes]`, row by row.
///
/// # Errors
/// If a probability differs by more than [`LIMIT`], the engine can't run the file, or the user asks to stop.
pub fn verify(
    images: &SampleImages,
    at_once: usize,
    logits: impl Fn(&Batch) -> Vec<f32>,
    engine: &Engine,
    progress: &Progress<'_>,
) -> Result<Verified> {
    let total = images.batches.iter().map(Batch::len).sum();
    let (mut done, mut largest) = (0, 0.0_f32);
    for batch in &images.batches {
        let own = probabilities(&logits(batch), batch.len());
        let mut second = Vec::with_capacity(own.len());
        let pixels = 3 * batch.size * batch.size;
        for part in batch.images.chunks(pixels * at_once.min(batch.len())) {
            progress.check()?;
            second.extend(engine.probabilities(part, batch.size)?);
            done += part.len() / pixels;
            progress.step("verify", done, total, "images");
        }
        // `f32::max` would lose a NaN.
        let difference = largest_difference(&own, &second);
        largest = if difference.is_nan() || largest.is_nan() { f32::NAN } else { largest.max(difference) };
    }
    if largest <= LIMIT {
        Ok(Verified { images: total, largest_difference: largest })
    } else {
        Err(differs(largest))
    }
}

/// Probabilities of the logits of `images` images: `[images, classes]`, row by row.
pub(super) fn probabilities(logits: &[f32], images: usize) -> Vec<f32> {
    let classes = (logits.len() / images.max(1)).max(1);
    logits.chunks(classes).flat_map(softmax).collect()
}

fn differs(largest: f32) -> Error {
    let message = if largest.is_nan() {
        "a probability is not a number, in the network or in the exported file".to_owned()
    } else {
        format!("the exported file gives a probability that differs by {largest:.1e} from the network's")
    };
    Error::new(message).help(format!(
        "differences up to {LIMIT:.0e} are rounding; a larger one is a fault of the weights or of the exporter"
    ))
}

/// The largest absolute difference of two equally long lists; NaN if there is one in either.
///
/// # Panics
/// If the lists are not equally long.
pub(super) fn largest_difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len(), "both engines were given the same images");
    let differences = a.iter().zip(b).map(|(a, b)| (a - b).abs());
    differences.fold(0.0, |largest, d| if d.is_nan() || d > largest { d } else { largest })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        arch::Arch,
        export::{onnx, sample_images::made_up},
        progress::Stop,
        weights,
    };

    const TINY: &[u8] = include_bytes!("../../tests/fixtures/weights/tiny-yolo11.pt");

    fn engine(dynamic_batch: bool) -> Engine {
        let file = weights::from_bytes(TINY).unwrap();
        let names = file.names.unwrap();
        let arch = Arch::parse(&file.arch_name.unwrap(), &file.arch.unwrap(), names.len()).unwrap();
        let model = onnx::Model {
            arch: &arch,
            weights: &file.weights,
            names: &names,
            size: 64,
            eval: &serde_json::json!([]),
            dynamic_batch,
        };
        Engine::load(onnx::bytes(&model).unwrap()).unwrap()
    }

    fn compared(at_once: usize, off: f32) -> Result<Verified> {
        let engine = engine(at_once > 1);
        let logits = |batch: &Batch| {
            let own = engine.probabilities(&batch.images[..3 * 64 * 64], 64).unwrap();
            let row: Vec<f32> = own.iter().map(|p| p.max(1e-30).ln() + off * p).collect();
            row.repeat(batch.targets.len())
        };
        let same = Batch {
            images: made_up(64).images[..3 * 64 * 64].repeat(3),
            targets: vec![0; 3],
            indices: vec![0, 1, 2],
            size: 64,
        };
        let images = SampleImages { source: String::new(), batches: vec![same] };
        verify(&images, at_once, logits, &engine, &Progress::new(&|_| (), &Stop::default()))
    }

    #[test]
    fn equal_probabilities_pass_and_others_do_not() {
        for at_once in [1, usize::MAX] {
            let Verified { images, largest_difference } = compared(at_once, 0.0).unwrap();
            assert!(images == 3 && largest_difference < 1e-5, "{images} {largest_difference}");
        }
        let error = compared(1, f32::NAN).unwrap_err();
        assert_eq!(
            error.to_string(),
            "a probability is not a number, in the network or in the exported file"
        );
    }

    #[test]
    fn a_difference_above_the_limit_is_told() {
        let error = differs(0.25);
        let message = "the exported file gives a probability that differs by 2.5e-1 from the network's";
        assert_eq!(error.to_string(), message);
        assert!(error.hint().unwrap().starts_with("differences up to 1e-4 are rounding"));
    }
}
