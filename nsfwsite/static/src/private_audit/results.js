// The second half of the private audit's page: a chart, a table, and figures to download.

import { part, query, queryAll } from "../dom.js";
import { countOf } from "../format.js";
import { count, differentFiles } from "./count.js";
import { csv } from "./csv.js";
import { countedMeasures, drawChart, fillTable, finding, rowsOf, TITLES, tag } from "./figures.js";

/** @typedef {import("./count.js").Measure} Measure */
/** @typedef {import("./folder.js").PassedFile} PassedFile */
/** @typedef {import("./folder.js").FolderImage} FolderImage */
/** @typedef {import("./answer-store.js").StoredAnswer} StoredAnswer */
/** @typedef {import("./csv.js").Value} Value */

const LISTED_FILES = 50;
const MAX_CHART_WIDTH = 640;

export class Results {
  /** @type {import("./count.js").Figures | null} */
  figures = null;
  /** @type {(FolderImage & StoredAnswer)[]} */
  #answers = [];
  /** @type {Measure | undefined} */
  #measure;

  /**
   * @param {import("./model-choice.js").ChosenModel} model
   * @param {import("./model-choice.js").Rules} rules
   * @param {number} minimum
   * @param {() => boolean} areAllSafe whether the visitor says that every image is safe
   */
  constructor(model, rules, minimum, areAllSafe) {
    this.model = model;
    this.rules = rules;
    this.minimum = minimum;
    this.areAllSafe = areAllSafe;
    for (const button of queryAll(document, "[data-csv]")) {
      button.addEventListener("click", () => this.#download(button.dataset.csv === "groups"));
    }
    addEventListener("resize", () => this.#drawChart());
  }

  /** What can be said. Of images known only to be safe, that is how often the model disagrees. */
  get measures() {
    if (!this.figures) return [];
    /** @type {Measure[]} */
    const ofSafeImages = ["false_alarm"];
    return this.areAllSafe() ? ofSafeImages : countedMeasures(this.figures);
  }

  /**
   * @param {Map<FolderImage, StoredAnswer>} answers
   * @param {PassedFile[]} passed
   */
  show(answers, passed) {
    this.#answers = [...answers].map(([image, answer]) => ({
      ...image,
      ...answer,
      expected: this.areAllSafe() ? this.#anySafeLabel(answer.label) : image.expected,
    }));
    const { explicit } = this.rules;
    const figures = count(this.#answers, { explicit, minimum: this.minimum });
    this.figures = figures;
    if (!figures.overall.n) return;
    part(document, "result").hidden = false;
    const copies = this.#answers.length - differentFiles(this.#answers).length;
    const note = copies
      ? ` Exact copies count once, which leaves out ${countOf(copies, "file")}.`
      : "";
    part(document, "lead").textContent =
      `${this.model.title}, on ${countOf(figures.overall.n, "image")} of yours.${note}`;
    if (!this.#measure || !this.measures.includes(this.#measure)) {
      this.#measure = this.measures.includes("error") ? "error" : this.measures[0];
    }
    this.#drawChart();
    const table = query(document, "[data-table]", HTMLTableElement);
    fillTable(table, rowsOf(figures), this.measures, this.minimum);
    listPassed(passed);
  }

  /**
   * The right label of an image that is known to be safe: the answer, if that is a safe label.
   * @param {string} answer
   */
  #anySafeLabel(answer) {
    const { labels, explicit } = this.rules;
    if (!explicit.includes(answer)) return answer;
    return labels.find((label) => !explicit.includes(label)) ?? null;
  }

  #drawChart() {
    const { figures, minimum } = this;
    const measure = this.#measure;
    if (!figures || !measure) return;
    const place = part(document, "chart-of");
    const { paddingLeft, paddingRight } = getComputedStyle(place);
    const room = place.clientWidth - parseFloat(paddingLeft) - parseFloat(paddingRight);
    const chart = drawChart(figures, measure, minimum, Math.min(MAX_CHART_WIDTH, room));
    const caption = chart
      ? finding(figures, measure, minimum)
      : `Not enough images: fewer than ${minimum} different images in every group so far`;
    place.replaceChildren(tag("figcaption", {}, caption), this.#measureButtons());
    if (chart) place.append(chart);
  }

  #measureButtons() {
    const buttons = this.measures.map((measure) => {
      const pressed = String(measure === this.#measure);
      const button = tag("button", { type: "button", "aria-pressed": pressed }, TITLES[measure]);
      button.addEventListener("click", () => {
        this.#measure = measure;
        this.#drawChart();
      });
      return button;
    });
    const attributes = { class: "measures", role: "group", "aria-label": "What to draw" };
    return tag("div", attributes, ...buttons);
  }

  /** @param {boolean} byGroup */
  #download(byGroup) {
    const rows = byGroup ? this.#rowsByGroup() : this.#rowsByImage();
    const address = URL.createObjectURL(new Blob([csv(rows)], { type: "text/csv" }));
    const name = `${byGroup ? "figures" : "answers"}-${this.model.version}.csv`;
    tag("a", { href: address, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(address), 10_000);
  }

  /** @returns {Value[][]} */
  #rowsByGroup() {
    const rows = this.figures ? rowsOf(this.figures) : [];
    return [
      ["group", "images", "measure", "count", "of", "rate", "low", "high"],
      ...rows.flatMap(([name, cell]) =>
        this.measures.map((measure) => {
          const { count, n, rate, low, high } = cell[measure];
          return [name, cell.n, measure, count, n, rate, low, high];
        }),
      ),
    ];
  }

  /** @returns {Value[][]} */
  #rowsByImage() {
    const { labels } = this.rules;
    return [
      ["file", "group", "expected", "answer", ...labels],
      ...this.#answers.map(({ path, group, expected, label, scores }) => [
        path,
        group,
        expected,
        label,
        ...labels.map((name) => scores[name]),
      ]),
    ];
  }
}

/** @param {PassedFile[]} files */
function listPassed(files) {
  const list = part(document, "passed");
  list.hidden = !files.length;
  query(list, "summary", HTMLElement).textContent = `${countOf(files.length, "file")} passed over`;
  const items = files
    .slice(0, LISTED_FILES)
    .map(({ path, why }) => tag("li", {}, tag("bdi", {}, path), `: ${why}`));
  query(list, "ul", HTMLElement).replaceChildren(...items);
}
