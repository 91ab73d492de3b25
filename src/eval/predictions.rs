//! What a model says about single images, and the files that hold it.

use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{metrics::ranking, table::Table};
use crate::{
    data::Sample,
    error::{Error, Result},
    shown,
    softmax::softmax,
};

/// One class among the likeliest of an image.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ClassProb {
    /// The class's index in the model.
    pub class: usize,
    /// The class's name in the model.
    pub name: String,
    /// Softmax probability, in 0 to 1.
    pub confidence: f32,
}

/// What a model says about one image; as JSON, a line of `predictions.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Prediction {
    /// The image, relative to what it was found in, as [`crate::paths`] writes it: of a name that is no UTF-8, a
    /// byte is `\xff`, and a `\` in a name is `\x5c`.
    pub path: String,
    /// The likeliest class, by its index in the model.
    pub class: usize,
    /// The likeliest class's name in the model.
    pub name: String,
    /// The likeliest class's softmax probability, in 0 to 1.
    pub confidence: f32,
    /// The likeliest classes, likeliest first; equal ones by index.
    pub top: Vec<ClassProb>,
}

impl ClassProb {
    /// For a person to read, not escaped: `seven 0.98`.
    pub fn label(&self) -> String {
        format!("{} {:.2}", self.name, self.confidence)
    }
}

impl Prediction {
    /// Ranks the classes of one image and keeps the `k` likeliest (at least 1, at most all).
    ///
    /// `logits` and `names`: `[classes]`, at least one.
    ///
    /// # Errors
    /// If the network's numbers are not finite.
    pub fn new(path: impl Into<String>, logits: &[f32], names: &[String], k: usize) -> Result<Self> {
        let path = path.into();
        if let Some(wrong) = logits.iter().find(|logit| !logit.is_finite()) {
            return Err(Error::new(format!("the model gives {wrong} for {}", shown::text(&path))).help(
                "its weights are damaged or training diverged; train again with a lower learning rate",
            ));
        }
        let probabilities = softmax(logits);
        let probability =
            |class: usize| ClassProb { class, name: names[class].clone(), confidence: probabilities[class] };
        let top: Vec<ClassProb> = ranking(logits).into_iter().take(k.max(1)).map(probability).collect();
        let ClassProb { class, name, confidence } = top[0].clone();
        Ok(Self { path, class, name, confidence, top })
    }
}

/// Predictions as JSON Lines, one a line.
pub fn json_lines<'a>(predictions: impl IntoIterator<Item = &'a Prediction>) -> String {
    let mut text = String::new();
    for prediction in predictions {
        let line = serde_json::to_string(prediction).expect("a prediction is plain data");
        writeln!(text, "{line}").expect("a string takes any text");
    }
    text
}

/// Predictions as a table: `path,class,name,confidence,class_2,name_2,confidence_2,…`.
pub fn table<'a>(predictions: impl IntoIterator<Item = &'a Prediction>) -> Table {
    let predictions: Vec<_> = predictions.into_iter().collect();
    let longest = predictions.iter().map(|prediction| prediction.top.len()).max().unwrap_or(1);
    let further = (2..=longest).flat_map(|k| ["class", "name", "confidence"].map(|of| format!("{of}_{k}")));
    let header = ["path", "class", "name", "confidence"].map(String::from).into_iter().chain(further);
    let mut table = Table::new(header);
    for prediction in predictions {
        let guesses = prediction
            .top
            .iter()
            .flat_map(|guess| [guess.class.to_string(), guess.name.clone(), guess.confidence.to_string()]);
        table.row(std::iter::once(prediction.path.clone()).chain(guesses));
    }
    table
}

/// What a model says about an image whose class is known.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluated {
    /// Place of the image in its split.
    pub index: usize,
    /// What the model says about the image.
    pub prediction: Prediction,
    /// The true class's name in the model.
    pub truth: String,
    /// Whether the likeliest class is the true one.
    pub correct: bool,
    /// The true class's softmax probability, in 0 to 1.
    pub true_confidence: f32,
}

impl Evaluated {
    /// Compares the model's word on the image at `index` of its split with its true class; keeps the five likeliest.
    ///
    /// `logits` and `names`: `[classes]`, of which the sample's class is one.
    ///
    /// # Errors
    /// If the network's numbers are not finite.
    pub fn new(index: usize, sample: &Sample, logits: &[f32], names: &[String]) -> Result<Self> {
        let prediction = Prediction::new(sample.location.name(), logits, names, 5)?;
        Ok(Self {
            index,
            truth: names[sample.class].clone(),
            correct: prediction.class == sample.class,
            true_confidence: softmax(logits)[sample.class],
            prediction,
        })
    }
}

/// All images in order:
/// `path,true,predicted,confidence,correct,true_confidence,predicted_2,confidence_2,…`.
pub fn evaluated_table<'a>(evaluated: impl IntoIterator<Item = &'a Evaluated>) -> Table {
    let evaluated: Vec<&Evaluated> = evaluated.into_iter().collect();
    let longest = evaluated.iter().map(|one| one.prediction.top.len()).max().unwrap_or(1);
    let further = (2..=longest).flat_map(|k| ["predicted", "confidence"].map(|of| format!("{of}_{k}")));
    let header = ["path", "true", "predicted", "confidence", "correct", "true_confidence"].map(String::from);
    let mut table = Table::new(header.into_iter().chain(further));
    for Evaluated { prediction, truth, correct, true_confidence, .. } in evaluated {
        let first = [
            prediction.path.clone(),
            truth.clone(),
            prediction.name.clone(),
            prediction.confidence.to_string(),
            correct.to_string(),
            true_confidence.to_string(),
        ];
        let others = prediction.top.iter().skip(1);
        table.row(first.into_iter().chain(others.flat_map(|g| [g.name.clone(), g.confidence.to_string()])));
    }
    table
}

