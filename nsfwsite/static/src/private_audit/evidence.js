// Counts that go with a report. The images that were counted stay where they are.

import { part, query } from "../dom.js";
import { rate } from "./count.js";
import { fillTable, MEASURES, rowsOf, tag } from "./figures.js";

/** @typedef {import("./count.js").Figures} Figures */
/** @typedef {import("./count.js").Cell} Cell */
/** @typedef {import("./count.js").Measure} Measure */
/** @typedef {{name: string, n: number} & Partial<Record<Measure, [number, number]>>} SharedGroup */

const KEY_IN_TAB = "evidence"; // from the page that counted to the report form, in this tab

/**
 * Offer each group under a name that its owner writes. A group without a name is left out.
 * A report contains the same `measures` as the page, and no others.
 * @param {HTMLFormElement} form
 * @param {Figures} figures
 * @param {Measure[]} measures
 * @param {string} version
 */
export function offerCounts(form, figures, measures, version) {
  const groups = rowsOf(figures).slice(1);
  const names = groups.map((_, number) =>
    tag("input", { id: `shared-${number}`, maxlength: "80", autocomplete: "off", dir: "auto" }),
  );
  const fields = groups.map(([name], number) => {
    const { id } = names[number];
    const text = ["In the report, ", tag("bdi", {}, name), " is called"];
    return tag("div", {}, tag("label", { for: id }, ...text), names[number]);
  });
  part(form, "names").replaceChildren(...fields);
  form.onsubmit = (event) => {
    event.preventDefault();
    event.stopImmediatePropagation();
    const shared = groups.flatMap(([, cell], number) => {
      const name = names[number].value.trim();
      return name ? [{ name, n: cell.n, ...countsOf(cell, measures) }] : [];
    });
    if (!shared.length) {
      names[0]?.focus();
      return;
    }
    sessionStorage.setItem(KEY_IN_TAB, JSON.stringify({ model: version, groups: shared }));
    location.assign(form.action);
  };
}

/** @param {Cell} cell @param {Measure[]} measures */
function countsOf(cell, measures) {
  return Object.fromEntries(
    measures.map((measure) => [measure, [cell[measure].count, cell[measure].n]]),
  );
}

/**
 * In the report form: show the counts that go with it, and let them be left out.
 * @param {HTMLElement} place
 */
export function showCounts(place) {
  const field = query(place, "input", HTMLInputElement);
  try {
    const counts = sessionStorage.getItem(KEY_IN_TAB);
    if (counts) {
      field.value = counts;
      sessionStorage.removeItem(KEY_IN_TAB);
      const form = /** @type {HTMLFormElement} */ (place.closest("form"));
      query(form, "input[name=kind][value=unfair]", HTMLInputElement).checked = true;
      field.dispatchEvent(new Event("input", { bubbles: true })); // stored as a draft from now on
    }
  } catch {
    // Without storage nothing was handed over.
  }
  const groups = read(field.value);
  place.hidden = !groups;
  if (!groups) return;
  const measures = MEASURES.filter((measure) => groups.some(([, cell]) => cell[measure].n));
  const table = query(place, "table", HTMLTableElement);
  fillTable(table, groups, measures, Number(place.dataset.minimum));
  query(place, "button", HTMLButtonElement).addEventListener("click", () => {
    field.value = "";
    place.hidden = true;
    field.dispatchEvent(new Event("input", { bubbles: true }));
  });
}

/** Null where there are none. @param {string} text @returns {import("./figures.js").Row[] | null} */
function read(text) {
  try {
    /** @type {{groups: SharedGroup[]}} */
    const { groups } = JSON.parse(text);
    return groups.map((group) => [group.name, cellOf(group)]);
  } catch {
    return null;
  }
}

/** @param {SharedGroup} group @returns {Cell} */
function cellOf(group) {
  /** @param {Measure} measure */
  const rateOf = (measure) => rate(...(group[measure] ?? [0, 0]));
  return {
    n: group.n,
    enough: true,
    flagged: rateOf("flagged"),
    error: rateOf("error"),
    false_alarm: rateOf("false_alarm"),
    miss: rateOf("miss"),
    confusion: rateOf("confusion"),
  };
}
