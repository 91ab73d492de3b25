"""The peers' Python: an environment of its own, into which each peer is installed when a row first asks for it."""

import subprocess
import sys

TORCH = ["torch==2.9.0", "torchvision==0.24.0", "numpy", "pillow"]
# What a peer needs, each with the same PyTorch.
NEEDS = {
    "torch": TORCH,
    "onnxruntime": ["onnxruntime", "numpy"],
    "ultralytics": [*TORCH, "ultralytics==8.4.190", "onnx", "onnxslim"],
}


class Environment:
    def __init__(self, folder, offline):
        self.folder, self.offline, self.faults = folder, offline, {}
        self.python = folder / "bin/python"
        if not self.python.exists():
            subprocess.run([sys.executable, "-m", "venv", folder], check=True)

    def fault(self, peer):
        """Why a peer can't be used; nothing if it can."""
        if peer not in self.faults:
            self.faults[peer] = self._install(peer)
        return self.faults[peer]

    def _install(self, peer):
        if self.version(peer):
            return ""
        if self.offline:
            return f"{peer} is not installed, and --offline was given"
        print(f"installing {peer}", file=sys.stderr)
        pip = [self.python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *NEEDS[peer]]
        done = subprocess.run(pip, stderr=subprocess.PIPE, text=True)
        return "" if done.returncode == 0 else f"{peer} can't be installed: {(done.stderr.strip().splitlines() or ['?'])[-1]}"

    def version(self, package):
        """The version of an installed package; empty if it is not there."""
        ask = "import importlib.metadata as m, sys; print(m.version(sys.argv[1]))"
        done = subprocess.run([self.python, "-c", ask, package], capture_output=True, text=True)
        return done.stdout.strip()
