// The Merkle tree of the rewards distributor: the same leaves, order and nodes as the crate `rewards` and the contract.
//
// A leaf is keccak256(address ‖ amount); leaves are sorted; a parent hashes its two children, the lesser first; a node without partner moves up.
import { getAddress, hexToBytes, isAddress, keccak256, numberToBytes, type Address, type Hex } from "viem";

export interface Entry {
  readonly account: Address;
  readonly amount: bigint;
}

/** Reads a tree file, a JSON array of pairs `["0x…", "123"]`; throws a sentence that names the entry. */
export function parseTree(text: string): Entry[] {
  let pairs: unknown;
  try {
    pairs = JSON.parse(text);
  } catch {
    throw new Error("This is not a tree file: it is not JSON.");
  }
  if (!Array.isArray(pairs)) throw new Error("This is not a tree file: a list of pairs is expected.");
  if (pairs.length === 0) throw new Error("The tree has no entries, so it has no root.");
  const seen = new Set<string>();
  return pairs.map((pair: unknown, place) => {
    const where = `Entry ${place + 1}`;
    if (!Array.isArray(pair) || pair.length !== 2) throw new Error(`${where}: a pair of address and amount is expected.`);
    const [account, amount] = pair as [unknown, unknown];
    if (typeof account !== "string" || !isAddress(account, { strict: account !== account.toLowerCase() })) throw new Error(`${where}: ${JSON.stringify(account)?.slice(0, 60)} is no address, or its capitals do not match its checksum.`);
    if (typeof amount !== "string" || !/^(0|[1-9]\d{0,77})$/.test(amount) || BigInt(amount) >= 1n << 256n) throw new Error(`${where}: ${JSON.stringify(amount)?.slice(0, 90)} is no amount in base units.`);
    if (BigInt(account) === 0n) throw new Error(`${where}: the zero address has an entry: tokens paid to it would be lost.`);
    if (seen.has(account.toLowerCase())) throw new Error(`${where}: ${account} has two entries.`);
    seen.add(account.toLowerCase());
    return { account: getAddress(account), amount: BigInt(amount) };
  });
}

export interface Built {
  readonly root: Hex;
  readonly leaves: number;
  readonly total: bigint;
  /** The entry of the account that was asked for, with its proof. */
  readonly own: { readonly amount: bigint; readonly proof: readonly Hex[] } | null;
}

const leafOf = ({ account, amount }: Entry): Hex => {
  const bytes = new Uint8Array(52);
  bytes.set(hexToBytes(account), 0);
  bytes.set(numberToBytes(amount, { size: 32 }), 20);
  return keccak256(bytes);
};
const parent = (a: Hex, b: Hex): Hex => {
  const bytes = new Uint8Array(64);
  const [low, high] = a < b ? [a, b] : [b, a];
  bytes.set(hexToBytes(low), 0);
  bytes.set(hexToBytes(high), 32);
  return keccak256(bytes);
};

/** Builds the tree; the proof is of `account`, if it has an entry. */
export function build(entries: readonly Entry[], account: Address | null): Built {
  const leaves = entries.map((entry) => ({ leaf: leafOf(entry), entry })).sort((a, b) => (a.leaf < b.leaf ? -1 : 1));
  let level = leaves.map(({ leaf }) => leaf);
  let place = account ? leaves.findIndex(({ entry }) => entry.account === account) : -1;
  const own = place >= 0 ? leaves[place]!.entry : null;
  const proof: Hex[] = [];
  while (level.length > 1) {
    if (place >= 0) {
      const sibling = level[place ^ 1];
      if (sibling) proof.push(sibling);
      place >>= 1;
    }
    const next: Hex[] = [];
    for (let at = 0; at < level.length; at += 2) next.push(at + 1 < level.length ? parent(level[at]!, level[at + 1]!) : level[at]!);
    level = next;
  }
  return { root: level[0]!, leaves: entries.length, total: entries.reduce((sum, { amount }) => sum + amount, 0n), own: own && { amount: own.amount, proof } };
}

/** The first account, by address, whose amount is another one in the second tree; nothing if they are equal. */
export function firstDifference(one: readonly Entry[], other: readonly Entry[]): { account: Address; one: bigint | null; other: bigint | null } | null {
  const [a, b] = [one, other].map((tree) => new Map(tree.map(({ account, amount }) => [account, amount]))) as [Map<Address, bigint>, Map<Address, bigint>];
  for (const account of [...new Set([...a.keys(), ...b.keys()])].sort((x, y) => (x.toLowerCase() < y.toLowerCase() ? -1 : 1))) {
    const [left, right] = [a.get(account) ?? null, b.get(account) ?? null];
    if (left !== right) return { account, one: left, other: right };
  }
  return null;
}
