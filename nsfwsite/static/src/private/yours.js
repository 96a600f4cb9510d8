// The page that audits a folder of one's own.

import { count } from "./count.js";
import { csv } from "./csv.js";
import { sharing } from "./evidence.js";
import { drawing, finding, MEASURES, measured, rows, table, tag } from "./figures.js";
import { dropped, sorted } from "./folder.js";
import * as kept from "./kept.js";
import { chosenModel, hindrance, rules } from "./model.js";
import { Run } from "./run.js";

const form = document.querySelector("[data-yours]");
const part = (name, within = document) => within.querySelector(`[data-${name}]`);
const begins = form.querySelector("button");
const minimum = Number(form.dataset.minimum);
const DRAWN_EVERY = 700; // milliseconds
let files = [];
let run = null;
let measure = null;
let drawn = 0;

const facts = await rules(form.dataset.site);
const why = hindrance(facts);
form.hidden = Boolean(why);
part("unable").hidden = !why;
part("why").textContent = why;
const model = why ? null : await chosenModel(part("model"), facts);
tellKept();

const input = form.querySelector("input[type=file]");
input.addEventListener("change", () => take([...input.files]));
if (input.files.length) take([...input.files]); // chosen before this was ready
const zone = part("drop");
zone.addEventListener("dragover", (event) => {
  event.preventDefault();
  zone.classList.add("over");
});
zone.addEventListener("dragleave", () => zone.classList.remove("over"));
zone.addEventListener("drop", async (event) => {
  event.preventDefault();
  zone.classList.remove("over");
  take(await dropped(event.dataTransfer));
});

function take(found) {
  files = found;
  const { pictures, passed } = sorted(files, facts.labels);
  const groups = new Set(pictures.map((one) => one.group).filter(Boolean));
  const said = part("found");
  said.hidden = false;
  said.textContent = pictures.length
    ? `${many(pictures.length, "image")} in ${many(groups.size, "group")}` +
      `${passed.length ? `; ${many(passed.length, "other file")} will be passed over` : ""}.`
    : "There is no image in it. Choose the folder that holds the groups.";
  begins.disabled = !pictures.length;
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  event.stopImmediatePropagation();
  const { pictures, passed } = sorted(files, facts.labels);
  begin();
  try {
    await model.ready((done, total) =>
      told(`Fetching the model: ${megabytes(done)} of ${megabytes(total)} MB`),
    );
    run = new Run(pictures, model, () => tell(passed));
    await run.all();
    told(
      `Done: ${many(run.answers.size, "image")} answered${run.remembered ? `, ${run.remembered} of them before` : ""}.`,
    );
  } catch (problem) {
    told(`${problem.message} What was answered is kept; begin again to go on.`);
  } finally {
    end(passed);
  }
});

function begin() {
  busy(true);
  part("progress").hidden = false;
  told("Preparing the model …");
}

function busy(now) {
  begins.disabled = form.querySelector("fieldset").disabled = now;
  part("pause").hidden = !now;
}

function end(passed) {
  busy(false);
  if (run) show(passed);
  if (figures) sharing(part("share").querySelector("form"), figures, shown(), model.version);
  part("share").hidden = !Object.keys(figures?.groups ?? {}).length;
  tellKept();
}

part("pause").addEventListener("click", (event) => {
  if (!run) return;
  if (run.pausing) run.resume();
  else run.pause();
  event.target.textContent = run.pausing ? "Go on" : "Pause";
  told(run.pausing ? `Paused at ${run.done} of ${run.pictures.length}.` : "Going on …");
});

function tell(passed) {
  const bar = form.querySelector("progress");
  [bar.max, bar.value] = [run.pictures.length, run.done];
  if (!run.pausing) told(`${run.done} of ${run.pictures.length}${left()}`);
  if (performance.now() - drawn > DRAWN_EVERY) show(passed);
}

let [begun, doneThen] = [0, 0];
function left() {
  if (run.done <= run.remembered + 1) [begun, doneThen] = [performance.now(), run.done];
  const answered = run.done - doneThen;
  if (answered < 5) return "";
  const seconds = (((performance.now() - begun) / answered) * run.left) / 1000;
  return seconds < 90
    ? `, about ${Math.ceil(seconds)} seconds left`
    : `, about ${Math.round(seconds / 60)} minutes left`;
}

