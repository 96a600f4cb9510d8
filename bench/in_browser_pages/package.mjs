// The npm package as its documentation loads it: Inception v3, tfjs on WebAssembly.
import * as tf from "@tensorflow/tfjs";
import { setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import { load } from "nsfwjs";

const started = (async () => {
  setWasmPaths("/");
  await tf.setBackend("wasm");
  await tf.ready();
  return load("InceptionV3", { size: 299 });
})();

globalThis.bench = {
  load: async () => void (await started),
  async classify(blob) {
    const model = await started;
    const bitmap = await createImageBitmap(blob);
    const found = await model.classify(bitmap, 5);
    bitmap.close();
    return Object.fromEntries(found.map((one) => [one.className.toLowerCase(), one.probability]));
  },
};
