import json
import zipfile
from ai_edge_litert.interpreter import Interpreter
names = json.loads(zipfile.ZipFile("model.tflite").read("metadata.json"))["kiln"]["names"]
network = Interpreter("model.tflite")
network.allocate_tensors()
network.set_tensor(network.get_input_details()[0]["index"], images)
network.invoke()
probabilities = network.get_tensor(network.get_output_details()[0]["index"])[0]
