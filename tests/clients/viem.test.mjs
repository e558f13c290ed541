import assert from "node:assert/strict";
import test from "node:test";
import {
  BaseError, ContractFunctionRevertedError, createPublicClient, createTestClient, createWalletClient, defineChain, http,
  parseEther, webSocket,
} from "viem";
import { privateKeyToAccount } from "viem/accounts";

import { ALICE, BOB, CHAIN_ID, KEY, RPC, WS, activate, erc20, program, programAbi, until } from "./harness.mjs";

const chain = defineChain({
  id: CHAIN_ID, name: "devnode", nativeCurrency: { name: "Ether", symbol: "ETH", decimals: 18 }, rpcUrls: { default: { http: [RPC] } },
});
const options = { chain, transport: http(RPC), pollingInterval: 50 };
const client = createPublicClient(options);
const wallet = createWalletClient({ ...options, account: privateKeyToAccount(KEY) });
const control = createTestClient({ ...options, mode: "anvil" });
const mined = async (hash) => client.waitForTransactionReceipt({ hash: await hash });

async function deployErc20() {
  const { contractAddress } = await mined(wallet.deployContract({ ...erc20, args: ["Gold", "GLD", 1000n, ALICE] }));
  return { address: contractAddress, abi: erc20.abi };
}

async function deployProgram() {
  const { contractAddress: address } = await mined(wallet.deployContract({ abi: programAbi, bytecode: program }));
  await activate(address);
  await mined(wallet.writeContract({ address, abi: programAbi, functionName: "initialize", args: ["USD Coin", "USDC", 6] }));
  return { address, abi: programAbi };
}

test("viem deploys, reads and writes an ERC-20, and finds its logs", async () => {
  const token = await deployErc20();
  const receipt = await mined(wallet.writeContract({ ...token, functionName: "transfer", args: [BOB, 5n] }));
  assert.equal(receipt.status, "success");
  assert.equal(await client.readContract({ ...token, functionName: "balanceOf", args: [BOB] }), 5n);
  const events = await client.getContractEvents({ ...token, eventName: "Transfer", fromBlock: 0n });
  assert.deepEqual(events.map((event) => event.args.value), [1000n, 5n]);
  const filter = await client.createContractEventFilter({ ...token, eventName: "Transfer" });
  await mined(wallet.writeContract({ ...token, functionName: "transfer", args: [BOB, 6n] }));
  const changes = await client.getFilterChanges({ filter });
  assert.deepEqual(changes.map((event) => event.args.value), [6n]);
});

test("viem decodes custom errors of a program and reasons of the EVM", async () => {
  const refused = (token, args) => client.simulateContract({ ...token, functionName: "transfer", args, account: BOB }).then(
    () => assert.fail("it must revert"),
    (error) => error instanceof BaseError && error.walk((cause) => cause instanceof ContractFunctionRevertedError));
  const typed = await refused(await deployProgram(), [ALICE, 9n]);
  assert.equal(typed.data.errorName, "InsufficientBalance");
  assert.deepEqual(typed.data.args, [BOB, 0n, 9n]);
  const text = await refused(await deployErc20(), [ALICE, 9n]);
  assert.equal(text.reason, "ERC20: transfer amount exceeds balance");
});

test("viem watches events and blocks over a WebSocket", async () => {
  const token = await deployErc20();
  const socket = createPublicClient({ chain, transport: webSocket(WS) });
  const [values, blocks] = [[], []];
  const stopEvents = socket.watchContractEvent({ ...token, eventName: "Transfer", onLogs: (logs) => values.push(...logs.map((log) => log.args.value)) });
  const stopBlocks = socket.watchBlockNumber({ onBlockNumber: (number) => blocks.push(number) });
  await new Promise((resolve) => setTimeout(resolve, 300));
  const receipt = await mined(wallet.writeContract({ ...token, functionName: "transfer", args: [BOB, 7n] }));
  await until(() => values.includes(7n) && blocks.includes(receipt.blockNumber), "the notices");
  stopEvents();
  stopBlocks();
  (await socket.transport.getRpcClient()).close();
});

test("viem's test client controls time, state and accounts", async () => {
  const id = await control.snapshot();
  const { timestamp } = await client.getBlock();
  await control.setNextBlockTimestamp({ timestamp: timestamp + 1000n });
  await control.mine({ blocks: 2, interval: 60 });
  assert.equal((await client.getBlock()).timestamp, timestamp + 1060n);
  await control.increaseTime({ seconds: 100 });
  await control.mine({ blocks: 1 });
  assert.ok((await client.getBlock()).timestamp >= timestamp + 1160n);
  const stranger = "0x00000000000000000000000000000000000057a6";
  await control.setBalance({ address: stranger, value: parseEther("1") });
  await control.impersonateAccount({ address: stranger });
  await mined(createWalletClient({ ...options, account: stranger }).sendTransaction({ to: BOB, value: 1n }));
  await control.setStorageAt({ address: stranger, index: 1, value: `0x${"0".repeat(63)}5` });
  assert.equal(BigInt(await client.getStorageAt({ address: stranger, slot: "0x1" })), 5n);
  await control.revert({ id });
  assert.equal(await client.getBalance({ address: stranger }), 0n);
});

test("viem overrides state, estimates fees and calls many at once", async () => {
  const token = await deployErc20();
  const calls = ["name", "symbol", "decimals"].map((functionName) => client.readContract({ ...token, functionName }));
  assert.deepEqual(await Promise.all(calls), ["Gold", "GLD", 18]);
  const batched = createPublicClient({ chain, transport: http(RPC, { batch: true }) });
  const numbers = await Promise.all([batched.getBlockNumber(), batched.getChainId(), batched.getGasPrice()]);
  assert.deepEqual(numbers.slice(1), [CHAIN_ID, 100000000n]);
  const fees = await client.estimateFeesPerGas();
  assert.ok(fees.maxFeePerGas >= 100000000n);
  const { data } = await client.call({ to: BOB, data: "0x", stateOverride: [{ address: BOB, code: "0x602a5f5260205ff3" }] });
  assert.equal(BigInt(data), 42n);
});
