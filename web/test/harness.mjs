// The chain, the pages, a browser and a wallet for the tests: everything real but the wallet, which signs without asking.
import { spawn, execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import assert from "node:assert/strict";
import axe from "axe-core";
import { chromium } from "playwright-core";
import { concat, createPublicClient, createWalletClient, defineChain, encodePacked, http, keccak256, publicActions, testActions } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { read } from "../../typescript/abis.mjs";
import { serve } from "../serve.mjs";

export const poolAbi = read("pool.json");
export const distributorAbi = read("IMerkleDistributor.json");
export const oracleAbi = read("IRewardsOracle.json");
export const proxyAbi = read("ITrustedBorrowerL2Proxy.json");
export const exchangeAbi = JSON.parse(readFileSync(new URL("../../tests/doubles/abi/IExchange.json", import.meta.url), "utf8"));
export const tokenAbi = JSON.parse(readFileSync(new URL("../../tests/doubles/abi/IToken.json", import.meta.url), "utf8"));

const { DEVNODE, DEVNET, TIDEPOOL, CHROMIUM, SCREENSHOTS } = process.env;
for (const [name, value] of Object.entries({ DEVNODE, DEVNET, TIDEPOOL, CHROMIUM })) if (!value) throw new Error(`${name} is not set: run scripts/web test`);

export const folder = mkdtempSync(join(tmpdir(), "tidepool-pages-"));
const node = spawn(DEVNODE, ["--json", "--port", "0"], { cwd: new URL("../..", import.meta.url), stdio: ["ignore", "pipe", "inherit"] });
process.on("exit", () => node.kill());
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(1));
const first = await new Promise((resolve, reject) => {
  createInterface(node.stdout).once("line", resolve);
  node.once("exit", (code) => reject(new Error(`the node ended with ${code}`)));
});
export const rpc = JSON.parse(first).rpc;
const file = join(folder, "deployment.json");
execFileSync(DEVNET, ["--rpc", rpc, "--out", file], { cwd: new URL("../..", import.meta.url), stdio: "ignore" });
export const deployment = JSON.parse(readFileSync(file, "utf8"));
export const pool = deployment.contracts.pool;
export const usdc = deployment.tokens.USDC;

const chain = defineChain({ id: deployment.chainId, name: "development", nativeCurrency: { name: "Ether", symbol: "ETH", decimals: 18 }, rpcUrls: { default: { http: [rpc] } } });
export const client = createPublicClient({ chain, transport: http(rpc) }).extend(testActions({ mode: "anvil" }));
export const get = (functionName, ...args) => client.readContract({ address: pool, abi: poolAbi, functionName, args });
export const as = (name) => createWalletClient({ chain, account: privateKeyToAccount(deployment.accounts[name].privateKey), transport: http(rpc) }).extend(publicActions);
export async function act(name, address, abi, functionName, ...args) {
  const wallet = as(name);
  const hash = await wallet.writeContract({ address, abi, functionName, args });
  const receipt = await wallet.waitForTransactionReceipt({ hash, pollingInterval: 20 });
  assert.equal(receipt.status, "success", functionName);
}
/** Moves the chain to this many seconds after the start of the next epoch; negative: before. */
export async function toEdge(after) {
  const left = Number(await get("getTimeRemainingInCurrentEpoch"));
  await client.request({ method: "evm_increaseTime", params: [left + after] });
  await client.request({ method: "evm_mine", params: [] });
}
/** The root of a tree of pairs, written down once more, independently of the page. */
export function rootOf(pairs) {
  let level = pairs.map(([account, amount]) => keccak256(encodePacked(["address", "uint256"], [account, BigInt(amount)]))).sort();
  while (level.length > 1) {
    const next = [];
    for (let at = 0; at < level.length; at += 2) next.push(at + 1 < level.length ? keccak256(concat([level[at], level[at + 1]].sort())) : level[at]);
    level = next;
  }
  return level[0];
}
export const units = (tokens) => BigInt(Math.round(tokens * 1e6));

