//! How a network is fitted: the keys of a train node, which are written, stored and run as one type.

mod check;
mod devices;
mod goes_on;
mod resolve;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::check::KeyFault;
use super::{
    batch::BatchSize, class_weights::ClassWeights, freeze::Freeze, mixup::Mix, optimizer::OptimizerKind,
    precision::Precision, schedule::Decay,
};

/// How to fit a network; the defaults are the reference's for classification (docs/reference.md).
///
/// A value is optional where it matters whether it was written: one that another key makes useless is a mistake
/// ([`TrainConfig::check`]). The methods of the same names give what counts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct TrainConfig {
    /// Passes over the training images; 100 unless given. With `time`, the clock decides how many there are.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100_000))]
    pub epochs: Option<usize>,
    /// Hours to train for, in place of `epochs`: after each epoch the schedule is fitted to as many epochs as the
    /// budget has room for. How far training gets then depends on the machine; Kiln keeps the first result for
    /// this recipe and does not train again on a faster one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 10_000.0))]
    pub time: Option<f64>,
    /// Images per forward pass; the last batch of an epoch may have fewer. `auto` takes 16, and on a GPU the
    /// largest power of two of which twice as many fit into its memory: the result then depends on the GPU.
    pub batch: BatchSize,
    /// The rule that turns gradients into new weights.
    pub optimizer: OptimizerKind,
    /// First learning rate; 0.01 unless given. `optimizer: auto` chooses its own and takes none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub lr0: Option<f64>,
    /// Last learning rate, as a fraction of the first; 0.01 unless given. `schedule: step` takes none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub lrf: Option<f64>,
    /// How the learning rate falls.
    pub schedule: Decay,
    /// Epochs between the falls of `schedule: step`; 30 unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100_000))]
    pub step_size: Option<usize>,
    /// What the learning rate is multiplied by at each fall of `schedule: step`; 0.1 unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub step_gamma: Option<f64>,
    /// Momentum of SGD, MuSGD and RMSprop, first beta of Adam and its kin; 0.937 unless given.
    /// `optimizer: auto` takes none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub momentum: Option<f64>,
    /// How strongly weights, but not norms and biases, are pulled towards zero; scaled by the images per step.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub weight_decay: f64,
    /// Epochs over which the learning rate rises; may be a fraction.
    #[schemars(range(min = 0.0, max = 1000.0))]
    pub warmup_epochs: f64,
    /// Momentum at the start of warm-up; 0.8 unless given. Only `optimizer: sgd`, `musgd` and `rmsprop` take it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub warmup_momentum: Option<f64>,
    /// Learning rate of biases at the start of warm-up; 0.1 unless given. `optimizer: auto` takes none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub warmup_bias_lr: Option<f64>,
    /// Gradients of smaller batches are summed up to about this many images before a step. Several devices
    /// (`--device cuda:0,cuda:1`) take those batches side by side; the result is that of one.
    #[schemars(range(min = 1, max = 65_536))]
    pub nominal_batch: usize,
    /// The joint L2 norm that the gradients of a step are clipped to; 0 for none.
    #[schemars(range(min = 0.0, max = 1_000_000.0))]
    pub clip: f64,
    /// Whether a running average of the network (EMA) is validated and kept, or the network itself.
    pub ema: bool,
    /// The part of each target that is spread over all classes.
    #[schemars(range(min = 0.0, max = 0.99))]
    pub label_smoothing: f64,
    /// What classes count in the training loss, by name, e.g. `{cat: 2.0}`; 1 for those that are not named.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub class_weights: BTreeMap<String, f64>,
    /// Whether classes count in the training loss by how rare they are: `images / (classes * images of the
    /// class)`.
    pub balance_classes: bool,
    /// Exponent of focal loss: the larger, the less weight images get that the network is already sure about. 0 is
    /// plain cross-entropy, 2 is usual.
    #[schemars(range(min = 0.0, max = 10.0))]
    pub focal_gamma: f64,
    /// Probability that the images of a batch are blended with each other, and their classes with them.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub mixup: f64,
    /// How even the blends of `mixup` are: shares are drawn from Beta(alpha, alpha); 0.2 unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.01, max = 100.0))]
    pub mixup_alpha: Option<f64>,
    /// Probability that the images of a batch get a patch of each other, and of the classes with it.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub cutmix: f64,
    /// How even the areas of `cutmix` are: shares are drawn from Beta(alpha, alpha); 1 unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.01, max = 100.0))]
    pub cutmix_alpha: Option<f64>,
    /// Probability that a feature is left out before the last layer.
    #[schemars(range(min = 0.0, max = 0.99))]
    pub dropout: f64,
    /// The part of the training images that is used, spread evenly over the classes: a share up to 1, a number of
    /// images above.
    #[schemars(range(min = 0.0, max = 1_000_000_000.0))]
    pub fraction: f64,
    /// How many rows of the architecture, from the first on, do not learn: no steps, no decay, norms keep their
    /// statistics.
    #[schemars(range(max = 1000))]
    pub freeze: usize,
    /// Rows of the architecture, from 0, that do not learn either.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub freeze_rows: Vec<usize>,
    /// Parameters that do not learn either: parts of their names, or patterns of whole names such as
    /// `model.[0-4].*`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub freeze_names: Vec<String>,
    /// Epochs without improvement after which training stops; 0 for never, 100 unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 100_000))]
    pub patience: Option<usize>,
    /// Epochs between validations; 0 for the last epoch alone, which is always validated. Only validated
    /// epochs can be the best.
    #[schemars(range(max = 100_000))]
    pub val_period: usize,
    /// Epochs between weights that are kept beside `model.safetensors` (the best) and `last.safetensors`, as
    /// `epoch<N>.safetensors` with N counted from 1; 0 for none.
    #[schemars(range(max = 100_000))]
    pub save_period: usize,
    /// The floating-point type that the network computes in while it is fitted.
    pub precision: Precision,
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            epochs: None,
            time: None,
            batch: BatchSize::default(),
            optimizer: OptimizerKind::Auto,
            lr0: None,
            lrf: None,
            schedule: Decay::Linear,
            step_size: None,
            step_gamma: None,
            momentum: None,
            weight_decay: 0.0005,
            warmup_epochs: 3.0,
            warmup_momentum: None,
            warmup_bias_lr: None,
            nominal_batch: 64,
            clip: 10.0,
            ema: true,
            label_smoothing: 0.0,
            class_weights: BTreeMap::new(),
            balance_classes: false,
            focal_gamma: 0.0,
            mixup: 0.0,
            mixup_alpha: None,
            cutmix: 0.0,
            cutmix_alpha: None,
            dropout: 0.0,
            fraction: 1.0,
            freeze: 0,
            freeze_rows: Vec::new(),
            freeze_names: Vec::new(),
            patience: None,
            val_period: 1,
            save_period: 0,
            precision: Precision::Fp32,
        }
    }
}

