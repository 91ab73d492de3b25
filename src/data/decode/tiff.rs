//! TIFF images of kinds that `image` leaves out: palettes, CIE Lab, and grey with alpha, as floats, or as signed
//! or long integers.

use std::io::{Cursor, ErrorKind};

use image::{DynamicImage, RgbImage, metadata::Orientation};
use tiff::{
    TiffError,
    decoder::{Decoder, DecodingResult, Limits},
    tags::Tag,
};

use super::{MAX_ALLOC, Reason, check_size, from_samples};

// How numbers become colours, as in the tag `PhotometricInterpretation`.
const BLACK_IS_ZERO: u16 = 1;
const RGB: u16 = 2;
const PALETTE: u16 = 3;
const CIE_LAB: u16 = 8;
const ICC_LAB: u16 = 9;

/// What `plain` makes of the file, or what is made of it here if that can't read its kind.
pub(super) fn decode(
    bytes: &[u8],
    plain: impl Fn(&[u8]) -> Result<RgbImage, Reason>,
) -> Result<RgbImage, Reason> {
    plain(bytes).or_else(|reason| {
        let mut tags = Decoder::new(Cursor::new(bytes)).map_err(words)?;
        match number(&mut tags, Tag::PhotometricInterpretation) {
            Some(PALETTE) => palette(bytes, &mut tags),
            Some(CIE_LAB) => lab(bytes, |ab| ab as i8),
            Some(ICC_LAB) => lab(bytes, |ab| (i16::from(ab) - 128) as i8),
            Some(BLACK_IS_ZERO) => grey(bytes),
            _ => Err(reason),
        }
    })
}

type Tags<'a> = Decoder<Cursor<&'a [u8]>>;

fn number(tags: &mut Tags<'_>, tag: Tag) -> Option<u16> {
    tags.find_tag_unsigned_vec(tag).ok()??.first().copied()
}

fn words(error: TiffError) -> Reason {
    match error {
        TiffError::IoError(error) if error.kind() == ErrorKind::UnexpectedEof => Reason::cut(),
        other => Reason::new(other),
    }
}

/// The samples of an image of one plane.
struct Samples {
    size: (u32, u32),
    samples: DecodingResult,
    orientation: Orientation,
}

impl Samples {
    fn read(bytes: &[u8]) -> Result<Self, Reason> {
        let mut limits = Limits::default();
        limits.decoding_buffer_size = MAX_ALLOC as usize;
        limits.intermediate_buffer_size = MAX_ALLOC as usize;
        let mut tags = Decoder::new(Cursor::new(bytes)).map_err(words)?.with_limits(limits);
        let size = tags.dimensions().map_err(words)?;
        let layout = tags.image_buffer_layout().map_err(words)?;
        check_size(size.0, size.1, layout.complete_len as u64)?;
        let orientation = number(&mut tags, Tag::Orientation).and_then(|of| Orientation::from_exif(of as u8));
        let mut samples = DecodingResult::U8(Vec::new());
        let layout = tags.read_image_to_buffer(&mut samples).map_err(words)?;
        if layout.planes > 1 {
            return Err(Reason::new("its colours lie in planes, which Kiln does not read"));
        }
        Ok(Self { size, samples, orientation: orientation.unwrap_or(Orientation::NoTransforms) })
    }

    /// How many samples a pixel has, of `count` in all; at least one.
    fn channels(&self, count: usize) -> usize {
        (count / (self.size.0 as usize * self.size.1 as usize)).max(1)
    }

    /// The samples of an image with 8 bits each.
    fn bytes(&self) -> Result<&[u8], Reason> {
        match &self.samples {
            DecodingResult::U8(samples) => Ok(samples),
            _ => Err(Reason::new("its colours have more than 8 bits, which Kiln does not read")),
        }
    }

    /// The image of these bytes, `channels` a pixel, the right way up.
    fn image(&self, bytes: &[u8], channels: usize) -> Result<RgbImage, Reason> {
        let mut image = DynamicImage::ImageRgb8(from_samples(self.size, bytes, channels, |byte| byte)?);
        image.apply_orientation(self.orientation);
        Ok(image.into_rgb8())
    }
}

