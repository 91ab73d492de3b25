//! A command line that can't be, in the words of the rest.

use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::{error::Error, shown, suggest};

/// The error of a command line that clap refuses; none where it asked for help or the version.
pub(super) fn error(refused: &clap::Error) -> Option<Error> {
    let said = Said(refused);
    let error = match refused.kind() {
        ErrorKind::DisplayHelp
        | ErrorKind::DisplayVersion
        | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => return None,
        ErrorKind::InvalidSubcommand => said.unknown_command(),
        ErrorKind::UnknownArgument => said.unknown_flag(),
        ErrorKind::InvalidValue if said.text(ContextKind::InvalidValue).is_empty() => said.no_value(),
        ErrorKind::InvalidValue => said.no_choice(),
        ErrorKind::ValueValidation => said.wrong_value(),
        ErrorKind::MissingRequiredArgument => said.missing(),
        ErrorKind::ArgumentConflict => said.conflict(),
        _ => said.other(),
    };
    Some(error)
}

/// What clap says, part by part.
struct Said<'a>(&'a clap::Error);

impl Said<'_> {
    fn all(&self, kind: ContextKind) -> Vec<String> {
        match self.0.get(kind) {
            Some(ContextValue::String(text)) => vec![text.clone()],
            Some(ContextValue::Strings(texts)) => texts.clone(),
            Some(ContextValue::StyledStr(text)) => vec![text.to_string()],
            Some(ContextValue::StyledStrs(texts)) => texts.iter().map(ToString::to_string).collect(),
            _ => Vec::new(),
        }
    }

    fn text(&self, kind: ContextKind) -> String {
        self.all(kind).into_iter().next().unwrap_or_default()
    }

    /// The command so far, as in `kiln run`.
    fn command(&self) -> String {
        let usage = self.text(ContextKind::Usage);
        let words = usage.trim_start_matches("Usage:").split_whitespace();
        let words: Vec<&str> = words.take_while(|word| !word.starts_with(['[', '<', '-'])).collect();
        if words.is_empty() { "kiln".to_owned() } else { words.join(" ") }
    }

    /// `--threads <N>` as `--threads`.
    fn flag(&self, kind: ContextKind) -> String {
        let flag = self.text(kind);
        flag.split(' ').next().unwrap_or_default().to_owned()
    }

    fn usage(&self, message: String, help: Option<String>) -> Error {
        let also = format!("`{} --help` lists what can be given", self.command());
        Error::usage(shown::text(&message)).help(shown::text(&help.unwrap_or(also)))
    }

    fn meant(&self, kind: ContextKind) -> Option<String> {
        // clap has the closest last.
        self.all(kind).last().map(|meant| format!("did you mean `{meant}`?"))
    }

    fn unknown_command(&self) -> Error {
        let word = self.text(ContextKind::InvalidSubcommand);
        let help = self.meant(ContextKind::SuggestedSubcommand);
        let yaml = word.ends_with(".yaml") || word.ends_with(".yml");
        let help = help.or_else(|| yaml.then(|| format!("to run a pipeline file: `kiln run {word}`")));
        self.usage(format!("there is no command `{word}`"), help)
    }

    fn unknown_flag(&self) -> Error {
        let word = self.flag(ContextKind::InvalidArg);
        let message = match word.starts_with('-') {
            true => format!("`{}` has no `{word}`", self.command()),
            false => format!("`{word}` is one word too many for `{}`", self.command()),
        };
        self.usage(message, self.meant(ContextKind::SuggestedArg))
    }

    fn no_value(&self) -> Error {
        let options = self.all(ContextKind::ValidValue);
        let help = (!options.is_empty()).then(|| format!("it may be {}", suggest::list(&options, "or", "")));
        self.usage(format!("`{}` needs a value", self.flag(ContextKind::InvalidArg)), help)
    }

    fn no_choice(&self) -> Error {
        let options = suggest::list(&self.all(ContextKind::ValidValue), "or", "nothing");
        let meant = self.meant(ContextKind::SuggestedValue).map(|meant| meant + " ").unwrap_or_default();
        self.usage(self.cannot_be(), Some(format!("{meant}it may be {options}")))
    }

    fn wrong_value(&self) -> Error {
        let why = std::error::Error::source(self.0).map(ToString::to_string);
        let help = why.map(|why| in_words(&why));
        self.usage(self.cannot_be(), help)
    }

    fn cannot_be(&self) -> String {
        let (flag, value) = (self.flag(ContextKind::InvalidArg), self.text(ContextKind::InvalidValue));
        format!("`{flag}` can't be `{value}`")
    }

    fn missing(&self) -> Error {
        let missing = suggest::list(&self.all(ContextKind::InvalidArg), "and", "more");
        self.usage(format!("`{}` needs {missing}", self.command()), None)
    }

    fn conflict(&self) -> Error {
        let flag = self.flag(ContextKind::InvalidArg);
        let others = self.all(ContextKind::PriorArg);
        let others = others.iter().map(|other| other.split(' ').next().unwrap_or_default().to_owned());
        let others: Vec<String> = others.filter(|other| *other != flag).collect();
        if others.is_empty() {
            return self.usage(format!("`{flag}` is given twice"), Some("give it once".to_owned()));
        }
        let message = format!("`{flag}` can't be used with {}", suggest::list(&others, "and", "it"));
        self.usage(message, Some("leave one of them out".to_owned()))
    }

    /// The rest in clap's own words, without its dress.
    fn other(&self) -> Error {
        let text = self.0.to_string();
        let line = text.lines().next().unwrap_or_default();
        self.usage(line.trim_start_matches("error: ").to_owned(), None)
    }
}

