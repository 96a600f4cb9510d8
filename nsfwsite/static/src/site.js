// Small conveniences. Every page works without them.
import htmx from "htmx.org/dist/htmx.esm.js";
import { choosing } from "./choose.js";
import { drafting, forget } from "./draft.js";
import { keys } from "./keys.js";
import { received } from "./private/evidence.js";
import { drop, takeOver } from "./take-over.js";

window.htmx = htmx;

const PREVIEW_SIDE = 360;
const kept = "preview";

/** A small copy of the visitor's own image, as a data URL; null where the browser cannot draw it. */
async function shrink(blob) {
  try {
    const bitmap = await createImageBitmap(blob);
    const scale = Math.min(1, PREVIEW_SIDE / Math.max(bitmap.width, bitmap.height));
    const canvas = document.createElement("canvas");
    canvas.width = Math.max(1, Math.round(bitmap.width * scale));
    canvas.height = Math.max(1, Math.round(bitmap.height * scale));
    const pen = canvas.getContext("2d");
    pen.fillStyle = "#fff";
    pen.fillRect(0, 0, canvas.width, canvas.height);
    pen.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
    return canvas.toDataURL("image/jpeg", 0.8);
  } catch {
    return null;
  }
}

function remember(preview) {
  try {
    if (preview) sessionStorage.setItem(kept, preview);
    else sessionStorage.removeItem(kept);
  } catch {
    // Storage may be full or forbidden; the page is complete without a preview.
  }
}

/** On the result page: show what this tab has just sent, under the answer it belongs to. */
function recall(place) {
  try {
    const own = `${kept}:${place.dataset.preview}`;
    const fresh = sessionStorage.getItem(kept);
    if (fresh) {
      sessionStorage.setItem(own, fresh);
      sessionStorage.removeItem(kept);
    }
    const preview = sessionStorage.getItem(own);
    if (!preview) return;
    place.querySelector("img").src = preview;
    place.hidden = false;
  } catch {
    // No storage, no preview.
  }
}

for (const form of document.querySelectorAll("[data-choose]")) {
  choosing(form, async (file) => remember(file && (await shrink(file))));
}
for (const form of document.querySelectorAll("[data-sample]")) {
  form.addEventListener("submit", (event) => {
    if (!event.defaultPrevented) remember(form.querySelector("img")?.src);
  });
}
for (const place of document.querySelectorAll("[data-preview]")) recall(place);

for (const form of document.querySelectorAll("[data-draft]")) drafting(form);
for (const place of document.querySelectorAll("[data-evidence]")) received(place);
for (const help of document.querySelectorAll("[data-keys]")) keys(help);
for (const note of document.querySelectorAll("[data-taken]")) void takeOver(note.closest("form"));
if (document.querySelector("[data-receipt]")) {
  forget();
  void drop();
}

for (const button of document.querySelectorAll("[data-copy]")) {
  const field = document.getElementById(button.dataset.copy);
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
  if (event.defaultPrevented || form.hasAttribute("hx-post")) return;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "yes";
  event.submitter?.setAttribute("aria-busy", "true");
});
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) {
    delete form.dataset.sent;
    for (const button of form.querySelectorAll("[aria-busy]")) button.removeAttribute("aria-busy");
  }
});

const chart = document.querySelector("[data-chart]");
if (chart) {
  const script = document.createElement("script");
  script.src = chart.dataset.chart;
  document.head.append(script);
}
