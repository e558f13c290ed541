// Writes src/ from the JSON ABIs in abi/: one constant per interface, and an index of all.
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { files, nameOf, read } from "./abis.mjs";

const target = new URL("src/", import.meta.url);

rmSync(target, { recursive: true, force: true });
mkdirSync(target);
for (const file of files()) {
  const text = `/** \`abi/${file}\`. */\nexport const ${nameOf(file)} = ${JSON.stringify(read(file), null, 2)} as const;\n`;
  writeFileSync(new URL(`${nameOf(file)}.ts`, target), text);
}
const index = files().map((file) => `export { ${nameOf(file)} } from "./${nameOf(file)}.js";\n`);
writeFileSync(new URL("index.ts", target), index.join(""));
