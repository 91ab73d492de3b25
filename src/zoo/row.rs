//! One row of a model YAML turned into a block: the reference's scaling rules (its section 1.3).

use serde_json::Value;

use super::arch::{Block, Row};
use crate::error::{Error, Result};

/// How deep and wide the nominal rows become.
#[derive(Debug, Clone, PartialEq)]
pub struct Scale {
    /// `n`, `s`, `m`, `l` or `x`; empty without scales.
    pub letter: String,
    /// Factor on repeats.
    pub depth: f64,
    /// Factor on channels.
    pub width: f64,
    /// Bound on nominal channels, applied before `width`.
    pub max_channels: usize,
}

impl Default for Scale {
    fn default() -> Self {
        Self { letter: String::new(), depth: 1.0, width: 1.0, max_channels: usize::MAX }
    }
}

impl Scale {
    /// `max(round(n · depth), 1)`, half to even; a single repeat stays one.
    fn repeats(&self, n: usize) -> usize {
        if n > 1 { ((n as f64 * self.depth).round_ties_even() as usize).max(1) } else { n }
    }

    /// `min(c, max_channels) · width`, rounded up to a multiple of 8.
    fn channels(&self, c: usize) -> usize {
        ((c.min(self.max_channels) as f64 * self.width / 8.0).ceil() as usize) * 8
    }

    fn is(&self, letters: &str) -> bool {
        !self.letter.is_empty() && letters.contains(&self.letter)
    }
}

/// A row as written.
pub(super) struct Arguments<'a> {
    pub row: usize,
    pub from: isize,
    pub repeats: usize,
    pub module: &'a str,
    pub values: &'a [Value],
    pub classes: usize,
}

