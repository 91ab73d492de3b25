//! Writes Fashion-MNIST as folders of PNG files, for `pipelines/fashion_mnist.yaml`.
//!
//! ```text
//! apt-get install dataset-fashion-mnist
//! cargo run --release --example fashion_mnist
//! ```
//!
//! Reads the four IDX files of Debian's package (Xiao, Rasul and Vollgraf, 2017; MIT licence) and writes the
//! first 6,000 images of its train split and the first 2,000 of its test split as
//! `<out>/train/<class>/<number>.png` and `<out>/val/<class>/<number>.png`.

use std::{
    error::Error,
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
};

use flate2::read::GzDecoder;
use image::GrayImage;

const CLASSES: [&str; 10] =
    ["t-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle-boot"];
/// Split, the name that the IDX files begin with, and how many images to take.
const SPLITS: [(&str, &str, usize); 2] = [("train", "train", 6000), ("val", "t10k", 2000)];

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1).map(PathBuf::from);
    let from = arguments.next().unwrap_or_else(|| "/usr/share/datasets/fashion-mnist".into());
    let out = arguments.next().unwrap_or_else(|| "examples/data/fashion-mnist".into());
    for (split, name, count) in SPLITS {
        write(&from, name, &out.join(split), count)?;
        println!("{count} images in {}", out.join(split).display());
    }
    Ok(())
}

fn write(from: &Path, name: &str, out: &Path, count: usize) -> Result<(), Box<dyn Error>> {
    let (sizes, pixels) = idx(&from.join(format!("{name}-images-idx3-ubyte.gz")))?;
    let (_, labels) = idx(&from.join(format!("{name}-labels-idx1-ubyte.gz")))?;
    let [_, height, width] = sizes[..] else { return Err("images must have three sizes".into()) };
    for class in CLASSES {
        fs::create_dir_all(out.join(class))?;
    }
    let images = pixels.chunks_exact(height * width).zip(&labels).take(count).enumerate();
    for (number, (pixels, label)) in images {
        let class = CLASSES.get(usize::from(*label)).ok_or("a label is not one of ten classes")?;
        let image = GrayImage::from_raw(width as u32, height as u32, pixels.to_vec());
        image.ok_or("an image has too few pixels")?.save(out.join(class).join(format!("{number:05}.png")))?;
    }
    Ok(())
}

/// Sizes and bytes of an IDX file: two zeros, the type (8 for bytes), the number of sizes, the sizes
/// as big-endian numbers of four bytes, the data.
fn idx(path: &Path) -> Result<(Vec<usize>, Vec<u8>), Box<dyn Error>> {
    let file = File::open(path).map_err(|error| format!("cannot open {}: {error}", path.display()))?;
    let mut bytes = Vec::new();
    GzDecoder::new(file).read_to_end(&mut bytes)?;
    let [0, 0, 8, rank, ..] = bytes[..] else {
        return Err(format!("{} is no IDX file of bytes", path.display()).into());
    };
    let start = 4 + 4 * usize::from(rank);
    let header = bytes.get(4..start).ok_or("the IDX file ends in its head")?;
    let size = |bytes: &[u8]| bytes.iter().fold(0, |size, byte| size << 8 | usize::from(*byte));
    Ok((header.chunks_exact(4).map(size).collect(), bytes.split_off(start)))
}
