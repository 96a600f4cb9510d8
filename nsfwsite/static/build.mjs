// Bundle the styles and scripts that the pages load. Everything is served by the site itself.

import { copyFile, mkdir, readFile, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const source = join(here, "src");
const target = join(here, "build");
const runtime = join(here, "..", "..", "node_modules", "onnxruntime-web", "dist");

/**
 * `@import "./palette.json"` in a style sheet: each theme's colours as custom properties. Scripts
 * import the same file as JSON.
 *
 * @type {import("esbuild").Plugin}
 */
const palette = {
  name: "palette",
  setup({ onLoad }) {
    onLoad({ filter: /palette\.json$/ }, async ({ path, with: attributes }) => {
      if (attributes.type === "json") return null;
      const { light, dark, both } = JSON.parse(await readFile(path, "utf8"));
      const contents =
        `:root { ${properties(both)} }\n` +
        `:root, [data-theme="light"] { ${properties(light)} }\n` +
        `@media (prefers-color-scheme: dark) { :root { ${properties(dark)} } }\n`;
      return { contents, loader: "css" };
    });
  },
};

/** @param {Record<string, string>} colours */
function properties(colours) {
  return Object.entries(colours)
    .map(([name, colour]) => `--${name}: ${colour};`)
    .join(" ");
}

/** @type {import("esbuild").BuildOptions} */
const common = {
  outdir: target,
  bundle: true,
  minify: true,
  target: ["es2022"],
  logLevel: "warning",
};

await rm(target, { recursive: true, force: true });
await mkdir(target, { recursive: true });
await build({
  ...common,
  entryPoints: {
    site: join(source, "site.js"),
    style: join(source, "style.css"),
    admin: join(source, "admin.css"),
  },
  format: "iife",
  // htmx parses what the site sends; it takes the parser that the policy allows.
  inject: [join(source, "trusted-fragments.js")],
  define: { "Document.parseHTMLUnsafe": "parseTrustedPage" },
  plugins: [palette],
});
await build({
  ...common,
  entryPoints: { "admin-trusted-types": join(source, "admin-trusted-types.js") },
  format: "iife",
});
await build({
  ...common,
  entryPoints: {
    demo: join(source, "demo.js"),
    passkeys: join(source, "passkeys.js"),
    "private-audit": join(source, "private_audit", "private-audit.js"),
    "classifier-worker": join(source, "classifier-worker.js"),
  },
  format: "esm",
  // The runtime's own program and its threads are fetched by address.
  conditions: ["onnxruntime-web-use-extern-wasm"],
});
await copyFile(join(source, "mark.svg"), join(target, "mark.svg"));
for (const name of ["ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm"]) {
  await copyFile(join(runtime, name), join(target, name));
}