/// The misclassified images, the most confidently wrong first; equal ones in the given order.
pub fn misclassified(evaluated: &[Evaluated]) -> Vec<&Evaluated> {
    let mut wrong: Vec<&Evaluated> = evaluated.iter().filter(|one| !one.correct).collect();
    wrong.sort_by(|a, b| b.prediction.confidence.total_cmp(&a.prediction.confidence));
    wrong
}

/// The `count` misclassified images whose true class got the least probability, the least first; equal
/// ones in the given order. These are the images with the largest losses.
pub fn most_wrong(evaluated: &[Evaluated], count: usize) -> Vec<&Evaluated> {
    let mut wrong: Vec<&Evaluated> = evaluated.iter().filter(|one| !one.correct).collect();
    wrong.sort_by(|a, b| a.true_confidence.total_cmp(&b.true_confidence));
    wrong.truncate(count);
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::source::Location;

    fn names() -> Vec<String> {
        ["cat", "dog, small", "eel"].map(String::from).to_vec()
    }

    fn logits(tenths: [f32; 3]) -> [f32; 3] {
        tenths.map(|tenth| (tenth / 10.0).ln())
    }

    fn evaluated() -> Vec<Evaluated> {
        let images =
            [("a.png", [5.0, 3.0, 2.0], 1), ("b.png", [1.0, 8.0, 1.0], 1), ("c.png", [1.0, 0.5, 8.5], 0)];
        let judge = |(path, tenths, class): (&str, _, _)| {
            let location = Location::File(path.into());
            let sample = Sample { location, class, size: 1, digest: String::new() };
            Evaluated::new(0, &sample, &logits(tenths), &names()).unwrap()
        };
        images.map(judge).into()
    }

    #[test]
    fn a_line_of_json() {
        let prediction = Prediction::new("a.png", &[0.0, 0.0, -1e4], &names(), 2).unwrap();
        insta::assert_snapshot!(json_lines(&[prediction]), @r#"{"path":"a.png","class":0,"name":"cat","confidence":0.5,"top":[{"class":0,"name":"cat","confidence":0.5},{"class":1,"name":"dog, small","confidence":0.5}]}"#);
    }

    #[test]
    fn a_table_of_predictions() {
        let prediction = Prediction::new("a.png", &[0.0, 0.0, -1e4], &names(), 9).unwrap();
        insta::assert_snapshot!(table(&[prediction]).as_str(), @r#"
        path,class,name,confidence,class_2,name_2,confidence_2,class_3,name_3,confidence_3
        a.png,0,cat,0.5,1,"dog, small",0.5,2,eel,0
        "#);
    }

    #[test]
    fn labels_have_two_decimals() {
        let prediction = Prediction::new("a.png", &logits([2.0, 7.0, 1.0]), &names(), 2).unwrap();
        let labels: Vec<String> = prediction.top.iter().map(ClassProb::label).collect();
        assert_eq!(labels, ["dog, small 0.70", "cat 0.20"]);
    }

    #[test]
    fn there_is_always_a_first_class() {
        assert_eq!(Prediction::new("a.png", &[1.0], &names(), 0).unwrap().top.len(), 1);
    }

    #[test]
    fn numbers_that_are_none_are_an_error() {
        let error = Prediction::new("a.png", &[0.0, f32::NAN, 0.0], &names(), 1).unwrap_err();
        assert_eq!(error.to_string(), "the model gives NaN for a.png");
    }

    #[test]
    fn the_most_confident_mistakes_come_first() {
        let evaluated = evaluated();
        let wrong: Vec<&str> =
            misclassified(&evaluated).iter().map(|one| one.prediction.path.as_str()).collect();
        assert_eq!(wrong, ["c.png", "a.png"]);
    }

    #[test]
    fn the_least_probable_truths_are_the_most_wrong() {
        let evaluated = evaluated();
        let paths = |count| -> Vec<&str> {
            most_wrong(&evaluated, count).iter().map(|one| one.prediction.path.as_str()).collect()
        };
        assert_eq!(paths(9), ["c.png", "a.png"]);
        assert_eq!(paths(1), ["c.png"]);
        assert!(paths(0).is_empty());
    }

    #[test]
    fn a_table_with_the_truth() {
        let evaluated = evaluated();
        let text = evaluated_table(&evaluated).as_str().to_owned();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[0],
            "path,true,predicted,confidence,correct,true_confidence,predicted_2,confidence_2,predicted_3,confidence_3"
        );
        assert!(lines[1].starts_with("a.png,\"dog, small\",cat,0.5,false,0.3"), "{}", lines[1]);
        assert!(lines[2].starts_with("b.png,\"dog, small\",\"dog, small\",0.8,true,0.8"), "{}", lines[2]);
    }

    #[test]
    fn empty_tables_have_a_header() {
        assert_eq!(evaluated_table([]).as_str(), "path,true,predicted,confidence,correct,true_confidence\n");
        assert_eq!(table(&[]).as_str(), "path,class,name,confidence\n");
    }
}
