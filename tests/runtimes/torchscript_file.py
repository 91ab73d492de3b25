"""TorchScript files, run by PyTorch."""

import json

import torch


def load(path):
    extra = {"config.txt": ""}
    model = torch.jit.load(path, map_location="cpu", _extra_files=extra).eval()
    metadata = json.loads(extra["config.txt"])
    height, size = metadata["imgsz"]
    assert height == size and metadata["task"] == "classify", metadata
    names = {int(index): name for index, name in metadata["names"].items()}

    def run(images):
        with torch.inference_mode():
            return model(torch.from_numpy(images))[0].numpy()

    return names, size, run
