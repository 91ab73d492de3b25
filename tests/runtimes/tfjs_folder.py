"""Models of TensorFlow.js, run by Node, which finds the package `@tensorflow/tfjs` below NODE_PATH."""

import json
import subprocess
from pathlib import Path

import numpy as np
import yaml


def load(path):
    told = yaml.safe_load((Path(path) / "metadata.yaml").read_text(encoding="utf-8"))
    height, size = told["imgsz"]
    assert height == size and told["task"] == "classify", told
    assert told["kiln"]["preprocessing"]["layout"] == "NHWC", told
    script = str(Path(__file__).with_suffix(".mjs"))
    node = subprocess.Popen(
        ["node", script, str(path), str(size)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )

    def run(images):
        node.stdin.write(json.dumps(images.transpose(0, 2, 3, 1).ravel().tolist()) + "\n")
        node.stdin.flush()
        line = node.stdout.readline()
        while not line.startswith("["):
            assert line, "Node has ended"
            line = node.stdout.readline()
        return np.array(json.loads(line), dtype=np.float32)

    return told["names"], size, run
