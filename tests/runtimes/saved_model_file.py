"""SavedModels, run by TensorFlow."""

from pathlib import Path

import tensorflow
import yaml


def metadata(folder):
    """Names by index and the images' size, as the file beside a graph says them."""
    told = yaml.safe_load((Path(folder) / "metadata.yaml").read_text(encoding="utf-8"))
    height, size = told["imgsz"]
    assert height == size and told["task"] == "classify", told
    assert told["kiln"]["preprocessing"]["layout"] == "NHWC", told
    return told["names"], size


def load(path):
    model = tensorflow.saved_model.load(path)
    run = model.signatures["serving_default"]
    names, size = metadata(path)

    def probabilities(images):
        _ = model  # What it holds is freed with it.
        return run(images=tensorflow.constant(images.transpose(0, 2, 3, 1)))["output0"].numpy()[0]

    return names, size, probabilities
