import { encodeErrorResult } from "viem";
import { describe, expect, test } from "vitest";
import { linkedDeployment, parseDeployment } from "../deployment";
import { errorAbi, explain, explainRevert, words } from "./errors";
import { duration, exact, parseAmount, percent, short } from "./format";

const staked = { address: "0x0000000000000000000000000000000000000001", symbol: "USDC", decimals: 6 } as const;
const rewards = { address: "0x0000000000000000000000000000000000000002", symbol: "DYDX", decimals: 18 } as const;
const units = { staked, rewards };

describe("amounts", () => {
  test("what is written can be read again, exactly", () => {
    let seed = 7n;
    for (let turn = 0; turn < 2000; turn++) {
      seed = (seed * 6364136223846793005n + 1442695040888963407n) % (1n << 112n);
      const value = seed >> BigInt(turn % 112);
      for (const token of [staked, rewards, { ...staked, decimals: 0 }]) expect(parseAmount(exact(value, token.decimals), token)).toEqual({ value });
    }
  });
  test("short never hides that there is something, and never rounds up", () => {
    expect(short(1n, 18)).toBe("< 0.000001");
    expect(short(1_999_999_999_999_999_999n, 18)).toBe("1.999999");
    expect(short(0n, 18)).toBe("0");
    expect(exact(1_234_567_000_000n, 6)).toBe("1,234,567");
  });
  test.each(["", "-1", "1e6", "1,00", "0x10", "1.0000001", ".", "1 000", "١"])("%j is refused with a sentence", (text) => {
    expect(parseAmount(text, staked)).toHaveProperty("problem");
  });
  test("shares and lengths", () => {
    expect(percent(2_500n)).toBe("25 %");
    expect(percent(1n)).toBe("0.01 %");
    expect(duration(0n)).toBe("0 seconds");
    expect(duration(90_061n)).toBe("1 day 1 hour");
    expect(duration(86_400n * 28n)).toBe("28 days");
  });
});

describe("errors", () => {
  test("every typed error has a sentence, and every place in it is an argument of the error", () => {
    for (const { name, inputs } of errorAbi) {
      const sentence = words(name);
      expect(sentence, name).toBeTypeOf("string");
      for (const [, place] of sentence!.matchAll(/\{(\w+):/g)) expect(inputs.map((input) => input.name), name).toContain(place);
    }
  });
  test("a refusal is told with its numbers, units and name", () => {
    const data = encodeErrorResult({ abi: errorAbi, errorName: "InsufficientInactiveBalance", args: [5_000_000n, 1_500_000n] });
    expect(explainRevert(data, units)).toBe("5 USDC was asked for, but only 1.5 USDC are inactive. (InsufficientInactiveBalance)");
    expect(explain({ message: "x", cause: { data: { data } } }, units)).toContain("InsufficientInactiveBalance");
    expect(explainRevert("0x", units)).toContain("expired");
    expect(explainRevert("0xdeadbeef", units)).toContain("0xdeadbeef");
  });
  test("what wallets throw", () => {
    expect(explain({ code: 4001, message: "User rejected" }, units)).toContain("declined");
    expect(explain({ cause: { code: -32002 } }, units)).toContain("open already");
  });
});

describe("deployments", () => {
  const pool = "0xab8e440727A38bBB180f7032ca4a8009E7b52B80";
  const account = { address: "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC", privateKey: `0x${"5d".repeat(32)}` };
  test("keys are read on the development chain only, and never from a link", () => {
    const file = { contracts: { pool }, accounts: { one: account } };
    expect(parseDeployment({ chainId: 412346, ...file }, false).accounts).toHaveLength(1);
    expect(parseDeployment({ chainId: 42161, ...file }, false).accounts).toHaveLength(0);
    expect(parseDeployment({ chainId: 412346, ...file }, true).accounts).toHaveLength(0);
  });
  test("what is wrong is said", () => {
    expect(() => parseDeployment({ contracts: { pool } }, false)).toThrow("chain id");
    expect(() => parseDeployment({ chainId: 1, contracts: {} }, false)).toThrow("pool");
    expect(() => parseDeployment({ chainId: 1, contracts: { pool: "0x12" } }, false)).toThrow("no address");
    expect(() => parseDeployment({ chainId: 1, contracts: { pool, "<b>": pool } }, false)).toThrow("names a contract");
    expect(parseDeployment({ chainId: 1, contracts: { pool }, rpc: "javascript:alert(1)" }, false).rpc).toBeNull();
  });
  test("a link is seen before and after the hash", () => {
    expect(linkedDeployment({ search: "?deployment=1", hash: "#/stake" })).toBe("1");
    expect(linkedDeployment({ search: "", hash: "#/stake?deployment=2" })).toBe("2");
    expect(linkedDeployment({ search: "", hash: "#/stake" })).toBeNull();
  });
});
