// What a connected account may do as a borrower, and the vaults that its proxy may deposit to.
import { decodeEventLog, erc20Abi, keccak256, numberToHex, stringToHex, toEventSelector, type Address, type Hex } from "viem";
import { trustedBorrowerL2ProxyAbi } from "../../abi";
import type { Vault } from "./calls";
import { logsInRanges, readBorrower, type Borrower, type Head } from "./read";
import type { Reader } from "./reader";

const idOf = (role: string): Hex => keccak256(stringToHex(role));

export interface Seat {
  readonly borrower: Address;
  /** Whether the borrower is a proxy, or the account itself. */
  readonly proxy: boolean;
  readonly mayBorrow: boolean;
  readonly mayTrade: boolean;
}

/** The borrowers that the account acts for: itself, or proxies that gave it a role. */
export async function readSeats(client: Reader, account: Address, borrowers: readonly Address[], head: Head): Promise<Seat[]> {
  const seats = await Promise.all(
    borrowers.map(async (borrower): Promise<Seat> => {
      if (borrower === account) return { borrower, proxy: false, mayBorrow: true, mayTrade: false };
      const has = (role: string): Promise<boolean> =>
        client.readContract({ address: borrower, abi: trustedBorrowerL2ProxyAbi, functionName: "hasRole", args: [idOf(role), account], blockNumber: head.number }).catch((error: Error) => {
          // A borrower that is no proxy has no roles; a node that does not answer is another matter.
          if (["HttpRequestError", "TimeoutError"].includes(error.name) || (error.cause as Error | undefined)?.name === "HttpRequestError") throw error;
          return false;
        });
      const [mayBorrow, mayTrade] = await Promise.all([has("BORROWER_ROLE"), has("EXCHANGE_OPERATOR_ROLE")]);
      return { borrower, proxy: true, mayBorrow, mayTrade };
    }),
  );
  return seats.filter(({ mayBorrow, mayTrade }) => mayBorrow || mayTrade);
}

export interface Desk {
  readonly of: Borrower;
  /** Tokens that the borrower holds. */
  readonly held: bigint;
  /** Whether the proxy's guardian restricts. */
  readonly guarded: boolean;
}

export async function readDesk(client: Reader, pool: Address, token: Address, { borrower, proxy }: Seat, head: Head): Promise<Desk> {
  const at = { blockNumber: head.number } as const;
  const [of, held, guarded] = await Promise.all([
    readBorrower(client, pool, borrower, head),
    client.readContract({ address: token, abi: erc20Abi, functionName: "balanceOf", args: [borrower], ...at }),
    proxy ? client.readContract({ address: borrower, abi: trustedBorrowerL2ProxyAbi, functionName: "isBorrowingRestricted", ...at }) : false,
  ]);
  return { of, held, guarded };
}

/** Vaults on the proxy's list whose key is allowed, by its log and confirmed by its getters. */
export async function readVaults(client: Reader, proxy: Address, fromBlock: bigint, head: Head): Promise<Vault[]> {
  const event = trustedBorrowerL2ProxyAbi.find((entry) => entry.type === "event" && entry.name === "DepositVaultAllowed")!;
  const topics = [toEventSelector(event as never)];
  const logs = await logsInRanges(
    (first, last) => client.request({ method: "eth_getLogs", params: [{ address: proxy, topics, fromBlock: numberToHex(first), toBlock: numberToHex(last) }] } as never) as Promise<{ topics: [Hex, ...Hex[]]; data: Hex }[]>,
    fromBlock,
    head.number,
  );
  const listed = new Map<string, { starkKey: bigint; assetType: bigint; vaultId: bigint }>();
  for (const { topics, data } of logs) {
    const args = decodeEventLog({ abi: trustedBorrowerL2ProxyAbi, topics, data }).args as unknown as { starkKey: bigint; starkAssetType: bigint; starkVaultId: bigint };
    listed.set(`${args.starkKey}:${args.starkAssetType}:${args.starkVaultId}`, { starkKey: args.starkKey, assetType: args.starkAssetType, vaultId: args.starkVaultId });
  }
  const read = { address: proxy, abi: trustedBorrowerL2ProxyAbi, blockNumber: head.number } as const;
  const vaults = await Promise.all(
    [...listed.values()].map(async (vault) => {
      const [[allowedFrom], allowed] = await Promise.all([
        client.readContract({ ...read, functionName: "getDepositVault", args: [vault.starkKey, vault.assetType, vault.vaultId] }),
        client.readContract({ ...read, functionName: "isStarkKeyAllowed", args: [vault.starkKey] }),
      ]);
      return { ...vault, allowedFrom, allowed };
    }),
  );
  return vaults.filter(({ allowed, allowedFrom }) => allowed && allowedFrom > 0n);
}
