//! Whether a chain makes sense before any image is read.

use std::fmt;

use super::{
    EvalOp, MAX_SIZE, TrainOp, Transforms,
    fault::OpFault,
    op::{ShapeEffect, Step},
};
use crate::yaml::path::{DocPath, Segment};

/// One of the two chains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chain {
    /// What training does to an image.
    Train,
    /// What validation, prediction and export do to an image.
    Eval,
}

impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Train => "train",
            Self::Eval => "eval",
        })
    }
}

/// A mistake in [`Transforms`], and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainFault {
    /// Which chain; `None` if it is the size.
    pub chain: Option<Chain>,
    /// Which op of the chain, from 0; `None` if it is the chain as a whole.
    pub index: Option<usize>,
    /// Which key of the op, if it is one.
    pub key: Option<&'static str>,
    /// What is wrong, in a sentence.
    pub message: String,
    /// What to do about it.
    pub help: String,
}

impl ChainFault {
    /// Where it stands in the keys of [`Transforms`], e.g. `train[2].p`.
    pub fn path(&self) -> DocPath {
        let chain = self.chain.map(|chain| Segment::Key(chain.to_string()));
        let segments = [chain, self.index.map(Segment::Item), self.key.map(Segment::from)];
        DocPath(segments.into_iter().flatten().collect())
    }
}

/// What is known of an image's size at a point of a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// Nothing is known of it.
    Any,
    /// The length of the shortest side, in pixels.
    Shortest(usize),
    /// The length of both sides, in pixels.
    Square(usize),
}

impl Transforms {
    /// All mistakes, by chain and place.
    pub fn check(&self) -> Vec<ChainFault> {
        let size = self.size;
        if !(1..=MAX_SIZE).contains(&size) {
            let message = format!("the size is {size}, but must lie between 1 and {MAX_SIZE} pixels");
            let help = "224 is usual for photographs".into();
            return vec![ChainFault { chain: None, index: None, key: Some("size"), message, help }];
        }
        let mut faults = check_chain(Chain::Train, self.train.iter().map(TrainOp::step), size);
        faults.extend(check_chain(Chain::Eval, self.eval.iter().map(EvalOp::step), size));
        faults
    }
}

fn check_chain<'a>(chain: Chain, steps: impl Iterator<Item = Step<'a>>, size: usize) -> Vec<ChainFault> {
    let mut faults = Vec::new();
    let mut shape = Shape::Any;
    let mut on_numbers: Option<&str> = None;
    for (index, step) in steps.enumerate() {
        let at =
            |key, message, help| ChainFault { chain: Some(chain), index: Some(index), key, message, help };
        let own = |OpFault { key, message, help }| at(Some(key), message, help);
        faults.extend(step.fault().map(own));
        if step.shape(size) == ShapeEffect::AsDecoded && index > 0 {
            faults.push(at(
                None,
                format!("`{}` decides how large an image is decoded, but does not come first", step.name()),
                format!("move `{}` to the front of the {chain} chain", step.name()),
            ));
        }
        match (step, on_numbers) {
            (Step::Numbers(_), _) => on_numbers = Some(step.name()),
            (Step::Pixels(_), Some(before)) => faults.push(at(
                None,
                format!(
                    "`{}` works on pixels, but comes after `{before}`, which works on numbers",
                    step.name()
                ),
                format!("move `{}` before `{before}`", step.name()),
            )),
            (Step::Pixels(_), None) => (),
        }
        shape = after(shape, step.shape(size), size);
    }
    faults.extend(wrong_end(chain, shape, size));
    faults
}

fn after(shape: Shape, effect: ShapeEffect, size: usize) -> Shape {
    match (effect, shape) {
        (ShapeEffect::AsDecoded | ShapeEffect::Keeps, shape) => shape,
        (ShapeEffect::Shortest(side), Shape::Square(_)) => Shape::Square(side),
        (ShapeEffect::Shortest(side), _) => Shape::Shortest(side),
        (ShapeEffect::Square, _) => Shape::Square(size),
    }
}

