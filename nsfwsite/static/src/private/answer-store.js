// Answers are kept on the device, so that an audit goes on where it stopped.

import { clear, createStore, getMany, keys, setMany } from "idb-keyval";

const store = () => createStore("private-audit", "answers");

/** What tells an image and a model from others. It never leaves the device. */
export const name = (artifact, { path, file }) =>
  [artifact, path, file.size, file.lastModified].join("\n");

/** The answers that are known, in the order of `names`; undefined where there is none. */
export async function known(names) {
  try {
    return await getMany(names, store());
  } catch {
    return names.map(() => undefined); // private mode: begin anew
  }
}

/** Keep `[[name, answer], …]`. False where the browser has no room for them. */
export async function keep(answers) {
  try {
    await setMany(answers, store());
    return true;
  } catch {
    return false;
  }
}

export async function number() {
  try {
    return (await keys(store())).length;
  } catch {
    return 0;
  }
}

export async function forget() {
  try {
    await clear(store());
  } catch {
    // There was nothing to forget.
  }
}
