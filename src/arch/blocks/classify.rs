//! `Classify`: the head, from a map to a number for each class.

use serde_json::Value;

use super::{Block, Repeats};
use crate::arch::{
    FEATURES, Window,
    computation::{Builder, ValueId},
    document::whole,
    row::{MAX_CHANNELS, RowReader, RowScope},
};

/// Convolution to [`FEATURES`] channels, global average pool, dropout, linear layer.
#[derive(Debug, Clone, PartialEq)]
pub struct Classify {
    classes: usize,
    window: Window,
}

impl Block for Classify {
    const NAME: &'static str = "Classify";
    const ARGUMENTS: &'static [&'static str] = &["classes", "kernel", "stride"];
    const REPEATS: Repeats = Repeats::Never;

    fn read(row: &mut RowReader<'_>) -> Self {
        let RowScope { classes, nc, .. } = row.scope;
        match row.values.first() {
            Some(Value::String(name)) if name == "nc" => (),
            Some(value) if whole(value) == Some(nc) => (),
            Some(value) => {
                let message = format!("the head must have `nc` classes ({nc}), not {value}");
                row.misfit(0, message, "did you mean `nc`?".to_owned());
            }
            None => _ = row.required(0, MAX_CHANNELS),
        }
        Self { classes, window: Window::square(row.window(1)).stride(row.window(2)) }
    }

    fn channels(&self) -> usize {
        self.classes
    }

    fn build(&self, to: &mut Builder, at: &str, x: ValueId) -> ValueId {
        let x = to.conv(&format!("{at}.conv"), x, FEATURES, self.window);
        to.classify(at, x, self.classes)
    }
}
