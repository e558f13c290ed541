// What every client's test needs: the node, its accounts, the programs of the workspace, OpenZeppelin's artefacts.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

export const RPC = process.env.RPC ?? "http://127.0.0.1:8547";
export const WS = RPC.replace(/^http/, "ws");
export const CHAIN_ID = 412346;

// Of the usual test mnemonic: known to everybody.
export const KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
export const ALICE = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";
export const BOB = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";
export const ARB_WASM = "0x0000000000000000000000000000000000000071";

const require = createRequire(import.meta.url);
export const file = (path) => fileURLToPath(new URL(path, import.meta.url));

// An ERC-20 for the EVM, as OpenZeppelin published it: no compiler of ours touched it.
export const erc20 = require("@openzeppelin/contracts/build/contracts/ERC20PresetFixedSupply.json");

// A token of the test doubles, a Stylus program: init code that returns it, and its interface.
const code = readFileSync(file("../doubles/target/stylus/token.code"));
export const program = initCode(code);
export const programAbi = JSON.parse(readFileSync(file("../doubles/abi/IToken.json"), "utf8"));

// PUSH32 length, DUP1, PUSH1 start, PUSH0, CODECOPY, PUSH0, RETURN, then the code.
function initCode(code) {
  const length = code.length.toString(16).padStart(64, "0");
  return `0x7f${length}8060285f395ff3${code.toString("hex")}`;
}

export async function rpc(method, ...params) {
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
  const response = await fetch(RPC, { method: "POST", headers: { "content-type": "application/json" }, body });
  const { result, error } = await response.json();
  if (error) throw Object.assign(new Error(error.message), error);
  return result;
}

// Activates a program unless one with the same code is active already.
export async function activate(address) {
  const argument = address.slice(2).padStart(64, "0");
  const active = await rpc("eth_call", { to: ARB_WASM, data: `0xc775a62a${argument}` }, "latest").then(() => true, () => false);
  if (active) return;
  const value = "0xde0b6b3a7640000";
  await rpc("eth_sendTransaction", { from: BOB, to: ARB_WASM, data: `0x58c780c2${argument}`, value });
}

// The binary itself: the package's wrapper exits with 0 whatever happened.
const CAST = require.resolve(`@foundry-rs/cast-${process.platform}-${process.arch === "x64" ? "amd64" : process.arch}/bin/cast`);

export function cast(...args) {
  const environment = { ...process.env, ETH_RPC_URL: RPC };
  return execFileSync(CAST, args, { encoding: "utf8", env: environment, stdio: "pipe" }).trim();
}

// Waits for what comes over a subscription.
export async function until(condition, what) {
  for (let tries = 0; tries < 400; tries++) {
    if (condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${what}: did not happen in twenty seconds`);
}
