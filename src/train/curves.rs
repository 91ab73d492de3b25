//! The learning curves as a picture.

use super::{Epoch, History};
use crate::eval::chart::{Chart, Line, charts_svg};

/// A number of an epoch, where it was measured.
type Of = fn(&Epoch) -> Option<f64>;

/// Losses, accuracies and learning rates by epoch as SVG, with a line at the best epoch.
///
/// The bytes are a function of the measurements alone; times are left out.
pub fn curves_svg(history: &History) -> String {
    let line = |name, value: Of| {
        // What was not measured leaves a gap.
        let values = history.0.iter().map(|epoch| value(epoch).unwrap_or(f64::NAN));
        Line { name, values: values.collect() }
    };
    let charts = [
        Chart {
            title: "Loss",
            lines: vec![line("train", |e| Some(e.train_loss)), line("val", |e| Some(e.scores?.loss))],
            top: 0.0,
        },
        Chart {
            title: "Accuracy on val",
            lines: vec![line("top-1", |e| Some(e.scores?.top1)), line("top-5", |e| Some(e.scores?.top5))],
            top: 1.0,
        },
        Chart {
            title: "Learning rate",
            lines: vec![
                line("weights", |e| e.rates.first().copied()),
                line("biases", |e| e.rates.last().copied()),
            ],
            top: 0.0,
        },
    ];
    charts_svg(&charts, "epoch", history.best().map(|best| best + 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::Scores;

    #[test]
    fn curves_do_not_depend_on_times() {
        let history = |seconds: f64| {
            let epoch = |scores| Epoch { seconds, train_loss: 2.0, scores, rates: vec![0.01, 0.01, 0.1] };
            let scores = |top1| epoch(Some(Scores { top1, top5: 0.9, loss: 2.2 }));
            History(vec![scores(0.1), scores(0.3), epoch(None), scores(0.2)])
        };
        let svg = curves_svg(&history(1.0));
        assert_eq!(svg, curves_svg(&history(9.0)));
        // Six lines of four epochs, one of which was not validated.
        assert_eq!(svg.matches("<circle").count(), 6 * 4 - 3);
        assert_eq!(svg.matches("stroke-dasharray").count(), 3);
        assert!(svg.contains("Accuracy on val"));
    }
}
