// Small conveniences. Every page works without them.
import htmx from "htmx.org/dist/htmx.esm.js";
import { attachImage, deleteImage } from "./attach-image.js";
import { solveFor } from "./challenge.js";
import { query, queryAll } from "./dom.js";
import { deleteDrafts, setUpDraft } from "./draft.js";
import { setUpFileInput } from "./file-input.js";
import { setUpShortcuts } from "./keyboard-shortcuts.js";
import { keepPreview, showPreview, storePreview } from "./preview.js";
import { showCounts } from "./private_audit/evidence.js";
import { setUpWall } from "./wall.js";

Object.assign(window, { htmx });

/** @param {string} selector */
const forms = (selector) =>
  /** @type {NodeListOf<HTMLFormElement>} */ (document.querySelectorAll(selector));

for (const form of forms("form[data-choose]")) {
  setUpFileInput(form, keepPreview);
}
for (const form of forms("form[data-sample]")) {
  form.addEventListener("submit", (event) => {
    if (!event.defaultPrevented) storePreview(form.querySelector("img")?.src);
  });
}
for (const form of forms("form[data-draft]")) setUpDraft(form);
for (const form of forms("form[data-wall]")) setUpWall(form);
for (const note of queryAll(document, "[data-taken]")) {
  const form = note.closest("form");
  if (form) void attachImage(form);
}
for (const place of queryAll(document, "[data-preview]")) showPreview(place);
for (const place of queryAll(document, "[data-evidence]")) showCounts(place);
for (const help of queryAll(document, "[data-keys]")) setUpShortcuts(help);
if (document.querySelector("[data-receipt]")) {
  deleteDrafts();
  void deleteImage();
}

for (const button of queryAll(document, "[data-copy]")) {
  const source = query(document, `#${CSS.escape(button.dataset.copy ?? "")}`, HTMLElement);
  const text = () =>
    source instanceof HTMLInputElement ? source.value : (source.textContent ?? "").trim();
  button.hidden = false;
  button.addEventListener("click", async () => {
    if (source instanceof HTMLInputElement) source.select();
    else getSelection()?.selectAllChildren(source);
    try {
      await navigator.clipboard.writeText(text());
    } catch {
      document.execCommand("copy");
    }
    button.textContent = "Copied";
  });
}

for (const output of document.querySelectorAll("output")) {
  const field = query(document, `#${CSS.escape(output.htmlFor.value)}`, HTMLInputElement);
  field.addEventListener("input", () => {
    output.value = field.value;
  });
}

// A form is sent once, however often its button is pressed.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!(form instanceof HTMLFormElement)) return;
  if (event.defaultPrevented || form.hasAttribute("hx-post")) return;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "yes";
  event.submitter?.setAttribute("aria-busy", "true");
  if (!form.dataset.challenge) return;
  event.preventDefault();
  void solveFor(form).then(() => form.submit());
});
window.addEventListener("pageshow", () => {
  for (const form of forms("form[data-sent]")) {
    delete form.dataset.sent;
    for (const button of form.querySelectorAll("[aria-busy]")) button.removeAttribute("aria-busy");
  }
});
