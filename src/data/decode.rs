//! From a file to 8-bit RGB pixels.
//!
//! The format is told by the content, not by the name. Whatever lies in the file becomes three
//! 8-bit channels the way the reference reads it: grey and palettes expanded, alpha dropped (not
//! blended), 16 bits cut to the high byte, CMYK converted, and EXIF orientation applied.

mod ico;
mod jpeg;
mod jpeg2000;
mod png;
mod tiff;

use std::{
    fmt,
    io::{Cursor, ErrorKind},
    panic::{self, AssertUnwindSafe},
    path::Path,
};

use image::{
    DynamicImage, ImageBuffer, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits, Pixel, RgbImage,
};

use crate::{
    data::reduction::Needed,
    error::{Error, Result},
    files, shown,
    signature::Signature,
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
    decode_needed(bytes, path, Needed::all)
}

/// Decodes the image in `bytes` as far as it is needed: `needed` says, by width and height, what is. What the image has
/// outside of the part may be anything.
///
/// # Errors
/// As [`decode`]: whatever the part is, for what is not needed is read, too.
pub fn decode_needed(bytes: &[u8], path: &Path, needed: impl Fn((u32, u32)) -> Needed) -> Result<RgbImage> {
    // What a decoder does not expect must end one image, not the run.
    let decoded = panic::catch_unwind(AssertUnwindSafe(|| pixels(bytes, path, needed)));
    decoded
        .unwrap_or_else(|_| Err(Reason::new("its decoder failed")))
        .map_err(|reason| unusable(path, reason))
}

/// The whole file, unless it is too large to be an image.
///
/// # Errors
/// When the file can't be read, is no regular file, or is larger than 1 GiB.
pub fn read(path: &Path) -> Result<Vec<u8>> {
    files::read(path, MAX_FILE).map_err(|source| match source.kind() {
        ErrorKind::FileTooLarge => unusable(path, Reason::new("the file is larger than 1 GiB")),
        _ => Error::io("read", path, source),
    })
}

/// The error for an image that can't be used, because of `reason`.
pub(super) fn unusable(path: &Path, reason: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(format!("cannot decode {}", shown::path(path)))
        .because(reason)
        .help("replace the file, convert it to PNG or JPEG, or remove it")
}

/// Why an image can't be decoded, in words.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Reason(String);

impl Reason {
    fn new(words: impl fmt::Display) -> Self {
        Self(words.to_string())
    }

    fn cut() -> Self {
        Self::new("the file ends before the image does")
    }
}

/// Which decoder an image needs.
enum Format {
    /// The crate `image` decodes it, perhaps with help of ours.
    Usual(ImageFormat),
    Jpeg2000,
}

fn pixels(bytes: &[u8], path: &Path, needed: impl Fn((u32, u32)) -> Needed) -> Result<RgbImage, Reason> {
    match format(bytes, path)? {
        Format::Usual(ImageFormat::Jpeg) => {
            jpeg::decode(bytes, needed, |bytes| usual(bytes, ImageFormat::Jpeg))
        }
        format => {
            let image = whole(bytes, format)?;
            Ok(needed(image.dimensions()).reduction.of(image))
        }
    }
}

/// All of an image that is no JPEG.
fn whole(bytes: &[u8], format: Format) -> Result<RgbImage, Reason> {
    match format {
        Format::Jpeg2000 => jpeg2000::decode(bytes),
        Format::Usual(ImageFormat::Png) => png::decode(bytes, |bytes| usual(bytes, ImageFormat::Png)),
        Format::Usual(ImageFormat::Ico) => match ico::png(bytes) {
            Some(inner) => png::decode(inner, |bytes| usual(bytes, ImageFormat::Png)),
            None => usual(bytes, ImageFormat::Ico),
        },
        Format::Usual(ImageFormat::Tiff) => tiff::decode(bytes, |bytes| usual(bytes, ImageFormat::Tiff)),
        Format::Usual(format) => usual(bytes, format)
            .map_err(|reason| if lacks_its_end(bytes, format) { Reason::cut() } else { reason }),
    }
}

