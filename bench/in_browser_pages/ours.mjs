// This site's classifier, by its own interface.
import { Classifier, describe } from "../../nsfwsite/static/src/classifier.js";

/** @type {Classifier | undefined} */
let classifier;

const bench = {
  /** @param {string} kind */
  async load(kind) {
    classifier?.end();
    const site = await describe("/in-browser.json");
    const graph = site.graphs.find((graph) => graph.kind === kind);
    if (!graph) throw new Error(`The site has no graph of this kind. Received: ${kind}.`);
    classifier = new Classifier(site, graph);
    return classifier.load();
  },
  /** @param {Blob} blob */
  classify: async (blob) => (await classifier?.classify(blob))?.scores,
};
Object.assign(globalThis, { bench });
