//! Icons that hold a PNG: of any colours, where `image` wants alpha.

/// The PNG in an icon, if the entry that `image` would choose is one: the one of the most bits, then of the most pixels.
pub(super) fn png(bytes: &[u8]) -> Option<&[u8]> {
    let count = usize::from(u16::from_le_bytes(bytes.get(4..6)?.try_into().ok()?));
    let entries: Vec<&[u8; 16]> = bytes.get(6..)?.as_chunks().0.iter().take(count).collect();
    // Of equals the last counts as the first that `image` looks at, then those before it in their order.
    let (last, others) = entries.split_last()?;
    let best = others.iter().fold(*last, |best, entry| if score(entry) > score(best) { entry } else { best });
    let number =
        |at: usize| u32::from_le_bytes([best[at], best[at + 1], best[at + 2], best[at + 3]]) as usize;
    let content = bytes.get(number(12)..)?;
    content.starts_with(b"\x89PNG\r\n\x1a\n").then_some(content)
}

fn score(entry: &[u8; 16]) -> (u16, u32) {
    let side = |byte: u8| if byte == 0 { 256 } else { u32::from(byte) };
    (u16::from_le_bytes([entry[6], entry[7]]), side(entry[0]) * side(entry[1]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

    /// An icon of pictures with these widths, heights and bits, each of `length` bytes: a PNG's, then its number.
    fn icon(pictures: &[(u8, u8, u16)], length: usize) -> Vec<u8> {
        let mut bytes = vec![0, 0, 1, 0, pictures.len() as u8, 0];
        for (number, (width, height, bits)) in pictures.iter().enumerate() {
            let at = 6 + 16 * pictures.len() + number * length;
            bytes.extend([*width, *height, 0, 0, 1, 0]);
            bytes.extend(bits.to_le_bytes());
            bytes.extend([length as u32, at as u32].map(u32::to_le_bytes).concat());
        }
        for number in 0..pictures.len() {
            let content = [PNG, &[number as u8]].concat();
            bytes.extend(content.into_iter().chain(std::iter::repeat(0)).take(length));
        }
        bytes
    }

    fn chosen(pictures: &[(u8, u8, u16)]) -> usize {
        usize::from(png(&icon(pictures, 9)).unwrap()[PNG.len()])
    }

    #[test]
    fn the_most_bits_are_chosen_then_the_most_pixels() {
        assert_eq!(chosen(&[(9, 9, 8), (3, 3, 32), (9, 9, 24)]), 1);
        assert_eq!(chosen(&[(16, 16, 32), (3, 40, 32), (32, 32, 32), (9, 9, 32)]), 2);
        assert_eq!(chosen(&[(0, 0, 32), (255, 255, 32)]), 0, "0 stands for 256");
        assert_eq!(chosen(&[(2, 9, 32), (3, 5, 32)]), 0);
    }

    #[test]
    fn of_equals_the_last_is_chosen() {
        assert_eq!(chosen(&[(16, 16, 32), (16, 16, 32)]), 1);
    }

    #[test]
    fn a_picture_far_behind_is_found() {
        let icon = icon(&[(1, 1, 8), (1, 1, 32)], 70_001);
        assert_eq!(png(&icon).unwrap(), &icon[icon.len() - 70_001..]);
    }
}