fn format(bytes: &[u8], path: &Path) -> Result<Format, Reason> {
    if bytes.is_empty() {
        return Err(Reason::new("the file is empty"));
    }
    let kind = Signature::of(bytes);
    match image::guess_format(bytes).ok().or_else(|| without_signature(path, kind)) {
        // Some cameras' raw files begin as TIFF does.
        Some(ImageFormat::Tiff) if kind != Some(Signature::TIFF) => Err(other(kind)),
        Some(format) if format.reading_enabled() => Ok(Format::Usual(format)),
        _ if kind == Some(Signature::JPEG_2000) => Ok(Format::Jpeg2000),
        _ => Err(other(kind)),
    }
}

/// What the file is instead of an image that can be read.
fn other(kind: Option<Signature>) -> Reason {
    match kind {
        None => Reason::new("this is not an image in a format that Kiln reads"),
        Some(kind) if kind.is_image() => {
            Reason::new(format_args!("this is {kind}, which Kiln does not read"))
        }
        Some(kind) => Reason::new(format_args!("this is {kind}, not an image")),
    }
}

/// The one format that only its name tells.
fn without_signature(path: &Path, kind: Option<Signature>) -> Option<ImageFormat> {
    let format = ImageFormat::from_path(path).ok()?;
    (format == ImageFormat::Tga && kind.is_none()).then_some(format)
}

/// What the crate `image` makes of the bytes.
fn usual(bytes: &[u8], format: ImageFormat) -> Result<RgbImage, Reason> {
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits());
    let mut decoder = reader.into_decoder().map_err(reason)?;
    let (width, height) = decoder.dimensions();
    check_size(width, height, decoder.total_bytes())?;
    let orientation = decoder.orientation().map_err(reason)?;
    let mut image = DynamicImage::from_decoder(decoder).map_err(reason)?;
    image.apply_orientation(orientation);
    to_rgb8(image)
}

fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_ALLOC);
    limits
}

/// Refuses an image by its header: `memory` is what decoding it takes, in bytes.
fn check_size(width: u32, height: u32, memory: u64) -> Result<(), Reason> {
    let pixels = u64::from(width) * u64::from(height);
    if pixels == 0 {
        return Err(Reason::new(format_args!("the image has no pixels ({width} x {height})")));
    }
    if width > MAX_SIDE || height > MAX_SIDE || pixels > MAX_PIXELS || memory > MAX_ALLOC {
        return Err(Reason::new(format_args!("{width} x {height} pixels are more than Kiln decodes")));
    }
    // Decoders end the process where there is no memory: it is asked for here first.
    let is_there = Vec::<u8>::new().try_reserve_exact((memory + 3 * pixels) as usize).is_ok();
    let words = format_args!("there is not enough memory for {width} x {height} pixels").to_string();
    if is_there { Ok(()) } else { Err(Reason(words)) }
}

/// Whether a file's end shows that it was cut: then the first fault that a decoder finds says little.
fn lacks_its_end(bytes: &[u8], format: ImageFormat) -> bool {
    let length = || u32::from_le_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]);
    match format {
        ImageFormat::Gif => !bytes.ends_with(b";"),
        ImageFormat::Qoi => !bytes.ends_with(b"\0\0\0\0\0\0\0\x01"),
        ImageFormat::WebP => bytes.len() < 8 || (bytes.len() as u64) < 8 + u64::from(length()),
        _ => false,
    }
}

fn reason(error: ImageError) -> Reason {
    if ends_early(&error) { Reason::cut() } else { Reason::new(error) }
}