/// Numbers of colours in a table of 16-bit colours, of which the high byte counts.
fn palette(bytes: &[u8], tags: &mut Tags<'_>) -> Result<RgbImage, Reason> {
    let table = tags.get_tag_u16_vec(Tag::ColorMap).map_err(words)?;
    let bits = usize::from(number(tags, Tag::BitsPerSample).unwrap_or(1));
    let samples = Samples::read(&reinterpreted(bytes, BLACK_IS_ZERO)?)?;
    if !matches!(bits, 1 | 2 | 4 | 8) || table.len() != 3 << bits {
        return Err(Reason::new(format_args!("Kiln does not read palettes of {bits} bits")));
    }
    let colour = |index: u8| [0, 1, 2].map(|plane| (table[(plane << bits) + usize::from(index)] >> 8) as u8);
    let width = samples.size.0 as usize;
    let rows = samples.bytes()?.chunks_exact((width * bits).div_ceil(8));
    let rgb: Vec<u8> = rows.flat_map(|row| unpacked(row, bits).take(width)).flat_map(colour).collect();
    samples.image(&rgb, 3)
}

/// Numbers of one, two, four or eight bits, the highest first.
fn unpacked(row: &[u8], bits: usize) -> impl Iterator<Item = u8> {
    let mask = (0xFF_u16 >> (8 - bits)) as u8;
    row.iter().flat_map(move |byte| (0..8 / bits).rev().map(move |place| byte >> (place * bits) & mask))
}

/// The file, its numbers to be taken for other colours.
fn reinterpreted(bytes: &[u8], interpretation: u16) -> Result<Vec<u8>, Reason> {
    let at = place_of(bytes, Tag::PhotometricInterpretation.to_u16()).ok_or_else(Reason::cut)?;
    let mut bytes = bytes.to_vec();
    let value = if bytes[0] == b'I' { interpretation.to_le_bytes() } else { interpretation.to_be_bytes() };
    bytes.get_mut(at..at + 2).ok_or_else(Reason::cut)?.copy_from_slice(&value);
    Ok(bytes)
}

/// Where the value of a tag stands in the first directory of a file, if it is short enough to stand there.
fn place_of(bytes: &[u8], tag: u16) -> Option<usize> {
    let number = |field: &[u8]| {
        let add = |all: usize, byte: &u8| all << 8 | usize::from(*byte);
        if bytes[0] == b'I' { field.iter().rev().fold(0, add) } else { field.iter().fold(0, add) }
    };
    let at = |place: usize, length: usize| bytes.get(place..place.checked_add(length)?).map(number);
    // Version 43 is BigTIFF, which has longer fields.
    let (start, long, entry, value) =
        if at(2, 2)? == 43 { (at(8, 8)?, 8, 20, 12) } else { (at(4, 4)?, 2, 12, 8) };
    let entries = bytes.get(start.checked_add(long)?..)?.chunks_exact(entry).take(at(start, long)?);
    let place = { entries }.position(|entry| number(&entry[..2]) == usize::from(tag))?;
    Some(start + long + place * entry + value)
}

/// CIE L*a*b* of the white D50 in three bytes; `signed` tells what a byte means as a* or b*.
fn lab(bytes: &[u8], signed: impl Fn(u8) -> i8) -> Result<RgbImage, Reason> {
    let samples = Samples::read(&reinterpreted(bytes, RGB)?)?;
    let lab = samples.bytes()?;
    let channels = samples.channels(lab.len());
    let colour =
        |lab: &[u8]| srgb([f64::from(lab[0]) / 2.55, f64::from(signed(lab[1])), f64::from(signed(lab[2]))]);
    let rgb: Vec<u8> = lab.chunks_exact(channels.max(3)).flat_map(colour).collect();
    samples.image(&rgb, 3)
}

/// From L*a*b* over XYZ, both with the white D50, to sRGB (its matrix adapted to D50 after Bradford).
fn srgb([lightness, a, b]: [f64; 3]) -> [u8; 3] {
    const WHITE: [f64; 3] = [0.96422, 1.0, 0.82521];
    const RGB_OF_XYZ: [[f64; 3]; 3] = [
        [3.1338561, -1.6168667, -0.4906146],
        [-0.9787684, 1.9161415, 0.0334540],
        [0.0719453, -0.2289914, 1.4052427],
    ];
    let y = (lightness + 16.0) / 116.0;
    let light = |f: f64| if f > 6.0 / 29.0 { f.powi(3) } else { (f - 4.0 / 29.0) * 108.0 / 841.0 };
    let xyz = [y + a / 500.0, y, y - b / 200.0].map(light);
    RGB_OF_XYZ.map(|row| {
        let linear: f64 = (0..3).map(|i| row[i] * xyz[i] * WHITE[i]).sum();
        let curved =
            if linear <= 0.003_130_8 { 12.92 * linear } else { 1.055 * linear.powf(1.0 / 2.4) - 0.055 };
        (curved * 255.0).round().clamp(0.0, 255.0) as u8
    })
}

