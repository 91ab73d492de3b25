//! JPEG 2000, as a codestream or in a JP2 file.

use hayro_jpeg2000::{ColorSpace, DecodeSettings, DecoderContext, Image};
use image::RgbImage;

use super::{Reason, check_size, from_samples};

/// Bytes that decoding takes for each sample: a float for it and one for its coefficient.
const MEMORY: u64 = 8;

const END: [u8; 2] = [0xFF, 0xD9];

pub(super) fn decode(bytes: &[u8]) -> Result<RgbImage, Reason> {
    // What is cut has many faults: the first that is found says little.
    whole(bytes).map_err(|reason| if bytes.ends_with(&END) { reason } else { Reason::cut() })
}

fn whole(bytes: &[u8]) -> Result<RgbImage, Reason> {
    let settings = DecodeSettings { strict: true, ..DecodeSettings::default() };
    let image = Image::new(bytes, &settings).map_err(Reason::new)?;
    let size = (image.width(), image.height());
    let samples = u64::from(size.0) * u64::from(size.1) * u64::from(image.color_space().num_channels() + 1);
    check_size(size.0, size.1, samples.saturating_mul(MEMORY))?;
    let mut context = DecoderContext::default();
    let decoded = image.decode(&mut context).map_err(Reason::new)?;
    let planes = decoded.components();
    let wanted = size.0 as usize * size.1 as usize;
    if planes.iter().any(|plane| plane.samples().len() != wanted) {
        return Err(Reason::new("its colours have several resolutions, which Kiln does not read"));
    }
    let (channels, samples) = (planes.len(), decoded.data_u8());
    match image.color_space() {
        ColorSpace::CMYK if channels >= 4 => {
            let rgb: Vec<u8> = samples.chunks_exact(channels).flat_map(from_cmyk).collect();
            from_samples(size, &rgb, 3, |value| value)
        }
        _ => from_samples(size, &samples, channels, |value| value),
    }
}

/// As much light as neither the colour nor black takes away.
fn from_cmyk(pixel: &[u8]) -> [u8; 3] {
    let light = |ink: u8| 255 - u32::from(ink);
    [0, 1, 2].map(|colour| (light(pixel[colour]) * light(pixel[3]) / 255) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ink_takes_light_away() {
        assert_eq!(from_cmyk(&[0, 0, 0, 0]), [255; 3]);
        assert_eq!(from_cmyk(&[255, 0, 0, 0]), [0, 255, 255]);
        assert_eq!(from_cmyk(&[0, 0, 0, 255]), [0; 3]);
        assert_eq!(from_cmyk(&[51, 102, 0, 127]), [102, 76, 128]);
    }

    #[test]
    fn an_end_does_not_make_half_a_picture_whole() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/images");
        for name in ["lossless.jp2", "grey.j2k"] {
            let bytes = std::fs::read(folder.join(name)).unwrap();
            assert!(decode(&bytes).is_ok());
            assert!(decode(&[&bytes[..bytes.len() / 2], &END].concat()).is_err(), "{name}");
        }
    }
}
