// An image on its way from the demo into the report form. Only this tab of this browser stores it.

import { createStore, del, delMany, entries, get, set } from "idb-keyval";
import { filesOf, part, query, setFiles } from "./dom.js";
import { sha256 } from "./sha256.js";

/**
 * What the visitor's own browser says about an image.
 * @typedef {{model: string, graph: string, label: string, scores: Record<string, number>}} Score
 */
/** @typedef {{file: File, answer: Score, at: number}} StoredImage */

const KEY_IN_TAB = "reported";
const MAX_AGE = 60 * 60 * 1000; // milliseconds

const imageStore = () => createStore("reported", "images");

/**
 * Store an image and this browser's score until the report form attaches it.
 * @param {File} file
 * @param {Score} answer
 */
export async function storeImage(file, answer) {
  const id = crypto.randomUUID();
  await set(id, { file, answer, at: Date.now() }, imageStore());
  sessionStorage.setItem(KEY_IN_TAB, id);
}

/** Delete what closed tabs left behind. */
export async function deleteOldImages() {
  try {
    /** @type {[string, StoredImage][]} */
    const stored = await entries(imageStore());
    const old = stored.filter(([, { at }]) => Date.now() - at > MAX_AGE);
    await delMany(
      old.map(([id]) => id),
      imageStore(),
    );
  } catch {
    // Without storage there is nothing to delete.
  }
}

/**
 * Put the stored image and its score into the form. They leave the device when the form is sent.
 * @param {HTMLFormElement} form
 */
export async function attachImage(form) {
  const stored = await readImage();
  if (!stored) return;
  const { file, answer } = stored;
  const input = query(form, "input[name=images]", HTMLInputElement);
  const score = query(form, "input[name=browser]", HTMLInputElement);
  const note = part(form, "taken");
  const hash = await sha256(await file.arrayBuffer());
  const attach = () => setFiles(input, [file, ...filesOf(input)]);
  attach();
  score.value = JSON.stringify({ [hash]: answer });
  input.addEventListener("change", attach);
  query(note, "img", HTMLImageElement).src = URL.createObjectURL(file);
  part(note, "label").textContent = answer.label;
  note.hidden = false;
  query(note, "button", HTMLButtonElement).addEventListener("click", async () => {
    input.removeEventListener("change", attach);
    const others = filesOf(input).filter((other) => other !== file);
    setFiles(input, others);
    score.value = "";
    note.hidden = true;
    await deleteImage();
  });
}

/** Delete the stored image: it was sent, or taken out of the form. */
export async function deleteImage() {
  try {
    const id = sessionStorage.getItem(KEY_IN_TAB);
    if (!id) return;
    sessionStorage.removeItem(KEY_IN_TAB);
    await del(id, imageStore());
  } catch {
    // Without storage there is nothing to delete.
  }
}

/** @returns {Promise<StoredImage | undefined>} */
async function readImage() {
  try {
    const id = sessionStorage.getItem(KEY_IN_TAB);
    return id ? await get(id, imageStore()) : undefined;
  } catch {
    return undefined;
  }
}
