// Which contracts the page speaks to. They come from a file of the page's own origin; what a link names is foreign, and nothing happens with
// it before a person has seen it.
import { getAddress, isAddress, type Address } from "viem";

/** Chain id of the development chain, the only one with a built-in wallet. */
export const DEVELOPMENT_CHAIN = 412346;

export interface Deployment {
  readonly chainId: number;
  /** A node to read from, unless the reader names another one. */
  readonly rpc: string | null;
  /** Addresses by the names of programs: `pool`, `merkle-distributor`, `claims-proxy`, `first-maker-proxy` … */
  readonly contracts: Readonly<Record<string, Address>>;
  /** First block worth reading logs from. */
  readonly fromBlock: bigint;
  /** Accounts of the development chain, with keys that everybody knows; empty elsewhere. */
  readonly accounts: readonly { readonly name: string; readonly address: Address; readonly key: `0x${string}` }[];
  /** The operator's terms, if there are some: an address of a page. */
  readonly terms: string | null;
  /** True if it came from a link instead of the page's origin. */
  readonly foreign: boolean;
}

const record = (value: unknown): Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};

const webAddress = (value: unknown): string | null => {
  if (typeof value !== "string") return null;
  try {
    return ["http:", "https:"].includes(new URL(value).protocol) ? value : null;
  } catch {
    return null;
  }
};

/**
 * Reads a deployment.
 *
 * @throws Error with a plain sentence that says what is wrong.
 */
export function parseDeployment(value: unknown, foreign: boolean): Deployment {
  const file = record(value);
  const { chainId, fromBlock } = file;
  if (typeof chainId !== "number" || !Number.isSafeInteger(chainId) || chainId <= 0) {
    throw new Error("The deployment does not say its chain id as a whole number.");
  }
  const contracts: Record<string, Address> = {};
  for (const [name, address] of Object.entries(record(file["contracts"]))) {
    if (!/^[a-z0-9][a-z0-9-]{0,63}$/.test(name)) throw new Error(`The deployment names a contract ${JSON.stringify(name.slice(0, 64))}: small letters, digits and dashes are allowed.`);
    if (typeof address !== "string" || !isAddress(address)) throw new Error(`The deployment's address of ${name} is no address.`);
    contracts[name] = getAddress(address);
  }
  if (!contracts["pool"]) throw new Error("The deployment does not name a pool.");
  const accounts =
    chainId === DEVELOPMENT_CHAIN && !foreign
      ? Object.entries(record(file["accounts"])).flatMap(([name, account]) => {
          const { address, privateKey } = record(account);
          return typeof address === "string" && isAddress(address) && typeof privateKey === "string" && /^0x[0-9a-f]{64}$/.test(privateKey)
            ? [{ name, address: getAddress(address), key: privateKey as `0x${string}` }]
            : [];
        })
      : [];
  return {
    chainId,
    rpc: webAddress(file["rpc"]),
    contracts,
    fromBlock: typeof fromBlock === "number" && Number.isSafeInteger(fromBlock) && fromBlock > 0 ? BigInt(fromBlock) : 0n,
    accounts,
    terms: foreign ? null : webAddress(file["terms"]),
    foreign,
  };
}

/** The operator's own deployment: `deployment.json` beside the page. */
export async function ownDeployment(): Promise<Deployment> {
  const answer = await fetch("deployment.json", { cache: "no-store" });
  if (!answer.ok) throw new Error(`There is no file deployment.json beside this page (answer ${answer.status}). The operator has to put it there.`);
  let value: unknown;
  try {
    value = await answer.json();
  } catch {
    throw new Error("The file deployment.json beside this page is not JSON.");
  }
  return parseDeployment(value, false);
}

/** What a link asks for, `?deployment=` with JSON, before or after the hash. */
export function linkedDeployment(location: { search: string; hash: string }): string | null {
  const query = location.hash.includes("?") ? location.hash.slice(location.hash.indexOf("?")) : "";
  return new URLSearchParams(location.search).get("deployment") ?? new URLSearchParams(query).get("deployment");
}
