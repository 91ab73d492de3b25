"""Kiln's programs on a machine, and the time that is left there."""

import dataclasses
import os
import pathlib
import subprocess
import time


@dataclasses.dataclass
class Machine:
    root: pathlib.Path
    bin: pathlib.Path
    device: str
    folder: pathlib.Path
    deadline: float

    @property
    def gpu(self):
        return self.device.startswith("cuda")

    @property
    def images(self):
        return self.root / "examples/data/mnist160"

    def left(self):
        return self.deadline - time.monotonic()

    def fresh(self, name):
        """A new folder."""
        folder = self.folder / name
        folder.mkdir(parents=True)
        return folder

    def kiln(self, folder, *words, device=None, check=True, limit=120):
        """Runs `kiln` in a folder with a store of its own; what it said."""
        command = [self.bin / "kiln", *words, "--device", device or self.device, "--store", folder / "store"]
        done = self.run(command, folder, limit)
        if check and done.returncode:
            raise RuntimeError(f"ended with {done.returncode}: {done.stdout[-800:]}{done.stderr[-800:]}")
        return done

    def run(self, command, folder, limit=120):
        limit = max(10, min(limit, self.left()))
        return subprocess.run(
            [str(word) for word in command], cwd=folder, env=environment(), capture_output=True, text=True, timeout=limit
        )

    def start(self, folder, *words):
        """Starts `kiln` as `kiln` does."""
        command = [self.bin / "kiln", *words, "--device", self.device, "--store", folder / "store"]
        return subprocess.Popen(
            [str(word) for word in command], cwd=folder, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )


def environment():
    """Kiln's programs find the libraries of this Python's PyTorch."""
    import torch

    lib = str(pathlib.Path(torch.__file__).parent / "lib")
    return {**os.environ, "LD_LIBRARY_PATH": os.pathsep.join(filter(None, [lib, os.environ.get("LD_LIBRARY_PATH")]))}
