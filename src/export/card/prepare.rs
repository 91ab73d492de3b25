//! An eval chain as Python, for who runs an exported network without Kiln.

use crate::{
    data::{
        resample::Interpolation,
        transform::{EvalOp, Letterbox, Normalize, Reduce, Resize, Squash},
    },
    export::Options,
};

/// Opens the image.
const HEAD: &str = "import numpy as np\nfrom PIL import Image, ImageOps\n\n\
                    image = ImageOps.exif_transpose(Image.open(\"image.jpg\")).convert(\"RGB\")\n";

/// Lines that make `images` of the file `image.jpg` as a file with such options takes them: `[1, 3, size, size]`,
/// channels last, or pixels where the file prepares them itself.
pub(super) fn lines(eval: &[EvalOp], size: usize, options: Options) -> String {
    if options.include.is_some() {
        return format!("{HEAD}images = np.asarray(image)[None]\n");
    }
    let pixels = eval.iter().filter_map(|op| on_pixels(op, size));
    let numbers = eval.iter().filter_map(on_numbers);
    let between = "images = np.asarray(image, np.float32).transpose(2, 0, 1)[None] / np.float32(255)\n";
    let last = if options.layout.is_nchw() { "" } else { "images = images.transpose(0, 2, 3, 1)\n" };
    let chain = pixels.chain([between.to_owned()]).chain(numbers).chain([last.to_owned()]);
    format!("{HEAD}{}", chain.collect::<String>())
}

fn on_pixels(op: &EvalOp, size: usize) -> Option<String> {
    Some(match op {
        EvalOp::Reduce(Reduce { margin }) => format!(
            "for _ in range(3):\n    if min(image.size) >= 2 * {margin} * {size}:\n        image = image.reduce(2)\n"
        ),
        EvalOp::Resize(Resize { size: own, interpolation }) => format!(
            "sides = [{} * side // min(image.size) for side in image.size]\nimage = image.resize(sides, {})\n",
            own.map_or(size, |own| own as usize),
            filter(*interpolation)
        ),
        EvalOp::Letterbox(Letterbox { fill: [red, green, blue], interpolation }) => format!(
            "image = ImageOps.pad(image, ({size}, {size}), {}, ({red}, {green}, {blue}))\n",
            filter(*interpolation)
        ),
        EvalOp::Squash(Squash { interpolation }) => {
            format!("image = image.resize(({size}, {size}), {})\n", filter(*interpolation))
        }
        EvalOp::CenterCrop(_) => format!(
            "left, top = (round((side - {size}) / 2) for side in image.size)\n\
             image = image.crop((left, top, left + {size}, top + {size}))\n"
        ),
        EvalOp::Grayscale(_) => "image = image.convert(\"L\").convert(\"RGB\")\n".to_owned(),
        EvalOp::Normalize(_) => return None,
    })
}

fn on_numbers(op: &EvalOp) -> Option<String> {
    let EvalOp::Normalize(Normalize { mean, std }) = op else { return None };
    let column = |numbers: &[f32; 3]| format!("np.float32({numbers:?}).reshape(3, 1, 1)");
    Some(format!("images = (images - {}) / {}\n", column(mean), column(std)))
}

fn filter(interpolation: Interpolation) -> &'static str {
    match interpolation {
        Interpolation::Bilinear => "Image.Resampling.BILINEAR",
        Interpolation::Bicubic => "Image.Resampling.BICUBIC",
    }
}
