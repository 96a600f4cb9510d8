// Which model answers, and its download before the first answer.

import { Classifier, describe, unable } from "../classifier.js";
import { tag } from "./figures.js";

const KINDS = { int8: "8-bit integers: faster", float32: "32-bit: exactly as on the server" };

/** What the site says of its model, and what of that is counted with. */
export async function rules(address) {
  const site = await describe(address);
  const names = (some) => some.map((one) => one.name);
  return {
    site,
    labels: names(site.labels),
    explicit: names(site.labels.filter((one) => one.nsfw)),
  };
}

/** Why nothing can be answered here; nothing where it can. */
export const hindrance = ({ site }) =>
  unable() || (site.graphs.length ? "" : "the site hands out no model at the moment");

/** Offer the model's graphs to choose from; what comes back answers with the chosen one. */
export async function chosenModel(place, { site }) {
  const kept = await Promise.all(site.graphs.map(Classifier.has));
  const choices = site.graphs.map((graph, number) => {
    const size = kept[number]
      ? "on this device already"
      : `${Math.ceil(graph.bytes / 2 ** 20)} MB, once`;
    return tag("option", { value: String(number) }, `${KINDS[graph.kind] ?? graph.kind} (${size})`);
  });
  const select = tag("select", { id: "graph" }, ...choices);
  place.replaceChildren(
    tag("label", { for: "graph" }, `Model ${site.model.version}, in this browser`),
    select,
  );
  return new Chosen(site, select);
}

class Chosen {
  #classifier = null;

  constructor(site, select) {
    Object.assign(this, { site, select, version: site.model.version });
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

  async ready(progress) {
    if (this.#classifier?.graph === this.graph) return;
    this.#classifier?.end();
    this.#classifier = new Classifier(this.site, this.graph);
    try {
      await this.#classifier.load(progress);
    } catch (problem) {
      this.#classifier = null;
      throw problem;
    }
  }

  classify(blob) {
    return this.#classifier.classify(blob);
  }
}
