import ncnn
import yaml
names = yaml.safe_load(open("model_ncnn_model/metadata.yaml", encoding="utf-8"))["names"]
network = ncnn.Net()
network.load_param("model_ncnn_model/model.ncnn.param")
network.load_model("model_ncnn_model/model.ncnn.bin")
extractor = network.create_extractor()
image = np.ascontiguousarray(images[0])
extractor.input("in0", ncnn.Mat(image).clone())
status, probabilities = extractor.extract("out0")
probabilities = np.array(probabilities)