export const site = await serve(file);
/** What the page's deployment.json says beside what devnet wrote; nothing for nothing. */
export const configure = (extra = {}) => writeFileSync(file, JSON.stringify({ ...deployment, ...extra }));
export const browser = await chromium.launch({
  executablePath: CHROMIUM,
  chromiumSandbox: false,
  args: ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
export async function end() {
  await browser.close();
  await site.stop();
  node.kill();
}

/** Two made-up epochs of rewards, one closed and one running, in which this account is the largest maker. Made once. */
export function makeEpochs(maker) {
  if (existsSync(join(folder, "epochs"))) return join(folder, "epochs");
  const place = (name) => join(folder, "epochs", name);
  const rewards = (...args) => execFileSync(TIDEPOOL, ["rewards", ...args], { stdio: "ignore" });
  rewards("simulate", place("17"), "--epoch", "17", "--markets", "3", "--makers", "5", "--minutes", "120", "--format", "jsonl", "--maker", maker);
  rewards("run", place("17"), "--out", place("17.results"));
  rewards("simulate", place("18"), "--epoch", "18", "--markets", "3", "--makers", "5", "--minutes", "180", "--maker", maker, "--previous", join(place("17.results"), "tree.json"));
  return join(folder, "epochs");
}

/** The server beside the node; on the same port again, if one is given. Answers its URL and how to end it. */
export async function startServer(rewards, port = 0) {
  const { pool, "merkle-distributor": distributor, "rewards-oracle": oracle } = deployment.contracts;
  const options = ["--rpc", rpc, "--listen", `127.0.0.1:${port}`, "--pool", pool, "--distributor", distributor, "--oracle", oracle, "--from-block", "1", "--rewards", rewards, "--database", join(folder, `index-${Date.now()}.sqlite`), "--poll", "100", "--rate", "0"];
  const server = spawn(TIDEPOOL, ["serve", ...options], { cwd: folder, stdio: ["ignore", "ignore", "pipe"] });
  process.on("exit", () => server.kill("SIGKILL"));
  let said = "";
  const url = await new Promise((resolve, reject) => {
    createInterface(server.stderr).on("line", (line) => {
      said += `${line}\n`;
      const [, found] = /listening at (http:\S+)/.exec(line) ?? [];
      if (found) resolve(found);
    });
    server.once("exit", (code) => reject(new Error(`the server ended with ${code}: ${said}`)));
  });
  allowed.add(new URL(url).host);
  const ask = async (path) => (await fetch(url + path)).json();
  await until("the server is ready", async () => (await ask("/health")).ready);
  return { url, ask, port: Number(new URL(url).port), kill: () => new Promise((resolve) => (server.once("exit", resolve), server.kill("SIGKILL"))) };
}

/** In the page: an EIP-1193 provider announced by EIP-6963. Modes are changed by `walletMode`. */
function install({ rpc, address, chainId, mode }) {
  window.walletMode = { ...mode };
  window.walletAsked = [];
  const problem = (code, message) => Object.assign(new Error(message), { code });
  const ask = async (method, params = []) => {
    const answer = await fetch(rpc, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }) });
    const { result, error } = await answer.json();
    if (error) throw Object.assign(new Error(error.message), { code: error.code, data: error.data });
    return result;
  };
  const listeners = {};
  const batches = [];
  const request = async ({ method, params = [] }) => {
    const mode = window.walletMode;
    const chain = `0x${(mode.chain ?? chainId).toString(16)}`;
    const signs = ["eth_sendTransaction", "eth_signTypedData_v4", "personal_sign", "wallet_sendCalls", "eth_requestAccounts"].includes(method);
    if (signs) window.walletAsked.push(method);
    if (signs && mode.delay) await new Promise((resolve) => setTimeout(resolve, mode.delay));
    if (signs && mode.rejects && method !== "eth_requestAccounts") throw problem(4001, "User rejected the request.");
    switch (method) {
      case "eth_requestAccounts":
        if (mode.locked) throw problem(4100, "locked");
        localStorage.setItem("test-wallet", "knows this page");
        return [address];
      case "eth_accounts":
        return mode.locked || !localStorage.getItem("test-wallet") ? [] : [address];
      case "wallet_requestPermissions":
        return [{ parentCapability: "eth_accounts", caveats: [] }];
      case "eth_chainId":
        return chain;
      case "wallet_switchEthereumChain":
        delete mode.chain;
        for (const listener of listeners.chainChanged ?? []) listener(params[0].chainId);
        return null;
      case "eth_signTypedData_v4":
        if (mode.unsigned) throw problem(4200, "not supported");
        return ask(method, params);
      case "wallet_getCapabilities":
        if (!mode.atomic) throw problem(4200, "not supported");
        return { [chain]: { atomic: { status: mode.atomic } } };
      case "wallet_sendCalls": {
        // One transaction of a contract wallet stands for the batch: the calls, in their order, by the same account.
        const hashes = [];
        for (const call of params[0].calls) hashes.push(await ask("eth_sendTransaction", [{ from: address, to: call.to, data: call.data }]));
        batches.push(hashes);
        return { id: `0x${(batches.length - 1).toString(16).padStart(2, "0")}` };
      }
      case "wallet_getCallsStatus": {
        const hashes = batches[Number(params[0])];
        const receipts = await Promise.all(hashes.map((hash) => ask("eth_getTransactionReceipt", [hash])));
        return { version: "2.0.0", id: params[0], chainId: chain, status: 200, atomic: true, receipts: [receipts.at(-1)] };
      }
      default:
        return ask(method, params);
    }
  };
  const provider = {
    request,
    on: (name, listener) => (listeners[name] ??= []).push(listener),
    removeListener: (name, listener) => (listeners[name] = (listeners[name] ?? []).filter((one) => one !== listener)),
  };
  const icon = "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg'/>";
  const announce = () =>
    dispatchEvent(new CustomEvent("eip6963:announceProvider", { detail: Object.freeze({ info: { uuid: "350670db-19fa-4704-a166-e52e178b59d2", name: "Test wallet", icon, rdns: "test.wallet" }, provider }) }));
  addEventListener("eip6963:requestProvider", announce);
  announce();
}

