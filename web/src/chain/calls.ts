// The calls that the pages send, with their words.
import { encodeFunctionData, erc20Abi, hashDomain, hexToNumber, parseAbi, slice, type Address } from "viem";
import type { Reader } from "./reader";
import { poolAbi, trustedBorrowerL2ProxyAbi } from "../../abi";
import { amount, type Token } from "../lib/format";
import { later, t } from "../lib/words";
import type { Wallet } from "../wallet/send";
import type { Tokens } from "./read";
import type { Call } from "./simulate";

export const approve = (token: Token, spender: Address, value: bigint): Call => ({
  to: token.address,
  data: encodeFunctionData({ abi: erc20Abi, functionName: "approve", args: [spender, value] }),
  what: t("Let the pool take {amount}", { amount: amount(value, token) }),
});

type PoolFunction = "stake" | "requestWithdrawal" | "cancelWithdrawal" | "restake";
const NAMES: Record<PoolFunction, string> = {
  stake: later("Stake {amount}"),
  requestWithdrawal: later("Request the withdrawal of {amount}"),
  cancelWithdrawal: later("Cancel the request of {amount}"),
  restake: later("Restake {amount}"),
};

export const simple = (pool: Address, tokens: Tokens, functionName: PoolFunction, value: bigint): Call => ({
  to: pool,
  data: encodeFunctionData({ abi: poolAbi, functionName, args: [value] }),
  what: t(NAMES[functionName], { amount: amount(value, tokens.staked) }),
});

export const withdrawStake = (pool: Address, tokens: Tokens, recipient: Address, value: bigint): Call => ({
  to: pool,
  data: encodeFunctionData({ abi: poolAbi, functionName: "withdrawStake", args: [recipient, value] }),
  what: t("Withdraw {amount}", { amount: amount(value, tokens.staked) }),
});

export const withdrawMaxStake = (pool: Address, recipient: Address): Call => ({
  to: pool,
  data: encodeFunctionData({ abi: poolAbi, functionName: "withdrawMaxStake", args: [recipient] }),
  what: t("Withdraw all that is there for you"),
});

export const withdrawDebt = (pool: Address, tokens: Tokens, recipient: Address, value: bigint): Call => ({
  to: pool,
  data: encodeFunctionData({ abi: poolAbi, functionName: "withdrawDebt", args: [recipient, value] }),
  what: t("Withdraw {amount} of repaid debt", { amount: amount(value, tokens.staked) }),
});

export const claimRewards = (pool: Address, recipient: Address): Call => ({
  to: pool,
  data: encodeFunctionData({ abi: poolAbi, functionName: "claimRewards", args: [recipient] }),
  what: t("Claim the rewards of the stake"),
});

export const markDebt = (pool: Address, borrowers: readonly Address[]): Call => ({
  to: pool,
  data: encodeFunctionData({ abi: poolAbi, functionName: "markDebt", args: [[...borrowers]] }),
  what: t("Mark the debt"),
});

// What a borrower does, through its proxy or, where its account is the borrower itself, with the pool.

export interface Borrower {
  readonly address: Address;
  /** Whether a proxy stands between the person and the pool. */
  readonly proxy: boolean;
}

export const borrow = (pool: Address, tokens: Tokens, borrower: Borrower, value: bigint): Call => ({
  to: borrower.proxy ? borrower.address : pool,
  data: borrower.proxy ? encodeFunctionData({ abi: trustedBorrowerL2ProxyAbi, functionName: "borrow", args: [value] }) : encodeFunctionData({ abi: poolAbi, functionName: "borrow", args: [value] }),
  what: t("Borrow {amount}", { amount: amount(value, tokens.staked) }),
});

/** From the tokens that the proxy holds, at most `value`. */
export const repayByProxy = (tokens: Tokens, proxy: Address, functionName: "repayBorrow" | "repayDebt", value: bigint): Call => ({
  to: proxy,
  data: encodeFunctionData({ abi: trustedBorrowerL2ProxyAbi, functionName, args: [value] }),
  what: t(functionName === "repayBorrow" ? later("Repay up to {amount} of the loan") : later("Repay up to {amount} of the debt"), { amount: amount(value, tokens.staked) }),
});

/** From the payer's own tokens, at most `max`: what somebody else paid a moment before is not paid twice. */
export const repayFor = (pool: Address, tokens: Tokens, borrower: Address, functionName: "repayBorrowUpTo" | "repayDebtUpTo", max: bigint): Call => ({
  to: pool,
  data: encodeFunctionData({ abi: poolAbi, functionName, args: [borrower, max] }),
  what: t(functionName === "repayBorrowUpTo" ? later("Repay up to {amount} of the loan") : later("Repay up to {amount} of the debt"), { amount: amount(max, tokens.staked) }),
});

