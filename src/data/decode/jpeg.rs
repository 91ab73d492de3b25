//! JPEG: the usual kind by a decoder of our own, which makes only the pixels that are needed; any other, and what has any
//! fault, by zune-jpeg.
//!
//! Whether a JPEG is whole: the decoder says it, not where markers stand in the file.
//!
//! Behind the end marker anything may follow: a phone's film, a second picture, padding. A picture is whole if its
//! decoder never asks for what follows its data. This is tried out where there is no end marker, or where the end
//! looks as if there had been no data for it.

mod baseline;
mod bits;
mod block;
mod colors;
#[cfg(target_arch = "x86_64")]
mod colors_avx2;
mod grid;
mod header;
mod huffman;
mod intervals;
mod inverse;
#[cfg(target_arch = "x86_64")]
mod inverse_avx2;
mod kernels;
mod painter;
mod plane;
mod reduced;
#[cfg(target_arch = "x86_64")]
mod reduced_avx2;
mod units;
#[cfg(test)]
mod written;

use image::{DynamicImage, RgbImage, metadata::Orientation};
use memchr::memchr;
use zune_core::{bytestream::ZCursor, colorspace::ColorSpace, options::DecoderOptions};
use zune_jpeg::JpegDecoder;

use self::header::Header;
use super::{Reason, check_size};
use crate::data::reduction::Needed;

/// What becomes red, green and blue by itself.
const HAVE_COLORS: [ColorSpace; 4] = [ColorSpace::YCbCr, ColorSpace::RGB, ColorSpace::CMYK, ColorSpace::YCCK];
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

/// The image in the file, if it is whole. `needed` says, by width and height, what of it is needed; of the rest
/// nothing is said. `usual` decodes what is not of colors, and has the words for what is damaged.
pub(super) fn decode(
    bytes: &[u8],
    needed: impl Fn((u32, u32)) -> Needed,
    usual: impl Fn(&[u8]) -> Result<RgbImage, Reason>,
) -> Result<RgbImage, Reason> {
    if let Some(image) = own(bytes, &needed) {
        return Ok(image);
    }
    let image = whole(bytes, usual)?;
    Ok(needed(image.dimensions()).reduction.of(image))
}

/// What our own decoder makes of a file that is as usual.
pub(super) fn own(bytes: &[u8], needed: impl FnOnce((u32, u32)) -> Needed) -> Option<RgbImage> {
    let header = Header::read(bytes)?;
    match header.orientation {
        None | Some(Orientation::NoTransforms) => baseline::decode(&header, needed),
        Some(orientation) => {
            // The part is of the image as it is seen; how much smaller that is does not depend on how it is turned.
            let whole = |size| needed(size).whole(size);
            Some(turned(baseline::decode(&header, whole)?, orientation))
        }
    }
}

/// The image in the file, if it is whole, by zune-jpeg.
pub(super) fn whole(
    bytes: &[u8],
    usual: impl Fn(&[u8]) -> Result<RgbImage, Reason>,
) -> Result<RgbImage, Reason> {
    let plain = |bytes: &[u8]| colors(bytes).unwrap_or_else(|| usual(bytes));
    let (image, data) = match ending(bytes) {
        Ending::Cut => return Err(Reason::cut()),
        Ending::Open(data) => (plain(&[data, &END].concat())?, data),
        Ending::Marked(data) => match plain(bytes)? {
            image if !repeats_at_the_end(&image) => return Ok(image),
            image => (image, data),
        },
    };
    let is_marked = bytes[data.len()..].starts_with(&END);
    let other = plain(&[data, &OTHER_DATA, &END].concat());
    let is_whole = other.is_ok_and(|other| other == image) && (is_marked || is_sound(data));
    if is_whole { Ok(image) } else { Err(Reason::cut()) }
}

/// What the decoder makes of an undamaged image of several colors, in one go: the crate `image` reads the headers three
/// times, and copies the file.
fn colors(bytes: &[u8]) -> Option<Result<RgbImage, Reason>> {
    let options =
        DecoderOptions::default().set_strict_mode(false).set_max_width(1 << 16).set_max_height(1 << 16);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().ok()?;
    if !HAVE_COLORS.contains(&decoder.input_colorspace()?) {
        return None;
    }
    let (width, height) = decoder.dimensions().map(|(width, height)| (width as u32, height as u32))?;
    let length = decoder.output_buffer_size()?;
    if let Err(reason) = check_size(width, height, length as u64) {
        return Some(Err(reason));
    }
    let mut pixels = vec![0; length];
    decoder.decode_into(&mut pixels).ok()?;
    let image = RgbImage::from_raw(width, height, pixels)?;
    Some(Ok(match decoder.exif().and_then(|exif| Orientation::from_exif_chunk(exif)) {
        None | Some(Orientation::NoTransforms) => image,
        Some(orientation) => turned(image, orientation),
    }))
}

