//! Whether a chain makes sense before any image is read.

use std::fmt;

use super::{EvalOp, MAX_SIZE, TrainOp, Transforms};

/// One of the two chains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chain {
    /// What training does.
    Train,
    /// What everything else does.
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

/// A mistake in [`Transforms`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Which chain; `None` if it is the size.
    pub chain: Option<Chain>,
    /// Which op of the chain, from 0; `None` if it is the chain as a whole.
    pub index: Option<usize>,
    /// Which key of the op, if it is one.
    pub key: Option<&'static str>,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: String,
}

/// What is known of an image's size at a point of a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// Nothing.
    Any,
    /// The shortest side.
    Shortest(usize),
    /// Both sides.
    Square(usize),
}

/// What an op does, as far as checks care.
enum Effect {
    /// Changes values of pixels.
    Pixels,
    /// Makes the shortest side that long.
    Shortest(usize),
    /// Makes a square of the chain's size.
    Square,
    /// Works on numbers, after all pixel ops.
    Tensor,
}

/// An op, as far as checks care.
struct Step {
    name: &'static str,
    effect: Effect,
    fault: Option<(&'static str, String, String)>,
}

impl Transforms {
    /// All mistakes, by chain and place.
    pub fn check(&self) -> Vec<Fault> {
        let size = self.size;
        if !(1..=MAX_SIZE).contains(&size) {
            let message = format!("the size is {size}, but must lie between 1 and {MAX_SIZE} pixels");
            let help = "224 is usual for photographs".into();
            return vec![Fault { chain: None, index: None, key: Some("size"), message, help }];
        }
        let train: Vec<Step> = self.train.iter().map(|op| op.step(size)).collect();
        let eval: Vec<Step> = self.eval.iter().map(|op| op.step(size)).collect();
        let mut faults = check_chain(Chain::Train, &train, size);
        faults.extend(check_chain(Chain::Eval, &eval, size));
        faults
    }
}

fn check_chain(chain: Chain, steps: &[Step], size: usize) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut shape = Shape::Any;
    let mut tensor: Option<&str> = None;
    for (index, step) in steps.iter().enumerate() {
        let mut fault = |key, message, help| {
            faults.push(Fault { chain: Some(chain), index: Some(index), key, message, help });
        };
        if let Some((key, message, help)) = &step.fault {
            fault(Some(*key), message.clone(), help.clone());
        }
        match (&step.effect, tensor) {
            (Effect::Tensor, _) => tensor = Some(step.name),
            (_, Some(before)) => fault(
                None,
                format!(
                    "`{}` works on pixels, but comes after `{before}`, which works on numbers",
                    step.name
                ),
                format!("move `{}` before `{before}`", step.name),
            ),
            _ => (),
        }
        shape = after(shape, &step.effect, size);
    }
    faults.extend(wrong_end(chain, shape, size));
    faults
}

fn after(shape: Shape, effect: &Effect, size: usize) -> Shape {
    match (effect, shape) {
        (Effect::Pixels | Effect::Tensor, shape) => shape,
        (Effect::Shortest(side), Shape::Square(_)) => Shape::Square(*side),
        (Effect::Shortest(side), _) => Shape::Shortest(*side),
        (Effect::Square, _) => Shape::Square(size),
    }
}

