// The model in the visitor's own browser. Images are given to it and go nowhere.

import { Refused } from "./image-file.js";
import { Cut, has } from "./kept-model.js";

export { Cut, Refused };

/** What the site says of the model in service: its graphs, labels, limits and runtime. */
export async function describe(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`The site answered ${answer.status}.`);
  return answer.json();
}

/** Why this browser cannot run the model; nothing where it can. */
export function unable() {
  if (!globalThis.isSecureContext) return "this page did not come over HTTPS";
  if (typeof WebAssembly !== "object") return "it has no WebAssembly";
  if (typeof Worker !== "function") return "it has no workers";
  if (typeof OffscreenCanvas !== "function" || !globalThis.createImageBitmap) {
    return "it cannot decode images outside of a page";
  }
  return "";
}

export class Classifier {
  #worker;
  #waiting = new Map();
  #count = 0;
  #over;

  /** A graph of a description, in a worker of its own. Nothing is fetched before `load`. */
  constructor(description, graph) {
    this.description = description;
    this.graph = graph;
    this.#worker = new Worker(description.runtime.worker, { type: "module" });
    this.#worker.addEventListener("message", ({ data }) => this.#hear(data));
    this.#worker.addEventListener("error", (event) => {
      event.preventDefault();
      this.#fail(new Error(event.message || "The browser could not start the classifier."));
    });
  }

  /** Is a copy of the graph on this device? */
  static has = has;

  /**
   * Make it ready. `progress(done, total)` is told of bytes while they are fetched.
   * Gives {kept, fetched, threads}: `kept` is false where the device keeps no copy.
   */
  load(progress = () => {}) {
    const { description, graph } = this;
    return this.#ask("load", { description, graph }, progress);
  }

  /**
   * Classify one image file. Gives {label, scores, milliseconds}, scores by label.
   * Throws Refused where the file is no image within the site's limits.
   */
  async classify(blob) {
    const { scores, milliseconds } = await this.#ask("classify", { blob });
    const names = this.description.labels.map((one) => one.name);
    const best = scores.indexOf(Math.max(...scores));
    const byLabel = Object.fromEntries(names.map((name, n) => [name, scores[n]]));
    return { label: names[best], scores: byLabel, milliseconds };
  }

  /** End the worker and give its memory back. */
  end() {
    this.#worker.terminate();
    this.#fail(new Error("The classifier was ended."));
  }

  #ask(verb, given, progress) {
    if (this.#over) return Promise.reject(this.#over);
    const id = ++this.#count;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject, progress });
      this.#worker.postMessage({ id, verb, ...given });
    });
  }

  #hear({ id, progress, problem, value }) {
    const asked = this.#waiting.get(id);
    if (!asked) return;
    if (progress) return asked.progress?.(...progress);
    this.#waiting.delete(id);
    if (problem) asked.reject(wordsOf(problem));
    else asked.resolve(value);
  }

  #fail(error) {
    this.#over = error;
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}

function wordsOf({ name, message, rule, received, wayOut, bytes }) {
  if (name === "Refused") return new Refused(rule, received, wayOut);
  if (name === "Cut") return new Cut(received, bytes);
  return new Error(message);
}
