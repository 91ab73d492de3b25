import ncnn
import yaml
names = yaml.safe_load(open("model_ncnn_model/metadata.yaml", encoding="utf-8"))["names"]
network = ncnn.Net()
network.load_param("model_ncnn_model/model.ncnn.param")
network.load_model("model_ncnn_model/model.ncnn.bin")
extractor = network.create_extractor()
extractor.input("in0", ncnn.Mat(np.ascontiguousarray(images[0])).clone())
probabilities = np.array(extractor.extract("out0")[1])
