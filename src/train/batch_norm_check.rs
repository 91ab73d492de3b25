//! A batch of one image whose feature map is one pixel: batch norm has nothing to take a mean over.

use crate::{
    arch::{Arch, Costs},
    error::{Error, Result},
};

/// Checks that no batch of training images leaves a batch norm with a single value (docs/reference.md, Batches).
///
/// # Errors
/// If one does, which would make all its outputs zero; or if images of `size`² pixels are none for `arch`.
pub(super) fn check(arch: &Arch, images: usize, batch: usize, size: usize) -> Result<()> {
    let pixel = Costs::of(arch, size)?.shapes.iter().any(|map| matches!(map[..], [_, 1, 1]));
    let alone = batch == 1 || images % batch == 1;
    if !(alone && pixel) {
        return Ok(());
    }
    if images == 1 {
        let message = format!(
            "one training image, and at {size} pixels its last feature map is 1 x 1: too little for a batch norm"
        );
        return Err(Error::new(message)
            .help("add images, raise `fraction` if there is one, or choose a larger `size`"));
    }
    let cause = match batch {
        1 => "each batch has one image".to_owned(),
        _ => format!("{images} training images in batches of {batch} leave one image for the last"),
    };
    let message =
        format!("{cause}, and at {size} pixels its last feature map is 1 x 1: too little for a batch norm");
    Err(Error::new(message).help("choose another `batch`, a larger `size`, or add or leave out an image"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_image_at_one_pixel_is_refused() {
        let arch = Arch::built_in("yolo11n-cls", 10).unwrap();
        let check = |images, batch, size| check(&arch, images, batch, size);
        assert!(check(33, 16, 33).is_ok() && check(34, 16, 32).is_ok() && check(32, 16, 32).is_ok());
        insta::assert_snapshot!(check(33, 16, 32).unwrap_err(), @"33 training images in batches of 16 leave one image for the last, and at 32 pixels its last feature map is 1 x 1: too little for a batch norm");
        insta::assert_snapshot!(check(5, 1, 24).unwrap_err(), @"each batch has one image, and at 24 pixels its last feature map is 1 x 1: too little for a batch norm");
        insta::assert_snapshot!(check(1, 16, 32).unwrap_err(), @"one training image, and at 32 pixels its last feature map is 1 x 1: too little for a batch norm");
    }
}
