import tensorflow
import yaml
names = yaml.safe_load(open("metadata.yaml", encoding="utf-8"))["names"]
graph = tensorflow.compat.v1.GraphDef.FromString(open("model.pb", "rb").read())
load = lambda: tensorflow.compat.v1.import_graph_def(graph, name="")
run = tensorflow.compat.v1.wrap_function(load, []).prune("images:0", "output0:0")
probabilities = run(tensorflow.constant(images.transpose(0, 2, 3, 1))).numpy()[0]
