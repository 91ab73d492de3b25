//! From pixels to what a network takes: two chains of ops, one for training and one for the rest.
//!
//! A chain is a list of pixel ops (8-bit RGB in, 8-bit RGB out), then the step from pixels to
//! numbers (`p / 255` in float32), then tensor ops (`[3, size, size]`). [`Transforms::check`]
//! refuses any other order, and any chain that does not end at `size` x `size`.

mod aug_mix;
mod augment_op;
mod auto_augment;
mod chain;
mod check;
mod color;
mod color_jitter;
mod fault;
mod flip;
mod geometry;
mod grayscale;
mod normalize;
mod numbers;
mod op;
mod outline;
mod picture;
mod rand_augment;
mod random_erasing;
mod random_resized_crop;
mod reduce;
mod resize;

use std::sync::Arc;

use image::RgbImage;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::{
    aug_mix::AugMix,
    auto_augment::AutoAugment,
    chain::{EvalOp, TrainOp},
    check::{Chain, ChainFault},
    color_jitter::ColorJitter,
    fault::OpFault,
    flip::{HorizontalFlip, VerticalFlip},
    grayscale::{Grayscale, RandomGrayscale},
    normalize::Normalize,
    op::{PixelOp, Scaling, ShapeEffect, TensorOp},
    outline::{Outline, Reads},
    picture::{Picture, TooNarrow},
    rand_augment::RandAugment,
    random_erasing::RandomErasing,
    random_resized_crop::RandomResizedCrop,
    reduce::Reduce,
    resize::{CenterCrop, Letterbox, Resize, Squash},
};
use self::{numbers::append_numbers, op::Step};
use crate::{data::reduction::Needed, random::Random};

/// The largest side of a network's input, in pixels.
pub const MAX_SIZE: usize = 4096;

/// A train and an eval chain, and the size that both end at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Transforms {
    /// Side of the square that the network sees, in pixels.
    #[serde(default = "default_size")]
    #[schemars(range(min = 1, max = 4096))]
    pub size: usize,
    /// What training does to an image, in order.
    #[serde(default = "default_train")]
    pub train: Vec<TrainOp>,
    /// What validation, prediction and export do to an image, in order.
    #[serde(default = "default_eval")]
    pub eval: Vec<EvalOp>,
}

/// The reference's size for classification.
pub fn default_size() -> usize {
    224
}

/// The reference's train chain for classification.
pub fn default_train() -> Vec<TrainOp> {
    vec![
        TrainOp::RandomResizedCrop(RandomResizedCrop::default()),
        TrainOp::HorizontalFlip(HorizontalFlip::default()),
        TrainOp::RandAugment(RandAugment::default()),
        TrainOp::RandomErasing(RandomErasing::default()),
    ]
}

/// The reference's eval chain for classification.
pub fn default_eval() -> Vec<EvalOp> {
    vec![EvalOp::Resize(Resize::default()), EvalOp::CenterCrop(CenterCrop::default())]
}

impl Default for Transforms {
    fn default() -> Self {
        Self { size: default_size(), train: default_train(), eval: default_eval() }
    }
}

impl Transforms {
    /// Runs the train chain, and appends `[3, size, size]` to `out`.
    ///
    /// # Errors
    /// If the image is too narrow for a chain that resizes without a crop right behind.
    ///
    /// # Panics
    /// If the chain fails [`Transforms::check`].
    pub fn apply_train(
        &self,
        image: RgbImage,
        random: &mut Random,
        out: &mut Vec<f32>,
    ) -> Result<(), TooNarrow> {
        let needed = self.train_needed(image.dimensions(), random.clone());
        let pixels = self.train_pixels(needed.reduction.of(image).into(), random)?;
        self.train_numbers(&pixels, random, out);
        Ok(())
    }

