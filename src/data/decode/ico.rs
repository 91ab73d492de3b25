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
