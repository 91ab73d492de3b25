import openvino
import yaml
names = yaml.safe_load(open("model_openvino_model/metadata.yaml", encoding="utf-8"))["names"]
network = openvino.compile_model("model_openvino_model/model.xml", "CPU")
probabilities = network(images)[0][0]
