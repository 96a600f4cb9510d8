// The demo in the visitor's own browser. Where that cannot run, the form that sends stays as it is.

import { AnswerList } from "./answer-list.js";
import { deleteOldImages, storeImage } from "./attach-image.js";
import { setUpCamera } from "./camera.js";
import {
  Classifier,
  DownloadIncomplete,
  describe,
  ImageRefused,
  whyUnsupported,
} from "./classifier.js";
import { copyTemplate, filesOf, part, query, queryAll, setFiles } from "./dom.js";
import { megabytes, wholeMegabytes } from "./format.js";
import { keepPreview } from "./preview.js";
import { program } from "./trusted-programs.js";

/** @typedef {import("./classifier.js").Graph} Graph */
/** @typedef {import("./answer-list.js").Item} Item */

const form = query(document, "[data-in-browser]", HTMLFormElement);
const input = query(form, "input[type=file]", HTMLInputElement);

/** @param {string} name @param {boolean} [isShown] */
function show(name, isShown = true) {
  for (const element of queryAll(form, `[data-${name}]`)) element.hidden = !isShown;
}

/** @type {import("./classifier.js").SiteDescription} */
let site;
/** @type {Graph} */
let graph;
/** @type {AnswerList} */
let answers;
/** @type {Classifier | undefined} */
let classifier;
/** @type {Promise<void> | undefined} */
let loading;
// Whether images are answered here. Nothing is downloaded before the visitor has said so.
let answersHere = false;
let work = Promise.resolve();
/** @type {Item[]} */
const queue = [];

void start();

async function start() {
  const reason = whyUnsupported();
  if (reason) return useServer(`Your browser cannot run the model itself: ${reason}.`);
  try {
    site = await describe(form.dataset.inBrowser ?? "");
  } catch {
    return useServer("What your browser needs to run the model itself did not come.");
  }
  if (!site.graphs.length) return;
  form.dataset.local = "yes";
  input.multiple = true;
  part(form, "invitation").textContent = "Choose images";
  document.querySelector("[data-away]")?.remove();
  answers = new AnswerList(document, site, report);
  graph = await preferredGraph();
  offerGraphs();
  form.addEventListener("chosen", (event) => add(/** @type {CustomEvent} */ (event).detail));
  form.addEventListener("submit", sendFirst);
  document.addEventListener("submit", trySample, true);
  setUpCamera(form, (image) => add([image]));
  part(form, "fetch").addEventListener("click", answerHere);
  part(form, "again").addEventListener("click", loadAndClassify);
  part(form, "send-instead").addEventListener("click", () => useServer("You chose to send it."));
  show("here");
  void deleteOldImages();
  if (await Classifier.isStored(graph)) answerHere();
  if (input.files?.length) add(filesOf(input));
}

/** A graph that is on this device already, otherwise the smallest. */
async function preferredGraph() {
  for (const candidate of site.graphs) if (await Classifier.isStored(candidate)) return candidate;
  return site.graphs[0];
}

function offerGraphs() {
  for (const offered of site.graphs) {
    const choice = copyTemplate(document, "graph");
    const radio = query(choice, "input", HTMLInputElement);
    radio.checked = offered === graph;
    radio.addEventListener("change", () => void changeGraph(offered));
    query(choice, "span", HTMLElement).textContent = describeGraph(offered);
    part(form, "graphs").append(choice);
  }
  show("graphs", site.graphs.length > 1);
  part(form, "size").textContent = downloadSize();
}

/** @param {Graph} offered */
function describeGraph({ kind, bytes }) {
  const size = megabytes(bytes);
  if (kind === "int8") return `Rounded to 8 bits: ${size}, quickest`;
  return `As it is: ${size}, the server’s own numbers`;
}

/** @param {Graph} chosen */
async function changeGraph(chosen) {
  graph = chosen;
  dropClassifier();
  part(form, "size").textContent = downloadSize();
  for (const name of ["failed", "download", "unkept"]) show(name, false);
  part(form, "model").textContent = "";
  answersHere = await Classifier.isStored(graph);
  show("ways", !answersHere);
  show("instead", answersHere);
  if (answersHere) loadAndClassify();
  else for (const item of queue) askWhere(item);
}

function dropClassifier() {
  classifier?.end();
  classifier = loading = undefined;
}

const downloadSize = () => megabytes(graph.bytes + site.runtime.bytes);

/** @param {Item} item */
const askWhere = (item) => answers.showState(item, "Choose above where it is answered.", false);

/** @param {File[]} files */
function add(files) {
  const items = answers.add(files);
  queue.push(...items);
  input.value = "";
  input.required = false; // an image waits, so the button that sends has one
  for (const item of items) {
    if (answersHere) answers.showState(item, "Waits for its turn.");
    else askWhere(item);
  }
  const [first] = queue;
  part(form, "one-image").textContent =
    queue.length > 1 ? ` It takes one image at a time, first ${first.file.name}.` : "";
  if (answersHere) loadAndClassify();
}

/** Classify the sample that was pressed here, if the model is here. @param {Event} event */
async function trySample(event) {
  const sample = event.target;
  if (!answersHere || !(sample instanceof HTMLElement)) return;
  if (!sample.matches("[data-sample]")) return;
  event.preventDefault();
  const response = await fetch(query(sample, "img", HTMLImageElement).src);
  const blob = await response.blob();
  const name = part(sample, "title").textContent ?? "";
  add([new File([blob], name, { type: blob.type })]);
  part(document, "answers").scrollIntoView({ block: "nearest" });
}

/** The visitor said yes, or the model is on this device already. */
function answerHere() {
  answersHere = true;
  show("ways", false);
  show("instead");
  for (const item of queue) answers.showState(item, "Waits for its turn.");
  loadAndClassify();
}

