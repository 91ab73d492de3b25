"""Images a second of PyTorch's fused network: the twin of `infer.rs`. Arguments: SIZE BATCH SECONDS"""

import os
import sys

import torch

from network import fused, images, network
from rate import rate

size, batch, seconds = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
torch.set_num_threads(os.cpu_count())
model, pixels = fused(network()), images(batch, size)


def infer():
    with torch.inference_mode():
        return model(pixels).tolist()


print(rate(batch, seconds, infer))
