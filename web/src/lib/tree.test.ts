import { concat, keccak256, numberToHex, type Address, type Hex } from "viem";
import { expect, test } from "vitest";
import { build, firstDifference, parseTree } from "./tree";

const account = (n: number): Address => numberToHex(n, { size: 20 });

test("every proof leads to the root, whatever the number of leaves", () => {
  for (const count of [1, 2, 3, 5, 6, 7, 11, 16]) {
    const entries = parseTree(JSON.stringify(Array.from({ length: count }, (_, place) => [account(place + 1), String(10n ** 18n * BigInt(place + 1))])));
    for (const entry of entries) {
      const { root, own } = build(entries, entry.account);
      const leaf = keccak256(concat([entry.account, numberToHex(entry.amount, { size: 32 })]));
      const proven = own!.proof.reduce<Hex>((node, sibling) => keccak256(concat(node < sibling ? [node, sibling] : [sibling, node])), leaf);
      expect(proven).toBe(root);
    }
  }
});
test.each(["{}", "[]", "x", '[["0x12","1"]]', `[["${account(0)}","1"]]`, `[["${account(1)}","01"]]`, `[["${account(1)}",1]]`, `[["${account(1)}","1"],["${account(1)}","1"]]`, `[["${account(1)}","${1n << 256n}"]]`])("%s is refused", (text) => {
  expect(() => parseTree(text)).toThrow();
});
test("the first difference is named", () => {
  const [one, other] = ["5", "6"].map((amount) => parseTree(JSON.stringify([[account(1), "1"], [account(2), amount]])));
  expect(firstDifference(one!, other!)).toEqual({ account: account(2), one: 5n, other: 6n });
  expect(firstDifference(one!, one!)).toBeNull();
});