    /// The first half of the train chain: its ops on pixels, to `size` x `size`; `picture` is reduced as
    /// [`Self::train_needed`] says.
    ///
    /// # Errors
    /// As [`Transforms::apply_train`].
    pub(super) fn train_pixels(
        &self,
        picture: Picture,
        random: &mut Random,
    ) -> Result<Arc<RgbImage>, TooNarrow> {
        pixels(self.train.iter().map(TrainOp::step), self.size, picture, random)
    }

    /// What the train chain needs of an image of this width and height, if `random` is as it will be then.
    pub(super) fn train_needed(&self, image: (u32, u32), mut random: Random) -> Needed {
        needed(self.train.iter().map(TrainOp::step), self.size, image, &mut random)
    }

    /// The other half of the train chain: the step to numbers, and the ops on these; appends to `out`.
    pub(super) fn train_numbers(&self, pixels: &RgbImage, random: &mut Random, out: &mut Vec<f32>) {
        numbers(self.train.iter().map(TrainOp::step), self.size, pixels, random, out);
    }

    /// What comes after the bytes of [`Self::train_bytes`] and a division by 255, to make numbers of them: those that
    /// [`Self::train_numbers`] gives. Nothing if bytes can't have it: one that is zero is a number that is zero only as
    /// long as no mean was subtracted.
    pub fn train_scalings(&self) -> Option<Vec<Scaling>> {
        let mut scalings = Vec::new();
        for step in self.train.iter().map(TrainOp::step) {
            let Step::Numbers(op) = step else { continue };
            if op.erases() && scalings.iter().any(|scaling: &Scaling| scaling.mean != [0.0; 3]) {
                return None;
            }
            scalings.extend(op.scaling());
        }
        Some(scalings)
    }

    /// The other half of the train chain as far as bytes can have it ([`Self::train_scalings`] says what is left); appends
    /// `[size, size, 3]` to `out`.
    pub(super) fn train_bytes(&self, pixels: &RgbImage, random: &mut Random, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(pixels);
        for step in self.train.iter().map(TrainOp::step) {
            if let Step::Numbers(op) = step {
                op.apply_to_bytes(&mut out[start..], self.size, random);
            }
        }
    }

    /// Runs the eval chain, and appends `[3, size, size]` to `out`.
    ///
    /// # Errors
    /// As [`Transforms::apply_train`].
    ///
    /// # Panics
    /// As [`Transforms::apply_train`].
    pub fn apply_eval(&self, image: RgbImage, out: &mut Vec<f32>) -> Result<(), TooNarrow> {
        apply_eval(&self.eval, self.size, image, out)
    }

    /// How many numbers an image becomes: `3 * size * size`.
    pub fn numbers(&self) -> usize {
        3 * self.size * self.size
    }
}

/// Runs the eval chain `ops`, and appends `[3, size, size]` to `out`.
///
/// # Errors
/// As [`Transforms::apply_train`].
///
/// # Panics
/// As [`Transforms::apply_train`].
pub fn apply_eval(ops: &[EvalOp], size: usize, image: RgbImage, out: &mut Vec<f32>) -> Result<(), TooNarrow> {
    let image = eval_needed(ops, size, image.dimensions()).reduction.of(image);
    eval_numbers(ops, size, &*eval_pixels(ops, size, image.into())?, out);
    Ok(())
}

/// The first half of the eval chain `ops`: those on pixels, to `size` x `size`; `picture` is reduced as [`eval_needed`] says.
///
/// # Errors
/// As [`Transforms::apply_train`].
pub(super) fn eval_pixels(ops: &[EvalOp], size: usize, picture: Picture) -> Result<Arc<RgbImage>, TooNarrow> {
    pixels(ops.iter().map(EvalOp::step), size, picture, &mut no_chance())
}

/// What the eval chain `ops` needs of an image of this width and height.
pub(super) fn eval_needed(ops: &[EvalOp], size: usize, image: (u32, u32)) -> Needed {
    needed(ops.iter().map(EvalOp::step), size, image, &mut no_chance())
}

