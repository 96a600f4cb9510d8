// Bundle the two sides of the measurement: `node build.mjs <folder>`.

import { copyFile, readdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const folder = process.argv[2];
const tensorflow = join(
  here,
  "..",
  "..",
  "node_modules",
  "@tensorflow",
  "tfjs-backend-wasm",
  "dist",
);

/** @type {import("esbuild").BuildOptions} */
const common = { bundle: true, minify: true, format: "esm", target: ["es2022"], logLevel: "error" };
await build({
  ...common,
  entryPoints: [join(here, "package.mjs")],
  outdir: folder,
  splitting: true,
  external: [
    "fs",
    "path",
    "worker_threads",
    "perf_hooks",
    "os",
    "crypto",
    "util",
    "string_decoder",
  ],
});
await build({ ...common, entryPoints: [join(here, "ours.mjs")], outfile: join(folder, "ours.js") });
for (const name of await readdir(tensorflow)) {
  if (name.endsWith(".wasm")) await copyFile(join(tensorflow, name), join(folder, name));
}
const page =
  '<!doctype html><meta charset="utf-8"><title>nsfwjs</title><script type="module" src="package.js"></script>';
await writeFile(join(folder, "index.html"), page);
