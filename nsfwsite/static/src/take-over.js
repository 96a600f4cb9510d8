// An image on its way from the demo into the report form. It waits in this browser, for this tab.

const BASE = "speakup";
const STORE = "reported";
const MARK = "reported";
const LONGEST = 60 * 60 * 1000;

/** Keep an image and what this browser says of it, until the report form takes it. */
export async function hand(file, answer) {
  const id = crypto.randomUUID();
  const store = await opened("readwrite");
  for (const key of await done(store.getAllKeys())) {
    const { at } = await done(store.get(key));
    if (Date.now() - at > LONGEST) store.delete(key);
  }
  await done(store.put({ file, answer, at: Date.now() }, id));
  sessionStorage.setItem(MARK, id);
}

/** Put the image that waits into the form, with its answer; the form sends both, or nobody does. */
export async function takeOver(form) {
  const kept = await waiting();
  if (!kept) return;
  const { file, answer } = kept;
  const input = form.elements.images;
  const note = form.querySelector("[data-taken]");
  const own = form.elements.browser;
  const sha256 = await digest(file);
  const include = () => {
    const list = new DataTransfer();
    for (const one of [file, ...input.files]) list.items.add(one);
    input.files = list.files;
  };
  include();
  own.value = JSON.stringify({ [sha256]: answer });
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
    (await opened("readwrite")).delete(id);
  } catch {
    // No storage, nothing kept.
  }
}

async function waiting() {
  try {
    const id = sessionStorage.getItem(MARK);
    return id && (await done((await opened("readonly")).get(id)));
  } catch {
    return null;
  }
}

async function opened(mode) {
  const request = indexedDB.open(BASE, 1);
  request.addEventListener("upgradeneeded", () => request.result.createObjectStore(STORE));
  return (await done(request)).transaction(STORE, mode).objectStore(STORE);
}

function done(request) {
  return new Promise((resolve, reject) => {
    request.addEventListener("success", () => resolve(request.result));
    request.addEventListener("error", () => reject(request.error));
  });
}

async function digest(file) {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", await file.arrayBuffer()));
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
