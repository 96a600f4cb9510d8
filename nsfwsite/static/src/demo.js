// The demo in the visitor's own browser. Where it cannot run, the form that sends stays as it is.

import { Answers } from "./answers.js";
import { camera } from "./camera.js";
import { Classifier, describe, Refused, unable } from "./classifier.js";
import { hand, sweep } from "./take-over.js";

const form = document.querySelector("[data-in-browser]");
const part = (name) => form.querySelector(`[data-${name}]`);
const show = (name, shown = true) => (part(name).hidden = !shown);
const input = form.querySelector("input[type=file]");
const mib = (bytes) => `${Math.ceil(bytes / 2 ** 20)} MiB`;

let site;
let graph;
let classifier;
let loading;
let answers;
let turn = Promise.resolve();
const queue = [];

begin();

async function begin() {
  const reason = unable();
  if (reason) return sending(`Your browser cannot run the model itself: ${reason}.`);
  try {
    site = await describe(form.dataset.inBrowser);
  } catch {
    return sending("What your browser needs to run the model itself did not come.");
  }
  if (!site.graphs.length) return;
  form.dataset.local = "yes";
  input.multiple = true;
  part("invitation").textContent = "Choose images";
  document.querySelector("[data-away]")?.remove();
  answers = new Answers(document, site, report);
  graph = await preferred();
  offerGraphs();
  form.addEventListener("chosen", ({ detail }) => add(detail));
  form.addEventListener("submit", (event) => form.dataset.local && event.preventDefault());
  document.addEventListener("submit", trySample, true);
  camera(form, (picture) => add([picture]));
  part("fetch").addEventListener("click", agree);
  part("again").addEventListener("click", () => void ready().then(work, () => {}));
  for (const button of form.querySelectorAll("[data-send-instead]")) {
    button.addEventListener("click", () => sending("You chose to send it."));
  }
  show("there", false);
  show("here");
  void sweep();
  if (input.files.length) add([...input.files]);
  if (await Classifier.has(graph)) ready().catch(() => {});
}

/** What is on this device already, else the smallest. */
async function preferred() {
  for (const one of site.graphs) if (await Classifier.has(one)) return one;
  return site.graphs[0];
}

function offerGraphs() {
  const words = {
    int8: (one) => `Rounded to 8 bits: ${mib(one.bytes)}, quickest`,
    float32: (one) => `As it is: ${mib(one.bytes)}, the server’s own numbers`,
  };
  const one = document.querySelector("[data-graph]").content;
  for (const each of site.graphs) {
    const choice = one.cloneNode(true);
    const radio = choice.querySelector("input");
    radio.checked = each === graph;
    radio.addEventListener("change", () => void change(each));
    choice.querySelector("span").textContent = words[each.kind](each);
    part("graphs").append(choice);
  }
  show("graphs", site.graphs.length > 1);
  void tell();
}

async function change(other) {
  graph = other;
  classifier?.end();
  classifier = loading = undefined;
  for (const name of ["failed", "ask", "loading", "unkept"]) show(name, false);
  await tell();
  if (queue.length || (await Classifier.has(graph))) ready().then(work, () => {});
}

async function tell() {
  const here = classifier || (await Classifier.has(graph));
  part("model").textContent = here
    ? `Model ${site.model.version} is on this device and answers here.`
    : `Model ${site.model.version} is fetched with your first image, ${size()}, and kept for the next.`;
}

const size = () => mib(graph.bytes + site.runtime.bytes);

function add(files) {
  queue.push(...answers.expect(files));
  input.value = "";
  ready().then(work, () => {});
}

/** The sample that was pressed, from this site and no further. */
async function trySample(event) {
  if (!form.dataset.local || !event.target.matches("[data-sample]")) return;
  event.preventDefault();
  const picture = event.target.querySelector("img");
  const blob = await (await fetch(picture.src)).blob();
  const name = event.target.querySelector("button").textContent.trim();
  add([new File([blob], name, { type: blob.type })]);
  part("model").scrollIntoView({ block: "nearest" });
}

/** A classifier that can answer. Begun once, and anew after it failed. */
function ready() {
  loading ??= load().catch((problem) => {
    loading = undefined;
    throw problem;
  });
  return loading;
}

let agreed;
function agree() {
  show("ask", false);
  agreed = true;
  ready().then(work, () => {});
}

async function load() {
  const chosen = graph;
  show("failed", false);
  const here = await Classifier.has(chosen);
  if (!here && !agreed && navigator.connection?.saveData) {
    part("size").textContent = size();
    show("ask");
    throw new Error("asked first");
  }
  const made = new Classifier(site, chosen);
  const [bar, words] = part("loading").children;
  bar.removeAttribute("value");
  words.textContent = here ? "Starting the model." : `Fetching the model, ${size()}.`;
  show("loading");
  try {
    const { kept } = await made.load((done, total) => {
      bar.max = total;
      bar.value = done;
      words.textContent =
        done < total ? `Fetching the model: ${mib(done)} of ${mib(total)}.` : "Starting the model.";
    });
    if (chosen !== graph) return made.end();
    classifier = made;
    show("unkept", !kept);
    if (kept) void navigator.serviceWorker?.register(form.dataset.serviceWorker).catch(() => {});
  } catch (problem) {
    made.end();
    if (chosen !== graph) return;
    part("failed").firstElementChild.textContent =
      problem.name === "Cut"
        ? `The download stopped after ${mib(problem.received)} of ${mib(problem.bytes)}.`
        : `The model did not start. ${problem.message}`;
    show("failed");
    throw problem;
  } finally {
    if (chosen === graph) show("loading", false);
  }
  void tell();
}

function work() {
  turn = turn.then(async () => {
    while (queue.length && classifier) {
      const item = queue[0];
      try {
        const kind = graph.kind;
        answers.tell(item, { ...(await classifier.classify(item.file)), kind });
      } catch (problem) {
        if (!(problem instanceof Refused)) {
          if (!classifier) return; // another file of the model was chosen meanwhile
          answers.fail(item, "This image could not be classified on this device.", problem.message);
          classifier.end();
          classifier = loading = undefined;
          queue.shift();
          if (queue.length) ready().then(work, () => {});
          return;
        }
        answers.fail(item, problem.rule, `Received: ${problem.received}. ${problem.wayOut}`);
      }
      queue.shift();
    }
  });
}

/** Take an image over into the report form, which sends it when it is filed. */
async function report({ file }, { label, scores, kind }) {
  if (!navigator.onLine) {
    return "You are offline. This image has not left your device; report it once you are back online.";
  }
  const model = site.model.sha256;
  const kept = await hand(file, { model, graph: kind, label, scores }).catch(() => "nothing");
  location.assign(form.dataset.report);
  return kept === "nothing"
    ? "This browser keeps nothing from page to page: choose the image again in the form."
    : "You took this image into a report. It leaves your device when you file it, not before.";
}

/** The form that sends, with the image that waits already in it. Nothing is sent by itself. */
function sending(why) {
  delete form.dataset.local;
  input.multiple = false;
  part("invitation").textContent = "Choose an image";
  part("fallback").textContent = `${why} If you press the button, your image goes to this site.`;
  show("fallback");
  show("here", false);
  show("there");
  const [waiting] = queue.splice(0);
  if (!waiting) return;
  answers.clear();
  const list = new DataTransfer();
  list.items.add(waiting.file);
  input.files = list.files;
  input.dispatchEvent(new Event("change"));
}
