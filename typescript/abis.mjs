// The JSON ABIs and the names of their constants.
import { readFileSync, readdirSync } from "node:fs";

const source = new URL("../abi/", import.meta.url);

/// `ITrustedBorrowerL2Proxy.json` becomes `trustedBorrowerL2ProxyAbi`, `pool.json` `poolAbi`.
export const nameOf = (file) => {
  const name = file.replace(/\.json$/, "").replace(/^I(?=[A-Z])/, "");
  return `${name[0].toLowerCase()}${name.slice(1)}Abi`;
};

export const files = () => readdirSync(source).filter((file) => file.endsWith(".json")).sort();

export const read = (file) => JSON.parse(readFileSync(new URL(file, source), "utf8"));