/// What a value must be, where the reason is one of Rust's or clap's.
fn in_words(why: &str) -> String {
    if let Some((_, range)) = why.split_once(" is not in ") {
        let text = match range.split_once("..") {
            Some((low, "")) => format!("it must be at least {low}"),
            Some((low, high)) => format!("it must be from {low} to {}", high.trim_start_matches('=')),
            None => format!("it must be in {range}"),
        };
        return text;
    }
    match why {
        "invalid digit found in string" | "cannot parse integer from empty string" => "write a whole number",
        "invalid float literal" | "cannot parse float from empty string" => "write a number",
        "number too large to fit in target type" => "the number is too large",
        "number too small to fit in target type" => "the number is too small",
        why => why,
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use crate::cli::Cli;

    /// What is said of a command line.
    fn told(line: &str) -> String {
        let words = std::iter::once("kiln").chain(line.split(' ').filter(|word| !word.is_empty()));
        let error = super::error(&Cli::try_parse_from(words).unwrap_err()).unwrap();
        assert_eq!(error.kind(), crate::error::ErrorKind::Usage);
        format!("{}\n  {error}\n  {}\n", line.escape_debug(), error.hint().unwrap())
    }

    #[test]
    fn a_wrong_command_line_is_told_in_the_words_of_the_rest() {
        let lines = [
            "chekc a.yaml",
            "a.yaml",
            "run",
            "run a.yaml b.yaml",
            "run a.yaml --treads 2",
            "run a.yaml --threads 0",
            "run a.yaml --threads 99999999",
            "run a.yaml --threads two",
            "run a.yaml --threads",
            "train --data d --epochs x",
            "train --data d --epochs 1 --time 2",
            "train --data d --epochs 1 --epochs 2",
            "check a.yaml --message-format jsn",
            "inspect yolo11n-cls --size 0",
            "cache prnue",
            "che\u{1b}[31mck",
        ];
        insta::assert_snapshot!(lines.map(told).join("\n"));
    }

    #[test]
    fn help_and_version_are_no_errors() {
        for line in ["--help", "run --help", "--version", ""] {
            let words = std::iter::once("kiln").chain(line.split(' ').filter(|word| !word.is_empty()));
            assert!(super::error(&Cli::try_parse_from(words).unwrap_err()).is_none(), "{line}");
        }
    }
}
