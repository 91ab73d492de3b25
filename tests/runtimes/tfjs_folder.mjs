// Runs a graph model of TensorFlow.js on images from standard input, one JSON list of numbers a line, and prints the
// probabilities of each. Takes the model's folder and the images' size. The model is fetched as a browser does it.
// The package `@tensorflow/tfjs` is looked for where the environment variable NODE_PATH says.

import fs from "node:fs";
import http from "node:http";
import { createRequire } from "node:module";
import path from "node:path";
import readline from "node:readline";

const tf = createRequire(import.meta.url)("@tensorflow/tfjs");
const [folder, size] = [process.argv[2], Number(process.argv[3])];
const server = http.createServer((request, answer) => {
  answer.end(fs.readFileSync(path.join(folder, path.basename(request.url))));
});
await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
await tf.setBackend("cpu");
const model = await tf.loadGraphModel(`http://127.0.0.1:${server.address().port}/model.json`);
server.close();
for await (const line of readline.createInterface({ input: process.stdin })) {
  const images = tf.tensor(JSON.parse(line), [1, size, size, 3]);
  console.log(JSON.stringify(Array.from(await model.predict({ images }).data())));
}
