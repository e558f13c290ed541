// The built package against the JSON it is made of, and in the hands of viem.
import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeErrorResult, encodeErrorResult, encodeFunctionData, toFunctionSelector } from "viem";
import * as abis from "../dist/index.js";
import { files, nameOf, read } from "../abis.mjs";

test("every interface is there, unchanged", () => {
  assert.deepEqual(Object.keys(abis).sort(), files().map(nameOf).sort());
  for (const file of files()) {
    assert.deepEqual(abis[nameOf(file)], read(file), file);
  }
});

test("the pool answers every selector of its facets once", () => {
  const selectors = (abi) => abi.filter((item) => item.type === "function").map((item) => toFunctionSelector(item));
  const pool = selectors(abis.poolAbi);
  assert.equal(new Set(pool).size, pool.length);
  const facets = [
    abis.borrowerAllocationsAbi,
    abis.debtAccountingAbi,
    abis.epochScheduleAbi,
    abis.poolViewsAbi,
    abis.stakedTokenAbi,
    abis.stakingAbi,
  ];
  for (const selector of facets.flatMap(selectors)) {
    assert.ok(pool.includes(selector), selector);
  }
});

test("calls and errors are encoded as the contracts have them", () => {
  const account = "0x0000000000000000000000000000000000000001";
  const data = encodeFunctionData({ abi: abis.poolAbi, functionName: "repayBorrowUpTo", args: [account, 2n ** 256n - 1n] });
  assert.equal(data.length, 2 + 8 + 2 * 64);
  const error = encodeErrorResult({ abi: abis.poolErrorsAbi, errorName: "ShortfallNotMarked", args: [2n, 1n] });
  const through = decodeErrorResult({ abi: abis.trustedBorrowerL2ProxyAbi, data: error });
  assert.deepEqual([through.errorName, through.args], ["ShortfallNotMarked", [2n, 1n]]);
});
