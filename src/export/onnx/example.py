import ast
import onnxruntime
session = onnxruntime.InferenceSession("model.onnx")
names = ast.literal_eval(session.get_modelmeta().custom_metadata_map["names"])
probabilities = session.run(None, {"images": images})[0][0]
