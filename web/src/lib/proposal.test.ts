import { readFileSync } from "node:fs";
import { encodeFunctionData } from "viem";
import { expect, test } from "vitest";
import { poolAbi } from "../../abi";
import { checksum, decode, governor, safe, timelock } from "./proposal";

const call = { to: "0xab8e440727A38bBB180f7032ca4a8009E7b52B80", data: encodeFunctionData({ abi: poolAbi, functionName: "setBorrowerCaps", args: [["0x7ef8E99980Da5bcEDcF7C10f41E55f759F6A174B"], [5n]] }) } as const;

test("the checksum is that of the published function", () => {
  const file = JSON.parse(readFileSync(new URL("../../../cli/tests/data/safe-batch.json", import.meta.url), "utf8"));
  expect(checksum(file)).toBe(file.meta.checksum);
  expect(checksum({ ...file, meta: { ...file.meta, name: "another" } })).toBe(file.meta.checksum);
  expect(checksum({ ...file, chainId: "1" })).not.toBe(file.meta.checksum);
});
test("a file carries its checksum, and a call can be read again in every form", () => {
  const file = JSON.parse(safe(412346, "Cap of a borrower", [call], 1_796_000_000_000));
  expect(file.meta.checksum).toBe(checksum(file));
  const words = "setBorrowerCaps(borrowers: [0x7ef8E99980Da5bcEDcF7C10f41E55f759F6A174B], caps: [5])";
  expect(decode(file.transactions[0].data, [poolAbi])).toBe(words);
  expect(decode(timelock("t", [call], 60n).schedule, [poolAbi])).toContain("scheduleBatch(targets: [0xab8e440727A38bBB180f7032ca4a8009E7b52B80]");
  expect(decode(governor("t", [call]).propose, [poolAbi])).toContain("propose(");
  expect(decode("0xdeadbeef", [poolAbi])).toBeNull();
});
