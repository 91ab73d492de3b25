import json
import MNN.expr
import MNN.nn
network = MNN.nn.load_module_from_file("model.mnn", ["images"], ["output0"])
names = json.loads(network.get_info()["bizCode"])["kiln"]["names"]
entry = MNN.expr.const(images.ravel().tolist(), list(images.shape), MNN.expr.NCHW)
probabilities = np.array(network.forward([entry])[0].read())[0]
