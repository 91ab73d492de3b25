// Runs a graph model of TensorFlow.js on images from standard input, one JSON list of numbers a line, and prints the
// probabilities of each. Takes the model's folder and the images' size.

import fs from "node:fs";
import readline from "node:readline";
import { createRequire } from "node:module";

const tf = createRequire(process.cwd() + "/")("@tensorflow/tfjs");
const [folder, size] = [process.argv[2], Number(process.argv[3])];
await tf.setBackend("cpu");
const file = JSON.parse(fs.readFileSync(`${folder}/model.json`, "utf8"));
const { paths, weights } = file.weightsManifest[0];
const bytes = Buffer.concat(paths.map((path) => fs.readFileSync(`${folder}/${path}`)));
const weightData = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
const parts = { modelTopology: file.modelTopology, format: file.format, signature: file.signature };
const model = await tf.loadGraphModel({ load: async () => ({ ...parts, weightSpecs: weights, weightData }) });
for await (const line of readline.createInterface({ input: process.stdin })) {
  const images = tf.tensor(JSON.parse(line), [1, size, size, 3]);
  console.log(JSON.stringify(Array.from(await model.predict({ images }).data())));
}