fn turned(image: RgbImage, orientation: Orientation) -> RgbImage {
    let mut image = DynamicImage::ImageRgb8(image);
    image.apply_orientation(orientation);
    image.into_rgb8()
}

/// Whether the last row of blocks is the one above it again: so are blocks without data, and blocks of one colour.
fn repeats_at_the_end(image: &RgbImage) -> bool {
    const BLOCK: usize = 8;
    let rows: Vec<&[u8]> = image.chunks_exact(3 * image.width() as usize).rev().take(2 * BLOCK).collect();
    rows.iter().zip(rows.iter().skip(BLOCK)).all(|(row, above)| row == above)
}

/// Whether the data has no code that means nothing, as what was never a JPEG's has.
fn is_sound(data: &[u8]) -> bool {
    let options =
        DecoderOptions::default().set_strict_mode(true).set_max_width(1 << 16).set_max_height(1 << 16);
    let bytes = [data, &END].concat();
    JpegDecoder::new_with_options(ZCursor::new(bytes), options).decode().is_ok()
}

/// How a JPEG ends.
#[derive(Debug, PartialEq, Eq)]
enum Ending<'a> {
    /// With an end marker behind these bytes, which have at least one scan.
    Marked(&'a [u8]),
    /// Without, after these bytes, which have at least some of each scan that the picture needs.
    Open(&'a [u8]),
    /// Before the last scan, or before any.
    Cut,
}

fn ending(bytes: &[u8]) -> Ending<'_> {
    let mut scans = Scans::default();
    // Where the last scan's data begins and ends.
    let (mut scan, mut data) = (0, 0);
    let mut at = 2;
    while let Some((marker, after)) = next_marker(bytes, at, data > 0) {
        let segment = segment(bytes, after);
        match (marker, segment) {
            (0xD9, _) if data > 0 => return Ending::Marked(&bytes[..after - END.len()]),
            (0xD9, _) => return Ending::Cut,
            // Without a segment of its own.
            (0x01 | 0xD0..=0xD8, _) => at = after,
            (START_OF_SCAN, Some(header)) if scans.add(header) || data == 0 => {
                scan = after + header.len();
                data = end_of_data(bytes, scan);
                at = data;
            }
            (0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF, Some(header)) if data == 0 => {
                let names = header.get(8..).unwrap_or_default().iter().step_by(3);
                scans.components = names.take(4).copied().collect();
                at = after + header.len();
            }
            (START_OF_SCAN, _) | (_, None) => break,
            (marker, Some(_)) if data > 0 && !may_stand_between_scans(marker) => break,
            (_, Some(segment)) => at = after + segment.len(),
        }
    }
    if scans.are_complete() {
        Ending::Open(&bytes[..scan + without_padding(&bytes[scan..data]).len()])
    } else {
        Ending::Cut
    }
}

