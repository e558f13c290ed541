// The calls that the pages send, with their words.
import { encodeFunctionData, erc20Abi, hashDomain, hexToNumber, parseAbi, slice, type Address } from "viem";
import type { Reader } from "./reader";
import { poolAbi } from "../../abi";
import { amount, type Token } from "../lib/format";
import type { Wallet } from "../wallet/send";
import type { Tokens } from "./read";
import type { Call } from "./simulate";

export const approve = (token: Token, spender: Address, value: bigint): Call => ({
  to: token.address,
  data: encodeFunctionData({ abi: erc20Abi, functionName: "approve", args: [spender, value] }),
  what: `Let the pool take ${amount(value, token)}`,
});

type PoolFunction = "stake" | "requestWithdrawal" | "cancelWithdrawal" | "restake";
const NAMES: Record<PoolFunction, string> = { stake: "Stake", requestWithdrawal: "Request the withdrawal of", cancelWithdrawal: "Cancel the request of", restake: "Restake" };

export const simple = (pool: Address, tokens: Tokens, functionName: PoolFunction, value: bigint): Call => ({
  to: pool,
  data: encodeFunctionData({ abi: poolAbi, functionName, args: [value] }),
  what: `${NAMES[functionName]} ${amount(value, tokens.staked)}`,
});

export const withdrawStake = (pool: Address, tokens: Tokens, recipient: Address, value: bigint): Call => ({
  to: pool,
  data: encodeFunctionData({ abi: poolAbi, functionName: "withdrawStake", args: [recipient, value] }),
  what: `Withdraw ${amount(value, tokens.staked)}`,
});

export const withdrawMaxStake = (pool: Address, recipient: Address): Call => ({
  to: pool,
  data: encodeFunctionData({ abi: poolAbi, functionName: "withdrawMaxStake", args: [recipient] }),
  what: "Withdraw all that is there for you",
});

export const withdrawDebt = (pool: Address, tokens: Tokens, recipient: Address, value: bigint): Call => ({
  to: pool,
  data: encodeFunctionData({ abi: poolAbi, functionName: "withdrawDebt", args: [recipient, value] }),
  what: `Withdraw ${amount(value, tokens.staked)} of repaid debt`,
});

export const claimRewards = (pool: Address, recipient: Address): Call => ({
  to: pool,
  data: encodeFunctionData({ abi: poolAbi, functionName: "claimRewards", args: [recipient] }),
  what: "Claim the rewards of the stake",
});

export const markDebt = (pool: Address, borrowers: readonly Address[]): Call => ({
  to: pool,
  data: encodeFunctionData({ abi: poolAbi, functionName: "markDebt", args: [[...borrowers]] }),
  what: "Mark the debt",
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
  if (signature.length !== 132) throw new Error("The wallet's signature is not that of a key: the token's permission needs one. Approve and stake instead.");
  const [r, s, last] = [slice(signature, 0, 32), slice(signature, 32, 64), hexToNumber(slice(signature, 64, 65))];
  return {
    to: pool,
    data: encodeFunctionData({ abi: poolAbi, functionName: "stakeWithPermit", args: [value, deadline, last < 27 ? last + 27 : last, r, s] }),
    what: `Stake ${amount(value, tokens.staked)}`,
  };
}
