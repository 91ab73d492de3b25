import ast
import coremltools
network = coremltools.models.MLModel("model.mlpackage")
names = ast.literal_eval(network.user_defined_metadata["names"])
labels = network.predict({"images": image})["classLabel_probs"]
probabilities = np.array([labels[names[index]] for index in range(len(names))])
