// Answers are stored on the device, so that an interrupted audit continues where it stopped.

import { clear, createStore, getMany, keys, setMany } from "idb-keyval";

/** @typedef {{label: string, scores: Record<string, number>, sha256: string}} StoredAnswer */

const answerStore = () => createStore("private-audit", "answers");

/**
 * Tells this image and this model from others. It never leaves the device.
 * @param {string} artifact
 * @param {import("./folder.js").FolderImage} image
 */
export const keyOf = (artifact, { path, file }) =>
  [artifact, path, file.size, file.lastModified].join("\n");

/**
 * The stored answers in the order of the keys, undefined where there is none.
 * @param {string[]} storeKeys
 * @returns {Promise<(StoredAnswer | undefined)[]>}
 */
export async function readAnswers(storeKeys) {
  try {
    return await getMany(storeKeys, answerStore());
  } catch {
    return storeKeys.map(() => undefined); // some private windows have no storage
  }
}

/** Returns whether the browser had room for them. @param {[string, StoredAnswer][]} answers */
export async function storeAnswers(answers) {
  try {
    await setMany(answers, answerStore());
    return true;
  } catch {
    return false;
  }
}

export async function countAnswers() {
  try {
    return (await keys(answerStore())).length;
  } catch {
    return 0;
  }
}

export async function deleteAnswers() {
  try {
    await clear(answerStore());
  } catch {
    // Without storage there is nothing to delete.
  }
}
