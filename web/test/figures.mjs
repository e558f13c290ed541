// Writes benchmarks/pages.md: what the pages weigh, and how soon they show something and can be used. Nothing fails by it.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { browser, end, site } from "./harness.mjs";

const RUNS = 7;
const dist = new URL("../dist/", import.meta.url);
const zipped = (file) => gzipSync(readFileSync(new URL(file, dist)), { level: 9 }).length;
const kb = (bytes) => `${(bytes / 1024).toFixed(1)} KB`;
const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];

const index = readFileSync(new URL("index.html", dist), "utf8");
const first = ["index.html", ...[...index.matchAll(/(?:src|href)="\.\/(assets\/[^"]+)"/g)].map(([, file]) => file)];
const sum = (files) => files.reduce((total, file) => total + zipped(file), 0);
const later = readdirSync(new URL("assets/", dist)).map((name) => `assets/${name}`).filter((file) => !first.includes(file));
const of = (name) => later.filter((file) => file.startsWith(`assets/${name}-`) && file.endsWith(".js"));

const paints = [];
const uses = [];
for (let run = 0; run < RUNS; run++) {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(`${site.url}#/pool`);
  await page.locator(".figures .amount").first().waitFor();
  uses.push(await page.evaluate(() => performance.now()));
  paints.push(await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? NaN));
  await context.close();
}
const rows = [
  ["first page, gzipped, of 200 KB", kb(sum(first))],
  ...["stake", "borrowers", "debt", "rewards", "verify", "governance", "status", "learn"].map((name) => [`and for ${name}, its own file`, kb(sum(of(name)))]),
  ["the rewards engine, when a tree is rebuilt", kb(sum(later.filter((file) => file.endsWith(".wasm"))))],
  ["first paint, median of " + RUNS, `${Math.round(median(paints))} ms`],
  ["figures of the chain are there and can be used, median of " + RUNS, `${Math.round(median(uses))} ms`],
];
const text = `# The pages

\`scripts/web figures\` writes this table: pages, node and headless Chromium on one machine, over loopback, an empty cache each time. Times are of a
machine with two cores that did other work meanwhile; sizes are exact.

| what | figure |
|---|---|
${rows.map((row) => `| ${row.join(" | ")} |`).join("\n")}
`;
writeFileSync(new URL("../../benchmarks/pages.md", import.meta.url), text);
console.log(text);
await end();
process.exit(0);
