//! The card beside exported networks.

use crate::{
    error::Result,
    eval::Classifier,
    export::{Card, Model, Origin, Written},
    node::Context,
    nodes::model,
    store::Artifact,
};

/// Writes the card of `files`, which `model` became.
///
/// # Errors
/// If the model can't be read, or the card can't be written.
pub(super) fn write(
    cx: &Context<'_>,
    classifier: &Classifier,
    model: &Model<'_>,
    files: &[Written<'_>],
) -> Result<()> {
    let origin = origin(cx.required("model"))?;
    let card = Card { model, eval: &classifier.eval, origin: &origin, files };
    cx.write(Card::FILE, card.text())
}

/// What is known of where a model comes from.
fn origin(artifact: &Artifact) -> Result<Origin> {
    Ok(Origin {
        model: artifact.digest().to_string(),
        // Only what was trained has one.
        dataset: artifact.manifest().recipe.inputs.get("dataset").map(ToString::to_string),
        training: model::load(artifact)?.training,
    })
}
