// Small conveniences. Every page works without them.
import htmx from "htmx.org/dist/htmx.esm.js";
import { attachImage, deleteImage } from "./attach-image.js";
import { solveFor } from "./challenge.js";
import { query, queryAll } from "./dom.js";
import { deleteDrafts, setUpDraft } from "./draft.js";
import { setUpFileInput } from "./file-input.js";
import { setUpShortcuts } from "./keyboard-shortcuts.js";
import palette from "./palette.json" with { type: "json" };
import { showCounts } from "./private_audit/evidence.js";
import { setUpWall } from "./wall.js";

Object.assign(window, { htmx });

const PREVIEW_SIDE = 360;
const PREVIEW = "preview"; // in this tab's storage

/**
 * A small copy of the visitor's own image, as a data URL; null where the browser cannot draw it.
 * @param {Blob} blob
 */
async function shrink(blob) {
  try {
    const bitmap = await createImageBitmap(blob);
    const scale = Math.min(1, PREVIEW_SIDE / Math.max(bitmap.width, bitmap.height));
    const canvas = document.createElement("canvas");
    canvas.width = Math.max(1, Math.round(bitmap.width * scale));
    canvas.height = Math.max(1, Math.round(bitmap.height * scale));
    const context = canvas.getContext("2d");
    if (!context) return null;
    context.fillStyle = palette.both.white;
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
    return canvas.toDataURL("image/jpeg", 0.8);
  } catch {
    return null;
  }
}

/** @param {string | null | undefined} preview */
function storePreview(preview) {
  try {
    if (preview) sessionStorage.setItem(PREVIEW, preview);
    else sessionStorage.removeItem(PREVIEW);
  } catch {
    // Storage may be full or forbidden; the page is complete without a preview.
  }
}

/**
 * On the result page: show what this tab has just sent, next to the answer that it belongs to.
 * @param {HTMLElement} place
 */
function showPreview(place) {
  try {
    const key = `${PREVIEW}:${place.dataset.preview}`;
    const justSent = sessionStorage.getItem(PREVIEW);
    if (justSent) {
      sessionStorage.setItem(key, justSent);
      sessionStorage.removeItem(PREVIEW);
    }
    const preview = sessionStorage.getItem(key);
    if (!preview) return;
    query(place, "img", HTMLImageElement).src = preview;
    place.hidden = false;
  } catch {
    // Without storage there is no preview.
  }
}

/** @param {string} selector */
const forms = (selector) =>
  /** @type {NodeListOf<HTMLFormElement>} */ (document.querySelectorAll(selector));

for (const form of forms("form[data-choose]")) {
  setUpFileInput(form, async (file) => storePreview(file && (await shrink(file))));
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
  const field = query(document, `#${CSS.escape(button.dataset.copy ?? "")}`, HTMLInputElement);
  button.hidden = false;
  button.addEventListener("click", async () => {
    field.select();
    try {
      await navigator.clipboard.writeText(field.value);
    } catch {
      document.execCommand("copy");
    }
    button.textContent = "Copied";
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