fn wrong_end(chain: Chain, shape: Shape, size: usize) -> Option<ChainFault> {
    let end = match shape {
        Shape::Square(side) if side == size => return None,
        Shape::Square(side) => format!("at {side} x {side} pixels"),
        Shape::Shortest(side) => {
            format!("with the shortest side at {side} pixels and the other at any length")
        }
        Shape::Any => "at whatever size an image has".into(),
    };
    Some(ChainFault {
        chain: Some(chain),
        index: None,
        key: None,
        message: format!("the {chain} chain ends {end}, but the network takes {size} x {size}"),
        help: match chain {
            Chain::Train => "add `random_resized_crop`, `center_crop`, `letterbox` or `squash`".into(),
            Chain::Eval => "add `center_crop`, `letterbox` or `squash`".into(),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(json: &str) -> Vec<String> {
        let transforms: Transforms = serde_json::from_str(json).expect("a test's own text");
        let show = |fault: ChainFault| format!("{}: {}; {}", fault.path(), fault.message, fault.help);
        transforms.check().into_iter().map(show).collect()
    }

    #[test]
    fn the_defaults_are_right() {
        assert_eq!(Transforms::default().check(), []);
    }

    #[test]
    fn a_pixel_op_after_a_tensor_op_is_refused() {
        insta::assert_debug_snapshot!(faults(
            r#"{"train": [{"type": "random_resized_crop"}, {"type": "normalize"}, {"type": "horizontal_flip"}]}"#
        ), @r#"
        [
            "train[2]: `horizontal_flip` works on pixels, but comes after `normalize`, which works on numbers; move `horizontal_flip` before `normalize`",
        ]
        "#);
    }

    #[test]
    fn a_chain_that_ends_at_another_size_is_refused() {
        insta::assert_debug_snapshot!(faults(
            r#"{"size": 64, "train": [], "eval": [{"type": "resize"}, {"type": "grayscale"}]}"#
        ), @r#"
        [
            "train: the train chain ends at whatever size an image has, but the network takes 64 x 64; add `random_resized_crop`, `center_crop`, `letterbox` or `squash`",
            "eval: the eval chain ends with the shortest side at 64 pixels and the other at any length, but the network takes 64 x 64; add `center_crop`, `letterbox` or `squash`",
        ]
        "#);
        let square = r#"{"size": 64, "eval": [{"type": "squash"}, {"type": "resize", "size": 80}]}"#;
        assert!(faults(square)[0].contains("ends at 80 x 80 pixels"), "{:?}", faults(square));
    }

    #[test]
    fn how_large_an_image_is_decoded_is_said_first() {
        let chain = r#"{"train": [{"type": "horizontal_flip"}, {"type": "reduce"}, {"type": "squash"}],
            "eval": [{"type": "reduce", "margin": 0.5}, {"type": "reduce"}, {"type": "squash"}]}"#;
        insta::assert_debug_snapshot!(faults(chain), @r#"
        [
            "train[1]: `reduce` decides how large an image is decoded, but does not come first; move `reduce` to the front of the train chain",
            "eval[0].margin: a margin of 0.5 is out of range: it must lie between 1 and 64; 2 is usual; with 3 hardly anything changes",
            "eval[1]: `reduce` decides how large an image is decoded, but does not come first; move `reduce` to the front of the eval chain",
        ]
        "#);
    }

    #[test]
    fn numbers_out_of_range_are_refused() {
        insta::assert_debug_snapshot!(faults(
            r#"{"train": [
                {"type": "random_resized_crop", "scale": [0.9, 0.1]},
                {"type": "horizontal_flip", "p": 1.5},
                {"type": "rand_augment", "magnitude": 31},
                {"type": "color_jitter", "hue": 0.7},
                {"type": "normalize", "std": [1, 0, 1]},
                {"type": "random_erasing", "ratio": [0, 1]}
            ]}"#
        ), @r#"
        [
            "train[0].scale: `scale` is [0.9, 0.1], but must go from a smaller to a larger part of 1; write the smaller first, both between 0 and 1",
            "train[1].p: a probability of 1.5 is out of range: it must lie between 0 and 1; 0 is never, 1 is always",
            "train[2].magnitude: a magnitude of 31 is too strong: it must lie between 0 and 30; 9 is usual",
            "train[3].hue: a hue of 0.7 is out of range: it must lie between 0 and 0.5; 0.5 is half of the circle",
            "train[4].std: the standard deviation 0 must be above 0; for pixels between 0 and 1 a deviation is about 0.2; 1 changes nothing",
            "train[5].ratio: `ratio` is [0, 1], but must go from a smaller to a larger ratio; write the smaller first, both between 0.01 and 100",
        ]
        "#);
        assert!(faults(r#"{"size": 0}"#)[0].contains("between 1 and 4096"));
    }

    #[test]
    fn numbers_are_allowed_up_to_their_ends() {
        let keys = |op: &str| {
            let chain =
                format!(r#"{{"eval": [{{"type": "squash"}}], "train": [{op}, {{"type": "squash"}}]}}"#);
            serde_json::from_str::<Transforms>(&chain)
                .unwrap()
                .check()
                .into_iter()
                .map(|fault| fault.key)
                .collect::<Vec<_>>()
        };
        for op in [
            r#"{"type": "resize", "size": 1}"#,
            r#"{"type": "resize", "size": 4096}"#,
            r#"{"type": "rand_augment", "num_ops": 14, "magnitude": 30}"#,
            r#"{"type": "random_resized_crop", "scale": [0, 1], "ratio": [0.01, 100]}"#,
        ] {
            assert_eq!(keys(op), [], "{op}");
        }
        for (op, key) in [
            (r#"{"type": "resize", "size": 0}"#, "size"),
            (r#"{"type": "resize", "size": 4097}"#, "size"),
            (r#"{"type": "rand_augment", "num_ops": 15}"#, "num_ops"),
            (r#"{"type": "random_resized_crop", "scale": [0, 0]}"#, "scale"),
        ] {
            assert_eq!(keys(op), [Some(key)], "{op}");
        }
    }
}