/// What a key that was left out counts as: a method of the key's name.
macro_rules! unless_given {
    ($($key:ident: $type:ty = $value:expr),* $(,)?) => {
        impl TrainConfig {
            $(
                #[doc = concat!("What the key `", stringify!($key), "` says; ", stringify!($value), " unless given.")]
                pub fn $key(&self) -> $type {
                    self.$key.unwrap_or($value)
                }
            )*
        }
    };
}

unless_given! {
    epochs: usize = 100,
    lr0: f64 = 0.01,
    lrf: f64 = 0.01,
    step_size: usize = 30,
    step_gamma: f64 = 0.1,
    momentum: f64 = 0.937,
    warmup_momentum: f64 = 0.8,
    warmup_bias_lr: f64 = 0.1,
    mixup_alpha: f64 = 0.2,
    cutmix_alpha: f64 = 1.0,
    patience: usize = 100,
}

impl TrainConfig {
    /// What each class counts in the loss.
    pub fn class_weights(&self) -> ClassWeights {
        match (self.balance_classes, self.class_weights.is_empty()) {
            (true, _) => ClassWeights::Balanced,
            (false, true) => ClassWeights::Even,
            (false, false) => ClassWeights::Given(self.class_weights.clone()),
        }
    }

    /// How images are blended and patched.
    pub fn mix(&self) -> Mix {
        let (mixup_alpha, cutmix_alpha) = (self.mixup_alpha(), self.cutmix_alpha());
        Mix { mixup: self.mixup, mixup_alpha, cutmix: self.cutmix, cutmix_alpha }
    }

    /// What does not learn.
    pub fn frozen(&self) -> Freeze {
        let (rows, names) = (self.freeze_rows.clone(), self.freeze_names.clone());
        Freeze { count: self.freeze, rows, names }
    }
}
