"""Images to measure with, the same each time. Arguments: FOLDER

small/<split>/<class>/  6,000 and 2,000 pictures of 28 x 28 pixels (PNG), ten classes
photos/                 200 pictures of 500 x 375 pixels (JPEG)
many/<class>/           60,000 such pictures, no two files alike
"""

import pathlib
import sys

import numpy
from PIL import Image, ImageFilter

# Called as those of the digits that the models here learn from: 0 to 9.
CLASSES = 10
random = numpy.random.default_rng(0)


def main(root):
    for split, count in (("train", 6000), ("val", 2000)):
        for i in range(count):
            small(i % CLASSES).save(place(root / "small" / split / str(i % CLASSES), f"{i:05}.png"))
    for i in range(200):
        photo().save(place(root / "photos", f"{i:05}.jpg"), quality=90)
    for i in range(60_000):
        same = (root / "small/train" / str(i % CLASSES) / f"{i % CLASSES:05}.png").read_bytes()
        # What stands behind a PNG's end is nothing to its readers, and another digest.
        place(root / "many" / str(i % CLASSES), f"{i:05}.png").write_bytes(same + i.to_bytes(4, "big"))


def place(folder, name):
    folder.mkdir(parents=True, exist_ok=True)
    return folder / name


def small(label):
    """A bar whose direction tells the class, with noise."""
    y, x = numpy.mgrid[-14:14, -14:14]
    angle = numpy.pi * label / CLASSES
    bar = numpy.abs(x * numpy.sin(angle) - y * numpy.cos(angle)) < 3
    return Image.fromarray((bar * 160 + random.integers(0, 95, (28, 28))).astype(numpy.uint8))


def photo():
    """Soft shapes with some grain: as large a file as a photograph's."""
    shapes = Image.fromarray(random.integers(0, 255, (12, 16, 3), dtype=numpy.uint8)).resize((500, 375), Image.BICUBIC)
    grain = numpy.asarray(shapes).astype(float) + random.normal(0, 12, (375, 500, 3))
    return Image.fromarray(grain.clip(0, 255).astype(numpy.uint8)).filter(ImageFilter.GaussianBlur(0.7))


main(pathlib.Path(sys.argv[1]))
