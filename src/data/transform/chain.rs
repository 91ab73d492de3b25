//! The two chains: which ops each may have. A new op is a file, and a line here for each chain that may have it.

#[allow(clippy::wildcard_imports, reason = "all of the ops")]
use super::*;

/// Makes the enum of a chain's ops, which is what a user may write, from the list of them. The comment on an op is
/// what an editor shows beside its name, and the name is the variant's in `snake_case`.
macro_rules! chain {
    (
        $(#[$about:meta])* $chain:ident
        pixels { $($(#[$pixel_about:meta])* $pixel:ident($pixel_op:ty),)* }
        numbers { $($(#[$number_about:meta])* $number:ident($number_op:ty),)* }
    ) => {
        $(#[$about])*
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
        pub enum $chain {
            $($(#[$pixel_about])* $pixel($pixel_op),)*
            $($(#[$number_about])* $number($number_op),)*
        }

        impl $chain {
            /// The op behind the variant.
            pub(super) fn step(&self) -> Step<'_> {
                match self {
                    $(Self::$pixel(op) => Step::Pixels(op),)*
                    $(Self::$number(op) => Step::Numbers(op),)*
                }
            }
        }
    };
}

chain! {
    /// One step of a train chain.
    TrainOp
    pixels {
        /// Decodes images that are much larger than the network's at a half, a quarter or an eighth of their sides.
        Reduce(Reduce),
        /// Resizes so that the shortest side has a given length; the aspect ratio is kept.
        Resize(Resize),
        /// Resizes so that the whole image fits, and fills the rest with a colour.
        Letterbox(Letterbox),
        /// Resizes to a square whatever the aspect ratio.
        Squash(Squash),
        /// Cuts a square out of the middle.
        CenterCrop(CenterCrop),
        /// Cuts a random part and resizes it to a square.
        RandomResizedCrop(RandomResizedCrop),
        /// Mirrors left and right with a probability.
        HorizontalFlip(HorizontalFlip),
        /// Mirrors top and bottom with a probability.
        VerticalFlip(VerticalFlip),
        /// Applies a few random ops of one strength out of fourteen.
        RandAugment(RandAugment),
        /// Applies one of 25 pairs of ops that were found best for ImageNet.
        AutoAugment(AutoAugment),
        /// Mixes an image with copies of itself that went through random ops.
        AugMix(AugMix),
        /// Changes brightness, contrast, saturation and hue at random.
        ColorJitter(ColorJitter),
        /// Makes images grey with a probability.
        Grayscale(RandomGrayscale),
    }
    numbers {
        /// Subtracts a mean and divides by a deviation.
        Normalize(Normalize),
        /// Sets a random rectangle to zero.
        RandomErasing(RandomErasing),
    }
}

chain! {
    /// One step of an eval chain: nothing is left to chance.
    EvalOp
    pixels {
        /// Decodes images that are much larger than the network's at a half, a quarter or an eighth of their sides.
        Reduce(Reduce),
        /// Resizes so that the shortest side has a given length; the aspect ratio is kept.
        Resize(Resize),
        /// Resizes so that the whole image fits, and fills the rest with a colour.
        Letterbox(Letterbox),
        /// Resizes to a square whatever the aspect ratio.
        Squash(Squash),
        /// Cuts a square out of the middle.
        CenterCrop(CenterCrop),
        /// Makes every image grey.
        Grayscale(Grayscale),
    }
    numbers {
        /// Subtracts a mean and divides by a deviation.
        Normalize(Normalize),
    }
}

#[cfg(test)]
mod tests {
    use serde::de::DeserializeOwned;
    use serde_json::{Value, json};

    use super::*;

    /// The names that a user may write, as the schema lists them.
    fn names<Op: JsonSchema>() -> Vec<String> {
        let schema: Value = schemars::schema_for!(Op).into();
        let one = |variant: &Value| variant["properties"]["type"]["const"].as_str().unwrap().to_owned();
        schema["oneOf"].as_array().unwrap().iter().map(one).collect()
    }

    /// The op written as its name alone.
    fn bare<Op: DeserializeOwned>(name: &str) -> Op {
        serde_json::from_value(json!({ "type": name })).unwrap()
    }

    #[test]
    fn an_op_is_called_as_it_is_written_and_its_defaults_are_right() {
        let (train, eval) = (names::<TrainOp>(), names::<EvalOp>());
        assert!(train.len() > 1 && eval.len() > 1, "{train:?} {eval:?}");
        for name in train {
            let op: TrainOp = bare(&name);
            assert_eq!((op.step().name(), op.step().fault()), (&*name, None));
        }
        for name in eval {
            let op: EvalOp = bare(&name);
            assert_eq!((op.step().name(), op.step().fault()), (&*name, None));
        }
    }
}
