"""Kiln's programs, built as the README has it and copied out of the way of later builds."""

import os
import pathlib
import shutil
import subprocess


class Built:
    """The folder with `kiln` and `peers`, and with `kiln-libtorch` and `peers-libtorch` if LibTorch is there."""

    def __init__(self, root, folder, libtorch):
        self.root, self.libtorch = root, libtorch
        self.kiln, self._peers = folder / "kiln", folder / "peers"

    def devices(self):
        return ["libtorch", "cpu"] if self.libtorch else ["cpu"]

    def peers(self, device):
        return self._peers if device == "cpu" else self._peers.with_name("peers-libtorch")


def build(root, folder, offline):
    """Builds both, or takes what an earlier call built if `offline`."""
    libtorch = pathlib.Path(os.environ.get("LIBTORCH", root / ".libtorch/torch"))
    built = Built(root, folder, (libtorch / "lib").is_dir())
    if offline and built.kiln.exists():
        return built
    folder.mkdir(parents=True, exist_ok=True)
    if built.libtorch:
        cargo(root, "--features", "libtorch", "--bin", "kiln-libtorch", "--example", "peers")
        take(root, folder, "kiln-libtorch", "examples/peers", "-libtorch")
    cargo(root, "--bin", "kiln", "--example", "peers")
    take(root, folder, "kiln", "examples/peers", "")
    return built


def cargo(root, *arguments):
    subprocess.run(["cargo", "build", "--release", *arguments], cwd=root, check=True)


def take(root, folder, program, peers, suffix):
    release = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", root / "target")) / "release"
    shutil.copy2(release / program, folder / program)
    shutil.copy2(release / peers, folder / f"peers{suffix}")
