// A model's file: from this device where it is whole, else from the site, and kept.

import { sha256 } from "./sha256.js";

const CACHE = "speakup-models";

/** The download ended before it was whole. */
export class Cut extends Error {
  constructor(received, bytes) {
    super(`The download stopped after ${received} of ${bytes} bytes.`);
    Object.assign(this, { name: "Cut", received, bytes });
  }
}

/**
 * The bytes of a graph, checked against the hash that the site names, and whether they are kept.
 * `current` are the addresses of all graphs of the model in service; other models are dropped.
 */
export async function open(graph, current, progress) {
  const locks = navigator.locks;
  const take = () => taken(graph, current, progress);
  // Two pages that begin at once download once.
  return locks ? locks.request(CACHE, take) : take();
}

async function taken(graph, current, progress) {
  const cache = await caches.open(CACHE).catch(() => null); // none in some private windows
  const before = await cache?.match(graph.url).catch(() => undefined);
  if (before) {
    const data = await before.arrayBuffer().catch(() => new ArrayBuffer(0));
    if ((await sha256(data)) === graph.sha256) return { data, kept: true, fetched: false };
    await cache.delete(graph.url);
  }
  const data = await download(graph, progress);
  const kept = Boolean(cache) && (await keep(cache, graph, current, data));
  return { data, kept, fetched: true };
}

async function download({ url, bytes, sha256: named }, progress) {
  let done = 0;
  const data = new Uint8Array(bytes);
  try {
    const answer = await fetch(url, { cache: "no-store", credentials: "omit" });
    if (!answer.ok) throw new Error(`The site answered ${answer.status}.`);
    for (const reader = answer.body.getReader(); ; ) {
      const { done: over, value } = await reader.read();
      if (over) break;
      if (done + value.length > bytes) throw new Error("More came than the site announced.");
      data.set(value, done);
      done += value.length;
      progress(done, bytes);
    }
  } catch {
    throw new Cut(done, bytes);
  }
  if (done < bytes) throw new Cut(done, bytes);
  if ((await sha256(data)) !== named) {
    throw new Error("What arrived is not the model that the site names.");
  }
  return data.buffer;
}

async function keep(cache, graph, current, data) {
  try {
    for (const request of await cache.keys()) {
      if (!current.includes(new URL(request.url).pathname)) await cache.delete(request);
    }
    await cache.put(graph.url, new Response(data));
    return true;
  } catch {
    return false; // storage is full or forbidden: it works from memory, until the page is left
  }
}

/** Is there a copy on this device? Whether it is whole is known once it was opened. */
export async function has(graph) {
  try {
    const cache = await caches.open(CACHE);
    return Boolean(await cache.match(graph.url));
  } catch {
    return false;
  }
}
