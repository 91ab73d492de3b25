//! Statements of the plain kind that Kiln writes, taken apart.

use crate::error::{Error, Result};

/// Deepest nesting of what a statement says.
const MAX_DEPTH: usize = 4;

/// What is given for something: `a, b, = torch.f(x, [1, 2])`.
pub(super) struct Statement<'a> {
    /// What is called so from then on.
    pub(super) targets: Vec<&'a str>,
    /// What it is.
    pub(super) value: Term<'a>,
}

/// A part of a statement.
pub(super) enum Term<'a> {
    /// `a`, or `None`.
    Name(&'a str),
    /// `self.a`
    Attribute(&'a str),
    /// `-1`
    Int(i64),
    /// `[a, 1]`
    List(Vec<Term<'a>>),
    /// `torch.f(a, 1)`
    Call(&'a str, Vec<Term<'a>>),
}

impl<'a> Statement<'a> {
    /// The statement of a line.
    ///
    /// # Errors
    /// If it is none of the kind.
    pub(super) fn parse(line: &'a str) -> Result<Self> {
        let statement = line.split_once(" = ").and_then(|(targets, value)| {
            let targets = targets.trim_start().trim_end_matches(',').split(", ").collect();
            let mut rest = Rest(value);
            let value = rest.term(0)?;
            rest.0.is_empty().then_some(Self { targets, value })
        });
        statement.ok_or_else(|| {
            let line: String = line.trim().chars().take(80).collect();
            Error::new(format!("its code has a statement of a kind that Kiln does not write: {line:?}"))
        })
    }
}

/// What is left of a line.
struct Rest<'a>(&'a str);

impl<'a> Rest<'a> {
    fn eat(&mut self, text: &str) -> bool {
        let rest = self.0.strip_prefix(text);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    /// What stands before the first character that is not of these.
    fn word(&mut self, of: impl Fn(char) -> bool) -> Option<&'a str> {
        let end = self.0.find(|char| !of(char)).unwrap_or(self.0.len());
        let (word, rest) = self.0.split_at(end);
        self.0 = rest;
        (!word.is_empty()).then_some(word)
    }

    fn name(&mut self) -> Option<&'a str> {
        self.word(|char| char.is_ascii_alphanumeric() || char == '_')
    }

    fn term(&mut self, depth: usize) -> Option<Term<'a>> {
        if depth > MAX_DEPTH {
            return None;
        }
        if self.eat("[") {
            return self.terms("]", depth).map(Term::List);
        }
        if self.eat("torch.") {
            let name = self.name()?;
            return self.eat("(").then(|| self.terms(")", depth))?.map(|terms| Term::Call(name, terms));
        }
        if self.eat("self.") {
            return self.name().map(Term::Attribute);
        }
        match self.0.starts_with(|first: char| first == '-' || first.is_ascii_digit()) {
            true => self.word(|char| char == '-' || char.is_ascii_digit())?.parse().ok().map(Term::Int),
            false => self.name().map(Term::Name),
        }
    }

    /// Terms with commas between, up to this `end`.
    fn terms(&mut self, end: &str, depth: usize) -> Option<Vec<Term<'a>>> {
        let mut terms = Vec::new();
        while !self.eat(end) {
            if !terms.is_empty() && !self.eat(", ") {
                return None;
            }
            terms.push(self.term(depth + 1)?);
        }
        Some(terms)
    }
}

impl Term<'_> {
    /// The whole numbers, if it is a list of nothing else.
    pub(super) fn ints(&self) -> Option<Vec<i64>> {
        let Self::List(terms) = self else { return None };
        let int = |term: &Term<'_>| if let Term::Int(int) = term { Some(*int) } else { None };
        terms.iter().map(int).collect()
    }

    /// The sizes, if it is a list of nothing else.
    pub(super) fn sizes(&self) -> Option<Vec<usize>> {
        self.ints()?.into_iter().map(|int| usize::try_from(int).ok()).collect()
    }

    /// The size, if it is a list of this size twice.
    pub(super) fn square(&self) -> Option<usize> {
        match self.sizes()?[..] {
            [height, width] if height == width => Some(height),
            _ => None,
        }
    }
}
