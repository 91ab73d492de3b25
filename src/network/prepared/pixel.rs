//! How a map lies in memory: in slabs of up to 16 channels, each pixel's channels side by side.

/// Channels of a slab: as many numbers as the widest vectors hold.
pub(super) const LANES: usize = 16;

/// A pixel of a slab: its channels, and numbers that nobody reads where the slab has fewer. It begins where a line of
/// the processor's cache does.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(align(64))]
pub(super) struct Pixel(pub [f32; LANES]);

impl Pixel {
    /// All channels 0: what lies around a map.
    pub(super) const ZERO: Self = Self([0.0; LANES]);

    /// The first numbers of a pixel; 0 for the rest.
    pub(super) fn of(numbers: &[f32]) -> Self {
        let mut pixel = Self::ZERO;
        pixel.0[..numbers.len()].copy_from_slice(numbers);
        pixel
    }
}

/// What an operation reads of a slab: the pixels of all images, and one of zeros behind them.
pub(super) type Slab<'a> = &'a [Pixel];
/// What an operation writes: the same without the zeros.
pub(super) type SlabMut<'a> = &'a mut [Pixel];
