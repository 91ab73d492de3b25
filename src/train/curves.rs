//! The learning curves as a picture.

use super::History;
use crate::eval::chart::{Chart, Line, charts_svg};

/// Losses, accuracies and learning rates by epoch as SVG, with a line at the best epoch.
///
/// The bytes are a function of the measurements alone; times are left out.
pub fn curves_svg(history: &History) -> String {
    let line =
        |name, value: fn(&super::Epoch) -> f64| Line { name, values: history.0.iter().map(value).collect() };
    let charts = [
        Chart {
            title: "Loss",
            lines: vec![line("train", |e| e.train_loss), line("val", |e| e.val_loss)],
            top: 0.0,
        },
        Chart {
            title: "Accuracy on val",
            lines: vec![line("top-1", |e| e.top1), line("top-5", |e| e.top5)],
            top: 1.0,
        },
        Chart {
            title: "Learning rate",
            lines: vec![line("weights", |e| e.rates[0]), line("biases", |e| e.rates[2])],
            top: 0.0,
        },
    ];
    charts_svg(&charts, "epoch", history.best().map(|best| best + 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::Epoch;

    #[test]
    fn curves_do_not_depend_on_times() {
        let history = |seconds: f64| {
            let epoch = |top1| Epoch {
                seconds,
                train_loss: 2.0,
                top1,
                top5: 0.9,
                val_loss: 2.2,
                rates: [0.01, 0.01, 0.1],
            };
            History(vec![epoch(0.1), epoch(0.3), epoch(0.2)])
        };
        let svg = curves_svg(&history(1.0));
        assert_eq!(svg, curves_svg(&history(9.0)));
        // Six lines of three epochs, the best of which is the second.
        assert_eq!(svg.matches("<circle").count(), 18);
        assert_eq!(svg.matches("stroke-dasharray").count(), 3);
        assert!(svg.contains("Accuracy on val"));
    }
}
