import tensorflow
import yaml
names = yaml.safe_load(open("model_saved_model/metadata.yaml", encoding="utf-8"))["names"]
network = tensorflow.saved_model.load("model_saved_model")
run = network.signatures["serving_default"]
probabilities = run(images=tensorflow.constant(images.transpose(0, 2, 3, 1)))["output0"].numpy()[0]
