//! The weights that a network begins with.

use super::{Array, Weights};
use crate::arch::{Computation, Parameter};

/// Fresh weights of a network, drawn from `seed` as the reference draws them.
pub fn fresh(computation: &Computation, seed: u64) -> Weights {
    completed(computation, &Weights::new(), seed)
}

/// The numbers of `given` where name and shape agree, fresh ones drawn from `seed` elsewhere.
pub fn completed(computation: &Computation, given: &Weights, seed: u64) -> Weights {
    let of = |parameter: Parameter| {
        let Parameter { name, shape, initial } = parameter;
        let known = given.get(&name).filter(|array| array.shape == shape);
        let draw = || initial.draw(&name, seed, shape.iter().product());
        let data = known.map_or_else(draw, |array| array.data.clone());
        (name, Array { shape, data })
    };
    computation.parameters().map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arch::Arch;

    fn fresh(text: &str) -> Weights {
        super::fresh(&Computation::of(&Arch::parse("test", text, 10).unwrap()), 3)
    }

    /// Largest magnitude, mean, deviation, and the fourth moment over the deviation's fourth power: 3 for
    /// a normal distribution, 1.8 for a uniform one.
    fn moments(array: &Array) -> [f64; 4] {
        let (values, count) = (array.data.iter().copied().map(f64::from), array.data.len() as f64);
        let mean = values.clone().sum::<f64>() / count;
        let moment = |power| values.clone().map(|x| (x - mean).powi(power)).sum::<f64>() / count;
        let deviation = moment(2).sqrt();
        [
            values.clone().fold(0.0, |most, x| most.max(x.abs())),
            mean,
            deviation,
            moment(4) / deviation.powi(4),
        ]
    }

    fn assert_uniform(array: &Array, bound: f64) {
        let [most, mean, deviation, shape] = moments(array);
        assert!(most <= bound && most > 0.99 * bound, "{most} of {bound}");
        assert!(mean.abs() < 0.03 * bound, "{mean}");
        assert!((deviation * 3.0_f64.sqrt() / bound - 1.0).abs() < 0.03, "{deviation}");
        assert!((shape - 1.8).abs() < 0.1, "{shape}");
    }

    /// docs/reference.md, Initialisation.
    #[test]
    fn fresh_networks_are_drawn_as_the_references() {
        let fresh = fresh(
            "backbone:\n  - [-1, 1, Conv, [64, 3, 2]]\n  - [-1, 1, Conv, [64, 3, 1, null, 8]]\n  \
             - [-1, 1, A2C2f, [64, true, 1, true]]\nhead:\n  - [-1, 1, Classify, [nc]]\n",
        );
        assert_uniform(&fresh["model.0.conv.weight"], 1.0 / 27.0_f64.sqrt());
        assert_uniform(&fresh["model.1.conv.weight"], 1.0 / 72.0_f64.sqrt());
        assert_uniform(&fresh["model.3.conv.conv.weight"], 1.0 / 64.0_f64.sqrt());
        assert_uniform(&fresh["model.3.linear.weight"], 1.0 / 1280.0_f64.sqrt());
        let [most, ..] = moments(&fresh["model.3.linear.bias"]);
        assert!(most > 0.0 && most <= 1.0 / 1280.0_f64.sqrt());
        for (part, value) in [("weight", 1.0), ("bias", 0.0), ("running_mean", 0.0), ("running_var", 1.0)] {
            assert!(fresh[&format!("model.0.bn.{part}")].data.iter().all(|x| *x == value), "{part}");
        }
        assert!(fresh["model.2.gamma"].data.iter().all(|x| *x == 0.01));
    }

    #[test]
    fn area_attention_is_drawn_from_a_normal_distribution() {
        let fresh =
            fresh("backbone:\n  - [-1, 1, A2C2f, [128, true, 1]]\nhead:\n  - [-1, 1, Classify, [nc]]\n");
        for layer in ["attn.qkv", "attn.proj", "attn.pe", "mlp.0", "mlp.1"] {
            let [_, mean, deviation, shape] = moments(&fresh[&format!("model.0.m.0.1.{layer}.conv.weight")]);
            assert!(
                mean.abs() < 0.002 && (deviation / 0.02 - 1.0).abs() < 0.05,
                "{layer}: {mean} {deviation}"
            );
            assert!((shape - 3.0).abs() < 0.4, "{layer}: {shape}");
        }
        assert_uniform(&fresh["model.0.cv2.conv.weight"], 1.0 / 128.0_f64.sqrt());
    }

    #[test]
    fn what_fits_by_name_and_shape_is_taken() {
        let text = "backbone: [[-1, 1, Conv, [8]]]\nhead: [[-1, 1, Classify, [nc]]]";
        let computation = Computation::of(&Arch::parse("test", text, 2).unwrap());
        let (first, second) = (super::fresh(&computation, 1), super::fresh(&computation, 2));
        let mut given = first.clone();
        given.retain(|name, _| name.starts_with("model.1."));
        given.insert("model.0.conv.weight".to_owned(), Array { shape: vec![1], data: vec![7.0] });
        let completed = completed(&computation, &given, 2);
        assert_eq!(completed["model.1.linear.weight"], first["model.1.linear.weight"]);
        assert_eq!(completed["model.0.conv.weight"], second["model.0.conv.weight"]);
    }
}
