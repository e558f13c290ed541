// Which contracts the page speaks to. They come from a file of the page's own origin; what a link names is foreign, and nothing happens with
// it before a person has seen it.
import { getAddress, isAddress, type Address } from "viem";
import { t } from "./lib/words";

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
  /** Where `tidepool serve` answers, if it does: the URL before `/v1`. */
  readonly server: string | null;
  /** Where the keeper answers `/health`, if that is to be shown. */
  readonly keeper: string | null;
  /** Nodes whose heads are shown beside that of the reader's. */
  readonly nodes: readonly string[];
  /** Facets of the pool by program, as the deployment's book has them. */
  readonly facets: Readonly<Record<string, Address>>;
  /** What the operator says of market makers. */
  readonly borrowers: readonly Named[];
  /** True if it came from a link instead of the page's origin. */
  readonly foreign: boolean;
}

export interface Named {
  readonly address: Address;
  readonly name: string;
  readonly link: string | null;
  readonly note: string | null;
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

/** `true` is the page's own server; a text is a URL, relative to the page. */
const serverOf = (value: unknown, page: string): string | null => {
  if (value === true) return new URL(".", page).href.replace(/\/$/, "");
  if (typeof value !== "string" || !URL.canParse(value, page)) return null;
  const url = new URL(value, page);
  return ["http:", "https:"].includes(url.protocol) ? url.href.replace(/\/$/, "") : null;
};

const addresses = (value: unknown, what: string): Record<string, Address> => {
  const found: Record<string, Address> = {};
  for (const [name, address] of Object.entries(record(value))) {
    if (!/^[a-z0-9][a-z0-9-]{0,63}$/.test(name)) throw new Error(t("The deployment names a {what} {name}: small letters, digits and dashes are allowed.", { what, name: JSON.stringify(name.slice(0, 64)) }));
    if (typeof address !== "string" || !isAddress(address)) throw new Error(t("The deployment's address of {name} is no address.", { name }));
    found[name] = getAddress(address);
  }
  return found;
};

const named = (value: unknown): Named[] =>
  (Array.isArray(value) ? value : []).flatMap((entry: unknown) => {
    const { address, name, link, note } = record(entry);
    if (typeof address !== "string" || !isAddress(address) || typeof name !== "string" || name.trim() === "") return [];
    return [{ address: getAddress(address), name: name.slice(0, 64), link: webAddress(link), note: typeof note === "string" ? note.slice(0, 300) : null }];
  });

/**
 * Reads a deployment. What a link names gets neither server nor keeper, nodes or names: it is foreign, and says nothing for itself.
 *
 * @throws Error with a plain sentence that says what is wrong.
 */
export function parseDeployment(value: unknown, foreign: boolean, page = "http://localhost/"): Deployment {
  const file = record(value);
  const { chainId, fromBlock } = file;
  if (typeof chainId !== "number" || !Number.isSafeInteger(chainId) || chainId <= 0) {
    throw new Error(t("The deployment does not say its chain id as a whole number."));
  }
  const contracts = addresses(file["contracts"], t("contract"));
  if (!contracts["pool"]) throw new Error(t("The deployment does not name a pool."));
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
    server: foreign ? null : serverOf(file["server"], page),
    keeper: foreign ? null : webAddress(file["keeper"]),
    nodes: foreign || !Array.isArray(file["nodes"]) ? [] : file["nodes"].map(webAddress).filter((node) => node !== null).slice(0, 8),
    facets: foreign ? {} : addresses(file["facets"], t("facet")),
    borrowers: foreign ? [] : named(file["borrowers"]),
    foreign,
  };
}

/** The operator's own deployment: `deployment.json` beside the page. */
export async function ownDeployment(): Promise<Deployment> {
  const answer = await fetch("deployment.json", { cache: "no-store" });
  if (!answer.ok) throw new Error(t("There is no file deployment.json beside this page (answer {status}). The operator has to put it there.", { status: answer.status }));
  let value: unknown;
  try {
    value = await answer.json();
  } catch {
    throw new Error(t("The file deployment.json beside this page is not JSON."));
  }
  return parseDeployment(value, false, location.href);
}

/** What a link asks for, `?deployment=` with JSON, before or after the hash. */
export function linkedDeployment(location: { search: string; hash: string }): string | null {
  const query = location.hash.includes("?") ? location.hash.slice(location.hash.indexOf("?")) : "";
  return new URLSearchParams(location.search).get("deployment") ?? new URLSearchParams(query).get("deployment");
}
