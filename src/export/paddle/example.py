import yaml
from paddle.inference import Config, create_predictor
names = yaml.safe_load(open("model_paddle_model/metadata.yaml", encoding="utf-8"))["names"]
network = create_predictor(Config("model_paddle_model/model.json", "model_paddle_model/model.pdiparams"))
network.get_input_handle("images").copy_from_cpu(images)
network.run()
probabilities = network.get_output_handle(network.get_output_names()[0]).copy_to_cpu()[0]
