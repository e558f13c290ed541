// What the first page costs before anything is read from a chain: at most 200 KB, compressed. Fails above it.
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const LIMIT = 200 * 1024;
const folder = new URL("dist/", import.meta.url);
const page = readFileSync(new URL("index.html", folder), "utf8");
const files = ["index.html", ...[...page.matchAll(/(?:src|href)="\.\/(assets\/[^"]+)"/g)].map(([, file]) => file)];
if (files.length < 3) throw new Error(`the page names ${files.length - 1} files; a script and a style are expected`);
let sum = 0;
for (const file of files) {
  const size = gzipSync(readFileSync(new URL(file, folder)), { level: 9 }).length;
  sum += size;
  console.log(`${(size / 1024).toFixed(1).padStart(7)} KB  ${file}`);
}
console.log(`${(sum / 1024).toFixed(1).padStart(7)} KB  the first page, gzipped, of ${LIMIT / 1024} KB`);
if (sum > LIMIT) process.exit(1);
