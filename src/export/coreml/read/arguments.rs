//! What an operation takes. Each argument must be asked for: one that nobody knows might mean anything.

use std::collections::BTreeMap;

use crate::{
    error::{Error, Result},
    export::coreml::proto::{Argument, Bound, Operation},
};

/// An operation's arguments that were not asked for yet.
pub(super) struct Arguments<'a> {
    operation: &'a Operation,
    left: BTreeMap<&'a str, &'a Argument>,
}

impl<'a> Arguments<'a> {
    /// All of an operation's.
    pub(super) fn of(operation: &'a Operation) -> Self {
        let left = operation.inputs.iter().map(|(key, argument)| (key.as_str(), argument)).collect();
        Self { operation, left }
    }

    /// The names of the values that it is given under this key.
    pub(super) fn names(&mut self, key: &str) -> Result<Vec<&'a str>> {
        let argument = self.left.remove(key).ok_or_else(|| self.wrong(key))?;
        let names = argument.arguments.iter().map(|binding| match &binding.bound {
            Some(Bound::Name(name)) => Ok(name.as_str()),
            _ => Err(self.wrong(key)),
        });
        names.collect()
    }

    /// The name of the one value.
    pub(super) fn name(&mut self, key: &str) -> Result<&'a str> {
        match self.names(key)?[..] {
            [name] => Ok(name),
            _ => Err(self.wrong(key)),
        }
    }

    /// Says that what is given under this key is not known.
    pub(super) fn wrong(&self, key: &str) -> Error {
        let (at, kind) = (self.at(), &self.operation.r#type);
        Error::new(format!("{at}: Kiln doesn't know {kind} with such a value of {key}, or without one"))
    }

    /// What the operation's first result is called.
    pub(super) fn at(&self) -> &'a str {
        self.operation.outputs.first().map_or("", |output| output.name.as_str())
    }

    /// Refuses the operation if it has more arguments than were asked for.
    pub(super) fn finish(self) -> Result<()> {
        self.left.keys().next().map_or(Ok(()), |key| Err(self.wrong(key)))
    }
}
