//! Trains, measures, predicts and exports through the library, in about half a minute; a second run finds its training in
//! the store.
//!
//! ```text
//! cargo run --release --example library
//! ```

use std::path::Path;

use kiln::{
    api::{Training, Workspace},
    error::Result,
    event::Event,
    train::{OptimizerKind, TrainConfig},
};

fn main() -> Result<()> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/data/mnist160");
    let workspace = Workspace::new(std::env::temp_dir().join("kiln-library")).on_event(|event| {
        if let Event::NodeNote { line, .. } = event {
            println!("  {line}");
        }
    });
    let config = TrainConfig {
        epochs: Some(60),
        lr0: Some(0.003),
        optimizer: OptimizerKind::AdamW,
        ..TrainConfig::default()
    };
    let training = Training::on(&data).size(64).config(config);
    let model = workspace.train(&training)?;
    let metrics = workspace.evaluate(&model, &data)?.metrics();
    println!("top-1 {:.3}, loss {:.4}, on {} images", metrics.top1, metrics.loss, metrics.images);
    let guess = model.predict(data.join("val/7/00008.png"))?;
    println!("{} is a {}, with a probability of {:.2}", guess.path, guess.name, guess.confidence);
    println!("{}", workspace.export(&model, "onnx")?.join("model.onnx").display());
    Ok(())
}
