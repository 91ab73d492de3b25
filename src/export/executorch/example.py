import torch
import yaml
from executorch.runtime import Runtime
names = yaml.safe_load(open("model_executorch_model/metadata.yaml", encoding="utf-8"))["names"]
method = Runtime.get().load_program("model_executorch_model/model.pte").load_method("forward")
probabilities = method.execute([torch.from_numpy(np.ascontiguousarray(images))])[0].numpy()[0]
