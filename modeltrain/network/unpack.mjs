// A published model ships as JavaScript modules: one holds the topology, the others base64.
// This script writes them as plain files:
// `node unpack.mjs <package folder> <model> <output folder>`.
// published_model.py checks the output against pinned hashes; nothing here is trusted.

import { readdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";

const [, , packageFolder, model, out] = process.argv;
const folder = resolve(packageFolder, "dist/models", model);
const require = createRequire(join(folder, "index.cjs"));
/** @param {string} name */
const load = (name) => {
  const module = require(join(folder, name));
  return module.default ?? module;
};
/** @param {string} name */
const shardNumber = (name) => Number(/shard(\d+)of/.exec(name)?.[1]);

const shards = readdirSync(folder)
  .filter((name) => /^group1-shard\d+of\d+\.min\.js$/.test(name))
  .sort((a, b) => shardNumber(a) - shardNumber(b));
const weights = Buffer.concat(shards.map((name) => Buffer.from(load(name), "base64")));
writeFileSync(join(out, "weights.bin"), weights);
writeFileSync(join(out, "model.json"), JSON.stringify(load("model.min.js")));
