//! Parts of a network that training leaves as they are.

use std::collections::BTreeSet;

use glob::Pattern;

use crate::{
    arch::{Arch, Computation, Role},
    error::{Error, Result},
};

/// What is frozen: all that any of the three names.
///
/// Frozen parameters get no gradient, so neither steps nor decay; frozen norms normalise by their running
/// statistics and leave them alone.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Freeze {
    /// The first so many rows of the architecture.
    pub count: usize,
    /// Rows by index, from 0.
    pub rows: Vec<usize>,
    /// Parameters by a part of their name, or by a pattern (with `*`, `?` or `[`) of the whole name.
    pub names: Vec<String>,
}

impl Freeze {
    /// The names of the parameters of `arch` that are frozen.
    ///
    /// # Errors
    /// If a row or name is none of the architecture's, or nothing is left to learn.
    pub fn resolve(&self, arch: &Arch) -> Result<BTreeSet<String>> {
        if *self == Self::default() {
            return Ok(BTreeSet::new());
        }
        let learnt = Computation::of(arch).shapes().into_iter();
        let learnt: Vec<String> = learnt
            .filter(|(name, shape)| Role::of(name, shape.len()) != Role::Statistic)
            .map(|(name, _)| name)
            .collect();
        let rows = self.prefixes(arch.rows.len())?;
        let mut frozen: BTreeSet<String> =
            learnt.iter().filter(|name| rows.iter().any(|row| name.starts_with(row))).cloned().collect();
        for pattern in &self.names {
            frozen.extend(named(pattern, &learnt)?);
        }
        if frozen.len() == learnt.len() {
            return Err(Error::new("everything is frozen: nothing is left to learn")
                .help("freeze fewer rows: at least the head must learn"));
        }
        Ok(frozen)
    }

    /// How the names of the parameters of the frozen rows begin.
    fn prefixes(&self, rows: usize) -> Result<Vec<String>> {
        let last = self.rows.iter().copied().chain(self.count.checked_sub(1)).max();
        if last.is_some_and(|last| last >= rows) {
            return Err(Error::new(format!("the architecture has {rows} rows, 0 to {}", rows - 1))
                .help("correct `freeze` or `freeze_rows`"));
        }
        Ok((0..self.count).chain(self.rows.iter().copied()).map(|row| format!("model.{row}.")).collect())
    }
}

/// The names that `pattern` fits.
fn named(pattern: &str, names: &[String]) -> Result<Vec<String>> {
    let fits: Box<dyn Fn(&String) -> bool> = if pattern.contains(['*', '?', '[']) {
        let glob = Pattern::new(pattern).map_err(|error| {
            Error::new(format!("`freeze_names` has `{pattern}`, which is not a valid pattern")).because(error)
        })?;
        Box::new(move |name| glob.matches(name))
    } else {
        Box::new(|name| name.contains(pattern))
    };
    let found: Vec<String> = names.iter().filter(|name| fits(name)).cloned().collect();
    if found.is_empty() {
        let some = names.first().map(String::as_str).unwrap_or_default();
        return Err(Error::new(format!("`freeze_names` has `{pattern}`, which matches no parameter"))
            .help(format!("names are like {some}; `kiln inspect` lists the rows")));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arch() -> Arch {
        Arch::built_in("yolo11n-cls", 10).unwrap()
    }

    fn frozen(freeze: Freeze) -> Vec<String> {
        freeze.resolve(&arch()).unwrap().into_iter().collect()
    }

    fn names(names: &[&str]) -> Freeze {
        Freeze { names: names.iter().map(ToString::to_string).collect(), ..Freeze::default() }
    }

    #[test]
    fn rows_are_frozen_by_count_and_by_index() {
        let block =
            |row: usize| ["bn.bias", "bn.weight", "conv.weight"].map(|part| format!("model.{row}.{part}"));
        assert_eq!(frozen(Freeze { count: 2, ..Freeze::default() }), [block(0), block(1)].concat());
        assert_eq!(frozen(Freeze { rows: vec![3, 0], ..Freeze::default() }), [block(0), block(3)].concat());
        // Row 1 is not row 10.
        assert_eq!(frozen(Freeze { rows: vec![1], ..Freeze::default() }), block(1));
    }

    #[test]
    fn names_are_parts_or_patterns() {
        assert_eq!(frozen(names(&["model.0.conv"])), ["model.0.conv.weight"]);
        let head = frozen(names(&["model.10.*"]));
        assert!(head.contains(&"model.10.linear.bias".into()) && head.len() == 5, "{head:?}");
        assert!(frozen(names(&["bn."])).iter().all(|name| name.contains(".bn.")));
    }

    #[test]
    fn mistakes_are_named() {
        let error = |freeze: Freeze| {
            let error = freeze.resolve(&arch()).unwrap_err();
            format!("{error}; {}", error.hint().unwrap_or_default())
        };
        insta::assert_snapshot!(error(Freeze { count: 12, ..Freeze::default() }), @"the architecture has 11 rows, 0 to 10; correct `freeze` or `freeze_rows`");
        insta::assert_snapshot!(error(Freeze { rows: vec![11], ..Freeze::default() }), @"the architecture has 11 rows, 0 to 10; correct `freeze` or `freeze_rows`");
        insta::assert_snapshot!(error(Freeze { count: 11, ..Freeze::default() }), @"everything is frozen: nothing is left to learn; freeze fewer rows: at least the head must learn");
        insta::assert_snapshot!(error(names(&["backbone"])), @"`freeze_names` has `backbone`, which matches no parameter; names are like model.0.bn.bias; `kiln inspect` lists the rows");
        insta::assert_snapshot!(error(names(&["[z"])), @"`freeze_names` has `[z`, which is not a valid pattern; ");
    }
}