impl Arguments<'_> {
    /// The block of a row whose input has `c1` channels.
    pub fn resolve(&self, c1: usize, scale: &Scale) -> Result<Row> {
        if self.from != -1 {
            return Err(Error::new(format!(
                "row {} takes its input from {}, not from -1",
                self.row, self.from
            )));
        }
        let n = scale.repeats(self.repeats);
        let (block, out_channels) = match self.module {
            "Conv" => self.repeated(n, c1, |c1| self.conv(c1, scale))?,
            "C2f" => self.c2f(c1, n, scale)?,
            "C3k2" => self.c3k2(c1, n, scale)?,
            "C2PSA" => self.c2psa(c1, n, scale)?,
            "A2C2f" => self.a2c2f(c1, n, scale)?,
            "ResNetLayer" => self.resnet_layer()?,
            "Classify" => self.classify(c1)?,
            other => return Err(self.unknown(other)),
        };
        Ok(Row { module: self.module.to_owned(), block, in_channels: c1, out_channels })
    }

    fn unknown(&self, module: &str) -> Error {
        let known = ["Conv", "C2f", "C3k2", "C2PSA", "A2C2f", "ResNetLayer", "Classify"];
        let near = crate::suggest::closest(module, known).map(|near| format!(", did you mean `{near}`?"));
        Error::new(format!("there is no module `{module}`{}", near.unwrap_or_default()))
    }

    fn repeated(
        &self,
        n: usize,
        c1: usize,
        make: impl Fn(usize) -> Result<(Block, usize)>,
    ) -> Result<(Block, usize)> {
        let (first, mut c) = make(c1)?;
        if n <= 1 {
            return Ok((first, c));
        }
        let mut blocks = vec![first];
        for _ in 1..n {
            let (block, c2) = make(c)?;
            blocks.push(block);
            c = c2;
        }
        Ok((Block::Sequence(blocks), c))
    }

    fn conv(&self, c1: usize, scale: &Scale) -> Result<(Block, usize)> {
        let c2 = scale.channels(self.number(0)?);
        let (kernel, stride, groups) = (self.number_or(1, 1)?, self.number_or(2, 1)?, self.number_or(4, 1)?);
        if groups == 0 || !c1.is_multiple_of(groups) || !c2.is_multiple_of(groups) {
            return Err(self.wrong(format!("{groups} groups do not divide {c1} and {c2} channels")));
        }
        Ok((Block::Conv { c1, c2, kernel, stride, groups }, c2))
    }

    fn c2f(&self, c1: usize, n: usize, scale: &Scale) -> Result<(Block, usize)> {
        let c2 = scale.channels(self.number(0)?);
        let hidden = (c2 as f64 * self.fraction_or(3, 0.5)?) as usize;
        Ok((Block::C2f { c1, c2, n, hidden, shortcut: self.flag_or(1, false)? }, c2))
    }

    fn c3k2(&self, c1: usize, n: usize, scale: &Scale) -> Result<(Block, usize)> {
        let c2 = scale.channels(self.number(0)?);
        let hidden = (c2 as f64 * self.fraction_or(2, 0.5)?) as usize;
        let c3k = scale.is("mlx") || self.flag_or(1, false)?;
        Ok((Block::C3k2 { c1, c2, n, hidden, c3k, shortcut: self.flag_or(5, true)? }, c2))
    }

    fn c2psa(&self, c1: usize, n: usize, scale: &Scale) -> Result<(Block, usize)> {
        let c2 = scale.channels(self.number(0)?);
        if c1 != c2 {
            return Err(self.wrong(format!("C2PSA keeps its channels, but gets {c1} and gives {c2}")));
        }
        let hidden = (c1 as f64 * self.fraction_or(1, 0.5)?) as usize;
        Ok((Block::C2psa { c: c1, n, hidden, heads: (hidden / 64).max(1) }, c2))
    }

    fn a2c2f(&self, c1: usize, n: usize, scale: &Scale) -> Result<(Block, usize)> {
        let c2 = scale.channels(self.number(0)?);
        if !self.flag_or(1, true)? {
            return Err(self.wrong("A2C2f without area attention is not supported".to_owned()));
        }
        let large = scale.is("lx");
        let residual = self.flag_or(3, large)?;
        let ratio = self.fraction_or(4, if large { 1.2 } else { 2.0 })?;
        let hidden = (c2 as f64 * self.fraction_or(5, 0.5)?) as usize;
        if !hidden.is_multiple_of(32) || hidden == 0 {
            return Err(self.wrong(format!("A2C2f needs hidden channels in multiples of 32, not {hidden}")));
        }
        let mlp = (hidden as f64 * ratio) as usize;
        let area = self.number_or(2, 1)?.max(1);
        Ok((Block::A2c2f { c1, c2, n, hidden, heads: hidden / 32, area, mlp, residual }, c2))
    }

    fn resnet_layer(&self) -> Result<(Block, usize)> {
        let (c1, c2, stride) = (self.number(0)?, self.number(1)?, self.number_or(2, 1)?);
        let (first, n) = (self.flag_or(3, false)?, self.number_or(4, 1)?);
        Ok((Block::ResNetLayer { c1, c2, stride, first, n }, if first { c2 } else { 4 * c2 }))
    }

    fn classify(&self, c1: usize) -> Result<(Block, usize)> {
        let (kernel, stride) = (self.number_or(1, 1)?, self.number_or(2, 1)?);
        Ok((Block::Classify { c1, classes: self.classes, kernel, stride }, self.classes))
    }

    fn number(&self, i: usize) -> Result<usize> {
        match self.values.get(i) {
            Some(Value::Number(n)) => {
                let n = n.as_u64().filter(|n| (1..=65_536).contains(n));
                n.map(|n| n as usize)
                    .ok_or_else(|| self.wrong(format!("argument {i} is not a whole number from 1 to 65536")))
            }
            Some(Value::String(name)) if name == "nc" => Ok(self.classes),
            _ => Err(self.wrong(format!("argument {i} is not a number"))),
        }
    }

    fn number_or(&self, i: usize, default: usize) -> Result<usize> {
        if self.absent(i) { Ok(default) } else { self.number(i) }
    }

    fn fraction_or(&self, i: usize, default: f64) -> Result<f64> {
        if self.absent(i) {
            return Ok(default);
        }
        let value = self.values[i].as_f64().filter(|value| *value > 0.0 && *value <= 16.0);
        value.ok_or_else(|| self.wrong(format!("argument {i} is not a number from 0 to 16")))
    }

    fn flag_or(&self, i: usize, default: bool) -> Result<bool> {
        if self.absent(i) {
            return Ok(default);
        }
        let value = match &self.values[i] {
            Value::String(text) => text.to_lowercase().parse().ok(),
            value => value.as_bool(),
        };
        value.ok_or_else(|| self.wrong(format!("argument {i} is not true or false")))
    }

    fn absent(&self, i: usize) -> bool {
        matches!(self.values.get(i), None | Some(Value::Null)) || self.values[i].as_str() == Some("None")
    }

    fn wrong(&self, message: String) -> Error {
        Error::new(format!("row {} ({}): {message}", self.row, self.module))
    }
}
