// This site's classifier, by its own interface.
import { Classifier, describe } from "../../nsfwsite/static/src/classifier.js";

let classifier;

globalThis.bench = {
  async load(kind) {
    classifier?.end();
    const site = await describe("/in-browser.json");
    classifier = new Classifier(
      site,
      site.graphs.find((one) => one.kind === kind),
    );
    return classifier.load();
  },
  classify: async (blob) => (await classifier.classify(blob)).scores,
};
