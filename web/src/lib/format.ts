// How amounts, shares, times and addresses are written, and how amounts are read. No React here.

export interface Token {
  readonly address: `0x${string}`;
  readonly symbol: string;
  readonly decimals: number;
}

const grouped = (digits: string): string => digits.replace(/\B(?=(\d{3})+(?!\d))/g, ",");

/** An amount in tokens, exact: `1,234.5`. */
export function exact(value: bigint, decimals: number): string {
  const sign = value < 0n ? "-" : "";
  const digits = (value < 0n ? -value : value).toString().padStart(decimals + 1, "0");
  const whole = digits.slice(0, digits.length - decimals);
  const fraction = digits.slice(digits.length - decimals).replace(/0+$/, "");
  return `${sign}${grouped(whole)}${fraction && decimals ? `.${fraction}` : ""}`;
}

/** An amount in tokens with at most six decimals, rounded towards zero; what is not zero is never written as zero. */
export function short(value: bigint, decimals: number): string {
  const shown = 6;
  if (decimals <= shown) return exact(value, decimals);
  const unit = 10n ** BigInt(decimals - shown);
  const cut = value / unit;
  if (cut === 0n && value !== 0n) return `${value < 0n ? "> -" : "< "}0.000001`;
  return exact(cut, shown);
}

export const amount = (value: bigint, token: Token): string => `${short(value, token.decimals)} ${token.symbol}`;

export type Parsed = { readonly value: bigint } | { readonly problem: string };

/** Reads an amount in tokens. Commas part thousands; a point parts the fraction. */
export function parseAmount(text: string, token: Token): Parsed {
  const bare = text.trim();
  if (bare === "") return { problem: "Enter an amount." };
  const match = /^(\d+|\d{1,3}(?:,\d{3})+)?(?:\.(\d*))?$/.exec(bare);
  if (!match || (!match[1] && !match[2])) return { problem: `“${bare.slice(0, 30)}” is not an amount. Write it like 1,000.5.` };
  const whole = (match[1] ?? "0").replaceAll(",", "");
  const fraction = match[2] ?? "";
  if (fraction.length > token.decimals) return { problem: `${token.symbol} has ${token.decimals} decimals, the amount has ${fraction.length}.` };
  return { value: BigInt(whole + fraction.padEnd(token.decimals, "0")) };
}

/** Basis points as per cent. */
export const percent = (points: bigint): string => `${exact(points, 2)} %`;

/** A ratio as per cent with two decimals, rounded down. */
export const ratio = (part: bigint, whole: bigint): string => (whole === 0n ? "0 %" : percent((part * 10_000n) / whole));

const zone = (): Intl.DateTimeFormat =>
  new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", timeZoneName: "short", hourCycle: "h23" });

/** A moment in the reader's zone, which it names. */
export function time(seconds: bigint): string {
  const moment = Number(seconds) * 1000;
  return Math.abs(moment) <= 8.64e15 ? zone().format(moment) : "beyond the calendar";
}

/** A length of time in its two largest parts. */
export function duration(seconds: bigint): string {
  if (seconds < 0n) return `-${duration(-seconds)}`;
  const parts: [bigint, string, string][] = [
    [86_400n, "day", "days"],
    [3_600n, "hour", "hours"],
    [60n, "minute", "minutes"],
    [1n, "second", "seconds"],
  ];
  const first = parts.findIndex(([length]) => seconds >= length);
  if (first < 0) return "0 seconds";
  const named = ([length, one, many]: [bigint, string, string], of: bigint): string => `${of / length} ${of / length === 1n ? one : many}`;
  const [large, small] = [parts[first]!, parts[first + 1]];
  const rest = seconds % large[0];
  return small && rest >= small[0] ? `${named(large, seconds)} ${named(small, rest)}` : named(large, seconds);
}

export const shortAddress = (address: string): string => `${address.slice(0, 6)}…${address.slice(-4)}`;

/** Text of a contract, fit to be shown: printable ASCII, not too long. */
export const printable = (text: string): string => text.replace(/[^ -~]/g, "?").slice(0, 32);
