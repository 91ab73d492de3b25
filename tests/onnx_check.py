"""Holds an exported ONNX file against Kiln's own predictions, with onnx, onnxruntime and Pillow.

usage: onnx_check.py MODEL.onnx PREDICTIONS.csv DATASET_FOLDER

PREDICTIONS.csv is that of a `val` node on the dataset. Images are prepared here anew, as the metadata says
(resize of the shortest side, centre crop, division by 255), so that decoding, preprocessing, the network and the
class names are all checked by programs that share nothing with Kiln.
"""

import ast
import csv
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
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


def main(model_path, predictions_path, dataset):
    model = onnx.load(model_path)
    onnx.checker.check_model(model, full_check=True)
    opset = max(entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx"))
    assert opset >= 17, f"opset {opset}"

    session = onnxruntime.InferenceSession(model_path, providers=["CPUExecutionProvider"])
    (entry,), (result,) = session.get_inputs(), session.get_outputs()
    assert (entry.name, result.name) == ("images", "output0"), (entry.name, result.name)
    metadata = session.get_modelmeta().custom_metadata_map
    names = ast.literal_eval(metadata["names"])
    height, size = ast.literal_eval(metadata["imgsz"])
    assert height == size == entry.shape[3], (metadata["imgsz"], entry.shape)

    largest, count = 0.0, 0
    with open(predictions_path, newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            images = prepare(Path(dataset) / row["path"], size)[None]
            (probabilities,) = session.run(None, {"images": images})[0]
            assert abs(probabilities.sum() - 1) < 1e-5, (row["path"], probabilities.sum())
            by_name = {names[index]: float(p) for index, p in enumerate(probabilities)}
            listed = [(row["predicted"], row["confidence"]), (row["true"], row["true_confidence"])]
            k = 2
            while row.get(f"predicted_{k}"):
                listed.append((row[f"predicted_{k}"], row[f"confidence_{k}"]))
                k += 1
            largest = max([largest, *(abs(by_name[name] - float(p)) for name, p in listed)])
            count += 1
    print(f"{count} images, opset {opset}: largest difference of a probability {largest:.2e}")
    assert count > 0, "there are predictions to compare with"
    assert largest <= TOLERANCE, f"more than {TOLERANCE}"


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
