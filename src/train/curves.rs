//! The learning curves as a picture.

use super::{History, history::Measurement};
use crate::plot::chart::{Chart, Line, charts_svg};

/// Losses, accuracies and learning rates by epoch as SVG, with a line at the best epoch.
///
/// The bytes are a function of the measurements alone; times are left out.
pub fn curves_svg(history: &History) -> String {
    let line = |name, value: Measurement| {
        // What was not measured leaves a gap.
        let values = history.0.iter().map(|epoch| value(epoch).unwrap_or(f64::NAN));
        Line { name, values: values.collect() }
    };
    let mut accuracies = vec![line("top-1", |e| Some(e.scores?.top1))];
    accuracies.extend(history.has_top5().then(|| line("top-5", |e| e.scores?.top5)));
    let charts = [
        Chart {
            title: "Loss",
            lines: vec![line("train", |e| Some(e.train_loss)), line("val", |e| Some(e.scores?.loss))],
            top: 0.0,
        },
        Chart { title: "Accuracy on val", lines: accuracies, top: 1.0 },
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
    use crate::train::{EpochRecord, Scores};

    fn history(seconds: f64, top5: Option<f64>) -> History {
        let epoch = |scores| EpochRecord {
            seconds,
            waited: 0.0,
            train_loss: 2.0,
            scores,
            rates: vec![0.01, 0.01, 0.1],
        };
        let scores = |top1| epoch(Some(Scores { top1, top5, loss: 2.2 }));
        History(vec![scores(0.1), scores(0.3), epoch(None), scores(0.2)])
    }

    #[test]
    fn curves_do_not_depend_on_times() {
        let svg = curves_svg(&history(1.0, Some(0.9)));
        assert_eq!(svg, curves_svg(&history(9.0, Some(0.9))));
        // Six lines of four epochs, one of which was not validated.
        assert_eq!(svg.matches("<circle").count(), 6 * 4 - 3);
        assert_eq!(svg.matches("stroke-dasharray").count(), 3);
        // The best epoch is the second of four: a third of the way from 64 to 404.
        assert!(svg.contains("<path d=\"M177.33 56V296\" stroke=\"#888888\" stroke-dasharray"));
        assert!(svg.contains("Accuracy on val") && svg.contains("top-5"));
    }

    #[test]
    fn five_classes_have_no_line_for_top_5() {
        let svg = curves_svg(&history(1.0, None));
        assert_eq!(svg.matches("<circle").count(), 5 * 4 - 2);
        assert!(svg.contains("top-1") && !svg.contains("top-5"));
    }
}