/** Errors while loading are shown on the page by `loadGraph`. */
function loadAndClassify() {
  load().then(classifyQueue, () => {});
}

/** Resolves once the classifier can answer. Loads once, and again after a failure. */
function load() {
  loading ??= loadGraph().catch((problem) => {
    loading = undefined;
    throw problem;
  });
  return loading;
}

async function loadGraph() {
  const chosen = graph;
  show("failed", false);
  const candidate = new Classifier(site, chosen);
  showLoading((await Classifier.isStored(chosen)) ? "Starting the model." : "Fetching the model.");
  try {
    const { stored } = await candidate.load((done, total) => {
      if (chosen !== graph) return;
      const received = `${wholeMegabytes(done)} of ${megabytes(total)}`;
      if (done < total) showLoading(`Fetching the model: ${received}.`, { done, total });
      else showLoading("Starting the model.");
    });
    if (chosen !== graph) return candidate.end();
    classifier = candidate;
    show("unkept", !stored);
    if (stored) registerServiceWorker();
    part(form, "model").textContent =
      `Model ${site.model.version} is on this device and answers here. Your images stay on your device.`;
  } catch (problem) {
    candidate.end();
    if (chosen !== graph) return;
    showFailure(describeFailure(problem));
    throw problem;
  } finally {
    if (chosen === graph) show("download", false);
  }
}

/**
 * Say how far the model is: in the card of the image that waits for it, otherwise in the form.
 * @param {string} state
 * @param {{done: number, total: number}} [progress]
 */
function showLoading(state, progress) {
  const [first] = queue;
  show("download", !first);
  part(form, "model").textContent = first ? "" : state;
  if (first) return answers.showState(first, state, progress);
  const bar = query(form, "progress[data-download]", HTMLProgressElement);
  if (progress) Object.assign(bar, { max: progress.total, value: progress.done });
  else bar.removeAttribute("value");
}

/** @param {string} reason */
function showFailure(reason) {
  const [first] = queue;
  if (first) {
    const send = () => useServer("You chose to send it.");
    return answers.showProblem(first, reason, { again: loadAndClassify, send });
  }
  part(form, "model").textContent = reason;
  show("failed");
}

function registerServiceWorker() {
  navigator.serviceWorker?.register(program(form.dataset.serviceWorker ?? "")).catch(() => {});
}

/** @param {unknown} problem */
function describeFailure(problem) {
  if (problem instanceof DownloadIncomplete) {
    const received = `${wholeMegabytes(problem.received)} of ${megabytes(problem.bytes)}`;
    return `The download stopped after ${received}. Try again, or send the image to this site.`;
  }
  return `The model did not start. ${/** @type {Error} */ (problem).message}`;
}

function classifyQueue() {
  work = work.then(async () => {
    while (queue.length && classifier) {
      const item = queue[0];
      const { kind } = graph;
      answers.showState(item, "Looking at your image.");
      try {
        answers.showAnswer(item, { ...(await classifier.classify(item.file)), kind });
      } catch (problem) {
        if (!(problem instanceof ImageRefused)) {
          if (classifier) giveUp(item, /** @type {Error} */ (problem));
          return; // without a classifier, another graph was chosen meanwhile
        }
        const send = () => useServer("This image is read by the site.", item.file);
        answers.showProblem(item, problem.message, problem.isReadBySite ? { send } : {});
      }
      queue.shift();
    }
  });
}

/**
 * The classifier failed, not the image: start a new one for the rest.
 * @param {Item} item
 * @param {Error} problem
 */
function giveUp(item, problem) {
  const reason = `This image could not be classified on this device. ${problem.message}`;
  answers.showProblem(item, reason, { send: () => useServer("You chose to send it.", item.file) });
  dropClassifier();
  queue.shift();
  if (queue.length) loadAndClassify();
}

/** Send the image that was chosen first, now that the visitor has said so. @param {Event} event */
async function sendFirst(event) {
  if (!form.dataset.local) return;
  event.preventDefault();
  const [first] = queue;
  if (!first) return;
  setFiles(input, [first.file]);
  await keepPreview(first.file);
  delete form.dataset.local;
  form.requestSubmit();
  form.dataset.local = "yes"; // for whoever comes back to this page
}

/**
 * Take an image into the report form, which sends it when it is filed.
 * @type {import("./answer-list.js").WrongCallback}
 */
async function report({ file }, { label, scores, kind }) {
  if (!navigator.onLine) {
    return "You are offline. This image has not left your device; report it once you are back online.";
  }
  const score = { model: site.model.sha256, graph: kind, label, scores };
  const isStored = await storeImage(file, score).then(
    () => true,
    () => false,
  );
  location.assign(form.dataset.report ?? "");
  return isStored
    ? "You took this image into a report. It leaves your device when you file it, not before."
    : "This browser keeps nothing from page to page: choose the image again in the form.";
}

/**
 * Show the form that sends, with one image in it. Nothing but its button sends it.
 * @param {string} reason
 * @param {File} [file] else the first that waits
 */
function useServer(reason, file = queue[0]?.file) {
  delete form.dataset.local;
  dropClassifier();
  input.multiple = false;
  input.required = true;
  part(form, "invitation").textContent = "Choose an image";
  part(form, "fallback").textContent =
    `${reason} If you press the button, your image goes to this site.`;
  show("fallback");
  show("here", false);
  show("ways");
  queue.length = 0;
  if (!file) return;
  answers.clear();
  setFiles(input, [file]);
  input.dispatchEvent(new Event("change"));
  form.scrollIntoView({ block: "nearest" });
}
