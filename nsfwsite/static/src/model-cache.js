// A model's file: from this device where a whole copy is stored, otherwise from the site.

import { sha256 } from "./sha256.js";

/** @typedef {import("./classifier.js").Graph} Graph */
/** @typedef {(done: number, total: number) => void} ProgressCallback */

const CACHE = "speakup-models";
// A download from which nothing has come for so long is given up.
const STALL_SECONDS = 20;

/** The download ended before the file was complete. */
export class DownloadIncomplete extends Error {
  /** @param {number} received @param {number} bytes */
  constructor(received, bytes) {
    super(`The download stopped after ${received} of ${bytes} bytes.`);
    this.name = "DownloadIncomplete";
    this.received = received;
    this.bytes = bytes;
  }
}

/**
 * The bytes of a graph, checked against the hash that the site names.
 *
 * `stored` is false where the device has no room for a copy. Copies of graphs that are not in
 * `currentUrls`, those of the model in service, are deleted.
 * @param {Graph} graph
 * @param {string[]} currentUrls
 * @param {ProgressCallback} onProgress
 * @returns {Promise<{data: ArrayBuffer, stored: boolean, downloaded: boolean}>}
 */
export async function openModel(graph, currentUrls, onProgress) {
  const open = () => readOrDownload(graph, currentUrls, onProgress);
  // Two pages that start at the same time download once. Insecure pages have no locks.
  return "locks" in navigator ? navigator.locks.request(CACHE, open) : open();
}

/** @param {Graph} graph @param {string[]} currentUrls @param {ProgressCallback} onProgress */
async function readOrDownload(graph, currentUrls, onProgress) {
  const cache = await caches.open(CACHE).catch(() => null); // some private windows have none
  const copy = await cache?.match(graph.url).catch(() => undefined);
  if (cache && copy) {
    const data = await copy.arrayBuffer().catch(() => new ArrayBuffer(0));
    if ((await sha256(data)) === graph.sha256) return { data, stored: true, downloaded: false };
    await cache.delete(graph.url);
  }
  const data = await download(graph, onProgress);
  const stored = cache !== null && (await store(cache, graph, currentUrls, data));
  return { data, stored, downloaded: true };
}

/** @param {Graph} graph @param {ProgressCallback} onProgress */
async function download({ url, bytes, sha256: expectedHash }, onProgress) {
  let received = 0;
  const data = new Uint8Array(bytes);
  const stall = new AbortController();
  const giveUp = () => stall.abort();
  let timer = setTimeout(giveUp, STALL_SECONDS * 1000);
  try {
    const options = /** @type {const} */ ({ cache: "no-store", credentials: "omit" });
    const response = await fetch(url, { ...options, signal: stall.signal });
    if (!response.ok || !response.body) throw new Error(`The site answered ${response.status}.`);
    for (const reader = response.body.getReader(); ; ) {
      const { done, value } = await reader.read();
      clearTimeout(timer);
      if (done) break;
      timer = setTimeout(giveUp, STALL_SECONDS * 1000);
      if (received + value.length > bytes) throw new Error("The file is longer than announced.");
      data.set(value, received);
      received += value.length;
      onProgress(received, bytes);
    }
  } catch {
    throw new DownloadIncomplete(received, bytes);
  } finally {
    clearTimeout(timer);
  }
  if (received < bytes) throw new DownloadIncomplete(received, bytes);
  if ((await sha256(data)) !== expectedHash) {
    throw new Error("What arrived is not the model that the site names.");
  }
  return data.buffer;
}

/**
 * @param {Cache} cache
 * @param {Graph} graph
 * @param {string[]} currentUrls
 * @param {ArrayBuffer} data
 */
async function store(cache, graph, currentUrls, data) {
  try {
    for (const request of await cache.keys()) {
      if (!currentUrls.includes(new URL(request.url).pathname)) await cache.delete(request);
    }
    await cache.put(graph.url, new Response(data));
    return true;
  } catch {
    return false; // storage is full or forbidden: the model works from memory until the page is left
  }
}

/**
 * Is there a copy on this device? Only `openModel` checks whether it is complete.
 * @param {Graph} graph
 */
export async function isStored(graph) {
  try {
    const cache = await caches.open(CACHE);
    return Boolean(await cache.match(graph.url));
  } catch {
    return false;
  }
}
