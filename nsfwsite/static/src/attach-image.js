// An image on its way from the demo into the report form. It waits in this browser, for this tab.

import { createStore, del, delMany, entries, get, set } from "idb-keyval";
import { sha256 } from "./sha256.js";

const MARK = "reported";
const LONGEST = 60 * 60 * 1000;

const store = () => createStore("reported", "images");

/** Keep an image and what this browser says of it, until the report form takes it. */
export async function hand(file, answer) {
  const id = crypto.randomUUID();
  await set(id, { file, answer, at: Date.now() }, store());
  sessionStorage.setItem(MARK, id);
}

/** Forget what tabs left behind that were closed. */
export async function sweep() {
  try {
    const old = (await entries(store())).filter(([, { at }]) => Date.now() - at > LONGEST);
    await delMany(
      old.map(([key]) => key),
      store(),
    );
  } catch {
    // No storage, nothing left behind.
  }
}

/** Put the image that waits into the form, with its answer; the form sends both, or nobody does. */
export async function takeOver(form) {
  const kept = await waiting();
  if (!kept) return;
  const { file, answer } = kept;
  const input = form.elements.images;
  const note = form.querySelector("[data-taken]");
  const own = form.elements.browser;
  const hash = await sha256(await file.arrayBuffer());
  const include = () => {
    const list = new DataTransfer();
    for (const one of [file, ...input.files]) list.items.add(one);
    input.files = list.files;
  };
  include();
  own.value = JSON.stringify({ [hash]: answer });
  input.addEventListener("change", include);
  note.querySelector("img").src = URL.createObjectURL(file);
  note.querySelector("[data-label]").textContent = answer.label;
  note.hidden = false;
  note.querySelector("button").addEventListener("click", async () => {
    input.removeEventListener("change", include);
    const list = new DataTransfer();
    for (const one of [...input.files].filter((each) => each !== file)) list.items.add(one);
    input.files = list.files;
    own.value = "";
    note.hidden = true;
    await drop();
  });
}

/** Forget it: it was sent, or taken out. */
export async function drop() {
  try {
    const id = sessionStorage.getItem(MARK);
    if (!id) return;
    sessionStorage.removeItem(MARK);
    await del(id, store());
  } catch {
    // No storage, nothing kept.
  }
}

async function waiting() {
  try {
    const id = sessionStorage.getItem(MARK);
    return id && (await get(id, store()));
  } catch {
    return null;
  }
}
