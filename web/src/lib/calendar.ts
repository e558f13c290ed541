// Epochs and blackout windows as a calendar file (RFC 5545), for any calendar.
import type { Pool, Tokens } from "../chain/read";
import { edge } from "./rules";

const stamp = (seconds: bigint): string => new Date(Number(seconds) * 1000).toISOString().replace(/[-:]|\.\d{3}/g, "");

/** The next `count` windows and epochs, and the end of the distribution. */
export function calendar(pool: Pool, tokens: Tokens, address: string, count = 6): string {
  const lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Tidepool//Epochs//EN"];
  const entry = (key: string, start: bigint, end: bigint, summary: string): void => {
    lines.push("BEGIN:VEVENT", `UID:${key}.${address.toLowerCase()}@tidepool`, `DTSTAMP:${stamp(pool.head.timestamp)}`, `DTSTART:${stamp(start)}`, `DTEND:${stamp(end)}`, `SUMMARY:${summary}`, "END:VEVENT");
  };
  const next = pool.state.started ? pool.state.epoch + 1n : 0n;
  const first = edge(pool);
  for (let ahead = 0n; ahead < BigInt(count); ahead++) {
    const start = first + ahead * pool.interval;
    entry(`epoch-${next + ahead}`, start, start + 3_600n, `Epoch ${next + ahead} starts: requested stake can be withdrawn`);
    entry(`window-${next + ahead}`, start - pool.blackoutWindow, start, `Blackout window before epoch ${next + ahead}: no requests`);
  }
  entry("distribution-end", tokens.distribution.end, tokens.distribution.end + 3_600n, "Rewards of the stake end");
  return [...lines, "END:VCALENDAR", ""].join("\r\n");
}
