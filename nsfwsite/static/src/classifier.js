// The model in the visitor's own browser. No image that it is given leaves the device.

import { ImageRefused } from "./image-file.js";
import { DownloadIncomplete, isStored } from "./model-cache.js";

export { DownloadIncomplete, ImageRefused };

/** @typedef {import("./model-cache.js").ProgressCallback} ProgressCallback */
/** @typedef {{kind: string, url: string, sha256: string, bytes: number}} Graph */
/** @typedef {{name: string, meaning: string, nsfw: boolean}} Label */
/** @typedef {{label: string, scores: Record<string, number>, milliseconds: number}} Answer */
/**
 * What the site says about the model in service; `model` is null where there is none.
 * @typedef {object} SiteDescription
 * @property {{version: string, sha256: string}} model
 * @property {Graph[]} graphs
 * @property {Label[]} labels
 * @property {import("./image-file.js").Limits} limits
 * @property {{worker: string, loader: string, wasm: string, bytes: number}} runtime
 */
/**
 * @typedef {object} WorkerMessage
 * @property {number} id
 * @property {[number, number]} [progress]
 * @property {ErrorFields} [problem]
 * @property {unknown} [value]
 */
/**
 * @typedef {object} ErrorFields
 * @property {string} name
 * @property {string} message
 * @property {string} [rule]
 * @property {string | number} [received]
 * @property {string} [remedy]
 * @property {boolean} [isReadBySite]
 * @property {number} [bytes]
 */
/**
 * @typedef {object} PendingRequest
 * @property {(value: unknown) => void} resolve
 * @property {(error: Error) => void} reject
 * @property {ProgressCallback} [onProgress]
 */

/** @param {string} address @returns {Promise<SiteDescription>} */
export async function describe(address) {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`The site answered ${response.status}.`);
  return response.json();
}

/** Why this browser cannot run the model; an empty text where it can. */
export function whyUnsupported() {
  if (!globalThis.isSecureContext) return "this page did not come over HTTPS";
  if (typeof WebAssembly !== "object") return "it has no WebAssembly";
  if (typeof Worker !== "function") return "it has no workers";
  if (typeof OffscreenCanvas !== "function" || !("createImageBitmap" in globalThis)) {
    return "it cannot decode images outside of a page";
  }
  return "";
}

export class Classifier {
  /** @type {Worker} */
  #worker;
  /** @type {Map<number, PendingRequest>} */
  #pending = new Map();
  #lastId = 0;
  /** @type {Error | undefined} */
  #failure;

  /**
   * Starts a worker. Nothing is downloaded before `load`.
   * @param {SiteDescription} description
   * @param {Graph} graph
   */
  constructor(description, graph) {
    this.description = description;
    this.graph = graph;
    this.#worker = new Worker(description.runtime.worker, { type: "module" });
    this.#worker.addEventListener("message", ({ data }) => this.#receive(data));
    this.#worker.addEventListener("error", (event) => {
      event.preventDefault();
      this.#fail(new Error(event.message || "The browser could not start the classifier."));
    });
  }

  /** Is a copy of this graph on this device? */
  static isStored = isStored;

  /**
   * Get ready to classify. `onProgress(done, total)` counts downloaded bytes.
   * `stored` is false in the result where the device has no room for a copy.
   * @param {ProgressCallback} [onProgress]
   */
  async load(onProgress) {
    const { description, graph } = this;
    const result = await this.#send("load", { description, graph }, onProgress);
    return /** @type {{stored: boolean, downloaded: boolean, threads: number}} */ (result);
  }

  /**
   * Classify one image file; the scores are by label.
   * Throws ImageRefused where the file is not an image within the site's limits.
   * @param {Blob} blob
   * @returns {Promise<Answer>}
   */
  async classify(blob) {
    const result = await this.#send("classify", { blob });
    const { scores, milliseconds } = /** @type {{scores: number[], milliseconds: number}} */ (
      result
    );
    const names = this.description.labels.map(({ name }) => name);
    const best = scores.indexOf(Math.max(...scores));
    const byLabel = Object.fromEntries(names.map((name, n) => [name, scores[n]]));
    return { label: names[best], scores: byLabel, milliseconds };
  }

  /** Stop the worker and free its memory. */
  end() {
    this.#worker.terminate();
    this.#fail(new Error("The classifier was stopped."));
  }

  /**
   * @param {"load" | "classify"} verb
   * @param {object} fields
   * @param {ProgressCallback} [onProgress]
   * @returns {Promise<unknown>} what the verb returns in the worker
   */
  #send(verb, fields, onProgress) {
    if (this.#failure) return Promise.reject(this.#failure);
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject, onProgress });
      this.#worker.postMessage({ id, verb, ...fields });
    });
  }

  /** @param {WorkerMessage} message */
  #receive({ id, progress, problem, value }) {
    const request = this.#pending.get(id);
    if (!request) return;
    if (progress) {
      request.onProgress?.(...progress);
      return;
    }
    this.#pending.delete(id);
    if (problem) request.reject(asError(problem));
    else request.resolve(value);
  }

  /** @param {Error} error */
  #fail(error) {
    this.#failure = error;
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
  }
}

/** @param {ErrorFields} fields */
function asError({
  name,
  message,
  rule = "",
  received = "",
  remedy = "",
  isReadBySite,
  bytes = 0,
}) {
  if (name === "ImageRefused") {
    return new ImageRefused(rule, String(received), remedy, isReadBySite);
  }
  if (name === "DownloadIncomplete") return new DownloadIncomplete(Number(received), bytes);
  return new Error(message);
}