export const autoPayOrBorrow = (proxy: Address): Call => ({
  to: proxy,
  data: encodeFunctionData({ abi: trustedBorrowerL2ProxyAbi, functionName: "autoPayOrBorrow" }),
  what: t("Auto-pay or borrow"),
});

export interface Vault {
  readonly starkKey: bigint;
  readonly assetType: bigint;
  readonly vaultId: bigint;
  /** Second from which on it may be deposited to. */
  readonly allowedFrom: bigint;
}

export const depositToExchange = (proxy: Address, { starkKey, assetType, vaultId }: Vault, quantizedAmount: bigint): Call => ({
  to: proxy,
  data: encodeFunctionData({ abi: trustedBorrowerL2ProxyAbi, functionName: "depositToExchange", args: [starkKey, assetType, vaultId, quantizedAmount] }),
  what: t("Deposit {amount} units to vault {vault} of the exchange", { amount: quantizedAmount, vault: vaultId }),
});

export const withdrawFromExchange = (proxy: Address, { starkKey, assetType }: Vault): Call => ({
  to: proxy,
  data: encodeFunctionData({ abi: trustedBorrowerL2ProxyAbi, functionName: "withdrawFromExchange", args: [starkKey, assetType] }),
  what: t("Withdraw what the exchange holds ready"),
});

const permitAbi = parseAbi(["function nonces(address owner) view returns (uint256)", "function DOMAIN_SEPARATOR() view returns (bytes32)", "function name() view returns (string)"]);

/** The token's domain for permits, if it has permits that can be signed for: the version is the one whose hash is the token's own. */
export async function permitDomain(client: Reader, token: Address, chainId: number) {
  try {
    const read = { address: token, abi: permitAbi } as const;
    const [name, separator] = await Promise.all([client.readContract({ ...read, functionName: "name" }), client.readContract({ ...read, functionName: "DOMAIN_SEPARATOR" })]);
    const EIP712Domain = [
      { name: "name", type: "string" },
      { name: "version", type: "string" },
      { name: "chainId", type: "uint256" },
      { name: "verifyingContract", type: "address" },
    ];
    for (const version of ["1", "2"]) {
      const domain = { name, version, chainId, verifyingContract: token };
      if (hashDomain({ domain, types: { EIP712Domain } } as Parameters<typeof hashDomain>[0]) === separator) return domain;
    }
  } catch {
    // A token without permits.
  }
  return null;
}
export type PermitDomain = NonNullable<Awaited<ReturnType<typeof permitDomain>>>;

/** Asks the wallet to sign a permission for exactly `value`, valid for an hour, and makes the one call that uses it. */
export async function stakeWithPermit(client: Reader, wallet: Wallet, domain: PermitDomain, pool: Address, tokens: Tokens, value: bigint, now: bigint): Promise<Call> {
  const owner = wallet.account.address;
  const nonce = await client.readContract({ address: domain.verifyingContract, abi: permitAbi, functionName: "nonces", args: [owner] });
  // The later of the two clocks: a quiet chain's newest block may be old, and the reader's computer may be wrong.
  const clock = BigInt(Math.floor(Date.now() / 1000));
  const deadline = (clock > now ? clock : now) + 3_600n;
  const signature = await wallet.signTypedData({
    account: wallet.account,
    domain,
    primaryType: "Permit",
    types: {
      Permit: [
        { name: "owner", type: "address" },
        { name: "spender", type: "address" },
        { name: "value", type: "uint256" },
        { name: "nonce", type: "uint256" },
        { name: "deadline", type: "uint256" },
      ],
    },
    message: { owner, spender: pool, value, nonce, deadline },
  });
  // r, s and v; some wallets write 0 and 1 for 27 and 28.
  if (signature.length !== 132) throw new Error(t("The wallet's signature is not that of a key: the token's permission needs one. Approve and stake instead."));
  const [r, s, last] = [slice(signature, 0, 32), slice(signature, 32, 64), hexToNumber(slice(signature, 64, 65))];
  return {
    to: pool,
    data: encodeFunctionData({ abi: poolAbi, functionName: "stakeWithPermit", args: [value, deadline, last < 27 ? last + 27 : last, r, s] }),
    what: t("Stake {amount}", { amount: amount(value, tokens.staked) }),
  };
}