const told = (words) => (part("told").textContent = words);

function answered() {
  return [...run.answers].map(([picture, { label, scores }]) => ({
    ...picture,
    label,
    scores,
    expected: allSafe() ? anySafe(label) : picture.expected,
  }));
}

const allSafe = () => form.elements.really.value === "safe";
/** A right label for a safe image of which no more is known: the model's, if that is a safe one. */
const anySafe = (label) =>
  facts.explicit.includes(label)
    ? facts.labels.find((one) => !facts.explicit.includes(one))
    : label;
/** What there is to say: of images that are only known to be safe, how often that was not seen. */
const shown = () => (allSafe() ? ["false_alarm"] : measured(figures));

let figures = null;
function show(passed) {
  drawn = performance.now();
  figures = count(answered(), { explicit: facts.explicit, minimum });
  if (!figures.overall.n) return;
  part("result").hidden = false;
  part("lead").textContent = `${model.title}, on ${many(figures.overall.n, "image")} of yours.`;
  if (!shown().includes(measure)) measure = shown().includes("error") ? "error" : shown()[0];
  redraw();
  table(part("table"), rows(figures), shown(), minimum);
  const reasons = [...passed, ...run.refused];
  const list = part("passed");
  list.hidden = !reasons.length;
  list.querySelector("summary").textContent = `${many(reasons.length, "file")} passed over`;
  list
    .querySelector("ul")
    .replaceChildren(
      ...reasons
        .slice(0, 50)
        .map(({ path, why }) => tag("li", {}, tag("bdi", {}, path), `: ${why}`)),
    );
}

// What the images really are may be said afterwards: the answers stay, and are counted anew.
form
  .querySelector("fieldset")
  .addEventListener("change", () => run && end(sorted(files, facts.labels).passed));
addEventListener("resize", () => figures?.overall.n && redraw());

function redraw() {
  const chart = part("chart-of");
  const { paddingLeft, paddingRight } = getComputedStyle(chart);
  const width = Math.min(
    640,
    chart.clientWidth - parseFloat(paddingLeft) - parseFloat(paddingRight),
  );
  const made = drawing(figures, measure, minimum, width);
  const choose = tag(
    "div",
    { class: "measures", role: "group", "aria-label": "What to draw" },
    ...shown().map((one) => {
      const button = tag(
        "button",
        { type: "button", "aria-pressed": String(one === measure) },
        MEASURES[one],
      );
      button.addEventListener("click", () => {
        measure = one;
        redraw();
      });
      return button;
    }),
  );
  const caption = made
    ? finding(figures, measure, minimum)
    : `Insufficient data: fewer than ${minimum} images in every group so far`;
  chart.replaceChildren(tag("figcaption", {}, caption), choose, ...(made ? [made] : []));
}

for (const button of document.querySelectorAll("[data-csv]")) {
  button.addEventListener("click", () => {
    const groups = button.dataset.csv === "groups";
    save(groups ? byGroup() : byImage(), `${groups ? "figures" : "answers"}-${model.version}.csv`);
  });
}

function byGroup() {
  const found = rows(figures).flatMap(([name, cell]) =>
    shown().map((one) => {
      const { count: counted, n, rate, low, high } = cell[one];
      return [name, cell.n, one, counted, n, rate, low, high];
    }),
  );
  return [["group", "images", "measure", "count", "of", "rate", "low", "high"], ...found];
}

function byImage() {
  const found = answered().map(({ path, group, expected, label, scores }) => [
    path,
    group,
    expected,
    label,
    ...facts.labels.map((one) => scores[one]),
  ]);
  return [["file", "group", "expected", "answer", ...facts.labels], ...found];
}

function save(lines, name) {
  const address = URL.createObjectURL(new Blob([csv(lines)], { type: "text/csv" }));
  const link = tag("a", { href: address, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

async function tellKept() {
  const found = await kept.number();
  part("kept").hidden = !found;
  part("count").textContent = many(found, "answer");
}

part("forget").addEventListener("click", async () => {
  await kept.forget();
  tellKept();
});

const megabytes = (bytes) => (bytes / 2 ** 20).toFixed(1);

function many(number, what) {
  return `${number.toLocaleString("en")} ${what}${number === 1 ? "" : "s"}`;
}
