// Figures as people read them: a table and a drawing, worded as the public audits.

const SVG = "http://www.w3.org/2000/svg";
export const MEASURES = {
  flagged: "Flagged",
  error: "Any mistake",
  false_alarm: "False alarm",
  miss: "Miss",
  confusion: "Confusion",
};
const percent = (share) => `${(share * 100).toFixed(1)}%`;

/** Which measures there is anything to say of. */
export function measured({ overall }) {
  return Object.keys(MEASURES).filter((measure) => overall[measure].n > 0);
}

export function rows({ overall, groups }) {
  return [["All images", overall], ...Object.entries(groups)];
}

/** `lines` are pairs of a name and its cell. */
export function table(element, lines, shown, minimum) {
  element.tHead.replaceChildren(
    tag(
      "tr",
      {},
      header("Group", "col"),
      header("Images", "col", "figure"),
      ...shown.map((measure) => header(MEASURES[measure], "col", "figure")),
    ),
  );
  element.tBodies[0].replaceChildren(
    ...lines.map(([name, cell]) =>
      tag(
        "tr",
        {},
        header(name, "row"),
        tag("td", { class: "figure" }, cell.n.toLocaleString("en")),
        ...shown.map((measure) => share(cell[measure], minimum)),
      ),
    ),
  );
}

const header = (text, scope, classes = "") => tag("th", { scope, class: classes }, text);

function share(one, minimum) {
  if (one.n === 0) return tag("td", { class: "figure quiet" }, "no such images");
  if (one.n < minimum) {
    const images = `${one.n} image${one.n === 1 ? "" : "s"}`;
    return tag(
      "td",
      { class: "figure" },
      tag("span", { class: "quiet" }, "insufficient data"),
      tag("small", {}, images),
    );
  }
  return tag(
    "td",
    { class: "figure" },
    percent(one.rate),
    tag("small", {}, `${percent(one.low)} to ${percent(one.high)}`),
    tag("small", {}, `${one.count} of ${one.n}`),
  );
}

/** Dots with their intervals, a line for each group with enough images; null where there is none. */
export function drawing(figures, measure, minimum, width) {
  const lines = rows(figures).filter(([, cell]) => cell[measure].n >= minimum);
  if (!lines.length) return null;
  const left = Math.min(190, width * 0.4); // where the names end
  const [line, top] = [30, 26];
  const highest = Math.max(0.1, ...lines.map(([, cell]) => cell[measure].high));
  const ticks = scale(highest);
  const end = ticks.at(-1);
  const x = (value) => left + (value / end) * (width - left - 24);
  const height = top + line * lines.length + 30;
  const svg = draw("svg", {
    viewBox: `0 0 ${width} ${height}`,
    width,
    height,
    class: "dots",
    role: "img",
  });
  svg.append(
    draw(
      "title",
      {},
      lines.map(([name, cell]) => `${name}: ${percent(cell[measure].rate)}`).join(", "),
    ),
  );
  for (const tick of ticks) {
    svg.append(
      draw("line", { x1: x(tick), x2: x(tick), y1: top - 8, y2: height - 24, class: "grid" }),
    );
    svg.append(
      draw("text", { x: x(tick), y: height - 8, class: "tick" }, `${Math.round(tick * 100)}%`),
    );
  }
  lines.forEach(([name, cell], number) => {
    const y = top + line * (number + 0.5);
    const one = cell[measure];
    svg.append(
      draw("text", { x: left - 12, y: y + 4, class: "name" }, short(name, Math.floor(left / 9))),
    );
    svg.append(draw("line", { x1: x(one.low), x2: x(one.high), y1: y, y2: y, class: "range" }));
    svg.append(draw("circle", { cx: x(one.rate), cy: y, r: 5 }));
  });
  return svg;
}

function scale(highest) {
  const step = [0.02, 0.05, 0.1, 0.2, 0.25].find((one) => highest / one <= 5) ?? 0.25;
  return Array.from({ length: Math.ceil(highest / step - 1e-9) + 1 }, (_, n) =>
    Math.min(1, n * step),
  );
}

const short = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

/** What a chart found, in a sentence. */
export function finding(figures, measure, minimum) {
  const groups = Object.entries(figures.groups).filter(([, cell]) => cell[measure].n >= minimum);
  const title = MEASURES[measure].toLowerCase();
  if (groups.length < 2)
    return `${MEASURES[measure]}: ${percent(figures.overall[measure].rate)} of all images`;
  groups.sort(([, one], [, other]) => other[measure].rate - one[measure].rate);
  const [[worst, most], [best, least]] = [groups[0], groups.at(-1)];
  const [highest, lowest] = [percent(most[measure].rate), percent(least[measure].rate)];
  if (highest === lowest)
    return `${MEASURES[measure]}: ${highest} in every group of ${minimum} images or more`;
  const apart = most[measure].low > least[measure].high;
  const words = `${title} is most frequent for ${worst} (${highest}) and least for ${best} (${lowest})`;
  return `${words[0].toUpperCase()}${words.slice(1)}${apart ? "" : "; their ranges overlap, so this may be chance"}`;
}

export function tag(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) if (value) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function draw(name, attributes, text = "") {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text) made.textContent = text;
  return made;
}
