// The published model ships as JavaScript modules: one holds the topology, the others base64.
// This script writes them as plain files: `node unpack.mjs <package folder> <output folder>`.
// baseline.py checks the output against pinned hashes; nothing here is trusted.

import { readdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";

const [, , packageFolder, out] = process.argv;
const folder = resolve(packageFolder, "dist/models/inception_v3");
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
