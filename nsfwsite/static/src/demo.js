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
import { wholeMebibytes } from "./format.js";

/** @typedef {import("./classifier.js").Graph} Graph */
/** @typedef {import("./answer-list.js").Item} Item */

const form = query(document, "[data-in-browser]", HTMLFormElement);
const input = query(form, "input[type=file]", HTMLInputElement);

/** @param {string} name @param {boolean} [isShown] */
function show(name, isShown = true) {
  part(form, name).hidden = !isShown;
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
let mayDownload = false;
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
  form.addEventListener("submit", (event) => form.dataset.local && event.preventDefault());
  document.addEventListener("submit", trySample, true);
  setUpCamera(form, (image) => add([image]));
  part(form, "fetch").addEventListener("click", agreeToDownload);
  part(form, "again").addEventListener("click", loadAndClassify);
  for (const button of queryAll(form, "[data-send-instead]")) {
    button.addEventListener("click", () => useServer("You chose to send it."));
  }
  show("there", false);
  show("here");
  void deleteOldImages();
  if (input.files?.length) add(filesOf(input));
  if (await Classifier.isStored(graph)) load().catch(() => {});
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
  void updateModelLine();
}

/** @param {Graph} offered */
function describeGraph({ kind, bytes }) {
  const size = wholeMebibytes(bytes);
  if (kind === "int8") return `Rounded to 8 bits: ${size}, quickest`;
  return `As it is: ${size}, the server’s own numbers`;
}

/** @param {Graph} chosen */
async function changeGraph(chosen) {
  graph = chosen;
  dropClassifier();
  for (const name of ["failed", "ask", "loading", "unkept"]) show(name, false);
  await updateModelLine();
  if (queue.length || (await Classifier.isStored(graph))) loadAndClassify();
}

function dropClassifier() {
  classifier?.end();
  classifier = loading = undefined;
}

async function updateModelLine() {
  const isHere = classifier || (await Classifier.isStored(graph));
  const model = `Model ${site.model.version}`;
  part(form, "model").textContent = isHere
    ? `${model} is on this device and answers here.`
    : `${model} is fetched with your first image, ${downloadSize()}, and kept for the next.`;
}

const downloadSize = () => wholeMebibytes(graph.bytes + site.runtime.bytes);

/** @param {File[]} files */
function add(files) {
  queue.push(...answers.add(files));
  input.value = "";
  loadAndClassify();
}

/** Classify the sample that was pressed here instead of sending the form. @param {Event} event */
async function trySample(event) {
  const sample = event.target;
  if (!form.dataset.local || !(sample instanceof HTMLElement)) return;
  if (!sample.matches("[data-sample]")) return;
  event.preventDefault();
  const response = await fetch(query(sample, "img", HTMLImageElement).src);
  const blob = await response.blob();
  const name = query(sample, "button", HTMLButtonElement).textContent?.trim() ?? "";
  add([new File([blob], name, { type: blob.type })]);
  part(form, "model").scrollIntoView({ block: "nearest" });
}

function agreeToDownload() {
  show("ask", false);
  mayDownload = true;
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
  const isHere = await Classifier.isStored(chosen);
  if (!isHere && !mayDownload && savesData()) {
    part(form, "size").textContent = downloadSize();
    show("ask");
    throw new Error("The visitor is asked before the download.");
  }
  const candidate = new Classifier(site, chosen);
  const bar = query(part(form, "loading"), "progress", HTMLProgressElement);
  const status = query(part(form, "loading"), "p", HTMLElement);
  bar.removeAttribute("value");
  status.textContent = isHere ? "Starting the model." : `Fetching the model, ${downloadSize()}.`;
  show("loading");
  try {
    const { stored } = await candidate.load((done, total) => {
      bar.max = total;
      bar.value = done;
      status.textContent =
        done < total
          ? `Fetching the model: ${wholeMebibytes(done)} of ${wholeMebibytes(total)}.`
          : "Starting the model.";
    });
    if (chosen !== graph) return candidate.end();
    classifier = candidate;
    show("unkept", !stored);
    if (stored) registerServiceWorker();
  } catch (problem) {
    candidate.end();
    if (chosen !== graph) return;
    query(part(form, "failed"), "p", HTMLElement).textContent = describeFailure(problem);
    show("failed");
    throw problem;
  } finally {
    if (chosen === graph) show("loading", false);
  }
  void updateModelLine();
}

/** Only some browsers have `connection`, so the DOM's types do not. */
function savesData() {
  return "connection" in navigator && Boolean(Object(navigator.connection).saveData);
}

function registerServiceWorker() {
  navigator.serviceWorker?.register(form.dataset.serviceWorker ?? "").catch(() => {});
}

/** @param {unknown} problem */
function describeFailure(problem) {
  if (problem instanceof DownloadIncomplete) {
    const [received, total] = [problem.received, problem.bytes].map(wholeMebibytes);
    return `The download stopped after ${received} of ${total}.`;
  }
  return `The model did not start. ${/** @type {Error} */ (problem).message}`;
}

function classifyQueue() {
  work = work.then(async () => {
    while (queue.length && classifier) {
      const item = queue[0];
      const { kind } = graph;
      try {
        answers.showAnswer(item, { ...(await classifier.classify(item.file)), kind });
      } catch (problem) {
        if (!(problem instanceof ImageRefused)) {
          if (classifier) giveUp(item, /** @type {Error} */ (problem));
          return; // without a classifier, another graph was chosen meanwhile
        }
        const send = () => useServer("This image is read by the site.", item.file);
        answers.showError(item, problem.message, problem.isReadBySite ? send : undefined);
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
  const message = `This image could not be classified on this device. ${problem.message}`;
  answers.showError(item, message);
  dropClassifier();
  queue.shift();
  if (queue.length) loadAndClassify();
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
  input.multiple = false;
  part(form, "invitation").textContent = "Choose an image";
  part(form, "fallback").textContent =
    `${reason} If you press the button, your image goes to this site.`;
  show("fallback");
  show("here", false);
  show("there");
  queue.length = 0;
  if (!file) return;
  answers.clear();
  setFiles(input, [file]);
  input.dispatchEvent(new Event("change"));
  form.scrollIntoView({ block: "nearest" });
}