/// The other half of the eval chain `ops`: the step to numbers, and those on these; appends to `out`.
pub(super) fn eval_numbers(ops: &[EvalOp], size: usize, pixels: &RgbImage, out: &mut Vec<f32>) {
    numbers(ops.iter().map(EvalOp::step), size, pixels, &mut no_chance(), out);
}

/// An eval chain has no op that draws numbers, and one that did would draw the same for every image.
fn no_chance() -> Random {
    Random::new("eval", &[])
}

/// A chain's ops on pixels.
fn pixels<'a>(
    steps: impl Iterator<Item = Step<'a>>,
    size: usize,
    mut picture: Picture,
    random: &mut Random,
) -> Result<Arc<RgbImage>, TooNarrow> {
    for step in steps {
        if let Step::Pixels(op) = step {
            picture = op.apply(picture, size as u32, random)?;
        }
    }
    picture.shared()
}

/// What a chain's ops on pixels need of an image of this width and height.
fn needed<'a>(
    steps: impl Iterator<Item = Step<'a>>,
    size: usize,
    image: (u32, u32),
    random: &mut Random,
) -> Needed {
    let mut outline = Outline::of(image);
    for step in steps {
        if let Step::Pixels(op) = step {
            match op.reads(outline, size as u32, random) {
                Reads::Now(needed) => return needed,
                Reads::Later(later) => outline = later,
            }
        }
    }
    Needed::all(image)
}

