import assert from "node:assert/strict";
import test from "node:test";
import * as six from "ethers";
import { ethers as five } from "ethers5";

import { ALICE, BOB, CHAIN_ID, KEY, RPC, WS, activate, erc20, program, programAbi, rpc, until } from "./harness.mjs";

// The same steps with both lines of the library: what differs between them is here.
const LINES = {
  "ethers 6": {
    ...six,
    provider: () => new six.JsonRpcProvider(RPC, undefined, { polling: true, pollingInterval: 50, cacheTimeout: -1 }),
    socket: () => new six.WebSocketProvider(WS),
    deployed: async (contract) => (await contract.waitForDeployment()).getAddress(),
    decoded: (error) => [error.revert.name, [...error.revert.args]],
    reason: (error) => error.reason,
    view: (contract, name, ...args) => contract[name].staticCall(...args),
    signer: (provider, address) => new six.JsonRpcSigner(provider, address),
    destroy: (provider) => provider.destroy(),
  },
  "ethers 5": {
    ...five,
    provider: () => Object.assign(new five.providers.JsonRpcProvider(RPC), { pollingInterval: 50 }),
    socket: () => new five.providers.WebSocketProvider(WS),
    deployed: async (contract) => (await contract.deployed()).address,
    decoded: (error) => [error.errorName, error.errorArgs.map((value) => value._isBigNumber ? value.toBigInt() : value)],
    reason: (error) => error.reason,
    view: (contract, name, ...args) => contract.callStatic[name](...args),
    signer: (provider, address) => provider.getSigner(address),
    destroy: () => {},
  },
};

for (const [line, lib] of Object.entries(LINES)) {
  const provider = lib.provider();
  // Reads the nonce each time: transactions follow each other at once here.
  const signer = new lib.Wallet(KEY, provider);
  test.after(() => lib.destroy(provider));

  const deploy = async (abi, bytecode, ...args) => {
    const contract = await new lib.ContractFactory(abi, bytecode, signer).deploy(...args);
    return new lib.Contract(await lib.deployed(contract), abi, signer);
  };
  const address = (contract) => contract.target ?? contract.address;
  const mined = async (sent) => (await sent).wait();

  test(`${line} knows the network and its accounts`, async () => {
    assert.equal(Number((await provider.getNetwork()).chainId), CHAIN_ID);
    assert.ok((await provider.getFeeData()).maxFeePerGas > 0);
    assert.equal((await provider.send("eth_accounts", []))[0].toLowerCase(), ALICE.toLowerCase());
  });

  test(`${line} sees a signed price as it was signed, and knows who lacks funds`, async () => {
    const sent = await signer.sendTransaction({ to: BOB, value: 1, type: 0, gasPrice: 3000000000 });
    await sent.wait();
    const found = await provider.send("eth_getTransactionByHash", [sent.hash]);
    assert.equal(Number(found.gasPrice), 3000000000);
    // Made again from what the node tells, hash and sender are the same.
    const again = await provider.getTransaction(sent.hash);
    assert.equal(again.hash, sent.hash);
    assert.equal(again.from, ALICE);
    assert.equal(Number(again.gasPrice), 3000000000);
    const poor = new lib.Wallet(`0x${"57".repeat(32)}`, provider);
    await assert.rejects(poor.sendTransaction({ to: BOB, value: 0 }), (error) => error.code === "INSUFFICIENT_FUNDS");
  });

  test(`${line} calls many at once through Multicall3`, async () => {
    const token = await deploy(erc20.abi, erc20.bytecode, "Gold", "GLD", 1000, ALICE);
    const abi = ["function aggregate3((address target, bool allowFailure, bytes callData)[] calls) payable returns ((bool success, bytes returnData)[])"];
    const multicall = new lib.Contract("0xcA11bde05977b3631167028862bE2a173976CA11", abi, provider);
    const { interface: face } = token;
    const calls = ["name", "symbol"].map((name) => ({ target: address(token), allowFailure: false, callData: face.encodeFunctionData(name) }));
    const results = await lib.view(multicall, "aggregate3", calls);
    const names = ["name", "symbol"].map((name, index) => face.decodeFunctionResult(name, results[index].returnData)[0]);
    assert.deepEqual(names, ["Gold", "GLD"]);
  });

  test(`${line} deploys, reads and writes an ERC-20, and finds its logs`, async () => {
    const token = await deploy(erc20.abi, erc20.bytecode, "Gold", "GLD", 1000, ALICE);
    const receipt = await mined(token.transfer(BOB, 5));
    assert.equal(receipt.status, 1);
    assert.equal(Number(await token.balanceOf(BOB)), 5);
    const events = await token.queryFilter("Transfer", 0);
    assert.deepEqual(events.map((event) => Number(event.args.value)), [1000, 5]);
    await assert.rejects(lib.view(token.connect(provider), "transfer", ALICE, 9, { from: BOB }), (error) => {
      assert.match(lib.reason(error), /transfer amount exceeds balance/);
      return true;
    });
    await assert.rejects(token.connect(await provider.getSigner(BOB)).transfer(ALICE, 9), /transfer amount exceeds balance/);
  });

  test(`${line} activates a program and decodes its custom error`, async () => {
    const token = await deploy(programAbi, program);
    await activate(address(token));
    await mined(token.initialize("USD Coin", "USDC", 6));
    await assert.rejects(lib.view(token.connect(provider), "transfer", ALICE, 9, { from: BOB }), (error) => {
      assert.deepEqual(lib.decoded(error), ["InsufficientBalance", [BOB, 0n, 9n]]);
      return true;
    });
  });

  test(`${line} hears events over a WebSocket`, async () => {
    const token = await deploy(erc20.abi, erc20.bytecode, "Gold", "GLD", 1000, ALICE);
    const socket = lib.socket();
    const values = [];
    const blocks = [];
    await new lib.Contract(address(token), erc20.abi, socket).on("Transfer", (from, to, value) => values.push(Number(value)));
    await socket.on("block", (number) => blocks.push(number));
    await new Promise((resolve) => setTimeout(resolve, 300));
    const receipt = await mined(token.transfer(BOB, 7));
    await until(() => values.includes(7) && blocks.includes(receipt.blockNumber), "the notices");
    await socket.destroy();
  });

  test(`${line} uses the accounts of the node and impersonated ones`, async () => {
    const receipt = await mined((await provider.getSigner(BOB)).sendTransaction({ to: ALICE, value: 1 }));
    assert.equal(receipt.status, 1);
    const stranger = "0x00000000000000000000000000000000000057a7";
    await rpc("hardhat_setBalance", stranger, "0xde0b6b3a7640000");
    await rpc("hardhat_impersonateAccount", stranger);
    const signer = lib.signer(provider, stranger);
    assert.equal((await mined(signer.sendTransaction({ to: ALICE, value: 1 }))).from.toLowerCase(), stranger);
    await rpc("hardhat_stopImpersonatingAccount", stranger);
  });
}
