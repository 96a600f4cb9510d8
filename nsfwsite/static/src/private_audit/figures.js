// Figures as people read them: a table, a chart and a sentence, worded as in the public audits.

import { countOf, interval, percent, wholePercent } from "../format.js";
import { isKnown } from "./count.js";

/** @typedef {import("./count.js").Measure} Measure */
/** @typedef {import("./count.js").Cell} Cell */
/** @typedef {import("./count.js").Figures} Figures */
/** @typedef {import("./count.js").Rate} Rate */
/** @typedef {[name: string, cell: Cell]} Row */

const SVG = "http://www.w3.org/2000/svg";
const ROW_HEIGHT = 30;
const TOP = 26;

/** @type {Record<Measure, string>} */
export const TITLES = {
  flagged: "Flagged",
  error: "Any mistake",
  false_alarm: "False alarm",
  miss: "Miss",
  confusion: "Confusion",
};
export const MEASURES = /** @type {Measure[]} */ (Object.keys(TITLES));

/** The measures that some images count for. @param {Figures} figures */
export function countedMeasures({ overall }) {
  return MEASURES.filter((measure) => overall[measure].n > 0);
}

/** @param {Figures} figures @returns {Row[]} */
export function rowsOf({ overall, groups }) {
  return [["All images", overall], ...Object.entries(groups)];
}

/**
 * @param {HTMLTableElement} table has a head and a body
 * @param {Row[]} rows
 * @param {Measure[]} measures
 * @param {number} minimum
 */
export function fillTable(table, rows, measures, minimum) {
  const titles = measures.map((measure) => header(TITLES[measure], "col", "figure"));
  const head = tag("tr", {}, header("Group", "col"), header("Images", "col", "figure"), ...titles);
  const body = rows.map(([name, cell]) =>
    tag(
      "tr",
      {},
      header(name, "row"),
      tag("td", { class: "figure" }, cell.n.toLocaleString("en")),
      ...measures.map((measure) => rateCell(cell[measure], minimum)),
    ),
  );
  table.tHead?.replaceChildren(head);
  table.tBodies[0].replaceChildren(...body);
}

/** @param {string} text @param {string} scope */
const header = (text, scope, classes = "") => tag("th", { scope, class: classes }, text);

/** @param {Rate} rate @param {number} minimum */
function rateCell(rate, minimum) {
  if (rate.n === 0) return tag("td", { class: "figure quiet" }, "no such images");
  if (!isKnown(rate, minimum)) {
    return tag(
      "td",
      { class: "figure" },
      tag("span", { class: "quiet" }, "not enough images"),
      tag("small", {}, countOf(rate.n, "image")),
    );
  }
  return tag(
    "td",
    { class: "figure" },
    percent(rate.rate),
    tag("small", {}, interval(rate.low, rate.high)),
    tag("small", {}, `${rate.count} of ${rate.n}`),
  );
}

/**
 * A chart with a dot and its interval for each row with enough images; null where there is none.
 * @param {Figures} figures
 * @param {Measure} measure
 * @param {number} minimum
 * @param {number} width in pixels
 */
export function drawChart(figures, measure, minimum, width) {
  const rows = rowsOf(figures).flatMap(([name, cell]) => {
    const rate = cell[measure];
    return isKnown(rate, minimum) ? [{ name, rate }] : [];
  });
  if (!rows.length) return null;
  const left = Math.min(190, width * 0.4); // where the names end
  const ticks = ticksUpTo(Math.max(0.1, ...rows.map(({ rate }) => rate.high)));
  const end = ticks[ticks.length - 1];
  /** @param {number} value */
  const x = (value) => left + (value / end) * (width - left - 24);
  const height = TOP + ROW_HEIGHT * rows.length + 30;
  const svg = draw("svg", {
    viewBox: `0 0 ${width} ${height}`,
    width,
    height,
    class: "dots",
    role: "img",
  });
  const summary = rows.map(({ name, rate }) => `${name}: ${percent(rate.rate)}`).join(", ");
  svg.append(draw("title", {}, summary));
  for (const tick of ticks) {
    const grid = { x1: x(tick), x2: x(tick), y1: TOP - 8, y2: height - 24, class: "grid" };
    svg.append(draw("line", grid));
    svg.append(draw("text", { x: x(tick), y: height - 8, class: "tick" }, wholePercent(tick)));
  }
  rows.forEach(({ name, rate: { rate, low, high } }, number) => {
    const y = TOP + ROW_HEIGHT * (number + 0.5);
    const label = shorten(name, Math.floor(left / 9));
    svg.append(draw("text", { x: left - 12, y: y + 4, class: "name" }, label));
    svg.append(draw("line", { x1: x(low), x2: x(high), y1: y, y2: y, class: "range" }));
    svg.append(draw("circle", { cx: x(rate), cy: y, r: 5 }));
  });
  return svg;
}

/** @param {number} highest */
function ticksUpTo(highest) {
  const step = [0.02, 0.05, 0.1, 0.2, 0.25].find((step) => highest / step <= 5) ?? 0.25;
  return Array.from({ length: Math.ceil(highest / step - 1e-9) + 1 }, (_, n) =>
    Math.min(1, n * step),
  );
}

/** @param {string} text @param {number} length */
const shorten = (text, length) => (text.length > length ? `${text.slice(0, length - 1)}…` : text);

/**
 * What a chart shows, in a sentence.
 * @param {Figures} figures
 * @param {Measure} measure
 * @param {number} minimum
 */
export function finding(figures, measure, minimum) {
  const title = TITLES[measure];
  const groups = Object.entries(figures.groups).flatMap(([name, cell]) => {
    const rate = cell[measure];
    return isKnown(rate, minimum) ? [{ name, ...rate }] : [];
  });
  if (groups.length < 2) {
    return `${title}: ${percent(figures.overall[measure].rate ?? 0)} of all images`;
  }
  groups.sort((group, other) => other.rate - group.rate);
  const [highest, lowest] = [groups[0], groups[groups.length - 1]];
  const [most, least] = [percent(highest.rate), percent(lowest.rate)];
  if (most === least) {
    return `${title}: ${most} in every group of ${minimum} different images or more`;
  }
  const sentence = `${title} is most frequent for ${highest.name} (${most}) and least for ${lowest.name} (${least})`;
  const isApart = highest.low > lowest.high;
  return isApart ? sentence : `${sentence}; their ranges overlap, so this may be chance`;
}

/**
 * An HTML element; attributes without a value are left out.
 * @template {keyof HTMLElementTagNameMap} Name
 * @param {Name} name
 * @param {Record<string, string>} attributes
 * @param {(Node | string)[]} children
 */
export function tag(name, attributes, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value) element.setAttribute(key, value);
  }
  element.append(...children);
  return element;
}

/**
 * @template {keyof SVGElementTagNameMap} Name
 * @param {Name} name
 * @param {Record<string, string | number>} attributes
 */
function draw(name, attributes, text = "") {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  if (text) element.textContent = text;
  return element;
}
