//! PNG files that lack their end but not their pixels.

use image::RgbImage;

use super::Reason;

const SIGNATURE: usize = 8;
const END: &[u8] = b"\0\0\0\0IEND\xae\x42\x60\x82";

/// What `plain` makes of the file; and where it misses the end, of the file with one, so that the decoder says
/// whether the pixels are all there.
pub(super) fn decode(
    bytes: &[u8],
    plain: impl Fn(&[u8]) -> Result<RgbImage, Reason>,
) -> Result<RgbImage, Reason> {
    plain(bytes).or_else(|reason| match completed(bytes) {
        Some(bytes) => plain(&bytes).map_err(|_| Reason::cut()),
        None => Err(reason),
    })
}

/// The file up to where it was cut, and an end; `None` if it has one, or no pixels.
fn completed(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut at = SIGNATURE;
    let mut has_pixels = false;
    loop {
        let rest = bytes.get(at..)?;
        let Some((length, kind)) = head(rest) else {
            return has_pixels.then(|| [&bytes[..at], END].concat());
        };
        has_pixels |= kind == b"IDAT";
        match rest.get(..length.checked_add(12)?) {
            Some(_) if kind == b"IEND" => return None,
            Some(chunk) => at += chunk.len(),
            None if kind == b"IDAT" => return Some([&bytes[..at], &closed(rest, length), END].concat()),
            None => return has_pixels.then(|| [&bytes[..at], END].concat()),
        }
    }
}

/// Length and kind of a chunk.
fn head(chunk: &[u8]) -> Option<(usize, &[u8])> {
    let length = u32::from_be_bytes(chunk.get(..4)?.try_into().ok()?);
    Some((length as usize, chunk.get(4..8)?))
}

/// A chunk that was cut, as long as what is left of its `length` bytes, with the check sum of that.
fn closed(chunk: &[u8], length: usize) -> Vec<u8> {
    let left = &chunk[8..];
    let left = &left[..left.len().min(length)];
    let content = [b"IDAT", left].concat();
    let mut chunk = (left.len() as u32).to_be_bytes().to_vec();
    chunk.extend_from_slice(&content);
    chunk.extend(crc32fast::hash(&content).to_be_bytes());
    chunk
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use image::{ImageFormat, Rgb, RgbImage};

    use crate::data::decode::decode_bytes;

    fn read(bytes: &[u8]) -> Result<RgbImage, String> {
        decode_bytes(bytes, Path::new("a.png"))
            .map_err(|error| std::error::Error::source(&error).unwrap().to_string())
    }

    /// Larger than what an encoder puts into one chunk.
    fn png() -> (RgbImage, Vec<u8>) {
        let mut random = crate::random::Random::new("test", &[0]);
        let image = RgbImage::from_fn(120, 110, |_, _| Rgb([(); 3].map(|()| random.below(256) as u8)));
        let mut bytes = std::io::Cursor::new(Vec::new());
        image.write_to(&mut bytes, ImageFormat::Png).unwrap();
        (image, bytes.into_inner())
    }

    #[test]
    fn the_last_chunk_may_be_missing_or_cut() {
        let (image, bytes) = png();
        for missing in [0, 1, 4, 8, 11, 12, 13, 16] {
            assert!(read(&bytes[..bytes.len() - missing]).as_ref() == Ok(&image), "{missing}");
        }
        assert!(read(&[&bytes[..], &[0; 999]].concat()).as_ref() == Ok(&image));
    }

    #[test]
    fn pixels_may_not() {
        let (_, bytes) = png();
        for length in (33..bytes.len() - 40).step_by(997) {
            assert_eq!(
                read(&bytes[..length]).unwrap_err(),
                "the file ends before the image does",
                "{length}"
            );
        }
    }

    #[test]
    fn what_follows_the_pixels_may_be_cut_too() {
        let (image, bytes) = png();
        let cut = [&bytes[..bytes.len() - 12], b"\0\0\0\x20tEXtComment"].concat();
        assert!(read(&cut).as_ref() == Ok(&image));
    }

    #[test]
    fn a_wrong_file_with_its_end_is_not_called_cut() {
        let (_, mut bytes) = png();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        assert_ne!(read(&bytes).unwrap_err(), "the file ends before the image does");
    }
}
