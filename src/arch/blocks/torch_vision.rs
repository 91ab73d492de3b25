//! `TorchVision`: ResNet-18 (He et al., 2015) without its pooling and head, under torchvision's names.

use serde_json::{Value, json};

use super::{Block, Repeats};
use crate::arch::{
    Activation, Window,
    computation::{Builder, COLORS, ValueId},
    fault::FaultKind,
    row::{MAX_CHANNELS, RowReader},
};

/// torchvision's ResNet-18: 3 channels in, 512 out.
#[derive(Debug, Clone, PartialEq)]
pub struct TorchVision;

/// Channels of ResNet-18's last map.
const CHANNELS: usize = 512;

impl Block for TorchVision {
    const NAME: &'static str = "TorchVision";
    const ARGUMENTS: &'static [&'static str] = &["channels", "model", "weights", "unwrap", "truncate"];
    const REPEATS: Repeats = Repeats::Never;

    fn read(row: &mut RowReader<'_>) -> Self {
        row.explicit = true;
        if row.required(0, MAX_CHANNELS).is_some_and(|c| c != CHANNELS) {
            row.misfit(0, "ResNet-18 gives 512 channels".to_owned(), "did you mean 512?".to_owned());
        }
        if row.c1 != COLORS {
            let message =
                format!("ResNet-18 takes the 3 channels of an image, but the row before gives {}", row.c1);
            let fault = row.new_fault(FaultKind::Misfit, &[2], message).label("not the first row");
            row.faults.extend(row.sure.then_some(fault));
        }
        if row.values.get(1).and_then(Value::as_str) != Some("resnet18") {
            let message = "Kiln only builds torchvision's resnet18".to_owned();
            row.unsupported(1.min(row.values.len()), message, "did you mean `resnet18`?");
        }
        if !row.flag(3, true) {
            row.unsupported(3, "the trunk is a list of torchvision's layers".to_owned(), "not true");
        }
        if row.number(4, 2, 100) != 2 {
            row.unsupported(4, "the last two layers, pooling and head, are left out".to_owned(), "not 2");
        }
        Self
    }

    fn channels(&self) -> usize {
        CHANNELS
    }

    /// Model, weights, unwrap, truncate.
    fn arguments(&self, row: &RowReader<'_>) -> Vec<Value> {
        let weights = row.values.get(2).filter(|weights| weights.as_str() != Some("None"));
        vec![json!("resnet18"), weights.cloned().unwrap_or_default(), json!(true), json!(2)]
    }

    fn build(&self, to: &mut Builder, at: &str, x: ValueId) -> ValueId {
        let at = &format!("{at}.m");
        let x = to.named_conv(at, x, ["0", "1"], 64, Window::square(7).stride(2));
        let x = to.activation(&format!("{at}.2"), x, Activation::Relu);
        to.stands_for(1);
        let mut x = to.max_pool(&format!("{at}.3"), x, Window::square(3).stride(2));
        for (i, c2) in [64, 128, 256, CHANNELS].into_iter().enumerate() {
            for j in 0..2 {
                let stride = if i > 0 && j == 0 { 2 } else { 1 };
                x = basic_block(to, &format!("{at}.{}.{j}", i + 4), x, c2, stride);
            }
        }
        x
    }
}

/// Two 3×3 convolutions, plus the input, which is projected where it differs. Its ReLU is one module, used twice.
fn basic_block(to: &mut Builder, at: &str, x: ValueId, c2: usize, stride: usize) -> ValueId {
    let y = to.named_conv(at, x, ["conv1", "bn1"], c2, Window::square(3).stride(stride));
    let y = to.activation(at, y, Activation::Relu);
    to.stands_for(1);
    let y = to.named_conv(at, y, ["conv2", "bn2"], c2, Window::square(3));
    let x = if stride != 1 || to.channels(x) != c2 {
        to.named_conv(at, x, ["downsample.0", "downsample.1"], c2, Window::POINT.stride(stride))
    } else {
        x
    };
    let sum = to.add(at, x, y);
    to.activation(at, sum, Activation::Relu)
}
