//! Where tensors lie in memory: two that are not needed at the same time may lie in the same place.

/// Tensors begin at multiples of so many bytes.
pub(super) const ALIGNED: usize = 16;

/// Memory for a tensor.
#[derive(Debug, Clone, Copy)]
pub(super) struct Buffer {
    /// Bytes.
    pub(super) size: usize,
    /// The call that fills it.
    pub(super) first: usize,
    /// The last call that needs it.
    pub(super) last: usize,
}

/// The first byte of each buffer, in order, and how many bytes there are in all.
pub(super) fn placed(buffers: &[Buffer]) -> (Vec<usize>, usize) {
    let mut starts: Vec<usize> = Vec::new();
    for buffer in buffers {
        let together = |other: &Buffer| other.first <= buffer.last && buffer.first <= other.last;
        let others = buffers.iter().zip(&starts).filter(|(other, _)| together(other));
        let mut taken: Vec<(usize, usize)> =
            others.map(|(other, start)| (*start, start + other.size)).collect();
        taken.sort_unstable();
        starts.push(gap(&taken, buffer.size));
    }
    let end = buffers.iter().zip(&starts).map(|(buffer, start)| start + buffer.size).max();
    (starts, end.unwrap_or(0))
}

/// The first place with so many bytes between what is taken, which is in order.
fn gap(taken: &[(usize, usize)], size: usize) -> usize {
    let mut place: usize = 0;
    for (start, end) in taken {
        if place + size <= *start {
            break;
        }
        place = place.max(end.next_multiple_of(ALIGNED));
    }
    place
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_needed_any_more_makes_room() {
        let buffer = |size, first, last| Buffer { size, first, last };
        let buffers =
            [buffer(20, 0, 1), buffer(64, 1, 2), buffer(16, 2, 3), buffer(40, 2, 3), buffer(8, 3, 3)];
        assert_eq!(placed(&buffers), (vec![0, 32, 0, 96, 16], 136));
        assert_eq!(placed(&[]), (vec![], 0));
    }
}
