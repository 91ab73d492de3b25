"""ExecuTorch folders, run by ExecuTorch's portable kernels."""

from pathlib import Path

import numpy as np
import torch
import yaml
from executorch.runtime import Runtime


def load(path):
    (program,) = Path(path).glob("*.pte")
    method = Runtime.get().load_program(program).load_method("forward")
    metadata = yaml.safe_load((Path(path) / "metadata.yaml").read_text(encoding="utf-8"))

    def run(images):
        # It takes numbers as they lie in memory, whatever order the array thinks of.
        (probabilities,) = method.execute([torch.from_numpy(np.ascontiguousarray(images))])
        return probabilities.numpy()[0].copy()

    return metadata["names"], metadata["imgsz"][0], run
