// How the programs stand: expiry, version, cache; and whether the pool's router sends each call where the deployment's book says.
import { BaseError, ContractFunctionRevertedError, getAddress, keccak256, parseAbi, type Address, type Hex } from "viem";
import type { Reader } from "./reader";
import { poolAbi } from "../../abi";
import { routes } from "../../abi/routes";
import type { Head } from "./read";

const WASM: Address = "0x0000000000000000000000000000000000000071";
const CACHE: Address = "0x0000000000000000000000000000000000000072";
const wasmAbi = parseAbi([
  "function stylusVersion() view returns (uint16)",
  "function expiryDays() view returns (uint16)",
  "function keepaliveDays() view returns (uint16)",
  "function codehashVersion(bytes32 codehash) view returns (uint16)",
  "function programTimeLeft(address program) view returns (uint64)",
  "error ProgramNotWasm()",
  "error ProgramNotActivated()",
  "error ProgramNeedsUpgrade(uint16 version, uint16 stylusVersion)",
  "error ProgramExpired(uint64 ageInSeconds)",
]);
const cacheAbi = parseAbi(["function codehashIsCached(bytes32 codehash) view returns (bool)"]);

export interface Stylus {
  readonly version: number;
  readonly expiryDays: number;
  readonly keepaliveDays: number;
}

/** Parameters of the chain's Stylus machine; nothing on a chain that has none. */
export async function readStylus(client: Reader, head: Head): Promise<Stylus | null> {
  const read = { address: WASM, abi: wasmAbi, blockNumber: head.number } as const;
  try {
    const [version, expiryDays, keepaliveDays] = await Promise.all([
      client.readContract({ ...read, functionName: "stylusVersion" }),
      client.readContract({ ...read, functionName: "expiryDays" }),
      client.readContract({ ...read, functionName: "keepaliveDays" }),
    ]);
    return { version, expiryDays, keepaliveDays };
  } catch (error) {
    if (isRefusal(error)) return null;
    throw error;
  }
}

/** Whether the chain answered that no, rather than the node that it cannot be asked. */
const isRefusal = (error: unknown): boolean => error instanceof BaseError && error.walk((cause) => cause instanceof ContractFunctionRevertedError || (cause as Error).name === "ContractFunctionZeroDataError") !== null;

export type Program =
  | { readonly kind: "absent" | "evm" }
  /** `of` is set for a minimal clone: then the figures are of the program behind it. */
  | { readonly kind: "program"; readonly of: Address | null; readonly version: number; readonly cached: boolean; readonly secondsLeft: bigint | null; readonly refusal: string | null };

const CLONE = "0x363d3d373d3d3d363d73";
const STYLUS = "0xeff0000";

export async function readProgram(client: Reader, address: Address, head: Head): Promise<Program> {
  const at = { blockNumber: head.number } as const;
  let code = await client.getCode({ address, ...at });
  if (!code || code === "0x") return { kind: "absent" };
  const of = code.startsWith(CLONE) ? getAddress(`0x${code.slice(CLONE.length, CLONE.length + 40)}`) : null;
  if (of) code = (await client.getCode({ address: of, ...at })) ?? "0x";
  if (!code.startsWith(STYLUS)) return { kind: "evm" };
  const codehash = keccak256(code);
  const read = { address: WASM, abi: wasmAbi, ...at } as const;
  const [version, cached, left] = await Promise.all([
    client.readContract({ ...read, functionName: "codehashVersion", args: [codehash] }).catch((error: unknown) => {
      if (isRefusal(error)) return 0;
      throw error;
    }),
    client.readContract({ address: CACHE, abi: cacheAbi, ...at, functionName: "codehashIsCached", args: [codehash] }),
    client.readContract({ ...read, functionName: "programTimeLeft", args: [of ?? address] }).catch((error: unknown) => {
      const reverted = error instanceof BaseError ? (error.walk((cause) => cause instanceof ContractFunctionRevertedError) as ContractFunctionRevertedError | null) : null;
      if (!reverted) throw error;
      return reverted.data?.errorName ?? "reverted";
    }),
  ]);
  return { kind: "program", of, version, cached, secondsLeft: typeof left === "bigint" ? left : null, refusal: typeof left === "string" ? left : null };
}

export interface Route {
  /** The facet's name in the book or the interface; nothing for a facet that neither has. */
  readonly name: string | null;
  readonly address: Address | null;
  /** Functions that go where they should. */
  readonly right: number;
  /** Functions of the interface that go elsewhere, or nowhere. */
  readonly wrong: readonly { readonly function: string; readonly goesTo: Address | null }[];
  /** Selectors that go here and that no interface has. */
  readonly unknown: readonly Hex[];
}

/** Where the router sends calls, against the interfaces and, as far as it names facets, the book. */
export function compareRoutes(loupe: readonly { readonly facetAddress: Address; readonly functionSelectors: readonly Hex[] }[], book: Readonly<Record<string, Address>>): Route[] {
  const target = new Map(loupe.flatMap(({ facetAddress, functionSelectors }) => functionSelectors.map((selector) => [selector, getAddress(facetAddress)] as const)));
  const known = new Set(Object.values(routes).flatMap((functions) => functions.map(([selector]) => selector)));
  const rows: Route[] = Object.entries(routes).map(([name, functions]) => {
    // Without a book a facet is where most of its functions go.
    const address = book[name] ?? most(functions.map(([selector]) => target.get(selector as Hex)));
    const wrong = functions.filter(([selector]) => target.get(selector as Hex) !== address || !address).map(([selector, of]) => ({ function: of, goesTo: target.get(selector as Hex) ?? null }));
    return { name, address, right: functions.length - wrong.length, wrong, unknown: [] };
  });
  for (const { facetAddress, functionSelectors } of loupe) {
    const unknown = functionSelectors.filter((selector) => !known.has(selector));
    if (unknown.length === 0) continue;
    const place = rows.findIndex(({ address }) => address === getAddress(facetAddress));
    if (place >= 0) rows[place] = { ...rows[place]!, unknown };
    else rows.push({ name: null, address: getAddress(facetAddress), right: 0, wrong: [], unknown });
  }
  return rows;
}

function most(found: readonly (Address | undefined)[]): Address | null {
  const counts = new Map<Address, number>();
  for (const address of found) if (address) counts.set(address, (counts.get(address) ?? 0) + 1);
  return [...counts].sort(([, a], [, b]) => b - a)[0]?.[0] ?? null;
}

export const readRoutes = async (client: Reader, pool: Address, book: Readonly<Record<string, Address>>, head: Head): Promise<Route[]> =>
  compareRoutes(await client.readContract({ address: pool, abi: poolAbi, functionName: "facets", blockNumber: head.number }), book);
