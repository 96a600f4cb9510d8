// The model in a thread of its own: fetch it, check it, decode images, classify them.

import * as ort from "onnxruntime-web/wasm";
import { openModel } from "./model-cache.js";
import { decodePixels } from "./pixels.js";

/** @typedef {import("./classifier.js").SiteDescription} SiteDescription */
/** @typedef {import("./classifier.js").Graph} Graph */
/** @typedef {import("./model-cache.js").ProgressCallback} ProgressCallback */
/** @typedef {{id: number, verb: "load", description: SiteDescription, graph: Graph}} LoadRequest */
/** @typedef {{id: number, verb: "classify", blob: Blob}} ClassifyRequest */

// More threads than this gain nothing for one image.
const MAX_THREADS = 8;

/** @type {ort.InferenceSession | undefined} */
let session;
/** @type {SiteDescription} */
let site;

/** @param {LoadRequest} request @param {ProgressCallback} onProgress */
async function load({ description, graph }, onProgress) {
  site = description;
  ort.env.wasm.wasmPaths = {
    mjs: new URL(site.runtime.loader, location.href).href,
    wasm: new URL(site.runtime.wasm, location.href).href,
  };
  const threads = self.crossOriginIsolated
    ? Math.min(navigator.hardwareConcurrency || 1, MAX_THREADS)
    : 1;
  ort.env.wasm.numThreads = threads;
  ort.env.logLevel = "error";
  const currentUrls = site.graphs.map(({ url }) => url);
  const { data, stored, downloaded } = await openModel(graph, currentUrls, onProgress);
  await session?.release();
  session = await ort.InferenceSession.create(new Uint8Array(data), {
    executionProviders: ["wasm"],
    logSeverityLevel: 3,
  });
  return { stored, downloaded, threads };
}

/** @param {ClassifyRequest} request */
async function classify({ blob }) {
  if (!session) throw new Error("A model must be loaded before an image is classified.");
  const { rgb, width, height } = await decodePixels(blob, site.limits);
  const began = performance.now();
  const image = new ort.Tensor("uint8", rgb, [height, width, 3]);
  const { probabilities } = await session.run({ image }, ["probabilities"]);
  const scores = Array.from(/** @type {Float32Array} */ (probabilities.data));
  image.dispose();
  return { scores, milliseconds: performance.now() - began };
}

// One request at a time, in the order in which they were sent.
let queue = Promise.resolve();

self.addEventListener(
  "message",
  (/** @type {MessageEvent<LoadRequest | ClassifyRequest>} */ { data: request }) => {
    const { id } = request;
    /** @type {ProgressCallback} */
    const onProgress = (done, total) => self.postMessage({ id, progress: [done, total] });
    queue = queue.then(async () => {
      try {
        const work = request.verb === "load" ? load(request, onProgress) : classify(request);
        self.postMessage({ id, value: await work });
      } catch (problem) {
        self.postMessage({ id, problem: asMessage(problem) });
      }
    });
  },
);

/** An error's own fields: a message to another thread keeps no class. @param {unknown} problem */
function asMessage(problem) {
  if (!(problem instanceof Error)) return { name: "Error", message: String(problem) };
  return { ...problem, name: problem.name, message: problem.message };
}