/// A scan's data without what was put there because there was no more, and without a film that follows.
fn without_padding(data: &[u8]) -> &[u8] {
    let film =
        data.windows(4).position(|bytes| bytes == b"ftyp").map_or(data.len(), |kind| kind.saturating_sub(4));
    let padding = data[..film].iter().rev().take_while(|byte| matches!(byte, 0 | 0xFF)).count();
    // The last bytes of data may be such, too.
    let data = &data[..film.min(film - padding + 3)];
    &data[..data.len() - data.iter().rev().take_while(|byte| **byte == 0xFF).count()]
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
        let Some(found) = memchr(0xFF, &bytes[at..]) else { return bytes.len() };
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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use image::{ImageFormat, Rgb, RgbImage};
    use proptest::prelude::*;

    use super::{decode, own, whole, written::Written};
    use crate::{
        data::{
            decode::{decode_bytes, usual},
            reduction::{Needed, Reduction},
            resample::{Part, crop},
        },
        random::Random,
    };

    /// What zune-jpeg makes of a file.
    fn others(bytes: &[u8]) -> Result<RgbImage, String> {
        whole(bytes, |bytes| usual(bytes, ImageFormat::Jpeg)).map_err(|reason| reason.to_string())
    }

    /// Files of all that the decoder takes; the numbers of most are those of pictures.
    fn written() -> impl Strategy<Value = Written> {
        let size = (1_u16..80, 1_u16..80);
        let sampling = prop::option::weighted(0.9, prop::sample::select(vec![0x11_u8, 0x21, 0x12, 0x22]));
        let strength = prop::sample::select(vec![(1_u8, 1_usize), (8, 20), (20, 50), (60, 30), (3, 1000)]);
        let restart = prop_oneof![Just(0_u16), 1_u16..12];
        (size, sampling, restart, strength, any::<u64>()).prop_map(
            |(size, sampling, restart, (step, reach), seed)| Written {
                size,
                sampling,
                restart,
                step,
                reach,
                seed,
            },
        )
    }

    proptest! {
        #[test]
        fn a_usual_file_becomes_what_the_other_decoder_makes_of_it(written in written()) {
            let bytes = written.bytes();
            let image = own(&bytes, Needed::all);
            // Numbers of which some may be too large are the other's alone.
            prop_assert!(image.is_some() || written.reach > 20, "{written:?}");
            prop_assert!(image.is_none_or(|image| Ok(image) == others(&bytes)));
        }

        #[test]
        fn a_part_is_that_part_of_the_whole(
            written in written(), factor in prop::sample::select(vec![1, 2, 4, 8]),
            from in (0.0..1.0, 0.0..1.0), to in (0.0..1.0, 0.0..1.0),
        ) {
            let (bytes, reduction) = (written.bytes(), Reduction::by(factor));
            let whole_size = (u32::from(written.size.0), u32::from(written.size.1));
            let size = reduction.size(whole_size);
            let place = |share: f64, length: u32| (share * f64::from(length)) as u32;
            let (left, top) = (place(from.0, size.0), place(from.1, size.1));
            let (width, height) = (1 + place(to.0, size.0 - left), 1 + place(to.1, size.1 - top));
            let part = Part { left, top, width: width.min(size.0 - left), height: height.min(size.1 - top) };
            let image = own(&bytes, |asked| {
                assert_eq!(asked, whole_size);
                Needed { reduction, part }
            });
            if let Some(whole) = own(&bytes, |size| Needed { reduction, part }.whole(size)) {
                prop_assert_eq!(whole.dimensions(), size);
                prop_assert_eq!(crop(&image.unwrap(), part), crop(&whole, part));
            }
        }

        #[test]
        fn a_damaged_file_is_the_others_or_the_same(written in written(), seed: u64, changes in 1_usize..4) {
            let mut bytes = written.bytes();
            let mut random = Random::new("damage", &[seed]);
            for _ in 0..changes {
                let at = random.below(bytes.len());
                match random.below(4) {
                    0 => bytes[at] ^= 1 << random.below(8),
                    1 => bytes[at] = random.below(256) as u8,
                    2 => drop(bytes.remove(at)),
                    _ => bytes.truncate(at.max(1)),
                }
            }
            if let Some(image) = own(&bytes, Needed::all) {
                prop_assert_eq!(Ok(image), others(&bytes));
            }
        }
    }

    #[test]
    fn the_fixtures_are_decoded_here_and_alike() {
        for name in ["grey.jpg", "orientation6.jpg", "half.jpg", "quarter.jpg"] {
            let bytes = fixture(name);
            assert_eq!(own(&bytes, Needed::all), Some(others(&bytes).unwrap()), "{name}");
        }
        for name in ["cmyk.jpg", "progressive.jpg"] {
            assert_eq!(own(&fixture(name), Needed::all), None, "{name}");
        }
    }

    /// What a file becomes at a part of its sides.
    fn reduced(bytes: &[u8], factor: u32) -> RgbImage {
        let needed = |size| Needed { reduction: Reduction::by(factor), ..Needed::all(size) }.whole(size);
        decode(bytes, needed, |bytes| usual(bytes, ImageFormat::Jpeg)).unwrap()
    }

    /// How far two images are from each other: at most, and on average.
    fn difference(one: &RgbImage, other: &RgbImage) -> (u8, f64) {
        assert_eq!(one.dimensions(), other.dimensions());
        let differences = || one.iter().zip(other.iter()).map(|(a, b)| a.abs_diff(*b));
        let sum: u64 = differences().map(u64::from).sum();
        (differences().max().unwrap(), sum as f64 / one.len() as f64)
    }

    #[test]
    fn a_reduced_picture_is_what_libjpeg_makes_of_it() {
        for factor in [2, 4, 8] {
            let other = fixture(&format!("quarter.jpg.reduced{factor}.png"));
            let other = image::load_from_memory(&other).unwrap().into_rgb8();
            let (most, average) = difference(&reduced(&fixture("quarter.jpg"), factor), &other);
            assert!(most <= 2 && average < 0.05, "{factor}: {most} {average}");
        }
    }

    /// libjpeg itself is ten times as far away where there is colour at half the width alone.
    #[test]
    fn colour_at_half_the_width_is_reduced_to_nearly_the_mean() {
        let whole = reduced(&fixture("half.jpg"), 1);
        for factor in [2, 4, 8] {
            let mean = Reduction::by(factor).of(whole.clone());
            let (_, average) = difference(&reduced(&fixture("half.jpg"), factor), &mean);
            assert!(average < 2.5, "{factor}: {average}");
        }
    }

    #[test]
    fn a_picture_is_turned_and_reduced_whichever_decoder_it_has() {
        for name in ["orientation6.jpg", "progressive.jpg", "cmyk.jpg", "grey.jpg"] {
            let mean = Reduction::by(2).of(reduced(&fixture(name), 1));
            let (most, _) = difference(&reduced(&fixture(name), 2), &mean);
            assert!(most <= 3, "{name}: {most}");
        }
    }

    /// What a phone puts behind a picture: by chance with the bytes of markers.
    fn film() -> Vec<u8> {
        let noise = (0..4000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8);
        [&b"\0\0\0\x18ftypmp42"[..], &[0; 12], &noise.collect::<Vec<_>>(), b"\xff\xdaxx\xff\xd9yy"].concat()
    }

    fn photograph() -> RgbImage {
        let wave = |x: u32| ((f64::from(x) / 7.0).sin() * 90.0 + 128.0) as u8;
        RgbImage::from_fn(90, 80, |x, y| Rgb([wave(x + y), wave(3 * y), ((x * 37) ^ (y * 91)) as u8]))
    }

    /// A picture whose lower half is white.
    fn plain_below() -> RgbImage {
        let mut image = RgbImage::from_pixel(90, 80, Rgb([255; 3]));
        image::imageops::replace(
            &mut image,
            &image::imageops::crop_imm(&photograph(), 0, 0, 90, 40).to_image(),
            0,
            0,
        );
        image
    }

    fn jpeg(image: &RgbImage) -> Vec<u8> {
        let mut bytes = std::io::Cursor::new(Vec::new());
        image.write_to(&mut bytes, ImageFormat::Jpeg).unwrap();
        bytes.into_inner()
    }

    fn fixture(name: &str) -> Vec<u8> {
        std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/images").join(name)).unwrap()
    }

    fn read(bytes: &[u8]) -> Result<RgbImage, String> {
        decode_bytes(bytes, Path::new("a.jpg"))
            .map_err(|error| std::error::Error::source(&error).unwrap().to_string())
    }

    /// Sequential and progressive, of several colours, with and without a flat end.
    fn all() -> Vec<Vec<u8>> {
        let files = ["progressive.jpg", "grey.jpg", "cmyk.jpg", "orientation6.jpg"].map(fixture);
        files.into_iter().chain([jpeg(&photograph()), jpeg(&plain_below())]).collect()
    }

    fn scan_of(bytes: &[u8]) -> usize {
        bytes.windows(2).position(|pair| pair == [0xFF, 0xDA]).unwrap()
    }

    #[test]
    fn whatever_stands_behind_a_whole_picture_is_left_alone() {
        for bytes in all() {
            let whole = read(&bytes);
            assert!(whole.is_ok());
            for behind in [&film()[..], &[0; 3000], &[0xFF; 300], b"trailing text\n", &bytes] {
                assert!(read(&[&bytes, behind].concat()) == whole);
            }
        }
    }

    #[test]
    fn a_whole_picture_needs_no_end_marker() {
        for bytes in all() {
            let (whole, open) = (read(&bytes), &bytes[..bytes.len() - 2]);
            for behind in [&film()[..], &[0; 3000], &[0xFF; 300], b"\xff", b""] {
                assert!(read(&[open, behind].concat()) == whole);
            }
        }
    }

    #[test]
    fn a_picture_cut_within_its_data_is_refused() {
        for bytes in all() {
            let start = scan_of(&bytes) + 16;
            for part in [3, 5, 8] {
                let cut = &bytes[..start + (bytes.len() - start) * part / 10];
                for behind in [&film()[..], &[0; 3000], &[0xFF; 300], b""] {
                    let error = read(&[cut, behind].concat()).unwrap_err();
                    assert_eq!(error, "the file ends before the image does");
                }
            }
        }
    }

    #[test]
    fn an_end_marker_does_not_make_half_a_picture_whole() {
        for image in [photograph(), plain_below()] {
            let bytes = jpeg(&image);
            let start = scan_of(&bytes) + 16;
            let half = &bytes[..start + (bytes.len() - start) / 3];
            assert!(read(&[half, b"\xff\xd9"].concat()).is_err());
        }
    }

    #[test]
    fn a_progressive_picture_needs_all_its_scans() {
        let bytes = fixture("progressive.jpg");
        let scans: Vec<usize> =
            (0..bytes.len() - 1).filter(|at| bytes[*at..].starts_with(&[0xFF, 0xDA])).collect();
        assert!(scans.len() > 3);
        for cut in &scans[1..] {
            assert_eq!(read(&bytes[..*cut]).unwrap_err(), "the file ends before the image does");
        }
    }

    #[test]
    fn nothing_breaks_wherever_a_file_is_cut() {
        for bytes in all() {
            let whole = read(&bytes);
            for length in (0..bytes.len()).step_by(7) {
                let cut = read(&bytes[..length]);
                assert!(cut.is_err() || cut == whole, "{length} of {}", bytes.len());
            }
        }
    }
}
