// Requests per second of the node beside anvil, with the same client in one run. Writes benchmarks/node.md.
// Arguments: the node's binary, anvil's binary, and a deployment on a third node (scripts/bench node prepares all that).
import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { createPublicClient, createWalletClient, encodeFunctionData, http, parseAbi } from "viem";
import { mnemonicToAccount } from "viem/accounts";

import { BOB, erc20, file } from "./harness.mjs";

const [devnode, anvil, version] = process.argv.slice(2);
const MNEMONIC = "test test test test test test test test test test test junk";
const SENDERS = Array.from({ length: 8 }, (_, addressIndex) => mnemonicToAccount(MNEMONIC, { addressIndex: addressIndex + 2 }));
const EACH = 40;
const TOKEN = parseAbi(["function transfer(address to, uint256 amount)", "function balanceOf(address) view returns (uint256)"]);
const POOL = parseAbi(["function stake(uint256 amount)", "function getActiveBalanceCurrentEpoch(address staker) view returns (uint256)"]);

const agent = new Agent({ keepAlive: true, maxSockets: SENDERS.length });

function ask(port, method, params) {
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
  const options = { port, method: "POST", agent, headers: { "content-type": "application/json", "content-length": Buffer.byteLength(body) } };
  return new Promise((resolve, reject) => {
    const sent = request(options, (response) => {
      const chunks = [];
      response.on("data", (chunk) => chunks.push(chunk));
      response.on("end", () => {
        const answer = JSON.parse(Buffer.concat(chunks));
        if (answer.error) reject(new Error(`${method}: ${answer.error.message}`));
        else resolve(answer.result);
      });
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

// Starts a node; milliseconds until it answers.
async function start(binary, port, ...args) {
  const began = performance.now();
  const child = spawn(binary, ["--port", String(port), ...args], { stdio: "ignore" });
  for (;;) {
    const answer = await ask(port, "eth_chainId", []).catch(() => undefined);
    if (answer) return { child, port, chainId: Number(answer), started: performance.now() - began };
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

// What a node uses of memory, MiB.
const memory = ({ child }) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, "utf8"))[1]) / 1024;

// Works through one list per sender, all at once; requests a second.
async function rate(port, lists) {
  const began = performance.now();
  await Promise.all(lists.map(async (list) => {
    for (const [method, params] of list) await ask(port, method, params);
  }));
  return (lists.flat().length * 1000) / (performance.now() - began);
}

async function signed(node, to, data, gas) {
  return Promise.all(SENDERS.map(async (account) => {
    const first = Number(await ask(node.port, "eth_getTransactionCount", [account.address, "latest"]));
    const list = [];
    for (let index = 0; index < EACH; index++) {
      const transaction = { chainId: node.chainId, type: "eip1559", nonce: first + index, to, data, gas, maxFeePerGas: 10n ** 10n, maxPriorityFeePerGas: 0n };
      list.push(["eth_sendRawTransaction", [await account.signTransaction(transaction)]]);
    }
    return list;
  }));
}

// Sends what is signed, and waits until all of it is mined.
async function mine(node, lists) {
  const count = async () => {
    const counts = await Promise.all(SENDERS.map((account) => ask(node.port, "eth_getTransactionCount", [account.address, "latest"])));
    return counts.reduce((sum, nonce) => sum + Number(nonce), 0);
  };
  const before = await count();
  const began = performance.now();
  await rate(node.port, lists);
  // anvil leaves some of them waiting until something else happens.
  while ((await count()) < before + lists.flat().length) await ask(node.port, "evm_mine", []);
  return (lists.flat().length * 1000) / (performance.now() - began);
}

const calls = (to, data) => SENDERS.map(() => Array.from({ length: EACH }, () => ["eth_call", [{ to, data }, "latest"]]));

async function deployErc20(node) {
  const transport = http(`http://127.0.0.1:${node.port}`);
  const wallet = createWalletClient({ account: mnemonicToAccount(MNEMONIC), transport });
  const args = ["Gold", "GLD", 10n ** 24n, wallet.account.address];
  const hash = await wallet.deployContract({ ...erc20, args, chain: null });
  const client = createPublicClient({ transport, pollingInterval: 20 });
  const { contractAddress } = await client.waitForTransactionReceipt({ hash });
  for (const account of SENDERS) {
    await ask(node.port, "eth_sendTransaction", [{
      from: wallet.account.address, to: contractAddress, gas: "0x30d40",
      data: encodeFunctionData({ abi: TOKEN, functionName: "transfer", args: [account.address, 10n ** 20n] }),
    }]);
  }
  return contractAddress;
}

async function plainToken(node) {
  const token = await deployErc20(node);
  const transfer = encodeFunctionData({ abi: TOKEN, functionName: "transfer", args: [BOB, 1n] });
  const balance = encodeFunctionData({ abi: TOKEN, functionName: "balanceOf", args: [BOB] });
  await rate(node.port, calls(token, balance));
  return {
    call: await rate(node.port, calls(token, balance)),
    send: await mine(node, await signed(node, token, transfer, 100_000n)),
    continue: async () => mine(node, await signed(node, token, transfer, 100_000n)),
  };
}

async function pool(node) {
  const { contracts } = JSON.parse(readFileSync(file("../../deployments/bench.json"), "utf8"));
  const [address, staker] = [contracts.pool, SENDERS[0].address];
  const stake = encodeFunctionData({ abi: POOL, functionName: "stake", args: [1n] });
  const active = encodeFunctionData({ abi: POOL, functionName: "getActiveBalanceCurrentEpoch", args: [staker] });
  const call = await rate(node.port, calls(address, active));
  const list = await signed(node, address, stake, 1_000_000n);
  const send = await mine(node, list);
  const total = BigInt(await ask(node.port, "eth_call", [{ to: address, data: active }, "latest"]));
  if (total !== BigInt(EACH)) throw new Error(`${total} staked instead of ${EACH}`);
  return { call, send };
}

// More transfers, until there are ten thousand, each a block. Not on anvil, which puts many into one.
async function tenThousandTransfers(node, token) {
  for (let sent = SENDERS.length * EACH; sent < 10_000; sent += SENDERS.length * EACH) await token.continue();
  return memory(node);
}

const nodes = [];
try {
  const ours = await start(devnode, 18_561);
  nodes.push(ours);
  const theirs = await start(anvil, 18_562);
  nodes.push(theirs);
  const bare = [memory(ours), memory(theirs)];
  const tokens = [await plainToken(ours), await plainToken(theirs)];
  const staking = await pool({ port: Number(process.env.POOL_PORT), chainId: 412_346 });
  const full = await tenThousandTransfers(ours, tokens[0]);
  const row = (what, ...figures) => `| ${what} | ${figures.map((figure) => (figure === undefined ? "" : Math.round(figure))).join(" | ")} |`;
  const lines = [
    "# The chain as a node",
    "",
    `Written by \`scripts/bench node\`: ${SENDERS.length} connections at a time, one request after the other on each, a block for each transaction;`,
    `both nodes in one run, with the same client, on two shared cores of a virtual machine. The other node is ${version}. Times depend on`,
    "what else the machine does; compare within one run. The pool's programs run in an interpreter and are priced exactly; they are in the",
    "program cache. Memory is resident. Both nodes have default settings.",
    "",
    "| what | this node | anvil |",
    "|---|---:|---:|",
    row("`eth_call` of an ERC-20's `balanceOf`, a second", tokens[0].call, tokens[1].call),
    row("`eth_sendRawTransaction` of an ERC-20's `transfer`, a second", tokens[0].send, tokens[1].send),
    row("`eth_call` of the pool's `getActiveBalanceCurrentEpoch`, a second", staking.call, undefined),
    row("`eth_sendRawTransaction` of the pool's `stake`, a second", staking.send, undefined),
    row("from start to first answer, ms", ours.started, theirs.started),
    row("memory at the start, MiB", ...bare),
    row("memory after 10,000 blocks, a transfer each, MiB", full, undefined),
    "",
  ];
  writeFileSync(file("../../benchmarks/node.md"), lines.join("\n"));
  console.log(lines.slice(9).join("\n"));
} finally {
  nodes.forEach(({ child }) => child.kill());
  agent.destroy();
}
