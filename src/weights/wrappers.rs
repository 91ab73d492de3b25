//! What training programs put into the names of all parameters, taken out again.

use super::Weights;

/// What a wrapper of the whole network puts before all names.
const BEFORE: &str = "module.";
/// What wrappers of any part put into names: `torch.compile`, FSDP, and activation checkpoints. No network has
/// such parts of its own.
const WITHIN: [&str; 3] = ["_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"];

/// The same weights under the names that the network itself has for them.
pub(super) fn unwrapped(weights: Weights) -> Weights {
    let mut weights = renamed(weights, without_inner);
    while is_wrapped(&weights) {
        weights = renamed(weights, |name| name.strip_prefix(BEFORE).unwrap_or(name).to_owned());
    }
    weights
}

/// Whether all parameters are in the wrapper. What has no dot in its name, such as the count of averaged steps, is
/// the wrapper's own.
fn is_wrapped(weights: &Weights) -> bool {
    let mut inner = weights.keys().filter(|name| name.contains('.')).peekable();
    inner.peek().is_some() && inner.all(|name| name.starts_with(BEFORE))
}

fn without_inner(name: &str) -> String {
    if !WITHIN.iter().any(|part| name.contains(part)) {
        return name.to_owned();
    }
    let parts: Vec<&str> = name.split('.').filter(|part| !WITHIN.contains(part)).collect();
    parts.join(".")
}

/// Under other names; left alone where two would become one.
fn renamed(weights: Weights, name: impl Fn(&str) -> String) -> Weights {
    let names: std::collections::BTreeSet<String> = weights.keys().map(|old| name(old)).collect();
    if names.len() < weights.len() || names.contains("") {
        return weights;
    }
    weights.into_iter().map(|(old, array)| (name(&old), array)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::Array;

    fn names(given: &[&str]) -> Vec<String> {
        let array = Array { shape: Vec::new(), data: vec![0.0] };
        let weights = given.iter().map(|name| ((*name).to_owned(), array.clone())).collect();
        unwrapped(weights).into_keys().collect()
    }

    #[test]
    fn wrappers_are_taken_off_in_any_order() {
        let plain = ["model.0.conv.weight", "model.1.conv.weight"];
        assert_eq!(names(&plain), plain);
        for wrapper in ["module.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module.", "module.module."] {
            let wrapped = plain.map(|name| format!("{wrapper}{name}"));
            assert_eq!(names(&wrapped.each_ref().map(String::as_str)), plain, "{wrapper}");
        }
        assert_eq!(names(&["model.0._orig_mod.conv.weight", "model.1.conv.weight"]), plain);
        assert_eq!(names(&["model._fsdp_wrapped_module.0.a", "model.1.a"]), ["model.0.a", "model.1.a"]);
        // As torch.optim.swa_utils has it.
        assert_eq!(names(&["n_averaged", "module.0.a"]), ["0.a", "n_averaged"]);
    }

    #[test]
    fn names_of_a_networks_own_stay() {
        for own in [&["module.a", "other.a"][..], &["module"], &["_orig_mod"], &["a._orig_mod.b", "a.b"], &[]]
        {
            assert_eq!(names(own), own);
        }
    }
}
