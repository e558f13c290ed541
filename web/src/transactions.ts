// What was asked of the wallet and what became of it. Kept in the browser, so that a reload forgets nothing; for a deployment that a link
// named nothing is kept.
import { useSyncExternalStore } from "react";
import type { Address, Hash } from "viem";
import type { Reader } from "./chain/reader";

export type State = "signing" | "sent" | "included" | "final" | "replaced" | "failed" | "declined" | "unknown";

export interface Entry {
  readonly id: string;
  readonly chainId: number;
  readonly from: Address;
  readonly what: string;
  readonly state: State;
  /** Milliseconds, of this computer. */
  readonly began: number;
  readonly hash?: Hash | undefined;
  /** Number of a batch at the wallet (EIP-5792), before there is a hash. */
  readonly batch?: string | undefined;
  readonly nonce?: number | undefined;
  readonly block?: string | undefined;
  readonly reason?: string | undefined;
}

const KEY = "tidepool.transactions";
const MOST = 100;
let persistent = true;
let entries: readonly Entry[] = load();
const listeners = new Set<() => void>();

function load(): Entry[] {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    if (!Array.isArray(stored)) return [];
    return (stored as Entry[])
      .filter((entry) => typeof entry === "object" && entry !== null && typeof entry.id === "string" && typeof entry.what === "string")
      // The page was closed while the wallet asked: only the wallet knows.
      .map((entry) => (entry.state === "signing" ? { ...entry, state: "unknown" as const, reason: "The page was closed while your wallet asked. Your wallet knows whether it was sent." } : entry));
  } catch {
    return [];
  }
}

function keep(next: readonly Entry[]): void {
  entries = next.slice(-MOST);
  if (persistent) {
    try {
      localStorage.setItem(KEY, JSON.stringify(entries));
    } catch {
      // A browser without storage: the list lives as long as the page.
    }
  }
  for (const listener of listeners) listener();
}

/** From now on nothing is stored, and what was stored is not shown. */
export function forgetful(): void {
  if (!persistent) return;
  persistent = false;
  keep([]);
}

export function add(entry: Omit<Entry, "id" | "began">): string {
  const id = crypto.randomUUID();
  keep([...entries, { ...entry, id, began: Date.now() }]);
  return id;
}

export const update = (id: string, change: Partial<Entry>): void => keep(entries.map((entry) => (entry.id === id ? { ...entry, ...change } : entry)));

export const entry = (id: string): Entry | undefined => entries.find((entry) => entry.id === id);

/** What a wallet says of a batch: its transaction, or that it failed, or nothing yet. */
export type BatchStatus = (batch: string) => Promise<{ readonly hash: Hash } | { readonly failed: string } | null>;

export const clear = (): void => keep(entries.filter((entry) => ["signing", "sent", "included"].includes(entry.state)));

export const useEntries = (): readonly Entry[] =>
  useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => entries,
  );

/** Looks after what is not settled yet: included, final, failed, or replaced by another of the same number. */
export async function follow(client: Reader, chainId: number, batches: BatchStatus | null): Promise<void> {
  for (const { id, batch } of entries.filter((entry) => entry.chainId === chainId && entry.state === "sent" && entry.batch && !entry.hash)) {
    const status = await batches?.(batch!).catch(() => null);
    if (status && "hash" in status) update(id, { hash: status.hash });
    if (status && "failed" in status) update(id, { state: "failed", reason: status.failed });
  }
  const open = entries.filter((entry) => entry.chainId === chainId && entry.hash && (entry.state === "sent" || entry.state === "included"));
  if (open.length === 0) return;
  const finalized = await client.getBlock({ blockTag: "finalized" }).then((block) => block.number, () => null);
  for (const entry of open) {
    const receipt = await client.getTransactionReceipt({ hash: entry.hash! }).catch((error: Error) => {
      if (error.name === "TransactionReceiptNotFoundError") return null;
      throw error;
    });
    if (receipt) {
      const failed = receipt.status === "reverted";
      const state = failed ? "failed" : finalized !== null && receipt.blockNumber <= finalized ? "final" : "included";
      const reason = failed ? (entry.reason ?? "The chain included it, and the contract refused. Only the fee was paid.") : undefined;
      if (state !== entry.state) update(entry.id, { state, reason, block: String(receipt.blockNumber) });
      continue;
    }
    if (entry.state === "included") update(entry.id, { state: "sent", block: undefined });
    if (entry.nonce === undefined) continue;
    const used = await client.getTransactionCount({ address: entry.from, blockTag: "latest" });
    const still = await client.getTransactionReceipt({ hash: entry.hash! }).catch(() => null);
    if (used > entry.nonce && !still) update(entry.id, { state: "replaced", reason: "Another transaction of your account took its place." });
  }
}
