//! An image of which only the size is known, on its way through a chain: which part of it is needed is known before it is
//! decoded.

use crate::data::{
    reduction::{Needed, Reduction},
    resample::{Interpolation, Part, part_read},
};

/// A [`Picture`](super::Picture) without its pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outline {
    /// Width and height of the image, reduced if it is.
    image: (u32, u32),
    /// How much smaller than in its file it is.
    reduction: Reduction,
    /// Width and height after resizing, and how new pixels are made, if it is still to be resized.
    resized: Option<((u32, u32), Interpolation)>,
}

/// What an op reads of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reads {
    /// This.
    Now(Needed),
    /// Nothing yet: the op behind it reads this.
    Later(Outline),
}

impl Outline {
    /// An image of this width and height.
    pub fn of(image: (u32, u32)) -> Self {
        Self { image, reduction: Reduction::NONE, resized: None }
    }

    /// Width and height after resizing, in pixels.
    pub fn size(self) -> (u32, u32) {
        self.resized.map_or(self.image, |(size, _)| size)
    }

    /// It is decoded smaller, by an op that comes first.
    #[must_use]
    pub fn reduced(self, reduction: Reduction) -> Self {
        Self { image: reduction.size(self.image), reduction, resized: None }
    }

    /// It is read by an op that resizes it to `size`: later, unless it is still to be resized before.
    pub fn resized(self, size: (u32, u32), interpolation: Interpolation) -> Reads {
        match self.resized {
            None => Reads::Later(Self { resized: Some((size, interpolation)), ..self }),
            Some(_) => self.all(),
        }
    }

    /// All of it is read.
    pub fn all(self) -> Reads {
        self.needs(Part::all(self.image))
    }

    /// `part` of it is read, which lies inside, after resizing.
    pub fn part(self, part: Part) -> Reads {
        self.needs(match self.resized {
            None => part,
            Some(_) if part.width == 0 || part.height == 0 => Part::all(self.image),
            Some((size, interpolation)) => part_read(self.image, size, part, interpolation),
        })
    }

    fn needs(self, part: Part) -> Reads {
        Reads::Now(Needed { reduction: self.reduction, part })
    }
}
