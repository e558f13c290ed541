// What happened, from logs. Names and numbers are those of the events; nothing is added up that a getter answers.
import { decodeEventLog, numberToHex, pad, type Address, type Hex } from "viem";
import type { Reader } from "./reader";
import { poolAbi } from "../../abi";
import type { Line } from "../parts/parts";
import { logsInRanges, type Head } from "./read";

export interface Happening {
  readonly name: string;
  readonly args: Readonly<Record<string, unknown>>;
  readonly block: bigint;
  readonly index: number;
  readonly transaction: Hex;
  readonly time: bigint;
}

interface RawLog {
  readonly topics: [Hex, ...Hex[]];
  readonly data: Hex;
  readonly blockNumber: Hex;
  readonly logIndex: Hex;
  readonly transactionHash: Hex;
  readonly blockTimestamp?: Hex;
}

async function happenings(client: Reader, pool: Address, topics: (Hex | Hex[] | null)[], from: bigint, head: Head): Promise<Happening[]> {
  const raw = await logsInRanges(
    (first, last) => client.request({ method: "eth_getLogs", params: [{ address: pool, topics, fromBlock: numberToHex(first), toBlock: numberToHex(last) }] } as never) as Promise<RawLog[]>,
    from,
    head.number,
  );
  const times = new Map<string, bigint>();
  for (const log of raw) if (log.blockTimestamp) times.set(log.blockNumber, BigInt(log.blockTimestamp));
  const missing = [...new Set(raw.map((log) => log.blockNumber))].filter((number) => !times.has(number));
  for (let start = 0; start < missing.length; start += 50) {
    await Promise.all(missing.slice(start, start + 50).map(async (number) => times.set(number, (await client.getBlock({ blockNumber: BigInt(number) })).timestamp)));
  }
  return raw.flatMap((log) => {
    try {
      const { eventName, args } = decodeEventLog({ abi: poolAbi, topics: log.topics, data: log.data });
      return [
        {
          name: String(eventName),
          args: (args ?? {}) as unknown as Record<string, unknown>,
          block: BigInt(log.blockNumber),
          index: Number(log.logIndex),
          transaction: log.transactionHash,
          time: times.get(log.blockNumber) ?? 0n,
        },
      ];
    } catch {
      return []; // An event of a later version.
    }
  });
}

/** Events whose first indexed argument is the account, and transfers to it. */
export const readHistory = async (client: Reader, pool: Address, account: Address, from: bigint, head: Head): Promise<Happening[]> => {
  const word = pad(account.toLowerCase() as Hex);
  const [own, received] = await Promise.all([happenings(client, pool, [null, word], from, head), happenings(client, pool, [null, null, word], from, head)]);
  const quiet = new Set(["UserIndexUpdated", "Transfer", "Approval", "RoleGranted", "RoleRevoked"]);
  const transfers = [...own, ...received].filter(({ name, args }) => name === "Transfer" && BigInt(args["from"] as Hex) !== 0n && BigInt(args["to"] as Hex) !== 0n);
  const list = [...own.filter(({ name }) => !quiet.has(name)), ...transfers];
  const unique = new Map(list.map((one) => [`${one.block}:${one.index}`, one]));
  return [...unique.values()].sort((a, b) => (a.block === b.block ? a.index - b.index : a.block < b.block ? -1 : 1));
};

export const readAll = (client: Reader, pool: Address, from: bigint, head: Head): Promise<Happening[]> => happenings(client, pool, [], from, head);

/** Stake and loans over time, from events that say by how much they change. */
export function poolLines(events: readonly Happening[]): Line[] {
  let [stake, loans] = [0n, 0n];
  const [stakes, borrowed]: [bigint, bigint][][] = [[], []] as [bigint, bigint][][];
  const point = (points: [bigint, bigint][], time: bigint, value: bigint): void => {
    if (points.at(-1)?.[0] === time) points.pop();
    points.push([time, value]);
  };
  for (const { name, args, time } of events) {
    const amount = args["amount"] as bigint;
    const change: Record<string, [bigint, bigint]> = {
      Staked: [amount, 0n],
      WithdrewStake: [-amount, 0n],
      ConvertedInactiveBalancesToDebt: [-(args["shortfallAmount"] as bigint), 0n],
      Borrowed: [0n, amount],
      RepaidBorrow: [0n, -amount],
      DebtMarked: [0n, -amount],
    };
    const by = change[name];
    if (!by) continue;
    stake += by[0];
    loans += by[1];
    if (by[0] !== 0n) point(stakes!, time, stake);
    if (by[1] !== 0n) point(borrowed!, time, loans);
  }
  // A line that begins later than the other was at zero before.
  const first = [stakes![0]?.[0], borrowed![0]?.[0]].filter((at) => at !== undefined).reduce<bigint | undefined>((a, b) => (a === undefined || b < a ? b : a), undefined);
  for (const points of [stakes!, borrowed!]) if (first !== undefined && points[0]?.[0] !== first) points.unshift([first, 0n]);
  return [
    { name: "Stake, active and inactive", colour: 0, points: stakes! },
    { name: "Borrowed", colour: 1, points: borrowed! },
  ];
}
