"""SavedModels, run by TensorFlow."""

from pathlib import Path

import numpy as np
import tensorflow
import yaml

# What an image may differ by when it is run among others.
ALIKE = 1e-5


def metadata(folder):
    """Names by index and the images' size, as the file beside a graph says them."""
    told = yaml.safe_load((Path(folder) / "metadata.yaml").read_text(encoding="utf-8"))
    height, size = told["imgsz"]
    assert height == size and told["task"] == "classify", told
    assert told["kiln"]["preprocessing"]["layout"] == "NHWC", told
    return told["names"], size


def channels_last(run, batch):
    """Runs one image, with its channels last; where the file takes any number of images, also among two others."""

    def probabilities(images):
        images = images.transpose(0, 2, 3, 1)
        given = run(tensorflow.constant(images)).numpy()[0]
        if batch is None:
            three = run(tensorflow.constant(np.concatenate([1 - images, images, images / 2]))).numpy()
            assert np.abs(three[1] - given).max() < ALIKE, (three, given)
        return given

    return probabilities


def load(path):
    model = tensorflow.saved_model.load(path)
    signature = model.signatures["serving_default"]
    names, size = metadata(path)

    def run(images):
        _ = model  # What it holds is freed with it.
        return signature(images=images)["output0"]

    batch, *sides, _ = signature.structured_input_signature[1]["images"].shape
    assert sides == [size, size], sides
    return names, size, channels_last(run, batch)
