import assert from "node:assert/strict";
import test from "node:test";
import {
  BaseError, ContractFunctionRevertedError, InsufficientFundsError, createPublicClient, createTestClient, createWalletClient,
  defineChain, domainSeparator, http, keccak256, parseAbi, parseEther, recoverTransactionAddress, serializeTransaction, webSocket,
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

test("viem calls many at once through Multicall3, and Permit2 is where it is everywhere", async () => {
  const token = await deployErc20();
  const multicallAddress = "0xcA11bde05977b3631167028862bE2a173976CA11";
  const contracts = ["name", "symbol", "decimals"].map((functionName) => ({ ...token, functionName }));
  const results = await client.multicall({ contracts, multicallAddress, allowFailure: false });
  assert.deepEqual(results, ["Gold", "GLD", 18]);
  const failing = { ...token, functionName: "transferFrom", args: [BOB, ALICE, 1n] };
  const [refused, fine] = await client.multicall({ contracts: [failing, contracts[0]], multicallAddress });
  assert.deepEqual([refused.status, fine.result], ["failure", "Gold"]);

  const abi = parseAbi(["function DOMAIN_SEPARATOR() view returns (bytes32)"]);
  const permit2 = "0x000000000022D473030F116dDEE9F6B43aC78BA3";
  const separator = await client.readContract({ address: permit2, abi, functionName: "DOMAIN_SEPARATOR" });
  assert.equal(separator, domainSeparator({ domain: { name: "Permit2", chainId: CHAIN_ID, verifyingContract: permit2 } }));
});

test("viem simulates blocks, one on top of the other", async () => {
  const token = await deployErc20();
  const stranger = "0x00000000000000000000000000000000000057a6";
  const transfer = (account, args) => ({ ...token, to: token.address, account, functionName: "transfer", args });
  const [first, second] = await client.simulateBlocks({
    blocks: [
      { blockOverrides: { time: 4000000000n }, stateOverrides: [{ address: stranger, balance: 5n }], calls: [
        transfer(ALICE, [stranger, 7n]), { account: stranger, to: BOB, value: 5n },
      ] },
      { calls: [transfer(stranger, [BOB, 7n]), transfer(stranger, [BOB, 1n])] },
    ],
    traceTransfers: true,
  });
  assert.equal(first.timestamp, 4000000000n);
  assert.equal(second.parentHash, first.hash);
  assert.deepEqual(first.calls.map((call) => call.status), ["success", "success"]);
  assert.equal(first.calls[1].logs[0].address, "0xeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee");
  assert.deepEqual(second.calls.map((call) => call.status), ["success", "failure"]);
  assert.match(second.calls[1].error.message, /transfer amount exceeds balance/);
  assert.equal(await client.getBalance({ address: stranger }), 0n);
});

test("viem sees a signed price as it was signed, and knows who lacks funds", async () => {
  const hash = await wallet.sendTransaction({ to: BOB, value: 1n, type: "legacy", gasPrice: 3000000000n });
  await mined(hash);
  const sent = await client.getTransaction({ hash });
  assert.equal(sent.gasPrice, 3000000000n);
  const { r, s, v } = sent;
  const serialized = serializeTransaction({ ...sent, data: sent.input, type: "legacy" }, { r, s, v });
  assert.equal(keccak256(serialized), hash);
  assert.equal(await recoverTransactionAddress({ serializedTransaction: serialized }), ALICE);
  const account = privateKeyToAccount(`0x${"57".repeat(32)}`);
  const poor = createWalletClient({ ...options, account });
  await assert.rejects(poor.sendTransaction({ to: BOB }), (error) => Boolean(error.walk((cause) => cause instanceof InsufficientFundsError)));
});
