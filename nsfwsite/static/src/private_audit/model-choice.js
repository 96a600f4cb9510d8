// The visitor chooses which graph answers; it is downloaded before the first answer.

import { Classifier, describe, whyUnsupported } from "../classifier.js";
import { wholeMebibytes } from "../format.js";
import { tag } from "./figures.js";

/** @typedef {import("../classifier.js").SiteDescription} SiteDescription */
/** @typedef {import("../classifier.js").Label} Label */
/** @typedef {{site: SiteDescription, labels: string[], explicit: string[]}} Rules */

/** @type {Record<string, string>} */
const KINDS = { int8: "8-bit integers: faster", float32: "32-bit: exactly as on the server" };

/**
 * What the site says about its model, and the labels to count with.
 * @param {string} address
 * @returns {Promise<Rules>}
 */
export async function fetchRules(address) {
  const site = await describe(address);
  /** @param {Label[]} labels */
  const names = (labels) => labels.map(({ name }) => name);
  return {
    site,
    labels: names(site.labels),
    explicit: names(site.labels.filter(({ nsfw }) => nsfw)),
  };
}

/** Why nothing can be answered here; an empty text where it can. @param {Rules} rules */
export const whyNoModel = ({ site }) =>
  whyUnsupported() || (site.graphs.length ? "" : "the site hands out no model at the moment");

/** Offer the model's graphs in `place`. @param {HTMLElement} place @param {Rules} rules */
export async function offerModel(place, { site }) {
  const stored = await Promise.all(site.graphs.map(Classifier.isStored));
  const options = site.graphs.map((graph, number) => {
    const size = stored[number] ? "on this device already" : `${wholeMebibytes(graph.bytes)}, once`;
    const text = `${KINDS[graph.kind] ?? graph.kind} (${size})`;
    return tag("option", { value: String(number) }, text);
  });
  const select = tag("select", { id: "graph" }, ...options);
  const label = `Model ${site.model.version}, in this browser`;
  place.replaceChildren(tag("label", { for: "graph" }, label), select);
  return new ChosenModel(site, select);
}

/** Answers with the graph that is selected. */
export class ChosenModel {
  /** @type {Classifier | null} */
  #classifier = null;

  /** @param {SiteDescription} site @param {HTMLSelectElement} select */
  constructor(site, select) {
    this.site = site;
    this.select = select;
    this.version = site.model.version;
  }

  get graph() {
    return this.site.graphs[Number(this.select.value)];
  }

  get artifact() {
    return this.graph.sha256;
  }

  get title() {
    return `Model ${this.version} (${this.graph.kind})`;
  }

  /** @param {import("../classifier.js").ProgressCallback} onProgress */
  async load(onProgress) {
    if (this.#classifier?.graph === this.graph) return;
    this.#classifier?.end();
    this.#classifier = new Classifier(this.site, this.graph);
    try {
      await this.#classifier.load(onProgress);
    } catch (problem) {
      this.#classifier = null;
      throw problem;
    }
  }

  /** @param {Blob} blob */
  classify(blob) {
    if (!this.#classifier) throw new Error("A model must be loaded before an image is classified.");
    return this.#classifier.classify(blob);
  }
}
