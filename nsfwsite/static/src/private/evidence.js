// Counts that go with a report. The images that were counted stay where they are.

import { rate } from "./count.js";
import { MEASURES, rows, table, tag } from "./figures.js";

const HANDED = "evidence"; // from the page that counted to the form of the report, in this tab
const SENT = Object.keys(MEASURES);

/**
 * Offer each group under a name that its owner writes; what has none is left out.
 * Only `measures` go along: what the page does not say, a report does not say either.
 */
export function sharing(form, figures, measures, version) {
  const shares = (cell) =>
    Object.fromEntries(measures.map((one) => [one, [cell[one].count, cell[one].n]]));
  const fields = rows(figures)
    .slice(1)
    .map(([name], number) => {
      const id = `shared-${number}`;
      const input = tag("input", { id, maxlength: "80", autocomplete: "off", dir: "auto" });
      return tag(
        "div",
        {},
        tag("label", { for: id }, "In the report, ", tag("bdi", {}, name), " is called"),
        input,
      );
    });
  form.querySelector("[data-names]").replaceChildren(...fields);
  form.onsubmit = (event) => {
    event.preventDefault();
    event.stopImmediatePropagation();
    const groups = rows(figures)
      .slice(1)
      .flatMap(([, cell], number) => {
        const called = form.querySelector(`#shared-${number}`).value.trim();
        return called ? [{ name: called, n: cell.n, ...shares(cell) }] : [];
      });
    if (!groups.length) return form.querySelector("input")?.focus();
    sessionStorage.setItem(HANDED, JSON.stringify({ model: version, groups }));
    location.assign(form.action);
  };
}

/** On the form of the report: what goes with it, to see and to leave out. */
export function received(place) {
  const field = place.querySelector("input");
  try {
    const handed = sessionStorage.getItem(HANDED);
    if (handed) {
      field.value = handed;
      sessionStorage.removeItem(HANDED);
      place.closest("form").elements.kind.value = "unfair";
      field.dispatchEvent(new Event("input", { bubbles: true })); // a draft from now on
    }
  } catch {
    // No storage: nothing was handed over.
  }
  const groups = read(field.value);
  place.hidden = !groups;
  if (!groups) return;
  const measures = SENT.filter((one) => groups.some(([, cell]) => cell[one].n));
  table(place.querySelector("table"), groups, measures, Number(place.dataset.minimum));
  place.querySelector("button").addEventListener("click", () => {
    field.value = "";
    place.hidden = true;
    field.dispatchEvent(new Event("input", { bubbles: true }));
  });
}

/** Names and cells, as `rows` returns them; null where there are none. */
function read(text) {
  try {
    return JSON.parse(text).groups.map(({ name, n, ...given }) => [
      name,
      { n, ...Object.fromEntries(SENT.map((one) => [one, rate(...(given[one] ?? [0, 0]))])) },
    ]);
  } catch {
    return null;
  }
}
