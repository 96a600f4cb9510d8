// How long nsfwjs takes for one image in Node, with the weights of the published model:
//     node bench/peers/nsfwjs.cjs PIXELS HEIGHT WIDTH TIMES
// PIXELS is a file of RGB bytes: its own decoding is not counted. TensorFlow.js computes in
// WebAssembly with SIMD, the fastest of its backends that need no compiler.
const fs = require("node:fs");
const path = require("node:path");

const tf = require("@tensorflow/tfjs");
const { setWasmPaths } = require("@tensorflow/tfjs-backend-wasm");
const nsfwjs = require("nsfwjs");

const [file, height, width, times] = process.argv.slice(2);

async function main() {
  setWasmPaths(`${path.dirname(require.resolve("@tensorflow/tfjs-backend-wasm"))}/`);
  await tf.setBackend("wasm");
  await tf.ready();
  const model = await nsfwjs.load("InceptionV3", { size: 299 });
  const pixels = new Int32Array(fs.readFileSync(file));
  const image = tf.tensor3d(pixels, [Number(height), Number(width), 3], "int32");
  await model.classify(image, 5);
  const milliseconds = [];
  for (let n = 0; n < Number(times); n++) {
    const start = performance.now();
    await model.classify(image, 5);
    milliseconds.push(performance.now() - start);
  }
  console.log(JSON.stringify({ milliseconds }));
}

main();
