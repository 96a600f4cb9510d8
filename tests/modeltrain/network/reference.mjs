// Runs a model of the package as the package itself does, on raw RGB images of the model's size.
// `node reference.mjs <folder of nsfwjs> <file of images, bytes> <model> <size>` prints a JSON list
// of rows.

import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { setThreadsCount, setWasmPaths } from "@tensorflow/tfjs-backend-wasm";

const [, , packageFolder, images, name = "inception_v3", side = "299"] = process.argv;
const require = createRequire(import.meta.url);
const wasm = require.resolve("@tensorflow/tfjs-backend-wasm");
setWasmPaths(`${wasm.slice(0, wasm.lastIndexOf("dist"))}dist/`);
setThreadsCount(1);
await tf.setBackend("wasm");

const folder = resolve(packageFolder, "dist/models", name);
/** @param {string} name */
const load = (name) => {
  const module = require(join(folder, name));
  return module.default ?? module;
};
/** @param {string} name */
const number = (name) => Number(/shard(\d+)of/.exec(name)?.[1]);
const shards = readdirSync(folder)
  .filter((name) => name.startsWith("group1-shard"))
  .sort((a, b) => number(a) - number(b));
const joined = Buffer.concat(shards.map((name) => Buffer.from(load(name), "base64")));
const { format, modelTopology, weightsManifest } = load("model.min.js");
const files = tf.io.fromMemory({
  modelTopology,
  weightSpecs: weightsManifest[0].weights,
  weightData: joined.buffer.slice(joined.byteOffset, joined.byteOffset + joined.length),
});
const model = await (format === "graph-model" ? tf.loadGraphModel : tf.loadLayersModel)(files);
const bytes = readFileSync(images);
const pixels = Number(side);
const size = pixels * pixels * 3;
const rows = [];
for (let start = 0; start < bytes.length; start += size) {
  const values = Float32Array.from(bytes.subarray(start, start + size), (value) => value / 255);
  const input = tf.tensor4d(values, [1, pixels, pixels, 3]);
  const output = /** @type {tf.Tensor} */ (model.predict(input));
  rows.push(Array.from(output.dataSync()));
  tf.dispose([input, output]);
}
process.stdout.write(JSON.stringify(rows));
