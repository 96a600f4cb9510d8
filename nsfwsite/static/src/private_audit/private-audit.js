// The page that audits a folder of the visitor's own images.

import { button, filesOf, part, query } from "../dom.js";
import { acceptDrops } from "../file-input.js";
import { countOf, mebibytes } from "../format.js";
import { countAnswers, deleteAnswers } from "./answer-store.js";
import { offerCounts } from "./evidence.js";
import { droppedFiles, sorted } from "./folder.js";
import { fetchRules, offerModel, whyNoModel } from "./model-choice.js";
import { Results } from "./results.js";
import { Run } from "./run.js";

/** @typedef {import("./model-choice.js").ChosenModel} ChosenModel */

const REDRAW_AFTER = 700; // milliseconds

const form = query(document, "[data-yours]", HTMLFormElement);
const input = query(form, "input[type=file]", HTMLInputElement);
const beginButton = query(form, "button", HTMLButtonElement);
const pauseButton = button(form, "pause");
const truth = query(form, "fieldset", HTMLFieldSetElement);
const allSafe = query(truth, "input[value=safe]", HTMLInputElement);
const minimum = Number(form.dataset.minimum);

/** @type {File[]} */
let files = [];
/** @type {import("./folder.js").PassedFile[]} */
let passed = [];
/** @type {Run | null} */
let run = null;
let drawnAt = 0;
let [timedSince, doneBefore] = [0, 0];

part(document, "forget").addEventListener("click", async () => {
  await deleteAnswers();
  await showStored();
});
void showStored();

const rules = await fetchRules(form.dataset.site ?? "");
const reason = whyNoModel(rules);
form.hidden = Boolean(reason);
part(document, "unable").hidden = !reason;
part(document, "why").textContent = reason;
if (!reason) setUp(await offerModel(part(form, "model"), rules));

/** @param {ChosenModel} model */
function setUp(model) {
  const results = new Results(model, rules, minimum, () => allSafe.checked);
  input.addEventListener("change", () => take(filesOf(input)));
  if (input.files?.length) take(filesOf(input)); // chosen before this was ready
  acceptDrops(part(form, "drop"), async (transfer) => take(await droppedFiles(transfer)));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    event.stopImmediatePropagation();
    await audit(model, results);
  });
  pauseButton.addEventListener("click", togglePause);
  // What the images really are may be said afterwards: the answers stay and are counted again.
  truth.addEventListener("change", () => {
    if (run) finish(results);
  });
}

/** @param {File[]} chosen */
function take(chosen) {
  files = chosen;
  const folder = sorted(files, rules.labels);
  const groups = new Set(folder.images.map(({ group }) => group).filter(Boolean));
  const rest = folder.passed.length
    ? `; ${countOf(folder.passed.length, "other file")} will be passed over`
    : "";
  const summary = part(form, "found");
  summary.hidden = false;
  summary.textContent = folder.images.length
    ? `${countOf(folder.images.length, "image")} in ${countOf(groups.size, "group")}${rest}.`
    : "There is no image in it. Choose the folder that holds the groups.";
  beginButton.disabled = !folder.images.length;
}

/** @param {ChosenModel} model @param {Results} results */
async function audit(model, results) {
  const folder = sorted(files, rules.labels);
  passed = folder.passed;
  setBusy(true);
  part(form, "progress").hidden = false;
  showStatus("Preparing the model …");
  try {
    await model.load((done, total) =>
      showStatus(`Fetching the model: ${mebibytes(done)} of ${mebibytes(total)}`),
    );
    const current = new Run(folder.images, model, () => showProgress(current, results));
    run = current;
    await current.classifyAll();
    const before = current.restored ? `, ${current.restored} of them before` : "";
    showStatus(`Done: ${countOf(current.answers.size, "image")} answered${before}.`);
  } catch (problem) {
    const { message } = /** @type {Error} */ (problem);
    showStatus(`${message} What was answered is kept; begin again to go on.`);
  } finally {
    finish(results);
  }
}

/** @param {boolean} isBusy */
function setBusy(isBusy) {
  beginButton.disabled = truth.disabled = isBusy;
  pauseButton.hidden = !isBusy;
}

/** @param {Results} results */
function finish(results) {
  setBusy(false);
  if (run) showResults(run, results);
  const { figures, measures, model } = results;
  const share = part(document, "share");
  share.hidden = !Object.keys(figures?.groups ?? {}).length;
  if (figures) offerCounts(query(share, "form", HTMLFormElement), figures, measures, model.version);
  void showStored();
}

function togglePause() {
  if (!run) return;
  if (run.isPaused) run.resume();
  else run.pause();
  pauseButton.textContent = run.isPaused ? "Go on" : "Pause";
  showStatus(run.isPaused ? `Paused at ${run.done} of ${run.images.length}.` : "Going on …");
}

/** @param {Run} current @param {Results} results */
function showProgress(current, results) {
  const bar = query(form, "progress", HTMLProgressElement);
  bar.max = current.images.length;
  bar.value = current.done;
  if (!current.isPaused) {
    showStatus(`${current.done} of ${current.images.length}${timeLeft(current)}`);
  }
  if (performance.now() - drawnAt > REDRAW_AFTER) showResults(current, results);
}

/** @param {Run} current @param {Results} results */
function showResults(current, results) {
  drawnAt = performance.now();
  results.show(current.answers, [...passed, ...current.refused]);
}

/** @param {Run} current */
function timeLeft({ done, restored, left }) {
  if (done <= restored + 1) [timedSince, doneBefore] = [performance.now(), done];
  const timed = done - doneBefore;
  if (timed < 5) return "";
  const seconds = (((performance.now() - timedSince) / timed) * left) / 1000;
  return seconds < 90
    ? `, about ${Math.ceil(seconds)} seconds left`
    : `, about ${Math.round(seconds / 60)} minutes left`;
}

/** @param {string} text */
function showStatus(text) {
  part(form, "told").textContent = text;
}

async function showStored() {
  const stored = await countAnswers();
  part(document, "kept").hidden = !stored;
  part(document, "count").textContent = countOf(stored, "answer");
}
