"""Images a second that torchvision loads on one thread: the twin of `load.rs`. Arguments: FOLDER train|eval SECONDS"""

import itertools
import pathlib
import sys

import torch
import torchvision.transforms as T
from PIL import Image
from torchvision.transforms import InterpolationMode

from rate import rate

torch.set_num_threads(1)
CHAINS = {
    "train": [
        T.RandomResizedCrop(224, scale=(0.5, 1.0)),
        T.RandomHorizontalFlip(),
        T.RandAugment(interpolation=InterpolationMode.BILINEAR),
        T.ToTensor(),
        T.RandomErasing(0.4, inplace=True),
    ],
    "eval": [T.Resize(224), T.CenterCrop(224), T.ToTensor()],
}
chain = T.Compose(CHAINS[sys.argv[2]])
paths = itertools.cycle(sorted(pathlib.Path(sys.argv[1]).rglob("*.jpg")))


def load():
    with Image.open(next(paths)) as image:
        return chain(image.convert("RGB"))


print(rate(1, float(sys.argv[3]), load))
