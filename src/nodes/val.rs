//! `type: val`: how good a model is on a split of a dataset.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    PRECISION,
    artifacts::{DATASET, METRICS, MODEL},
    dataset,
    model::classifier,
};
use crate::{
    data::Split,
    device,
    error::Result,
    eval::{
        evaluate::{Evaluation, evaluate, split_with_images},
        metrics::{Metric, to_json},
        predictions::{evaluated_table, misclassified},
    },
    node::{ArtifactType, Context, KeyRole, Node, NodeKind},
    plot::{
        confusion_matrix::confusion_svg, contact_sheet::contact_sheet, png::png, reliability::reliability_svg,
    },
    progress::Progress,
    store::Artifact,
};

/// Measures a model on a dataset: metrics with their definitions, scores per class, the confusion
/// matrix, calibration, what the model says about every image, and a picture of the worst mistakes.
/// Classes are matched by name.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Val {
    /// The node that gives the model: a train node, or a model node with weights.
    pub model: String,
    /// The dataset node to measure on; left out, the one that the model was trained on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset: Option<String>,
    /// Which images to measure on. If the dataset has no `val` images, `test` stands in for them.
    #[serde(default = "split")]
    pub split: Split,
    /// Side of the square images in pixels; left out, what the model was trained at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 4096))]
    pub size: Option<usize>,
    /// Images per forward pass. Changes speed and memory, not results.
    #[serde(default = "batch")]
    #[schemars(range(min = 1, max = 65_536))]
    pub batch: usize,
    /// Which top-k accuracies to give: the share of images whose true class is among the k likeliest. Where the model
    /// has k classes or fewer it is always 1, and left out.
    #[serde(default = "top_k")]
    #[schemars(length(min = 1, max = 100), inner(range(min = 1, max = 1_000_000)))]
    pub top_k: Vec<usize>,
    /// How many misclassified images to show in `most_wrong.png`, those first whose true class got the
    /// least probability; 0 for no picture.
    #[serde(default = "how_many_wrong")]
    #[schemars(range(max = 400))]
    pub most_wrong: usize,
}

fn split() -> Split {
    Split::Val
}

fn batch() -> usize {
    16
}

fn top_k() -> Vec<usize> {
    vec![1, 5]
}

fn how_many_wrong() -> usize {
    16
}

impl NodeKind for Val {
    const NAME: &'static str = "val";
    const VERSION: u32 = 8;
    const KEYS: &'static [(&'static str, KeyRole)] = &[
        ("model", KeyRole::Input(&[MODEL])),
        ("dataset", KeyRole::InheritedInput { accepts: &[DATASET], from: "model" }),
        ("batch", KeyRole::Runtime),
    ];
}

impl Node for Val {
    fn output(&self) -> ArtifactType {
        METRICS
    }

    fn precision(&self) -> Option<&'static str> {
        Some(PRECISION)
    }

    fn check_input(&self, port: &str, artifact: &Artifact) -> Result<()> {
        if port != "dataset" {
            return Ok(());
        }
        split_with_images(&dataset::load(artifact)?.index, self.split).map(drop)
    }

    fn run(&self, cx: &Context<'_>) -> Result<()> {
        device::guard(|| self.work(cx))
    }
}

impl Val {
    fn work(&self, cx: &Context<'_>) -> Result<()> {
        let dataset = dataset::load(cx.required("dataset"))?;
        let model = classifier(cx, self.size)?;
        let evaluation = evaluate(&model, &dataset, self.split, self.batch, cx.threads, &cx.progress)?;
        self.tell_certain(model.names.len(), &cx.progress);
        cx.progress.headline(evaluation.headline());
        let report = evaluation.report(&self.top_k);
        for metric in &report {
            metric.value.as_f64().into_iter().for_each(|value| cx.progress.metric(&metric.name, value));
        }
        self.write(cx, &evaluation, &report)
    }

    /// Says which of the accuracies that were asked for are left out; nobody asks for the defaults.
    fn tell_certain(&self, classes: usize, progress: &Progress<'_>) {
        let certain = |k: &&usize| **k > 1 && **k >= classes && !top_k().contains(k);
        let certain: Vec<_> = self.top_k.iter().filter(certain).map(|k| format!("top-{k}")).collect();
        if !certain.is_empty() {
            let all = certain.join(", ");
            progress.note(format!("left out, as the model has {classes} classes: {all}, which would be 1"));
        }
    }

    fn write(&self, cx: &Context<'_>, evaluation: &Evaluation, report: &[Metric]) -> Result<()> {
        let Evaluation { accumulator, calibration, images, dataset, .. } = evaluation;
        let (confusion, names) = (accumulator.confusion(), &dataset.index.classes);
        let json = serde_json::to_string_pretty(&to_json(report));
        cx.write("metrics.json", json.expect("metrics are plain data") + "\n")?;
        cx.write("confusion_matrix.svg", confusion_svg(confusion.counts(), names))?;
        cx.write("reliability.svg", reliability_svg(calibration.expected_error(), &calibration.bars()))?;
        cx.write("reliability.csv", calibration.table())?;
        cx.write("confusion_matrix.csv", confusion.table(names))?;
        cx.write("per_class.csv", confusion.class_table(names))?;
        cx.write("predictions.csv", evaluated_table(images))?;
        cx.write("misclassified.csv", evaluated_table(misclassified(images)))?;
        match &evaluation.most_wrong(self.most_wrong, &cx.progress)?[..] {
            [] => Ok(()),
            tiles => cx.write("most_wrong.png", png(&contact_sheet(tiles))?),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use serde_json::json;

    use super::*;
    use crate::progress::{Stop, Update};

    #[test]
    fn an_accuracy_that_was_asked_for_and_is_left_out_is_told() {
        let told = |top_k: &[usize], classes| {
            let notes = Mutex::new(Vec::new());
            let sink = |update| {
                if let Update::Note(line) = update {
                    notes.lock().unwrap().push(line);
                }
            };
            let keys = json!({ "model": "fit", "top_k": top_k });
            let val: Val = serde_json::from_value(keys).unwrap();
            val.tell_certain(classes, &Progress::new(&sink, &Stop::default()));
            notes.into_inner().unwrap()
        };
        assert_eq!(told(&[1, 5], 2), [] as [String; 0]);
        let line = "left out, as the model has 2 classes: top-2, top-10, which would be 1";
        assert_eq!(told(&[1, 2, 10], 2), [line]);
        assert_eq!(told(&[1, 2, 10], 11), [] as [String; 0]);
    }
}
