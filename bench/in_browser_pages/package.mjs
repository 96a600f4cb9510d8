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

const bench = {
  load: async () => void (await started),
  /** @param {Blob} blob */
  async classify(blob) {
    const model = await started;
    const bitmap = await createImageBitmap(blob);
    // Its types leave out what tf.browser.fromPixels takes besides.
    const answers = await model.classify(/** @type {any} */ (bitmap), 5);
    bitmap.close();
    return Object.fromEntries(
      answers.map(({ className, probability }) => [className.toLowerCase(), probability]),
    );
  },
};
Object.assign(globalThis, { bench });
