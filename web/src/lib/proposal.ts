// Calls that somebody else sends, in the forms of `tidepool … --as`: a file for a Safe, calls of a timelock, a call of a governor.
import { decodeFunctionData, encodeAbiParameters, encodeFunctionData, keccak256, parseAbi, stringToHex, type Abi, type Address, type Hex } from "viem";

export interface Proposed {
  readonly to: Address;
  readonly data: Hex;
}

/** Version of the Safe's application whose files these are. */
const BUILDER = "1.18.0";
type Json = null | string | number | boolean | readonly Json[] | { readonly [key: string]: Json };

/** Lists in brackets, objects as their sorted keys and the values in that order, anything else as JSON. */
function serialised(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(serialised).join(",")}]`;
  if (typeof value === "object" && value !== null) {
    const object = value as { readonly [key: string]: Json };
    const keys = Object.keys(object).sort();
    return `{${JSON.stringify(keys)}${keys.map((key) => `${serialised(object[key]!)},`).join("")}}`;
  }
  return JSON.stringify(value);
}

/** The checksum of the Transaction Builder: over everything but the checksum itself and the name. */
export function checksum(file: { readonly meta: { readonly [key: string]: Json }; readonly [key: string]: Json }): Hex {
  const { checksum: _, ...meta } = file.meta;
  return keccak256(stringToHex(serialised({ ...file, meta: { ...meta, name: null } })));
}

/** JSON with sorted keys, as the command line writes it. */
export const pretty = (value: Json): string => `${JSON.stringify(sorted(value), null, 2)}\n`;
const sorted = (value: Json): Json =>
  Array.isArray(value)
    ? value.map(sorted)
    : typeof value === "object" && value !== null
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, inner]) => [key, sorted(inner)]))
      : value;

/** A file that the Transaction Builder reads; `created` is in milliseconds. Byte for byte what `tidepool … --as safe` writes. */
export function safe(chainId: number, title: string, calls: readonly Proposed[], created: number): string {
  const file = {
    version: "1.0",
    chainId: String(chainId),
    createdAt: created,
    meta: { name: title, description: title, txBuilderVersion: BUILDER, createdFromSafeAddress: "", createdFromOwnerAddress: "" },
    transactions: calls.map(({ to, data }) => ({ to: to.toLowerCase(), value: "0", data })),
  };
  return pretty({ ...file, meta: { ...file.meta, checksum: checksum(file) } });
}

const timelockAbi = parseAbi([
  "function scheduleBatch(address[] targets, uint256[] values, bytes[] payloads, bytes32 predecessor, bytes32 salt, uint256 delay)",
  "function executeBatch(address[] targets, uint256[] values, bytes[] payloads, bytes32 predecessor, bytes32 salt)",
]);
const governorAbi = parseAbi(["function propose(address[] targets, uint256[] values, bytes[] calldatas, string description)"]);
const ZERO: Hex = `0x${"0".repeat(64)}`;

const columns = (calls: readonly Proposed[]) => [calls.map(({ to }) => to), calls.map(() => 0n), calls.map(({ data }) => data)] as const;
const BATCH = [{ type: "address[]" }, { type: "uint256[]" }, { type: "bytes[]" }] as const;

/** What is scheduled with a timelock, and what is executed after its delay. */
export function timelock(title: string, calls: readonly Proposed[], delay: bigint) {
  const [targets, values, payloads] = columns(calls);
  const salt = keccak256(stringToHex(title));
  return {
    operation: keccak256(encodeAbiParameters([...BATCH, { type: "bytes32" }, { type: "bytes32" }], [targets, values, payloads, ZERO, salt])),
    schedule: encodeFunctionData({ abi: timelockAbi, functionName: "scheduleBatch", args: [targets, values, payloads, ZERO, salt, delay] }),
    execute: encodeFunctionData({ abi: timelockAbi, functionName: "executeBatch", args: [targets, values, payloads, ZERO, salt] }),
  };
}

/** What is proposed to a governor, and the number that the proposal will have. */
export function governor(title: string, calls: readonly Proposed[]) {
  const [targets, values, payloads] = columns(calls);
  return {
    proposal: BigInt(keccak256(encodeAbiParameters([...BATCH, { type: "bytes32" }], [targets, values, payloads, keccak256(stringToHex(title))]))).toString(),
    propose: encodeFunctionData({ abi: governorAbi, functionName: "propose", args: [targets, values, payloads, title] }),
  };
}

/** A call in words, by one of the interfaces: `setBorrowerCaps(borrowers: [0x…], caps: [5])`. */
export function decode(data: Hex, interfaces: readonly Abi[]): string | null {
  for (const abi of [...interfaces, timelockAbi, governorAbi]) {
    try {
      const { functionName, args } = decodeFunctionData({ abi, data });
      const entry = (abi as Abi).find((one) => one.type === "function" && one.name === functionName && one.inputs.length === (args?.length ?? 0));
      const names = entry?.type === "function" ? entry.inputs.map((input, place) => input.name || String(place)) : [];
      const written = (value: unknown): string =>
        Array.isArray(value) ? `[${value.map(written).join(", ")}]` : typeof value === "object" && value !== null ? `{${Object.entries(value).map(([key, inner]) => `${key}: ${written(inner)}`).join(", ")}}` : String(value);
      return `${functionName}(${(args ?? []).map((value, place) => `${names[place]}: ${written(value)}`).join(", ")})`;
    } catch {
      // Of another interface.
    }
  }
  return null;
}