/// A chain's step to numbers, and its ops on these.
fn numbers<'a>(
    steps: impl Iterator<Item = Step<'a>>,
    size: usize,
    pixels: &RgbImage,
    random: &mut Random,
    out: &mut Vec<f32>,
) {
    assert_eq!(pixels.len(), 3 * size * size, "a checked chain ends at the size of its transforms");
    let start = out.len();
    append_numbers(pixels, out);
    for step in steps {
        if let Step::Numbers(op) = step {
            op.apply(&mut out[start..], size, random);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use image::Rgb;
    use proptest::prelude::*;

    use super::*;
    use crate::data::{
        decode::decode,
        resample::{Part, crop},
    };

    fn fixture(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/parity").join(name)
    }

    /// The bytes of a version 1 `.npy` file of `uint8`.
    fn npy(name: &str) -> Vec<u8> {
        let bytes = std::fs::read(fixture(name)).unwrap();
        assert_eq!(&bytes[..8], b"\x93NUMPY\x01\x00");
        let header = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
        assert!(String::from_utf8_lossy(&bytes[10..10 + header]).contains("'|u1', 'fortran_order': False"));
        bytes[10 + header..].to_vec()
    }

    #[test]
    fn bytes_and_what_is_left_to_do_make_the_same_numbers() {
        let erase = || TrainOp::RandomErasing(RandomErasing { p: 1.0, ..RandomErasing::default() });
        let normalize = |mean| TrainOp::Normalize(Normalize { mean, std: [0.2, 0.3, 0.7] });
        let chain = |train| Transforms { size: 16, train, eval: Vec::new() };
        let image = RgbImage::from_fn(16, 16, |x, y| Rgb([(x * y) as u8, 16 * x as u8 + 1, 255 - y as u8]));
        let light = [0.485, 0.456, 0.406];
        for train in [vec![], vec![erase()], vec![normalize([0.0; 3]), erase(), erase(), normalize(light)]] {
            let transforms = chain(train);
            let random = || Random::new("test", &[4]);
            let (mut wanted, mut bytes) = (vec![7.0], vec![7]);
            transforms.train_numbers(&image, &mut random(), &mut wanted);
            transforms.train_bytes(&image, &mut random(), &mut bytes);
            let mut numbers = vec![7.0];
            for color in 0..3 {
                let own = bytes[1..].iter().skip(color).step_by(3).map(|byte| f32::from(*byte) / 255.0);
                let scaled =
                    |number, Scaling { mean, deviation }: &Scaling| (number - mean[color]) / deviation[color];
                let scalings = transforms.train_scalings().unwrap();
                numbers.extend(own.map(|number| scalings.iter().fold(number, scaled)));
            }
            assert!(numbers == wanted);
        }
        assert_eq!(chain(vec![normalize(light), erase()]).train_scalings(), None);
    }

    #[test]
    fn the_eval_chain_is_the_references_bit_for_bit() {
        for name in ["tall", "wide"] {
            for size in [64, 224] {
                let transforms = Transforms { size, ..Transforms::default() };
                let mut pixels = Vec::new();
                let image = decode(&fixture(&format!("{name}.png"))).unwrap();
                transforms.apply_eval(image, &mut pixels).unwrap();
                let expected: Vec<f32> =
                    npy(&format!("{name}_{size}_u8_chw.npy")).iter().map(|p| f32::from(*p) / 255.0).collect();
                assert!(pixels == expected, "{name} {size}");
            }
        }
    }

    #[test]
    fn the_same_numbers_give_the_same_training_image() {
        let transforms = Transforms { size: 64, ..Transforms::default() };
        let apply = |index| {
            let mut pixels = Vec::new();
            let image = decode(&fixture("wide.png")).unwrap();
            transforms.apply_train(image, &mut Random::new("augment", &[0, 0, index]), &mut pixels).unwrap();
            pixels
        };
        assert!(apply(1) == apply(1));
        assert!(apply(1) != apply(2));
        assert!(apply(3).iter().all(|pixel| (0.0..=1.0).contains(pixel)));
    }

    #[test]
    fn a_ribbon_passes_where_a_crop_follows_and_is_refused_where_all_of_it_is_resized() {
        let ribbon = || RgbImage::from_pixel(60_000, 1, image::Rgb([220, 30, 30]));
        let mut pixels = Vec::new();
        Transforms::default().apply_eval(ribbon(), &mut pixels).unwrap();
        assert_eq!((pixels[0], pixels[pixels.len() - 1]), (220.0 / 255.0, 30.0 / 255.0));
        let chain = r#"{"train": [{"type": "resize"}, {"type": "random_resized_crop"}],
            "eval": [{"type": "resize"}, {"type": "grayscale"}, {"type": "center_crop"}]}"#;
        let chain: Transforms = serde_json::from_str(chain).unwrap();
        chain.apply_train(ribbon(), &mut Random::new("augment", &[0]), &mut pixels).unwrap();
        assert!(chain.apply_eval(ribbon(), &mut pixels).is_err());
    }

    /// An image each of whose pixels has a colour of its own, and the same where all but a part is black.
    fn noise_and_part((width, height): (u32, u32), part: Part) -> [RgbImage; 2] {
        let mut random = Random::new("noise", &[width.into(), height.into()]);
        let noise =
            RgbImage::from_fn(width, height, |_, _| image::Rgb([(); 3].map(|()| random.below(256) as u8)));
        let mut black = RgbImage::new(width, height);
        image::imageops::replace(&mut black, &crop(&noise, part), part.left.into(), part.top.into());
        [noise, black]
    }

    proptest! {
        #[test]
        fn what_a_chain_does_not_read_may_be_anything(
            size in 1_usize..40, image in (1_u32..90, 1_u32..90), seed: u64,
            chain in prop::sample::select(vec![
                r#"{"type": "resize"}, {"type": "center_crop"}"#,
                r#"{"type": "reduce", "margin": 1}, {"type": "resize"}, {"type": "center_crop"}"#,
                r#"{"type": "reduce", "margin": 1.5}, {"type": "random_resized_crop"}"#,
                r#"{"type": "resize", "size": 30, "interpolation": "bicubic"}, {"type": "center_crop"}"#,
                r#"{"type": "center_crop"}"#,
                r#"{"type": "resize"}, {"type": "grayscale"}, {"type": "center_crop"}"#,
                r#"{"type": "resize", "size": 50}, {"type": "resize"}, {"type": "center_crop"}"#,
                r#"{"type": "random_resized_crop", "scale": [0.1, 1]}"#,
                r#"{"type": "resize", "size": 50}, {"type": "random_resized_crop"}"#,
                r#"{"type": "horizontal_flip"}, {"type": "random_resized_crop"}"#,
                r#"{"type": "letterbox"}"#,
                r#"{"type": "squash"}"#,
            ]),
        ) {
            let chain = format!(r#"{{"size": {size}, "train": [{chain}]}}"#);
            let chain: Transforms = serde_json::from_str(&chain).unwrap();
            let random = || Random::new("augment", &[seed]);
            let Needed { reduction, part } = chain.train_needed(image, random());
            let images = noise_and_part(reduction.size(image), part);
            let [whole, black] = images.map(|image| chain.train_pixels(image.into(), &mut random()));
            prop_assert_eq!(whole, black);
        }
    }

    #[test]
    fn the_default_chains_read_a_part() {
        let transforms = Transforms::default();
        let part = eval_needed(&transforms.eval, 224, (500, 375)).part;
        assert_eq!((part.top, part.height), (0, 375));
        assert!(part.left > 50 && part.width < 390, "{part:?}");
        let part = transforms.train_needed((500, 375), Random::new("augment", &[0])).part;
        assert!(part.width * part.height < 500 * 375, "{part:?}");
    }

    #[test]
    fn ops_are_written_as_the_reader_expects() {
        let transforms: Transforms = serde_json::from_str(
            r#"{"size": 64, "train": [{"type": "random_resized_crop", "scale": [0.08, 1]}, {"type": "normalize"}]}"#,
        )
        .unwrap();
        let again: Transforms = serde_json::from_value(serde_json::to_value(&transforms).unwrap()).unwrap();
        assert_eq!(transforms, again);
        assert_eq!(transforms.eval, default_eval());
        for wrong in
            [r#"{"type": "squash", "size": 3}"#, r#"{"type": "spin"}"#, r#"{"type": "horizontal_flip"}"#]
        {
            assert!(serde_json::from_str::<EvalOp>(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_schema_has_defaults_bounds_and_no_null() {
        let settings = schemars::generate::SchemaSettings::draft07().with(|s| s.inline_subschemas = true);
        let schema = serde_json::to_string(&settings.into_generator().into_root_schema_for::<Transforms>());
        let schema = schema.unwrap();
        assert!(!schema.contains("null"), "{schema}");
        for part in [r#""maximum":4096"#, r#""const":"rand_augment""#, r#""default":9"#] {
            assert!(schema.contains(part), "{part} in {schema}");
        }
    }

    #[test]
    fn ops_on_numbers_come_behind_those_on_pixels_in_both_chains() {
        let chain = r#"{"size": 2,
            "train": [{"type": "normalize", "mean": [1, 0, 0]}, {"type": "squash"},
                {"type": "random_erasing", "p": 1, "scale": [0.25, 0.25], "ratio": [1, 1]}],
            "eval": [{"type": "normalize", "std": [1, 0.5, 1]}, {"type": "squash"}]}"#;
        let chain: Transforms = serde_json::from_str(chain).unwrap();
        let image = RgbImage::from_pixel(2, 2, image::Rgb([0, 51, 255]));
        let mut pixels = Vec::new();
        chain.apply_eval(image.clone(), &mut pixels).unwrap();
        assert_eq!(pixels, [[0.0; 4], [0.4; 4], [1.0; 4]].concat());
        pixels.clear();
        chain.apply_train(image, &mut Random::new("augment", &[0]), &mut pixels).unwrap();
        for (plane, value) in pixels.chunks(4).zip([-1.0, 0.2, 1.0]) {
            assert_eq!(plane.iter().filter(|pixel| **pixel == value).count(), 3, "{plane:?}");
            assert_eq!(plane.iter().filter(|pixel| **pixel == 0.0).count(), 1, "{plane:?}");
        }
    }
}
