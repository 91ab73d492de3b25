//! From a file to 8-bit RGB pixels.
//!
//! The format is told by the content, not by the name. Whatever lies in the file becomes three
//! 8-bit channels the way the reference reads it: grey and palettes expanded, alpha dropped (not
//! blended), 16 bits cut to the high byte, CMYK converted, and EXIF orientation applied.

use std::{io::Cursor, io::Read, path::Path};

use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits, RgbImage};

use crate::{
    error::{Error, Result},
    files,
};

/// The largest width or height that is decoded, in pixels.
pub const MAX_SIDE: u32 = 65_535;
/// The largest number of pixels that is decoded: more is taken for a decompression bomb.
pub const MAX_PIXELS: u64 = 178_956_970;
/// The most memory that a decoder may ask for, in bytes.
const MAX_ALLOC: u64 = 2 << 30;
/// The largest file that is read, in bytes.
const MAX_FILE: u64 = 1 << 30;

/// Reads and decodes the image at `path`.
///
/// # Errors
/// When the file can't be read, is no image, is damaged or cut short, or is larger than
/// [`MAX_SIDE`] and [`MAX_PIXELS`] allow; the message names the path, its cause the reason.
pub fn decode(path: &Path) -> Result<RgbImage> {
    decode_bytes(&read(path)?, path)
}

/// Decodes the image in `bytes`; `path` is for messages, and tells formats that have no signature.
///
/// # Errors
/// As [`decode`].
pub fn decode_bytes(bytes: &[u8], path: &Path) -> Result<RgbImage> {
    pixels(bytes, path).map_err(|reason| unreadable(path, reason))
}

/// The whole file, unless it is too large to be an image.
///
/// # Errors
/// When the file can't be read or is larger than 1 GiB.
pub fn read(path: &Path) -> Result<Vec<u8>> {
    let failed = |source| Error::io("read", path, source);
    let file = files::open(path).map_err(failed)?;
    let size = file.metadata().map_err(failed)?.len();
    let mut bytes = Vec::with_capacity(size.min(MAX_FILE) as usize);
    file.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(unreadable(path, Reason("the file is larger than 1 GiB".into())));
    }
    Ok(bytes)
}

/// Why an image can't be decoded, in words.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Reason(String);

fn unreadable(path: &Path, reason: Reason) -> Error {
    Error::new(format!("cannot decode {}", path.display()))
        .because(reason)
        .help("replace the file, convert it to PNG or JPEG, or remove it")
}

fn pixels(bytes: &[u8], path: &Path) -> Result<RgbImage, Reason> {
    let format = format(bytes, path)?;
    if format == ImageFormat::Jpeg && !jpeg_is_whole(bytes) {
        return Err(Reason("the file ends before the image does".into()));
    }
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits());
    let mut decoder = reader.into_decoder().map_err(reason)?;
    check_size(&decoder)?;
    let orientation = decoder.orientation().map_err(reason)?;
    let mut image = DynamicImage::from_decoder(decoder).map_err(reason)?;
    image.apply_orientation(orientation);
    Ok(to_rgb8(image))
}

fn format(bytes: &[u8], path: &Path) -> Result<ImageFormat, Reason> {
    if bytes.is_empty() {
        return Err(Reason("the file is empty".into()));
    }
    match image::guess_format(bytes).ok().or_else(|| without_signature(path)) {
        Some(ImageFormat::Avif) => Err(Reason("AVIF is not supported".into())),
        Some(format) => Ok(format),
        None if bytes.get(4..8) == Some(b"ftyp") => Err(Reason("HEIC is not supported".into())),
        None => Err(Reason("this is no image in a format that Kiln reads".into())),
    }
}

/// The one format that only its name tells.
fn without_signature(path: &Path) -> Option<ImageFormat> {
    ImageFormat::from_path(path).ok().filter(|format| *format == ImageFormat::Tga)
}

/// Whether the end marker comes after the last scan began. Entropy-coded data can't contain it.
fn jpeg_is_whole(bytes: &[u8]) -> bool {
    let last = |marker: u8| bytes.windows(2).rposition(|pair| pair == [0xFF, marker]);
    match (last(0xDA), last(0xD9)) {
        (Some(scan), Some(end)) => scan < end,
        _ => false,
    }
}

fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_ALLOC);
    limits
}

fn check_size(decoder: &impl ImageDecoder) -> Result<(), Reason> {
    let (width, height) = decoder.dimensions();
    let pixels = u64::from(width) * u64::from(height);
    if pixels == 0 {
        return Err(Reason(format!("the image has no pixels ({width} x {height})")));
    }
    if width > MAX_SIDE || height > MAX_SIDE || pixels > MAX_PIXELS || decoder.total_bytes() > MAX_ALLOC {
        return Err(Reason(format!("{width} x {height} pixels are more than Kiln decodes")));
    }
    Ok(())
}

fn reason(error: ImageError) -> Reason {
    Reason(match error {
        ImageError::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            "the file ends before the image does".into()
        }
        other => other.to_string(),
    })
}

