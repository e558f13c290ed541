import assert from "node:assert/strict";
import test from "node:test";

import { ALICE, ARB_WASM, BOB, CHAIN_ID, KEY, activate, cast, erc20, program } from "./harness.mjs";

const json = (...args) => JSON.parse(cast(...args, "--json"));

test("cast reads the chain", () => {
  assert.equal(cast("chain-id"), String(CHAIN_ID));
  // On a node with contracts, accounts have spent some of what they began with.
  const balance = cast("balance", BOB);
  assert.equal(BigInt(balance), BigInt(JSON.parse(cast("rpc", "eth_getBalance", BOB, "latest"))));
  assert.equal(cast("balance", BOB, "--ether"), cast("from-wei", balance));
  assert.match(cast("client"), /tidepool/);
  assert.match(cast("code", ARB_WASM), /^0xfe$/);
  assert.equal(cast("gas-price"), "100000000");
  assert.ok(json("block", "latest").hash.startsWith("0x"));
});

test("cast deploys, sends, calls and reads logs of an ERC-20", () => {
  const args = cast("abi-encode", "f(string,string,uint256,address)", "Gold", "GLD", "1000", ALICE).slice(2);
  const { contractAddress: token } = json("send", "--private-key", KEY, "--create", erc20.bytecode + args);
  assert.equal(cast("call", token, "symbol()(string)"), '"GLD"');
  const receipt = json("send", "--private-key", KEY, token, "transfer(address,uint256)", BOB, "5");
  assert.equal(receipt.status, "0x1");
  assert.equal(cast("call", token, "balanceOf(address)(uint256)", BOB), "5");
  const logs = json("logs", "--from-block", "0", "--address", token, "Transfer(address,address,uint256)");
  assert.equal(logs.length, 2);
  assert.match(cast("receipt", receipt.transactionHash), /success/);
  assert.match(cast("tx", receipt.transactionHash), new RegExp(ALICE, "i"));
  // Executes it once more, on what the prestate tracer and the node's state tell.
  assert.match(cast("run", receipt.transactionHash), /emit Transfer.*Transaction successfully executed/s);
  assert.ok(Number(cast("estimate", token, "transfer(address,uint256)", BOB, "1", "--from", ALICE)) > 21000);
  assert.throws(() => cast("call", token, "transfer(address,uint256)", BOB, "9", "--from", BOB), /transfer amount exceeds balance/);
  const raw = cast("mktx", "--private-key", KEY, "--legacy", token, "transfer(address,uint256)", BOB, "1");
  assert.match(cast("publish", raw), /"status":\s*"0x1"|success/);
  assert.match(cast("send", "--unlocked", "--from", ALICE, token, "transfer(address,uint256)", BOB, "1"), /success/);
  assert.match(cast("access-list", token, "transfer(address,uint256)", BOB, "1", "--from", ALICE), /0x/);
});

test("cast deploys a Stylus program, and decodes its errors", async () => {
  const { contractAddress: token } = json("send", "--private-key", KEY, "--create", program);
  await activate(token);
  json("send", "--private-key", KEY, token, "initialize(string,string,uint8)", "USD Coin", "USDC", "6");
  assert.equal(cast("call", token, "decimals()(uint8)"), "6");
  const selector = cast("sig", "InsufficientBalance(address,uint256,uint256)").slice(2);
  assert.throws(() => cast("call", token, "transfer(address,uint256)", BOB, "9", "--from", ALICE), new RegExp(selector));
});

test("cast plays with time and state", () => {
  const time = () => Number(cast("block", "latest", "--field", "timestamp"));
  const before = time();
  cast("rpc", "evm_increaseTime", "1000");
  cast("rpc", "evm_mine");
  assert.ok(time() >= before + 1000);
  cast("rpc", "anvil_setBalance", BOB, "0x7");
  assert.equal(cast("balance", BOB), "7");
  cast("rpc", "anvil_setBalance", BOB, "0x21e19e0c9bab2400000");
});
