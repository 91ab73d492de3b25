"""Holds an exported file, run by the program that it is for, against Kiln's own predictions.

usage: check.py FORMAT MODEL PREDICTIONS.csv DATASET_FOLDER [TOLERANCE]

FORMAT is the name of a file beside this one, whose `load(path)` gives class names by index, the images' size and a function
from images [1, 3, size, size] to probabilities [classes]; its own `prepare(path, size)` is taken where it has one. PREDICTIONS.csv is that of a `val` node on the dataset. Images are
prepared here anew (resize of the shortest side, centre crop, division by 255), so that decoding, preprocessing, the network
and the class names are all checked by programs that share nothing with Kiln.
"""

import csv
import importlib
import sys
from pathlib import Path

import numpy as np
from PIL import Image

# Probabilities may differ by rounding alone; a wrong pixel or a wrong weight changes far more.
TOLERANCE = 1e-4


def prepare(path, size):
    """An image as [3, size, size] in 0 to 1: Pillow's antialiased bilinear filter, then the middle."""
    image = Image.open(path).convert("RGB")
    width, height = image.size
    if width <= height:
        scaled = (size, int(size * height / width))
    else:
        scaled = (int(size * width / height), size)
    if scaled != image.size:
        image = image.resize(scaled, Image.Resampling.BILINEAR)
    left, top = round((scaled[0] - size) / 2), round((scaled[1] - size) / 2)
    image = image.crop((left, top, left + size, top + size))
    return np.asarray(image, dtype=np.float32).transpose(2, 0, 1) / np.float32(255)


def main(form, model, predictions, dataset, tolerance=TOLERANCE):
    module = importlib.import_module(form)
    names, size, run = module.load(model)
    prepared = getattr(module, "prepare", prepare)
    largest, count = 0.0, 0
    with open(predictions, newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            probabilities = run(prepared(Path(dataset) / row["path"], size)[None])
            assert abs(probabilities.sum() - 1) < 1e-2, (row["path"], probabilities.sum())
            by_name = {names[index]: float(p) for index, p in enumerate(probabilities)}
            listed = [(row["predicted"], row["confidence"]), (row["true"], row["true_confidence"])]
            k = 2
            while row.get(f"predicted_{k}"):
                listed.append((row[f"predicted_{k}"], row[f"confidence_{k}"]))
                k += 1
            largest = max([largest, *(abs(by_name[name] - float(p)) for name, p in listed)])
            count += 1
    print(f"{form}: {count} images: largest difference of a probability {largest:.2e}")
    assert count > 0, "there are predictions to compare with"
    assert largest <= float(tolerance), f"more than {tolerance}"


if __name__ == "__main__":
    if len(sys.argv) not in (5, 6):
        sys.exit(__doc__)
    main(*sys.argv[1:])
