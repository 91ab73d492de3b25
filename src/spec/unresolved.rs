//! References that lead nowhere, told in the words of who wrote them.

use std::env::VarError;

use serde_json::Value;

use super::{
    codes,
    expects::brief,
    fix::Fix,
    origin::Spot,
    problem::{DocPath, Problem},
    references::Fault,
    resolve::KEY,
    source::Source,
};
use crate::{shown, suggest};

/// A reference, where it stands.
#[derive(Clone, Copy)]
pub(super) struct Reference<'a> {
    /// The text of the pipeline file.
    pub own: &'a Source,
    /// Where the value is that it is in.
    pub at: &'a Spot,
    /// As it is written.
    pub written: &'a str,
}

impl Reference<'_> {
    fn problem(&self, code: &'static str, message: impl Into<String>) -> Problem {
        Problem::new(code, self.at.part(self.own, self.written), message)
    }

    /// Another reference in its place.
    fn fix(&self, to: &str) -> Option<Fix> {
        let at = self.at.part(self.own, self.written);
        (!self.written.contains(['\'', '"', '\\'])).then(|| Fix::value(at, &self.written.into(), to))
    }

    /// There is no parameter at `path`: `inside`, which stands at `above`, has no such thing.
    pub(super) fn no_parameter(&self, path: &DocPath, above: &DocPath, inside: &Value) -> Problem {
        let name = path.seen_from(&[KEY].into()).to_string();
        let problem = self.problem(codes::NO_PARAMETER, format!("there is no parameter `{}`", brief(&name)));
        match inside {
            Value::Object(map) => {
                let names: Vec<&str> = map.keys().map(String::as_str).collect();
                let label = closest(path, above, &names, suggest::closest);
                let fix = closest(path, above, &names, suggest::only).and_then(|to| self.fix(&to));
                let label = label.map_or("not a parameter".to_owned(), |it| format!("did you mean `{it}`?"));
                problem.label(label).fix(fix).help(match names[..] {
                    [] => "the file has no parameters; name them under `params:`".to_owned(),
                    _ => format!("`{above}` has {}", suggest::short_list(&names, "and", "none")),
                })
            }
            Value::Array(list) => {
                problem.label(format!("`{above}` has {}, counted from 0", shown::count(list.len(), "item")))
            }
            _ => problem.label(format!("`{above}` is one value")),
        }
    }

    /// A variable of the environment can't be read.
    pub(super) fn no_variable(&self, name: &str, error: &VarError) -> Problem {
        if let VarError::NotUnicode(_) = error {
            let message = format!("the variable `{name}` of the environment is not UTF-8");
            return self.problem(codes::NO_VARIABLE, message).label("no text");
        }
        let names: Vec<String> =
            std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()).collect();
        let close = suggest::closest(name, names.iter().map(String::as_str));
        let label = close.map_or("not set".to_owned(), |close| format!("did you mean `${{env.{close}}}`?"));
        self.problem(codes::NO_VARIABLE, format!("the environment has no variable `{name}`"))
            .label(label)
            .help(format!("set it before the command: `{name}=… kiln …`"))
    }

    /// What the parameter at `path` is, which is written at `of`, can't be put into a longer text.
    pub(super) fn no_text(&self, path: &DocPath, what: &str, of: &Spot) -> Problem {
        let message = format!("`{path}` is {what}, and can't stand in a longer text");
        self.problem(codes::WRONG_TYPE, message)
            .label("within a text")
            .related(of.place(self.own, false), format!("this is {what}"))
            .help("a reference that is all of a value keeps the parameter's type")
    }

    /// The parameter at `path` is needed again, while those are resolved of which each is needed, at its place, by the
    /// one before.
    pub(super) fn circle(&self, path: &DocPath, open: &[(DocPath, Spot)]) -> Problem {
        let start = open.iter().position(|(open, _)| open == path).unwrap_or(0);
        let names: Vec<String> = open[start..].iter().map(|(open, _)| format!("`{open}`")).collect();
        let message = match &names[..] {
            [only] => format!("{only} refers to itself"),
            _ => format!("parameters refer to each other in a circle: {} -> `{path}`", names.join(" -> ")),
        };
        let problem =
            self.problem(codes::PARAMETER_CYCLE, message).label(format!("`{path}` is needed again here"));
        let others = open.iter().skip(start + 1);
        let problem = others.fold(problem, |problem, (open, spot)| {
            problem.related(spot.place(self.own, false), format!("`{open}` is needed here"))
        });
        problem.help("write one of them out")
    }

    /// It is not written as a reference; `meant` may be what was meant.
    pub(super) fn malformed(&self, fault: &Fault, meant: Option<&str>) -> Problem {
        match fault {
            Fault::Open(_) => self
                .problem(codes::NO_REFERENCE, "a reference without its `}`")
                .label("begins here")
                .help("write `${params.NAME}`, or `$${` for a `${` that is text"),
            Fault::Nothing(..) => {
                let what = "names neither a parameter nor a variable of the environment";
                let meant = meant.map(|meant| format!("${{{meant}}}"));
                let fix = meant.as_deref().and_then(|meant| self.fix(meant));
                let label =
                    meant.map_or("not a reference".to_owned(), |meant| format!("did you mean `{meant}`?"));
                self.problem(codes::NO_REFERENCE, format!("`{}` {what}", brief(self.written)))
                    .label(label)
                    .fix(fix)
                    .help("write `${params.NAME}` or `${env.NAME}`, or `$${` for a `${` that is text")
            }
        }
    }
}

/// The reference whose step after `above` is the closest of `names`.
fn closest<'a>(
    path: &DocPath,
    above: &DocPath,
    names: &'a [&'a str],
    closest: impl FnOnce(&str, Vec<&'a str>) -> Option<&'a str>,
) -> Option<String> {
    let (step, rest) = path.0[above.0.len()..].split_first()?;
    let wanted = DocPath(vec![step.clone()]).to_string();
    let close = closest(&wanted, names.to_vec())?;
    Some(format!("${{{}}}", above.join(close).under(&DocPath(rest.to_vec()))))
}
