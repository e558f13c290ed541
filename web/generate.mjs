// Writes abi/ from the JSON interfaces of the repository: those that the pages speak to, as constants with types.
// Names and reading are those of ../typescript; only what a page uses is taken, so that the bundle stays small.
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { toFunctionSelector } from "viem";
import { nameOf, read } from "../typescript/abis.mjs";

// The facets, each with an interface of the same name: `staked-token` answers `IStakedToken`.
const FACETS = ["borrower-allocations", "debt-accounting", "diamond-cut", "epoch-schedule", "pool-views", "staked-token", "staking"];
const FILES = ["pool.json", "IMerkleDistributor.json", "IClaimsProxy.json", "ITrustedBorrowerL2Proxy.json"];
const target = new URL("abi/", import.meta.url);

/** Without what TypeScript and viem do not read. */
const bare = (parameter) => {
  const { internalType: _, components, ...rest } = parameter;
  return components ? { ...rest, components: components.map(bare) } : rest;
};
const lean = (entry) => ({
  ...entry,
  ...(entry.inputs ? { inputs: entry.inputs.map(bare) } : {}),
  ...(entry.outputs ? { outputs: entry.outputs.map(bare) } : {}),
});

rmSync(target, { recursive: true, force: true });
mkdirSync(target);
for (const file of FILES) {
  const text = `/** \`abi/${file}\`. */\nexport const ${nameOf(file)} = ${JSON.stringify(read(file).map(lean))} as const;\n`;
  writeFileSync(new URL(`${nameOf(file)}.ts`, target), text);
}
// Every error that one of them knows, once: with it the pages explain refusals without carrying all interfaces.
const errors = new Map(FILES.flatMap((file) => read(file).filter(({ type }) => type === "error").map((entry) => [entry.name, lean(entry)])));
writeFileSync(new URL("errorAbi.ts", target), `/** The errors of all interfaces. */\nexport const errorAbi = ${JSON.stringify([...errors.values()])} as const;\n`);
writeFileSync(new URL("index.ts", target), FILES.map((file) => `export { ${nameOf(file)} } from "./${nameOf(file)}";\n`).join(""));

const interfaceOf = (facet) => `I${facet.split("-").map((word) => word[0].toUpperCase() + word.slice(1)).join("")}.json`;
// `construct` is for the router's constructor alone.
const routes = Object.fromEntries(FACETS.map((facet) => [facet, read(interfaceOf(facet)).filter(({ type, name }) => type === "function" && name !== "construct").map((entry) => [toFunctionSelector(entry), entry.name])]));
writeFileSync(new URL("routes.ts", target), `/** What each facet answers: selectors and names. */\nexport const routes: Readonly<Record<string, readonly (readonly [string, string])[]>> = ${JSON.stringify(routes)};\n`);
