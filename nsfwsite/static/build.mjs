// Bundle the styles and scripts that the pages load. Everything is served by the site itself.
import { build } from "esbuild";
import { copyFile, mkdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const source = join(here, "src");
const target = join(here, "build");

await rm(target, { recursive: true, force: true });
await mkdir(target, { recursive: true });
await build({
  entryPoints: {
    site: join(source, "site.js"),
    style: join(source, "style.css"),
  },
  outdir: target,
  bundle: true,
  minify: true,
  format: "iife",
  target: ["es2022"],
  logLevel: "warning",
});
await copyFile(join(source, "mark.svg"), join(target, "mark.svg"));
