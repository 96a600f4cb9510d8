// The audit as dots with their intervals. The tables beside it say the same in numbers.
import embed from "vega-embed";

const errorsOnly = 1;
const place = document.querySelector("[data-chart]");
const rows = JSON.parse(document.getElementById("chart-data").textContent);
const buttons = [...document.querySelectorAll("[data-measure]")];
const dark = matchMedia("(prefers-color-scheme: dark)");

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function specification(measure, width, labels) {
  const shown = rows.filter((row) => row.measure === measure);
  const axes = [...new Set(shown.map((row) => row.axis))];
  const y = { field: "value", type: "nominal", sort: null, title: null };
  const x = { type: "quantitative", title: "share of images", axis: { format: ".0%", tickCount: 5 } };
  const top = Math.max(0.05, ...shown.map((row) => row.high));
  const tone = { value: colour("--accent") };
  return {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    data: { values: shown },
    spacing: 14,
    facet: {
      row: {
        field: "axis",
        sort: axes,
        title: null,
        header: { labelAngle: 0, labelAlign: "left", labelAnchor: "start", labelOrient: "top" },
      },
    },
    resolve: { scale: { y: "independent" } },
    spec: {
      width,
      height: { step: 26 },
      encoding: { y },
      layer: [
        {
          mark: { type: "rule", strokeWidth: 3, strokeCap: "round", opacity: 0.55 },
          encoding: {
            x: { ...x, field: "low", scale: { domain: [0, top], nice: true } },
            x2: { field: "high" },
            color: tone,
          },
        },
        {
          mark: { type: "point", filled: true, size: 90, opacity: 1 },
          encoding: {
            x: { ...x, field: "rate" },
            color: tone,
          },
        },
      ],
    },
    config: {
      aria: false,
      background: null,
      font: "system-ui, sans-serif",
      view: { stroke: null },
      axis: {
        labelColor: colour("--ink"),
        titleColor: colour("--quiet"),
        gridColor: colour("--line"),
        domainColor: colour("--line"),
        tickColor: colour("--line"),
        labelFontSize: 12,
        titleFontSize: 12,
        titleFontWeight: "normal",
        labelLimit: labels,
      },
      header: { labelColor: colour("--ink"), labelFontSize: 13, labelFontWeight: "bold" },
    },
  };
}

let measure = buttons.find((button) => button.getAttribute("aria-pressed") === "true").dataset
  .measure;
let drawn = 0;

async function draw() {
  const turn = ++drawn;
  if (!rows.some((row) => row.measure === measure)) {
    place.textContent = "Insufficient data: no group has enough images that this could happen to.";
    return;
  }
  const labels = place.clientWidth > 600 ? 220 : 120;
  const width = Math.max(120, Math.min(640, place.clientWidth - labels - 40));
  const canvas = document.createElement("div");
  const options = {
    ast: true,
    renderer: "svg",
    defaultStyle: false,
    actions: false,
    tooltip: false,
    logLevel: errorsOnly,
  };
  await embed(canvas, specification(measure, width, labels), options);
  if (turn === drawn) place.replaceChildren(canvas);
}

for (const button of buttons) {
  button.addEventListener("click", () => {
    for (const other of buttons) other.setAttribute("aria-pressed", String(other === button));
    measure = button.dataset.measure;
    draw();
  });
}
place.closest("figure").hidden = false;
dark.addEventListener("change", draw);
let seen = innerWidth;
addEventListener("resize", () => {
  if (innerWidth !== seen) draw();
  seen = innerWidth;
});
draw();
