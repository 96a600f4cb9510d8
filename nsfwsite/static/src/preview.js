// A small copy of the visitor's own image, for the page of its answer. Only this tab keeps it.

import { query } from "./dom.js";
import palette from "./palette.json" with { type: "json" };

const SIDE = 360; // pixels
const KEY = "preview"; // in this tab's storage

/**
 * Keep a small copy of an image that is about to be sent, or forget the last one.
 * @param {Blob} [image]
 */
export async function keepPreview(image) {
  storePreview(image && (await shrink(image)));
}

/** @param {string | null | undefined} preview an address */
export function storePreview(preview) {
  try {
    if (preview) sessionStorage.setItem(KEY, preview);
    else sessionStorage.removeItem(KEY);
  } catch {
    // Storage may be full or forbidden; the page is complete without a preview.
  }
}

/**
 * On the result page: show what this tab has just sent, next to the answer that it belongs to.
 * @param {HTMLElement} place
 */
export function showPreview(place) {
  try {
    const key = `${KEY}:${place.dataset.preview}`;
    const justSent = sessionStorage.getItem(KEY);
    if (justSent) {
      sessionStorage.setItem(key, justSent);
      sessionStorage.removeItem(KEY);
    }
    const preview = sessionStorage.getItem(key);
    if (!preview) return;
    query(place, "img", HTMLImageElement).src = preview;
    place.hidden = false;
  } catch {
    // Without storage there is no preview.
  }
}

/**
 * The copy as a data URL; null where the browser cannot draw the image.
 * @param {Blob} blob
 */
async function shrink(blob) {
  try {
    const bitmap = await createImageBitmap(blob);
    const scale = Math.min(1, SIDE / Math.max(bitmap.width, bitmap.height));
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
