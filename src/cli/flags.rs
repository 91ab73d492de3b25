//! Hints in a command's own words: what a pipeline file calls `recursive: true` is `--recursive` to who types.

use std::collections::BTreeSet;

use clap::CommandFactory as _;

use crate::{event::Event, report::Reporter};

/// Keys of nodes whose flag has another name.
const OTHER_NAMES: [(&str, &str); 1] = [("root", "data")];

/// The name of the flag that sets a key: `label-smoothing` for `label_smoothing`.
pub(super) fn name_of(key: &str) -> String {
    let other = OTHER_NAMES.iter().find(|(known, _)| *known == key).map(|(_, flag)| *flag);
    other.map_or_else(|| key.replace('_', "-"), str::to_owned)
}

/// The flag that sets a key, as it is typed: `--label-smoothing`.
pub(super) fn flag_of(key: &str) -> String {
    format!("--{}", name_of(key))
}

/// The flags of one command.
#[derive(Debug, Clone)]
pub(super) struct Flags(BTreeSet<String>);

impl Flags {
    /// The flags of `kiln COMMAND`; none if there is no such command.
    pub(super) fn of(command: &str) -> Self {
        let mut cli = super::Cli::command();
        cli.build();
        let arguments = cli.find_subcommand(command).into_iter().flat_map(clap::Command::get_arguments);
        Self(arguments.filter_map(clap::Arg::get_long).map(str::to_owned).collect())
    }

    /// The hint with each `key` or `key: value` in backquotes as the flag that sets it, where there is one.
    pub(super) fn reword(&self, hint: &str) -> String {
        // Every second part stands between backquotes.
        let reworded = |(i, part): (usize, &str)| {
            let flag = if i % 2 == 1 { self.flag(part) } else { None };
            flag.unwrap_or_else(|| part.to_owned())
        };
        hint.split('`').enumerate().map(reworded).collect::<Vec<_>>().join("`")
    }

    fn flag(&self, written: &str) -> Option<String> {
        let (key, value) = written.split_once(": ").unwrap_or((written, "true"));
        let flag = flag_of(key);
        let said = if value == "true" { flag } else { format!("{flag} {value}") };
        self.0.contains(&name_of(key)).then_some(said)
    }
}

/// Reports events with their hints in the words of `kiln COMMAND`.
pub(super) struct Reworded<'a> {
    pub command: &'a str,
    pub reporter: Box<dyn Reporter>,
}

impl Reporter for Reworded<'_> {
    fn report(&self, event: &Event) {
        match event {
            Event::NodeFailed { node, error, help: Some(help) } => {
                let (node, error) = (node.clone(), error.clone());
                // Flags are looked up where there is a hint: most runs have none.
                let help = Some(Flags::of(self.command).reword(help));
                self.reporter.report(&Event::NodeFailed { node, error, help });
            }
            event => self.reporter.report(event),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_become_the_flags_that_set_them() {
        let flags = Flags::of("predict");
        assert_eq!(flags.reword("add `recursive: true`"), "add `--recursive`");
        assert_eq!(flags.reword("`top: 1`, or `top`"), "`--top 1`, or `--top`");
        let train = Flags::of("train");
        assert_eq!(train.reword("lower `lr0` or `root`"), "lower `--lr0` or `--data`");
        assert_eq!(train.reword("`label_smoothing: 0`"), "`--label-smoothing 0`");
    }

    #[test]
    fn what_no_flag_sets_stays_as_it_is() {
        let flags = Flags::of("predict");
        for hint in ["set `val_fraction: 0.1`", "top of `runs/x`, recursive", "a stray ` and `", ""] {
            assert_eq!(flags.reword(hint), hint);
        }
        assert_eq!(Flags::of("no-such").reword("`top`"), "`top`");
    }
}