fn wrong_end(chain: Chain, shape: Shape, size: usize) -> Option<Fault> {
    let end = match shape {
        Shape::Square(side) if side == size => return None,
        Shape::Square(side) => format!("at {side} x {side} pixels"),
        Shape::Shortest(side) => {
            format!("with the shortest side at {side} pixels and the other at any length")
        }
        Shape::Any => "at whatever size an image has".into(),
    };
    Some(Fault {
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

impl TrainOp {
    fn step(&self, size: usize) -> Step {
        use Effect::{Pixels, Shortest, Square, Tensor};
        let (name, effect, fault) = match self {
            Self::Resize(op) => ("resize", Shortest(side(op.size, size)), own_size(op.size)),
            Self::Letterbox(_) => ("letterbox", Square, None),
            Self::Squash(_) => ("squash", Square, None),
            Self::CenterCrop(_) => ("center_crop", Square, None),
            Self::RandomResizedCrop(op) => {
                let fault = fractions("scale", op.scale).or_else(|| ratios("ratio", op.ratio));
                ("random_resized_crop", Square, fault)
            }
            Self::HorizontalFlip(op) => ("horizontal_flip", Pixels, probability(op.p)),
            Self::VerticalFlip(op) => ("vertical_flip", Pixels, probability(op.p)),
            Self::RandAugment(op) => ("rand_augment", Pixels, op.fault()),
            Self::AutoAugment(_) => ("auto_augment", Pixels, None),
            Self::AugMix(op) => ("aug_mix", Pixels, op.fault()),
            Self::ColorJitter(op) => ("color_jitter", Pixels, op.fault()),
            Self::Grayscale(op) => ("grayscale", Pixels, probability(op.p)),
            Self::Normalize(op) => ("normalize", Tensor, deviations(op.mean, op.std)),
            Self::RandomErasing(op) => {
                let fault = probability(op.p)
                    .or_else(|| fractions("scale", op.scale))
                    .or_else(|| ratios("ratio", op.ratio));
                ("random_erasing", Tensor, fault)
            }
        };
        Step { name, effect, fault }
    }
}

impl EvalOp {
    fn step(&self, size: usize) -> Step {
        use Effect::{Pixels, Shortest, Square, Tensor};
        let (name, effect, fault) = match self {
            Self::Resize(op) => ("resize", Shortest(side(op.size, size)), own_size(op.size)),
            Self::Letterbox(_) => ("letterbox", Square, None),
            Self::Squash(_) => ("squash", Square, None),
            Self::CenterCrop(_) => ("center_crop", Square, None),
            Self::Grayscale(_) => ("grayscale", Pixels, None),
            Self::Normalize(op) => ("normalize", Tensor, deviations(op.mean, op.std)),
        };
        Step { name, effect, fault }
    }
}

/// Key, message and help.
pub(super) type OpFault = Option<(&'static str, String, String)>;

fn side(own: Option<u32>, size: usize) -> usize {
    own.map_or(size, |own| own as usize)
}

fn own_size(own: Option<u32>) -> OpFault {
    let own = own? as usize;
    let message = || format!("the size is {own}, but must lie between 1 and {MAX_SIZE} pixels");
    (!(1..=MAX_SIZE).contains(&own)).then(|| ("size", message(), "leave it out for the chain's size".into()))
}

fn probability(p: f64) -> OpFault {
    let message = || format!("a probability of {p} is none: it must lie between 0 and 1");
    (!(0.0..=1.0).contains(&p)).then(|| ("p", message(), "0 is never, 1 is always".into()))
}

fn fractions(key: &'static str, [low, high]: [f64; 2]) -> OpFault {
    let fine = low >= 0.0 && low <= high && high <= 1.0 && high > 0.0;
    let message = || format!("`{key}` is [{low}, {high}], but must go from a smaller to a larger part of 1");
    (!fine).then(|| (key, message(), "write the smaller first, both between 0 and 1".into()))
}

fn ratios(key: &'static str, [low, high]: [f64; 2]) -> OpFault {
    let fine = low >= 0.01 && low <= high && high <= 100.0;
    let message = || format!("`{key}` is [{low}, {high}], but must go from a smaller to a larger ratio");
    (!fine).then(|| (key, message(), "write the smaller first, both between 0.01 and 100".into()))
}

fn deviations(mean: [f32; 3], std: [f32; 3]) -> OpFault {
    if let Some(bad) = mean.iter().find(|mean| !mean.is_finite()) {
        return Some(("mean", format!("a mean of {bad} is none"), "give a number per channel".into()));
    }
    let bad = std.iter().find(|std| !(**std > 0.0 && std.is_finite()))?;
    let help = "for pixels between 0 and 1 a deviation is about 0.2; 1 changes nothing".into();
    Some(("std", format!("a deviation of {bad} can't be divided by: it must be above 0"), help))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(json: &str) -> Vec<String> {
        let transforms: Transforms = serde_json::from_str(json).expect("a test's own text");
        let show = |fault: Fault| {
            let place = fault.chain.map_or(String::new(), |chain| chain.to_string());
            let index = fault.index.map_or(String::new(), |index| format!("[{index}]"));
            let key = fault.key.map_or(String::new(), |key| format!(".{key}"));
            format!("{place}{index}{key}: {}; {}", fault.message, fault.help)
        };
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
            "train[1].p: a probability of 1.5 is none: it must lie between 0 and 1; 0 is never, 1 is always",
            "train[2].magnitude: a magnitude of 31 is too strong: it must lie between 0 and 30; 9 is usual",
            "train[3].hue: a hue of 0.7 is out of range: it must lie between 0 and 0.5; 0.5 is half of the circle",
            "train[4].std: a deviation of 0 can't be divided by: it must be above 0; for pixels between 0 and 1 a deviation is about 0.2; 1 changes nothing",
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