/** Hosts that a page may ask; a test may add the ones that it configures. */
export const allowed = new Set([new URL(site.url).host, new URL(rpc).host]);

/** Opens a page with a wallet, works with it, and fails on everything a browser complains of and on every request to anybody else. */
export async function visit({ path = "#/pool", who = null, mode = {}, connect = true, expected = [], ...context }, work) {
  const own = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale: "en-GB", timezoneId: "Europe/Berlin", ...context });
  const page = await own.newPage();
  page.setDefaultTimeout(12_000);
  const complaints = [];
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && !expected.some((one) => one.test(message.text())) && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(error.stack));
  page.on("request", (request) => {
    const url = new URL(request.url());
    if (!["data:", "blob:"].includes(url.protocol) && !allowed.has(url.host)) complaints.push(`asks ${request.url()}`);
  });
  if (context.javaScriptEnabled !== false) {
    await page.exposeFunction("complain", (text) => complaints.push(text));
    await page.addInitScript(() => addEventListener("securitypolicyviolation", (event) => complain(`${event.violatedDirective}: ${event.blockedURI}`)));
    if (who) await page.addInitScript(install, { rpc, address: deployment.accounts[who].address, chainId: deployment.chainId, mode });
  }
  try {
    await page.goto(site.url + path);
    if (who && connect) await connectWallet(page);
    await work(page, complaints);
    assert.deepEqual(complaints, []);
  } catch (error) {
    if (SCREENSHOTS) await page.screenshot({ path: join(SCREENSHOTS, `failed-${Date.now()}.png`), fullPage: true }).catch(() => undefined);
    throw error;
  } finally {
    await own.close();
  }
}

export async function connectWallet(page) {
  await page.getByRole("button", { name: "Connect a wallet" }).click();
  await page.getByRole("button", { name: "Test wallet" }).click();
  await page.locator("dialog").waitFor({ state: "hidden" });
}

export async function clean(page) {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
  assert.deepEqual(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" | ").slice(0, 600)}`), []);
}

export async function shot(page, name) {
  if (SCREENSHOTS) await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`), fullPage: true });
}

/** Waits until something is so. */
export async function until(what, condition) {
  const give = Date.now() + 12_000;
  for (;;) {
    let last;
    try {
      if (await condition()) return;
    } catch (error) {
      last = error;
    }
    if (Date.now() > give) throw new Error(`did not come true: ${what}`, { cause: last });
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
}

/** The figure of that name, in base units, as the page has it. */
export const figure = async (page, label) => BigInt(await page.locator(".figures > div").filter({ has: page.getByRole("heading", { name: label, exact: true }) }).locator(".value .amount").first().getAttribute("data-units"));

/** The page's figures of a staker are those of the getter. */
export async function equalsGetters(page, who) {
  const address = deployment.accounts[who].address;
  await until("the page equals the getters", async () => {
    const account = await get("getAccount", address);
    const shown = {};
    for (const label of ["Active", "Requested", "Withdrawable", "Owed to you", "In your wallet"]) shown[label] = await figure(page, label);
    return (
      shown["Active"] === account.activeCurrentEpoch &&
      shown["Requested"] === account.activeCurrentEpoch - account.activeNextEpoch &&
      shown["Withdrawable"] === account.stakeAvailableToWithdraw &&
      shown["Owed to you"] === account.debt &&
      shown["In your wallet"] === (await client.readContract({ address: usdc, abi: tokenAbi, functionName: "balanceOf", args: [address] }))
    );
  });
}

/** The form of an action. */
export const action = (page, title) => page.getByRole("form", { name: title, exact: true });

/** Fills in, waits for the preview, presses, waits for the end. */
export async function perform(page, title, amount) {
  const form = action(page, title);
  if (amount !== undefined) await form.getByLabel(/^Amount/).fill(amount);
  const button = form.locator("button.go");
  await until(`${title} can be pressed`, async () => button.isEnabled());
  await button.click();
}
export async function performed(page, title, amount) {
  await perform(page, title, amount);
  await until(`${title} is done`, async () => (await page.locator(".transactions li").first().getAttribute("data-state")) !== "signing");
  await until(`${title} is in a block`, async () => ["included", "final"].includes(await page.locator(".transactions li").first().getAttribute("data-state")));
}
