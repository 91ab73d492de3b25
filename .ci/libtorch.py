"""Puts PyTorch 2.9.0 into a folder, a large wheel at a time: at once they need room twice, 10 GB and more.

What it needs is read from its own metadata; triton, the compiler of torch.compile, is left out.
"""

import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

FOLDER = Path(sys.argv[1])
NEEDS = re.compile(r'^Requires-Dist: ([^;\n]+)(?:; platform_system == "Linux".*)?$', re.MULTILINE)


def pip(command, *rest):
    quiet = ["--quiet", "--disable-pip-version-check", "--no-cache-dir"]
    subprocess.run([sys.executable, "-m", "pip", command, *quiet, *rest], check=True)


def unpack(requirement):
    with tempfile.TemporaryDirectory() as wheels:
        pip("download", "--no-deps", "--dest", wheels, requirement)
        for wheel in Path(wheels).iterdir():
            zipfile.ZipFile(wheel).extractall(FOLDER)


unpack("torch==2.9.0")
metadata = next(FOLDER.glob("torch-*.dist-info/METADATA")).read_text(encoding="utf-8")
needs = [need.strip() for need in NEEDS.findall(metadata)]
for large in (need for need in needs if need.startswith("nvidia-")):
    unpack(large)
pip("install", "--target", str(FOLDER), *(need for need in needs if not need.startswith(("nvidia-", "triton"))))
