// The model, off the page's own thread: fetch it, check it, decode images, classify them.

import * as ort from "onnxruntime-web/wasm";
import { open } from "./kept-model.js";
import { pixelsOf } from "./pixels.js";

// More threads than this gain nothing for one image.
const MOST_THREADS = 8;

let session;
let site;

async function load({ description, graph }, progress) {
  site = description;
  ort.env.wasm.wasmPaths = {
    mjs: new URL(site.runtime.loader, location.href).href,
    wasm: new URL(site.runtime.wasm, location.href).href,
  };
  ort.env.wasm.numThreads = self.crossOriginIsolated
    ? Math.min(navigator.hardwareConcurrency || 1, MOST_THREADS)
    : 1;
  ort.env.logLevel = "error";
  const current = site.graphs.map((one) => one.url);
  const { data, kept, fetched } = await open(graph, current, progress);
  await session?.release();
  session = await ort.InferenceSession.create(new Uint8Array(data), {
    executionProviders: ["wasm"],
    logSeverityLevel: 3,
  });
  return { kept, fetched, threads: ort.env.wasm.numThreads };
}

async function classify({ blob }) {
  const { rgb, width, height } = await pixelsOf(blob, site.limits);
  const began = performance.now();
  const image = new ort.Tensor("uint8", rgb, [height, width, 3]);
  const { probabilities } = await session.run({ image }, ["probabilities"]);
  const scores = Array.from(probabilities.data);
  image.dispose();
  return { scores, milliseconds: performance.now() - began };
}

const verbs = { load, classify };
// One at a time, in the order asked.
let turn = Promise.resolve();

self.addEventListener("message", ({ data: { id, verb, ...given } }) => {
  const progress = (done, total) => self.postMessage({ id, progress: [done, total] });
  turn = turn.then(async () => {
    try {
      self.postMessage({ id, value: await verbs[verb](given, progress) });
    } catch (problem) {
      const { name, message, rule, received, wayOut, bytes } = problem;
      self.postMessage({ id, problem: { name, message, rule, received, wayOut, bytes } });
    }
  });
});
