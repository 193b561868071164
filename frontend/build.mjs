// Makes the dashboard's static files: PatternFly cut to what the templates name, our own modules and htmx in one script,
// the icons in one sprite, fonts. Each is named by the hash of its content and lies beside its compressed forms.
//
//   node build.mjs OUTPUT
//
// `manifest.json` in OUTPUT says which name each has.

import { createHash } from "node:crypto";
import { mkdir, readFile, readdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import * as esbuild from "esbuild";
import { PurgeCSS } from "purgecss";
import { folded } from "./fold.mjs";
import { fontFaces } from "./fonts.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const room = join(here, "..", "src", "forecourt", "dashboard");
const output = process.argv[2] ?? join(room, "static");
const patternfly = join(here, "node_modules", "@patternfly", "patternfly");
const FONTS = ["RedHatText/RedHatTextVF", "RedHatDisplay/RedHatDisplayVF", "RedHatMono/RedHatMonoVF"];
const SOURCES = new Set([".html", ".py", ".js"]);
const COMPRESSIBLE = new Set([".css", ".js", ".svg"]);

const manifest = {};
const made = `${output}.making`;
await rm(made, { recursive: true, force: true });
await mkdir(made, { recursive: true });

async function keep(name, content) {
  const bytes = Buffer.from(content);
  const suffix = extname(name);
  const hash = createHash("sha256").update(bytes).digest("hex").slice(0, 12);
  const hashed = `${name.slice(0, -suffix.length)}.${hash}${suffix}`;
  await writeFile(join(made, hashed), bytes);
  if (COMPRESSIBLE.has(suffix)) {
    await writeFile(join(made, `${hashed}.gz`), gzipSync(bytes, { level: 9 }));
    const quality = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
    await writeFile(join(made, `${hashed}.br`), brotliCompressSync(bytes, { params: quality }));
  }
  manifest[name] = hashed;
  return hashed;
}

async function fonts() {
  const faces = [];
  for (const font of FONTS) {
    const [name, file] = font.split("/");
    const kept = await keep(`${file}.woff2`, await readFile(join(patternfly, "assets/fonts", `${font}.woff2`)));
    faces.push(fontFaces(name, `./${kept}`));
  }
  return faces.join("\n");
}

async function styles() {
  const shipped = await readFile(join(patternfly, "patternfly.css"), "utf8");
  const without = [/@font-face\s*\{[^}]*\}/g, /:root:where\([^{}]*theme-(?:high-contrast|glass|felt)[^{}]*\{[^{}]*\}/g]; // themes that nothing turns on
  const whole = without.reduce((text, rule) => text.replaceAll(rule, ""), shipped);
  const files = (await readdir(join(room, "styles"))).filter((name) => extname(name) === ".css").sort();
  const own = (await Promise.all(files.map((name) => readFile(join(room, "styles", name), "utf8")))).join("\n");
  // Our own rules are cut with PatternFly's: a rule for a class that no template names goes as well.
  const [purged] = await new PurgeCSS().purge({
    content: [...SOURCES].map((suffix) => join(room, "**", `*${suffix}`)),
    css: [{ raw: `${whole}\n${own}`, extension: "css" }],
    defaultExtractor: (text) => text.match(/[\w-]+/g) ?? [],
    safelist: { standard: [/^htmx-/, ":root", ":where", ":not", ":is"], greedy: [/theme-dark/, /\[/] },
    variables: true,
    keyframes: true,
    fontFace: true,
  });
  const css = folded(purged.css, await properties());
  const { code } = await esbuild.transform(`${await fonts()}\n${css}`, { loader: "css", minify: true });
  await keep("forecourt.css", code);
}

// Returns the custom properties that templates, views and scripts name.
async function properties() {
  const names = (await readdir(room, { recursive: true })).filter((name) => SOURCES.has(extname(name)) && !/^static[^/\\]*[/\\]/.test(name));
  const texts = await Promise.all(names.map((name) => readFile(join(room, name), "utf8")));
  return new Set(texts.flatMap((text) => text.match(/--[\w-]+/g) ?? []));
}

async function scripts() {
  const bundle = { bundle: true, minify: true, format: "iife", target: "es2022", write: false, nodePaths: [join(here, "node_modules")] };
  for (const file of await readdir(join(room, "scripts"))) {
    if (extname(file) !== ".js") continue;
    const { outputFiles } = await esbuild.build({ ...bundle, entryPoints: [join(room, "scripts", file)] });
    await keep(file, outputFiles[0].contents);
  }
}

async function icons() {
  const solid = await import("@fortawesome/free-solid-svg-icons");
  const wanted = JSON.parse(await readFile(join(here, "icons.json"), "utf8"));
  const symbols = [];
  for (const [name, from] of Object.entries(wanted)) {
    const [set, icon] = from.split(":");
    if (set === "fa") {
      const [width, height, , , path] = solid[icon].icon;
      symbols.push(`<symbol id="${name}" viewBox="0 0 ${width} ${height}"><path d="${[path].flat().join(" ")}"/></symbol>`);
    } else {
      const text = await readFile(join(patternfly, "icons", "PfIcons", `${icon}.svg`), "utf8");
      const viewBox = /viewBox="([^"]+)"/.exec(text)[1];
      const inside = text.slice(text.indexOf(">", text.indexOf("<svg")) + 1, text.lastIndexOf("</svg>")).trim();
      symbols.push(`<symbol id="${name}" viewBox="${viewBox}">${inside}</symbol>`);
    }
  }
  await keep("icons.svg", `<svg xmlns="http://www.w3.org/2000/svg">${symbols.join("")}</svg>`);
}

await styles();
await scripts();
await icons();
await writeFile(join(made, "manifest.json"), JSON.stringify(manifest, null, 1));
await rm(output, { recursive: true, force: true });
await rename(made, output);