/// Three 8-bit channels: 16 bits lose the low byte, alpha is dropped, grey is repeated.
fn to_rgb8(image: DynamicImage) -> RgbImage {
    let high = |value: u16| (value >> 8) as u8;
    match image {
        DynamicImage::ImageLuma16(grey) => expand(grey.dimensions(), &grey, 1, high),
        DynamicImage::ImageLumaA16(grey) => expand(grey.dimensions(), &grey, 2, high),
        DynamicImage::ImageRgb16(rgb) => select(rgb.dimensions(), &rgb, 3, high),
        DynamicImage::ImageRgba16(rgba) => select(rgba.dimensions(), &rgba, 4, high),
        DynamicImage::ImageLuma8(grey) => expand(grey.dimensions(), &grey, 1, |value| value),
        DynamicImage::ImageLumaA8(grey) => expand(grey.dimensions(), &grey, 2, |value| value),
        DynamicImage::ImageRgba8(rgba) => select(rgba.dimensions(), &rgba, 4, |value| value),
        other => other.into_rgb8(),
    }
}

/// The first of every `channels` samples, three times.
fn expand<T: Copy>(size: (u32, u32), samples: &[T], channels: usize, byte: impl Fn(T) -> u8) -> RgbImage {
    let rgb = samples.chunks_exact(channels).flat_map(|pixel| [byte(pixel[0]); 3]).collect();
    rgb_image(size, rgb)
}

/// The first three of every `channels` samples.
fn select<T: Copy>(size: (u32, u32), samples: &[T], channels: usize, byte: impl Fn(T) -> u8) -> RgbImage {
    let pixel = |pixel: &[T]| [byte(pixel[0]), byte(pixel[1]), byte(pixel[2])];
    let rgb = samples.chunks_exact(channels).flat_map(pixel).collect();
    rgb_image(size, rgb)
}

fn rgb_image((width, height): (u32, u32), rgb: Vec<u8>) -> RgbImage {
    RgbImage::from_raw(width, height, rgb).expect("three bytes a pixel")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fixture(name: &str) -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/images").join(name)
    }

    /// The largest difference of any channel from what the file is to become.
    fn difference(name: &str) -> u8 {
        let expected = decode(&fixture(&format!("{name}.expected.png"))).unwrap();
        let image = decode(&fixture(name)).unwrap();
        assert_eq!(image.dimensions(), expected.dimensions(), "{name}");
        image.iter().zip(expected.iter()).map(|(a, b)| a.abs_diff(*b)).max().unwrap()
    }

    fn reason(bytes: &[u8]) -> String {
        let error = decode_bytes(bytes, Path::new("some/image.png")).unwrap_err();
        assert_eq!(error.to_string(), "cannot decode some/image.png");
        std::error::Error::source(&error).unwrap().to_string()
    }

    #[test]
    fn lossless_files_become_exactly_what_they_should() {
        for name in [
            "palette.png",
            "one_bit.png",
            "grey.png",
            "alpha.png",
            "grey16.png",
            "grey16.tif",
            "animated.gif",
        ] {
            assert_eq!(difference(name), 0, "{name}");
        }
    }

    #[test]
    fn the_orientation_is_applied() {
        for orientation in 2..=8 {
            assert_eq!(difference(&format!("orientation{orientation}.png")), 0, "{orientation}");
        }
    }

    #[test]
    fn jpegs_differ_from_another_decoder_by_little() {
        for name in ["grey.jpg", "cmyk.jpg", "orientation6.jpg"] {
            assert!(difference(name) <= 3, "{name}: {}", difference(name));
        }
    }

    #[test]
    fn colour_of_sixteen_bits_and_alpha_are_cut() {
        let image = image::ImageBuffer::from_pixel(2, 1, image::Rgba([0x12FF_u16, 0xFE80, 0x00FF, 7]));
        let mut bytes = Cursor::new(Vec::new());
        DynamicImage::ImageRgba16(image).write_to(&mut bytes, ImageFormat::Png).unwrap();
        let decoded = decode_bytes(bytes.get_ref(), Path::new("x")).unwrap();
        assert_eq!(decoded.as_raw(), &[0x12, 0xFE, 0, 0x12, 0xFE, 0]);
    }

    #[test]
    fn the_content_tells_the_format() {
        let bytes = std::fs::read(fixture("grey.jpg")).unwrap();
        assert!(decode_bytes(&bytes, Path::new("named/wrongly.png")).is_ok());
    }

    #[test]
    fn damaged_files_say_why() {
        let png = std::fs::read(fixture("palette.png")).unwrap();
        let jpeg = std::fs::read(fixture("cmyk.jpg")).unwrap();
        assert_eq!(reason(b""), "the file is empty");
        assert_eq!(reason(&jpeg[..jpeg.len() - 40]), "the file ends before the image does");
        assert_eq!(reason(&jpeg[..30]), "the file ends before the image does");
        assert_eq!(reason(b"\0\0\0\x18ftypheic"), "HEIC is not supported");
        assert_eq!(reason(b"\0\0\0\x18ftypavif\0\0\0\0"), "AVIF is not supported");
        for length in 0..png.len() - 12 {
            assert!(!reason(&png[..length]).is_empty(), "{length}");
        }
        let error = decode_bytes(b"no image", Path::new("a/readme.txt")).unwrap_err();
        let source = std::error::Error::source(&error).unwrap().to_string();
        assert_eq!(source, "this is no image in a format that Kiln reads");
    }

    #[test]
    fn a_decompression_bomb_is_refused_by_its_header() {
        let mut bytes = b"P6\n60000 60000\n255\n".to_vec();
        bytes.extend([0; 64]);
        assert_eq!(reason(&bytes), "60000 x 60000 pixels are more than Kiln decodes");
    }

    #[test]
    fn a_missing_file_is_named() {
        assert_eq!(decode(Path::new("/no/such.png")).unwrap_err().to_string(), "cannot read /no/such.png");
    }
}
