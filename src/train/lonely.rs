//! A batch of one image whose feature map is one pixel: batch norm has nothing to take a mean over.

use crate::{
    error::{Error, Result},
    zoo::{Arch, arch::Block},
};

/// Checks that no batch of training images leaves a batch norm with a single value (section 4.4).
///
/// # Errors
/// If one does, which would make all its outputs zero.
pub fn check(arch: &Arch, images: usize, batch: usize, size: usize) -> Result<()> {
    let alone = batch == 1 || images % batch == 1;
    if !alone || size > stride(arch) {
        return Ok(());
    }
    let cause = match batch {
        1 => "each batch has one image".to_owned(),
        _ => format!("{images} training images in batches of {batch} leave one image for the last"),
    };
    let message =
        format!("{cause}, and at {size} pixels its last feature map is 1 x 1: too little for a batch norm");
    Err(Error::new(message).help("choose another `batch`, a larger `size`, or add or leave out an image"))
}

/// How many pixels of the image, per side, become one of the last feature map.
fn stride(arch: &Arch) -> usize {
    arch.rows.iter().map(|row| of_block(&row.block)).product()
}

fn of_block(block: &Block) -> usize {
    match block {
        Block::Conv { stride, .. } | Block::Classify { stride, .. } => *stride,
        // The stem has a convolution and a pooling of stride 2 each.
        Block::ResNetLayer { first: true, .. } => 4,
        Block::ResNetLayer { stride, .. } => *stride,
        Block::Sequence(blocks) => blocks.iter().map(of_block).product(),
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_image_at_one_pixel_is_refused() {
        let arch = Arch::built_in("yolo11n-cls", 10).unwrap();
        assert_eq!(stride(&arch), 32);
        let check = |images, batch, size| check(&arch, images, batch, size);
        assert!(check(33, 16, 33).is_ok() && check(34, 16, 32).is_ok() && check(32, 16, 32).is_ok());
        insta::assert_snapshot!(check(33, 16, 32).unwrap_err(), @"33 training images in batches of 16 leave one image for the last, and at 32 pixels its last feature map is 1 x 1: too little for a batch norm");
        insta::assert_snapshot!(check(5, 1, 24).unwrap_err(), @"each batch has one image, and at 24 pixels its last feature map is 1 x 1: too little for a batch norm");
        assert!(check(1, 16, 32).is_err());
    }
}