/// Whether an error, or what caused it, is that there is no more to read.
fn ends_early(error: &(dyn std::error::Error + 'static)) -> bool {
    let is_end = |error: &std::io::Error| error.kind() == ErrorKind::UnexpectedEof;
    match error.downcast_ref::<ImageError>() {
        Some(ImageError::IoError(error)) => is_end(error),
        _ => error.downcast_ref().is_some_and(is_end) || error.source().is_some_and(ends_early),
    }
}

/// Three 8-bit channels: 16 bits lose the low byte, alpha is dropped, grey is repeated.
fn to_rgb8(image: DynamicImage) -> Result<RgbImage, Reason> {
    let high = |value: u16| (value >> 8) as u8;
    let same = |value: u8| value;
    match image {
        DynamicImage::ImageRgb8(rgb) => Ok(rgb),
        DynamicImage::ImageLuma16(grey) => rgb8(&grey, high),
        DynamicImage::ImageLumaA16(grey) => rgb8(&grey, high),
        DynamicImage::ImageRgb16(rgb) => rgb8(&rgb, high),
        DynamicImage::ImageRgba16(rgba) => rgb8(&rgba, high),
        DynamicImage::ImageLuma8(grey) => rgb8(&grey, same),
        DynamicImage::ImageLumaA8(grey) => rgb8(&grey, same),
        DynamicImage::ImageRgba8(rgba) => rgb8(&rgba, same),
        other => Ok(other.into_rgb8()),
    }
}

fn rgb8<P: Pixel>(
    image: &ImageBuffer<P, Vec<P::Subpixel>>,
    byte: impl Fn(P::Subpixel) -> u8,
) -> Result<RgbImage, Reason> {
    from_samples(image.dimensions(), image, P::CHANNEL_COUNT.into(), byte)
}

/// Of every `channels` samples the first three, or the first three times where there is but one colour.
fn from_samples<T: Copy>(
    (width, height): (u32, u32),
    samples: &[T],
    channels: usize,
    byte: impl Fn(T) -> u8,
) -> Result<RgbImage, Reason> {
    let mut rgb = Vec::new();
    rgb.try_reserve_exact(3 * samples.len() / channels).map_err(Reason::new)?;
    for pixel in samples.chunks_exact(channels) {
        rgb.extend(if channels < 3 { [pixel[0]; 3] } else { [pixel[0], pixel[1], pixel[2]] }.map(&byte));
    }
    RgbImage::from_raw(width, height, rgb).ok_or_else(Reason::cut)
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
            "palette.tif",
            "palette4.tif",
            "grey_alpha.tif",
            "float.tif",
            "float255.tif",
            "long.tif",
            "rgb.ico",
            "palette.ico",
            "lossless.jp2",
            "grey.j2k",
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
        for name in ["grey.jpg", "cmyk.jpg", "orientation6.jpg", "progressive.jpg", "lossy.jp2"] {
            assert!(difference(name) <= 3, "{name}: {}", difference(name));
        }
        // Each decoder has another way to colours between those that are there.
        for name in ["half.jpg", "quarter.jpg"] {
            assert!(difference(name) <= 8, "{name}: {}", difference(name));
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
        assert_eq!(reason(b"\0\0\0\x18ftypheic"), "this is a HEIC image, which Kiln does not read");
        assert_eq!(reason(b"\0\0\0\x18ftypavif\0\0\0\0"), "this is an AVIF image, which Kiln does not read");
        for length in 0..png.len() - 12 - 16 {
            assert!(!reason(&png[..length]).is_empty(), "{length}");
        }
        let error = decode_bytes(b"no image", Path::new("a/readme.txt")).unwrap_err();
        let source = std::error::Error::source(&error).unwrap().to_string();
        assert_eq!(source, "this is not an image in a format that Kiln reads");
    }

    #[test]
    fn lab_differs_from_what_a_colour_engine_makes_of_it_by_little() {
        assert!(difference("lab.tif") <= 8, "{}", difference("lab.tif"));
    }

    /// Each kind of file with another decoder.
    #[test]
    fn half_a_file_is_no_image() {
        for name in [
            "palette.png",
            "grey.jpg",
            "progressive.jpg",
            "animated.gif",
            "grey16.tif",
            "palette.tif",
            "lab.tif",
            "lossless.jp2",
            "grey.j2k",
            "rgb.ico",
        ] {
            let bytes = std::fs::read(fixture(name)).unwrap();
            assert_eq!(reason(&bytes[..bytes.len() / 2]), "the file ends before the image does", "{name}");
        }
    }

    #[test]
    fn what_is_no_image_is_called_by_its_name() {
        for (bytes, words) in [
            (&b"\0\0\0\x18ftypmp42"[..], "this is a film (MP4), not an image"),
            (b"<!DOCTYPE html><html>", "this is an HTML page, not an image"),
            (b"version https://git-lfs.github.com/spec/v1\n", "this is a Git LFS pointer, not an image"),
            (b"PK\x03\x04", "this is a zip archive, not an image"),
            (b"II*\0\x10\0\0\0CR\x02\0", "this is a raw image of a camera (CR2), which Kiln does not read"),
            (b"DDS \x7c\0\0\0", "this is a DirectDraw image, which Kiln does not read"),
            (&[0; 500], "this is a file of nothing but zeros, not an image"),
        ] {
            assert_eq!(reason(bytes), words);
            let error = decode_bytes(bytes, Path::new("a.tga")).unwrap_err();
            assert_eq!(std::error::Error::source(&error).unwrap().to_string(), words, "as TGA");
        }
    }

    #[test]
    fn only_regular_files_are_read() {
        let error = decode(Path::new("/dev/zero")).unwrap_err();
        assert_eq!(error.to_string(), "cannot read /dev/zero");
        assert!(std::error::Error::source(&error).unwrap().to_string().contains("not a regular file"));
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

    fn written(format: ImageFormat) -> Vec<u8> {
        let image = RgbImage::from_fn(40, 30, |x, y| image::Rgb([x as u8, y as u8, (x * y) as u8]));
        let mut bytes = Cursor::new(Vec::new());
        DynamicImage::ImageRgb8(image).write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    #[test]
    fn a_cut_file_of_any_format_is_called_cut() {
        for format in [ImageFormat::Qoi, ImageFormat::WebP, ImageFormat::Bmp, ImageFormat::Pnm] {
            let bytes = written(format);
            assert!(decode_bytes(&bytes, Path::new("x")).is_ok(), "{format:?}");
            let half = reason(&bytes[..bytes.len() / 2]);
            assert_eq!(half, "the file ends before the image does", "{format:?}");
        }
    }

    #[test]
    fn the_end_of_a_file_is_told_by_its_format() {
        let webp = b"RIFF\x04\0\0\0WEBP";
        for (bytes, format, is_cut) in [
            (&webp[..], ImageFormat::WebP, false),
            (b"RIFF\x04\0\0\0WEBP and more", ImageFormat::WebP, false),
            (b"RIFF\0\0\0\0", ImageFormat::WebP, false),
            (&webp[..11], ImageFormat::WebP, true),
            (&webp[..7], ImageFormat::WebP, true),
            (b"qoif\0\0\0\0\0\0\0\x01", ImageFormat::Qoi, false),
            (b"qoif\0\0\0\0\0\0\0", ImageFormat::Qoi, true),
        ] {
            assert_eq!(lacks_its_end(bytes, format), is_cut, "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn an_end_that_came_early_is_found_below_other_errors() {
        let wrapped = |kind| {
            let hint = image::error::ImageFormatHint::Unknown;
            ImageError::Decoding(image::error::DecodingError::new(hint, std::io::Error::from(kind)))
        };
        assert!(ends_early(&wrapped(ErrorKind::UnexpectedEof)));
        assert!(!ends_early(&wrapped(ErrorKind::InvalidData)));
    }

    #[test]
    fn only_its_name_tells_that_a_file_is_tga() {
        let bytes = written(ImageFormat::Tga);
        assert!(decode_bytes(&bytes, Path::new("a.tga")).is_ok());
        assert_eq!(reason(&bytes), "this is not an image in a format that Kiln reads");
    }

    #[test]
    fn sizes_are_allowed_up_to_their_limits() {
        assert_eq!(MAX_PIXELS, 12_470 * 14_351);
        for (width, height, memory) in
            [(MAX_SIDE, 1, 3), (1, MAX_SIDE, 3), (12_470, 14_351, 3), (1, 1, MAX_ALLOC)]
        {
            assert!(check_size(width, height, memory).is_ok(), "{width} x {height}, {memory} bytes");
        }
        for (width, height, memory) in [
            (0, 1, 0),
            (MAX_SIDE + 1, 1, 3),
            (1, MAX_SIDE + 1, 3),
            (12_471, 14_351, 3),
            (1, 1, MAX_ALLOC + 1),
        ] {
            assert!(check_size(width, height, memory).is_err(), "{width} x {height}, {memory} bytes");
        }
    }

    #[test]
    fn a_file_too_large_for_an_image_is_not_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("film.png");
        std::fs::File::create(&path).unwrap().set_len(MAX_FILE + 1).unwrap();
        let error = read(&path).unwrap_err();
        assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "the file is larger than 1 GiB");
    }
}
