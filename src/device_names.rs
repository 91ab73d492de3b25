//! The names of the devices that work together, as a command line has them: `cuda:0,cuda:1`.

use std::{fmt, iter, str::FromStr};

use crate::{device_name::DeviceName, error::Error, shown};

/// Where to calculate: a device, and others of its kind that help it where work can be shared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeviceNames {
    first: DeviceName,
    others: Vec<DeviceName>,
}

impl DeviceNames {
    /// The device that does what can't be shared.
    pub fn first(&self) -> DeviceName {
        self.first
    }

    /// Those that help it.
    pub fn others(&self) -> &[DeviceName] {
        &self.others
    }

    /// All of them, at least one.
    pub fn iter(&self) -> impl Iterator<Item = DeviceName> + '_ {
        iter::once(self.first).chain(self.others.iter().copied())
    }

    /// How many there are, at least 1.
    pub fn count(&self) -> usize {
        1 + self.others.len()
    }

    /// Adds one more.
    ///
    /// # Errors
    /// If it can't work with those before it.
    fn with(mut self, name: DeviceName) -> Result<Self, Error> {
        if self.first.kind() != name.kind() {
            let message = format!("`{}` and `{name}` are devices of two kinds", self.first);
            return Err(Error::usage(message).help("only devices of one kind work together: `cuda:0,cuda:1`"));
        }
        match name {
            DeviceName::Cpu => Err(Error::usage("`cpu` is one device, which has all processors already")
                .help("`--threads` says how many; several devices are GPUs: `cuda:0,cuda:1`")),
            DeviceName::Cuda(_) if self.iter().any(|other| other == name) => {
                Err(Error::usage(format!("the device `{name}` is named twice"))
                    .help("a GPU does the work of one: name each once"))
            }
            // LibTorch's CPU may help itself: so it is seen without a GPU what several do.
            DeviceName::Cuda(_) | DeviceName::LibTorch => {
                self.others.push(name);
                Ok(self)
            }
        }
    }
}

impl From<DeviceName> for DeviceNames {
    fn from(first: DeviceName) -> Self {
        Self { first, others: Vec::new() }
    }
}

impl fmt::Display for DeviceNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.first)?;
        self.others.iter().try_for_each(|name| write!(f, ",{name}"))
    }
}

impl FromStr for DeviceNames {
    type Err = Error;

    /// # Errors
    /// If there is no such name, or the devices can't work together.
    fn from_str(text: &str) -> Result<Self, Error> {
        let mut names = text.split(',');
        let first: DeviceName = names.next().unwrap_or_default().parse()?;
        names.try_fold(first.into(), |all: Self, name| match name {
            "" => Err(Error::usage(format!("a device is missing in `{}`", shown::text(text)))
                .help("several devices are written with commas and nothing else: `cuda:0,cuda:1`")),
            name => all.with(name.parse()?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for text in ["cpu", "libtorch", "cuda:3", "cuda:1,cuda:0", "libtorch,libtorch,libtorch"] {
            let names: DeviceNames = text.parse().unwrap();
            assert_eq!((names.to_string().as_str(), names.count()), (text, text.split(',').count()));
        }
        let names: DeviceNames = "cuda,cuda:1".parse().unwrap();
        assert_eq!((names.first(), names.others()), (DeviceName::Cuda(0), &[DeviceName::Cuda(1)][..]));
    }

    #[test]
    fn devices_that_can_not_work_together_are_told() {
        let refused = |text: &str| {
            let error = text.parse::<DeviceNames>().unwrap_err();
            format!("{error}; {}", error.hint().unwrap_or_default())
        };
        let all = ["cpu,cpu", "cuda:0,cuda:1,cuda", "libtorch,cuda:0", "cuda:0,", "cuda:0, cuda:1"];
        insta::assert_snapshot!(all.map(refused).join("\n"), @r"
        `cpu` is one device, which has all processors already; `--threads` says how many; several devices are GPUs: `cuda:0,cuda:1`
        the device `cuda:0` is named twice; a GPU does the work of one: name each once
        `libtorch` and `cuda:0` are devices of two kinds; only devices of one kind work together: `cuda:0,cuda:1`
        a device is missing in `cuda:0,`; several devices are written with commas and nothing else: `cuda:0,cuda:1`
        there is no device ` cuda:1`; devices are cpu, libtorch, cuda, cuda:N (N from 0), and auto for the best there is
        ");
    }
}
