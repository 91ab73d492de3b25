//! Whether a JPEG is whole: the decoder says it, not where markers stand in the file.
//!
//! Behind the end marker anything may follow: a phone's film, a second picture, padding. Where there is no end
//! marker, the picture is whole if decoding does not ask for what follows its data.

use image::RgbImage;

use super::Reason;

const START_OF_SCAN: u8 = 0xDA;
const END: [u8; 2] = [0xFF, 0xD9];
/// Data as good as any: what needs more than there is becomes another picture by it.
const OTHER_DATA: [u8; 64] = {
    let mut data = [0; 64];
    let mut i = 0;
    while i < data.len() {
        data[i] = (i * 89 + 0x5B) as u8 & 0x7F;
        i += 1;
    }
    data
};

/// What `plain` makes of the file, if it is whole.
pub(super) fn decode(
    bytes: &[u8],
    plain: impl Fn(&[u8]) -> Result<RgbImage, Reason>,
) -> Result<RgbImage, Reason> {
    let data = match ending(bytes) {
        Ending::Marked => return plain(bytes),
        Ending::Cut => return Err(Reason::cut()),
        Ending::Open(data) => data,
    };
    let image = plain(&[data, &END].concat())?;
    match plain(&[data, &OTHER_DATA, &END].concat()) {
        Ok(other) if other == image => Ok(image),
        _ => Err(Reason::cut()),
    }
}

/// How a JPEG ends.
#[derive(Debug, PartialEq, Eq)]
enum Ending<'a> {
    /// With an end marker, after at least one scan.
    Marked,
    /// Without, after these bytes, which have at least some of each scan that the picture needs.
    Open(&'a [u8]),
    /// Before the last scan, or before any.
    Cut,
}

fn ending(bytes: &[u8]) -> Ending<'_> {
    let mut scans = Scans::default();
    let mut data = 0;
    let mut at = 2;
    while let Some((marker, after)) = next_marker(bytes, at, data > 0) {
        let segment = segment(bytes, after);
        match (marker, segment) {
            (0xD9, _) if data > 0 => return Ending::Marked,
            (0xD9, _) => return Ending::Cut,
            // Without a segment of its own.
            (0x01 | 0xD0..=0xD8, _) => at = after,
            (START_OF_SCAN, Some(header)) if scans.add(header) => {
                data = end_of_data(bytes, after + header.len());
                at = data;
            }
            (0xC0..=0xC2, Some(header)) if data == 0 => {
                scans.components = header.get(8..).unwrap_or_default().iter().step_by(3).copied().collect();
                at = after + header.len();
            }
            (START_OF_SCAN, _) | (_, None) => break,
            (marker, Some(_)) if data > 0 && !may_stand_between_scans(marker) => break,
            (_, Some(segment)) => at = after + segment.len(),
        }
    }
    let is_padding = |byte: &u8| matches!(byte, 0 | 0xFF);
    let padding = bytes[..data].iter().rev().take_while(|byte| is_padding(byte)).count();
    // A scan's last byte may be zero, and zero follows where it is 0xFF.
    let zeros = bytes[data - padding..data].iter().take(2).take_while(|byte| **byte == 0).count();
    if scans.are_complete() { Ending::Open(&bytes[..data - padding + zeros]) } else { Ending::Cut }
}

/// The next marker's code and where it ends. After a scan only fill bytes may stand before a marker.
fn next_marker(bytes: &[u8], mut at: usize, strict: bool) -> Option<(u8, usize)> {
    loop {
        let start = at + bytes.get(at..)?.iter().position(|byte| *byte == 0xFF)?;
        let code = start + bytes[start..].iter().position(|byte| *byte != 0xFF)?;
        match bytes[code] {
            _ if strict && start > at => return None,
            0 => at = code + 1,
            marker => return Some((marker, code + 1)),
        }
    }
}

/// What follows a marker, with its length in front.
fn segment(bytes: &[u8], at: usize) -> Option<&[u8]> {
    let length = bytes.get(at..at + 2)?;
    bytes.get(at..at + usize::from(u16::from_be_bytes([length[0], length[1]])).max(2))
}

/// Where a scan's data ends: at the first marker that is no restart, or with the file.
fn end_of_data(bytes: &[u8], mut at: usize) -> usize {
    loop {
        let Some(found) = bytes[at..].iter().position(|byte| *byte == 0xFF) else { return bytes.len() };
        at += found;
        match bytes.get(at + 1) {
            Some(0 | 0xD0..=0xD7) => at += 2,
            Some(0xFF) => at += 1,
            Some(_) => return at,
            None => return bytes.len(),
        }
    }
}

/// Tables, comments, and what says how many lines there are.
fn may_stand_between_scans(marker: u8) -> bool {
    matches!(marker, 0xC4 | 0xCC | 0xDB..=0xDD | 0xE0..=0xEF | 0xFE)
}

/// What the scans so far have brought of a picture.
#[derive(Default)]
struct Scans {
    /// The components' names in the file.
    components: Vec<u8>,
    /// For each component seen, which of its 64 coefficients are there to the last bit.
    seen: Vec<(u8, u64)>,
}

impl Scans {
    /// Adds a scan by its header; not if it makes no sense.
    fn add(&mut self, header: &[u8]) -> bool {
        let Some(&count) = header.get(2) else { return false };
        let names: Vec<u8> = header[3..].iter().step_by(2).take(count.into()).copied().collect();
        let is_known = names.iter().all(|name| self.components.contains(name));
        let &[first, last, bits] = header.get(3 + 2 * usize::from(count)..).unwrap_or_default() else {
            return false;
        };
        if !(1..=4).contains(&count) || !is_known || first > last || last > 63 {
            return false;
        }
        let coefficients = (u64::MAX >> (63 - (last - first))) << first;
        let finished = if bits & 15 == 0 { coefficients } else { 0 };
        self.seen.extend(names.into_iter().map(|name| (name, finished)));
        true
    }

    /// Whether nothing of the picture is still to come in another scan.
    fn are_complete(&self) -> bool {
        let finished = |name: &u8| {
            let of_it = self.seen.iter().filter(|(seen, _)| seen == name);
            of_it.fold(0, |all, (_, coefficients)| all | coefficients) == u64::MAX
        };
        !self.components.is_empty() && self.components.iter().all(finished)
    }
}
