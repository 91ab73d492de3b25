//! A line of the text: a layer. Each of its parameters must be asked for: one that nobody knows might mean anything.

use std::{cell::RefCell, collections::BTreeMap, str::FromStr};

use super::super::param::LISTS;
use crate::error::{Error, Result};

/// A layer.
#[derive(Debug)]
pub(super) struct Line<'a> {
    pub(super) kind: &'a str,
    pub(super) name: &'a str,
    pub(super) inputs: Vec<&'a str>,
    pub(super) outputs: Vec<&'a str>,
    /// The parameters by number that were not asked for yet.
    left: RefCell<BTreeMap<i32, &'a str>>,
}

impl<'a> Line<'a> {
    /// What a line says.
    ///
    /// # Errors
    /// If it is no layer.
    pub(super) fn parse(line: &'a str) -> Result<Self> {
        Self::parsed(line).ok_or_else(|| {
            let start: String = line.chars().take(60).collect();
            Error::new(format!("{start:?} is no layer"))
        })
    }

    fn parsed(line: &'a str) -> Option<Self> {
        let mut words = line.split_whitespace();
        let (kind, name) = (words.next()?, words.next()?);
        let [takes, gives]: [usize; 2] = [words.next()?.parse().ok()?, words.next()?.parse().ok()?];
        let blobs = |words: &mut std::str::SplitWhitespace<'a>, count| -> Option<Vec<&'a str>> {
            let blobs: Vec<&str> = words.by_ref().take(count).collect();
            (blobs.len() == count).then_some(blobs)
        };
        let (inputs, outputs) = (blobs(&mut words, takes)?, blobs(&mut words, gives)?);
        let parameter = |word: &'a str| {
            let (number, value) = word.split_once('=')?;
            Some((number.parse().ok()?, value))
        };
        let left = RefCell::new(words.map(parameter).collect::<Option<_>>()?);
        Some(Self { kind, name, inputs, outputs, left })
    }

    fn take<T: FromStr>(&self, number: i32) -> Result<Option<T>> {
        let text = self.left.borrow_mut().remove(&number);
        let value = text.map(|text| text.parse().map_err(|_| self.unknown(number)));
        value.transpose()
    }

    /// A whole number; `otherwise` where it is not there.
    ///
    /// # Errors
    /// If it is something else, or negative.
    pub(super) fn size(&self, number: i32, otherwise: usize) -> Result<usize> {
        Ok(self.take(number)?.unwrap_or(otherwise))
    }

    /// A number; 0 where it is not there.
    ///
    /// # Errors
    /// If it is something else.
    pub(super) fn float(&self, number: i32) -> Result<f32> {
        Ok(self.take(number)?.unwrap_or_default())
    }

    /// A list of whole numbers; nothing where it is not there.
    ///
    /// # Errors
    /// If it is something else.
    pub(super) fn sizes(&self, number: i32) -> Result<Vec<usize>> {
        let Some(text) = self.take::<String>(LISTS - number)? else { return Ok(Vec::new()) };
        let numbers: Vec<usize> =
            text.split(',').map(str::parse).collect::<Result<_, _>>().map_err(|_| self.unknown(number))?;
        let counted = numbers.split_first().filter(|(count, rest)| **count == rest.len());
        counted.map(|(_, rest)| rest.to_vec()).ok_or_else(|| self.unknown(number))
    }

    /// Refuses any number but this one, which is also meant where there is none.
    pub(super) fn must_be(&self, number: i32, wanted: usize) -> Result<()> {
        let is = self.take::<String>(number)?.is_none_or(|text| text.parse() == Ok(wanted));
        self.hold(number, is)
    }

    /// Refuses the layer unless its parameter is as it should be.
    pub(super) fn hold(&self, number: i32, holds: bool) -> Result<()> {
        if holds { Ok(()) } else { Err(self.unknown(number)) }
    }

    fn unknown(&self, number: i32) -> Error {
        let Self { kind, name, .. } = self;
        Error::new(format!("{name}: Kiln doesn't know {kind} with such a value of its parameter {number}"))
    }

    /// Refuses the layer if it has more parameters than were asked for.
    pub(super) fn finish(&self) -> Result<()> {
        let left = self.left.borrow().keys().next().copied();
        left.map_or(Ok(()), |number| Err(self.unknown(number)))
    }
}
