//! Names of which no two may be the same.

use std::collections::{BTreeMap, BTreeSet};

/// The names that were given.
#[derive(Debug, Default)]
pub(super) struct Names {
    taken: BTreeSet<String>,
    /// How often each was asked for.
    asked: BTreeMap<String, usize>,
}

impl Names {
    /// `name`, or `name_1` if that is taken.
    pub(super) fn free(&mut self, name: &str) -> String {
        let asked = self.asked.entry(name.to_owned()).or_default();
        loop {
            let free = if *asked == 0 { name.to_owned() } else { format!("{name}_{asked}") };
            *asked += 1;
            if self.taken.insert(free.clone()) {
                return free;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_names_are_the_same() {
        let mut names = Names::default();
        let given = ["a", "a_1", "a", "a", "a_1"].map(|name| names.free(name));
        assert_eq!(given, ["a", "a_1", "a_2", "a_3", "a_1_1"]);
    }
}