/// Grey with other channels that count for nothing, or of numbers that may mean many things: they are taken for 0 to 1 (if they are no integers), 0 to 255 or
/// 0 to 65535, whichever they fit, and for nothing where they fit none.
fn grey(bytes: &[u8]) -> Result<RgbImage, Reason> {
    let samples = Samples::read(bytes)?;
    let grey = match &samples.samples {
        DecodingResult::U8(values) => Ok(values.clone()),
        DecodingResult::U16(values) => Ok(values.iter().map(|value| (value >> 8) as u8).collect()),
        DecodingResult::F16(values) => bytes_of(values, |value| value.to_f64(), true),
        DecodingResult::F32(values) => bytes_of(values, f64::from, true),
        DecodingResult::F64(values) => bytes_of(values, |value| value, true),
        DecodingResult::I8(values) => bytes_of(values, f64::from, false),
        DecodingResult::I16(values) => bytes_of(values, f64::from, false),
        DecodingResult::I32(values) => bytes_of(values, f64::from, false),
        DecodingResult::U32(values) => bytes_of(values, f64::from, false),
        _ => Err(Reason::new("Kiln does not read grey of this depth")),
    }?;
    samples.image(&grey, samples.channels(grey.len()))
}

fn bytes_of<T: Copy>(values: &[T], number: impl Fn(T) -> f64, is_float: bool) -> Result<Vec<u8>, Reason> {
    let range = |(low, high): (f64, f64), value| (low.min(value), high.max(value));
    let (low, high) =
        values.iter().map(|value| number(*value)).fold((f64::INFINITY, f64::NEG_INFINITY), range);
    let has_gaps = values.iter().any(|value| number(*value).is_nan());
    let byte: fn(f64) -> f64 = match () {
        () if low < 0.0 || has_gaps => |_| f64::NAN,
        () if is_float && high <= 1.0 => |value| (value * 255.0).round(),
        () if high <= 255.0 => |value| value,
        () if !is_float && high <= 65_535.0 => |value| value / 256.0,
        () => |_| f64::NAN,
    };
    if byte(0.0).is_nan() {
        return Err(Reason::new(format_args!(
            "its numbers go from {low} to {high}, which Kiln can't take for levels of grey"
        )));
    }
    Ok(values.iter().map(|value| byte(number(*value)) as u8).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lab_colours_are_those_of_the_standard() {
        // White, black, and the primaries of sRGB in L*a*b* with the white D50 (B. Lindbloom).
        for (lab, rgb) in [
            ([100.0, 0.0, 0.0], [255, 255, 255]),
            ([0.0, 0.0, 0.0], [0, 0, 0]),
            ([54.29, 80.81, 69.89], [255, 0, 0]),
            ([87.82, -79.29, 80.99], [0, 255, 0]),
            ([29.57, 68.30, -112.03], [0, 0, 255]),
            ([5.0, 0.0, 0.0], [17, 17, 17]),
        ] {
            let near = srgb(lab).iter().zip(rgb).all(|(a, b): (&u8, u8)| a.abs_diff(b) <= 1);
            assert!(near, "{lab:?}: {:?}", srgb(lab));
        }
    }

    #[test]
    fn numbers_that_are_no_levels_of_grey_are_told() {
        let float = |values: &[f32]| bytes_of(values, f64::from, true).map_err(|reason| reason.to_string());
        assert_eq!(float(&[0.0, 0.5, 1.0]), Ok(vec![0, 128, 255]));
        assert_eq!(float(&[0.0, 0.5, 200.0]), Ok(vec![0, 0, 200]));
        let words = "its numbers go from -3 to 7, which Kiln can't take for levels of grey";
        assert_eq!(float(&[-3.0, 7.0]), Err(words.to_owned()));
        assert!(float(&[0.0, 256.0]).is_err() && float(&[0.0, f32::NAN]).is_err());
        let long = |values: &[i32]| bytes_of(values, f64::from, false).ok();
        assert_eq!(long(&[0, 255]), Some(vec![0, 255]));
        assert_eq!(long(&[0, 65_535]), Some(vec![0, 255]));
        assert_eq!(long(&[0, 65_536]), None);
    }

    #[test]
    fn bits_are_unpacked_from_the_highest() {
        let all = |bits| unpacked(&[0b1011_0001], bits).collect::<Vec<_>>();
        assert_eq!(all(1), [1, 0, 1, 1, 0, 0, 0, 1]);
        assert_eq!(all(2), [2, 3, 0, 1]);
        assert_eq!(all(4), [0b1011, 1]);
        assert_eq!(all(8), [0b1011_0001]);
    }

    /// A file of one row.
    fn row<C: tiff::encoder::colortype::ColorType>(width: u32, values: &[C::Inner]) -> Vec<u8>
    where
        [C::Inner]: tiff::encoder::TiffValue,
    {
        let mut bytes = Cursor::new(Vec::new());
        let mut encoder = tiff::encoder::TiffEncoder::new(&mut bytes).unwrap();
        encoder.write_image::<C>(width, 1, values).unwrap();
        bytes.into_inner()
    }

    fn decoded(bytes: &[u8]) -> Result<Vec<u8>, String> {
        let plain = |_: &[u8]| Err(Reason::new("`image` does not read it"));
        decode(bytes, plain).map(RgbImage::into_raw).map_err(|reason| reason.to_string())
    }

    #[test]
    fn grey_of_every_depth_is_read() {
        use tiff::encoder::colortype::{Gray8, Gray16, Gray32, Gray64Float, GrayI8, GrayI16, GrayI32};
        let grey = |values: [u8; 3]| Ok(values.map(|value| [value; 3]).concat());
        assert_eq!(decoded(&row::<Gray8>(3, &[0, 100, 255])), grey([0, 100, 255]));
        assert_eq!(decoded(&row::<Gray16>(3, &[0, 25_601, 65_535])), grey([0, 100, 255]));
        assert_eq!(decoded(&row::<Gray32>(3, &[0, 100, 255])), grey([0, 100, 255]));
        assert_eq!(decoded(&row::<Gray64Float>(3, &[0.0, 0.5, 1.0])), grey([0, 128, 255]));
        assert_eq!(decoded(&row::<GrayI8>(3, &[0, 100, 127])), grey([0, 100, 127]));
        assert_eq!(decoded(&row::<GrayI16>(3, &[0, 25_601, 32_767])), grey([0, 100, 127]));
        assert_eq!(decoded(&row::<GrayI32>(3, &[0, 25_601, 65_535])), grey([0, 100, 255]));
    }

    #[test]
    fn both_kinds_of_lab_are_read() {
        let pixels = [[138, 81, 70], [255, 0, 0], [75, 68, 144]];
        let signed = row::<tiff::encoder::colortype::RGB8>(3, &pixels.concat());
        let shifted = pixels.map(|[l, a, b]: [u8; 3]| [l, a ^ 128, b ^ 128]);
        let shifted = row::<tiff::encoder::colortype::RGB8>(3, &shifted.concat());
        let cie = decoded(&reinterpreted(&signed, CIE_LAB).unwrap()).unwrap();
        assert_eq!(cie, decoded(&reinterpreted(&shifted, ICC_LAB).unwrap()).unwrap());
        let near =
            cie.iter().zip([255, 0, 0, 255, 255, 255, 0, 0, 255]).all(|(a, b): (&u8, u8)| a.abs_diff(b) < 9);
        assert!(near, "{cie:?}");
    }

    fn fixture(name: &str) -> Vec<u8> {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/images");
        std::fs::read(folder.join(name)).unwrap()
    }

    #[test]
    fn a_palette_without_all_its_colours_is_refused() {
        let mut bytes = fixture("palette.tif");
        let value = place_of(&bytes, Tag::ColorMap.to_u16()).unwrap();
        // Of 768 numbers 512 are left.
        bytes[value - 3] -= 1;
        assert_eq!(decoded(&bytes).unwrap_err(), "Kiln does not read palettes of 8 bits");
    }

    #[test]
    fn rows_of_a_palette_begin_with_a_byte() {
        let mut bytes = fixture("palette4.tif");
        let whole = decode(&bytes, |_| Err(Reason::cut())).unwrap();
        let value = place_of(&bytes, Tag::ImageWidth.to_u16()).unwrap();
        assert!(whole.width().is_multiple_of(2));
        bytes[value] -= 1;
        let narrower = image::imageops::crop_imm(&whole, 0, 0, whole.width() - 1, whole.height()).to_image();
        assert_eq!(decoded(&bytes).unwrap(), narrower.into_raw());
    }
}
