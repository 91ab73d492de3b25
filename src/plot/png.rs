//! Pictures as PNG files.

use std::io::Cursor;

use image::{ImageFormat, RgbImage};

use crate::error::{Error, Result};

/// The bytes of a PNG file.
///
/// # Errors
/// If the format can't hold the picture: it has no pixels.
pub(crate) fn png(image: &RgbImage) -> Result<Vec<u8>> {
    let mut bytes = Cursor::new(Vec::new());
    let made = image.write_to(&mut bytes, ImageFormat::Png);
    made.map_err(|error| Error::new("cannot make a PNG of a picture").because(error))?;
    Ok(bytes.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_read_back_and_nothing_is_none() {
        let image = RgbImage::from_fn(3, 2, |x, y| image::Rgb([x as u8, y as u8, 7]));
        let bytes = png(&image).unwrap();
        assert_eq!(bytes, png(&image).unwrap());
        assert_eq!(image::load_from_memory(&bytes).unwrap().into_rgb8(), image);
        assert!(png(&RgbImage::new(0, 2)).is_err());
    }
}
