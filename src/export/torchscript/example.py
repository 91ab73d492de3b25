import json
import torch
network = torch.jit.load("model.torchscript", _extra_files=(extra := {"config.txt": ""}))
names = json.loads(extra["config.txt"])["kiln"]["names"]
probabilities = network(torch.from_numpy(images))[0].numpy(force=True)
