// What the rewards engine is asked, and what it answers: the messages of web/engine.
import type { Address, Hex } from "viem";

export interface Job {
  readonly files: readonly { readonly name: string; readonly file: Blob }[];
  readonly against: { readonly name: string; readonly file: Blob } | null;
  readonly account: Address | null;
}

export interface Built {
  readonly root: Hex;
  readonly leaves: number;
  readonly total: string;
  readonly cid: string;
  /** The entry of the account that was asked for, with its proof. */
  readonly own: { readonly amount: string; readonly proof: readonly Hex[] } | null;
  /** What was computed, if the inputs of an epoch were given. */
  readonly epoch: {
    readonly epoch: number;
    readonly previous_root: Hex | null;
    readonly paid_wei: string;
    readonly markets: readonly (readonly [market: string, samples: string, minutes: string])[];
    readonly gaps: readonly string[];
  } | null;
  /** Absent without a second tree; null if both say the same. */
  readonly difference?: { readonly account: Address; readonly one: string | null; readonly other: string | null } | null;
}

/** `problem` is the engine's sentence about the files; `stopped` is that it could not run. */
export type Answer = Built | { readonly problem: string } | { readonly stopped: string };

/** A line of JSON, and behind it the bytes of the files that it names. */
export async function frame({ files, against, account }: Job): Promise<Uint8Array<ArrayBuffer>> {
  const sized = (of: { name: string; file: Blob }): [string, number] => [of.name, of.file.size];
  const line = `${JSON.stringify({ files: files.map(sized), against: against && sized(against), account })}\n`;
  return new Uint8Array(await new Blob([line, ...files.map(({ file }) => file), ...(against ? [against.file] : [])]).arrayBuffer());
}
