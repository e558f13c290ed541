// Small parts that several pages draw.
import { useEffect, useId, useRef, useState, useSyncExternalStore, type ReactNode } from "react";
import { exact, percent, short, shortAddress, time, type Token } from "../lib/format";

const EXACT = "tidepool.exact";
let exactly = (() => {
  try {
    return localStorage.getItem(EXACT) === "yes";
  } catch {
    return false;
  }
})();
const listeners = new Set<() => void>();
export function showExact(yes: boolean): void {
  exactly = yes;
  try {
    localStorage.setItem(EXACT, yes ? "yes" : "no");
  } catch {
    // Lives as long as the page.
  }
  for (const listener of listeners) listener();
}
/** Whether the reader asked for exact integers. */
export const useExact = (): boolean =>
  useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => exactly,
  );

/** A table that scrolls where the screen is narrower than it, also by keyboard. */
export function Table({ label, children }: { label: string; children: ReactNode }) {
  return (
    <div className="scroll" tabIndex={0} role="region" aria-label={label}>
      <table>{children}</table>
    </div>
  );
}

/** An amount with its unit; the exact integer too if the reader asked for it. */
export function Amount({ value, token }: { value: bigint; token: Token }) {
  const integer = useExact();
  return (
    <span className="amount" data-units={value.toString()}>
      {short(value, token.decimals)} <span className="unit">{token.symbol}</span>
      {integer && <span className="integer"> ({value.toString()})</span>}
    </span>
  );
}

export const Share = ({ points }: { points: bigint }) => <span className="amount">{percent(points)}</span>;

export const Time = ({ at }: { at: bigint }) => <time dateTime={at < 8_640_000_000_000n ? new Date(Number(at) * 1000).toISOString() : ""}>{time(at)}</time>;

/** An address, whole when it is copied or read aloud, short to the eye. */
export function AddressText({ address, name }: { address: string; name?: string | undefined }) {
  const [copied, setCopied] = useState(false);
  return (
    <span className="address">
      {name && <span className="name">{name} </span>}
      <code title={address}>{shortAddress(address)}</code>{" "}
      <button
        type="button"
        className="copy"
        aria-label={`Copy the address ${address}`}
        onClick={() => void navigator.clipboard.writeText(address).then(() => setCopied(true), () => setCopied(false))}
      >
        {copied ? "copied" : "copy"}
      </button>
    </span>
  );
}

export function Figure({ label, children, note }: { label: string; children: ReactNode; note?: ReactNode }) {
  return (
    <div>
      <h2>{label}</h2>
      <p className="value">{children}</p>
      {note && <p className="note">{note}</p>}
    </div>
  );
}

/** A page's heading, to which the focus goes when the page changes. */
export function Heading({ children, intro }: { children: string; intro?: ReactNode }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${children} · Tidepool`;
    if (document.activeElement && document.activeElement !== document.body) heading.current?.focus({ preventScroll: true });
    scrollTo(0, 0);
  }, [children]);
  return (
    <div className="heading">
      <h1 ref={heading} tabIndex={-1}>
        {children}
      </h1>
      {intro && <p className="lead">{intro}</p>}
    </div>
  );
}

export function Section({ title, children, id }: { title: string; children: ReactNode; id?: string }) {
  const own = useId();
  return (
    <section aria-labelledby={id ?? own}>
      <h2 id={id ?? own}>{title}</h2>
      {children}
    </section>
  );
}

export const Waiting = ({ children = "Reading from the chain …" }: { children?: ReactNode }) => (
  <p className="note" role="status">
    {children}
  </p>
);

/** Hands a file to the reader. */
export function download(name: string, type: string, text: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** A field of a CSV file; what a spreadsheet would take for a formula is kept from being one. */
export const csvField = (value: string): string => {
  const safe = /^[=+\-@\t\r]/.test(value) && !/^-?[\d.]+$/.test(value) ? `'${value}` : value;
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
};
export const csv = (rows: readonly (readonly string[])[]): string => rows.map((row) => row.map(csvField).join(",")).join("\r\n") + "\r\n";

/** One bar cut into named parts, with the parts as a list below it. */
export function Split({ label, parts, token }: { label: string; parts: readonly { name: string; value: bigint; colour: number }[]; token: Token }) {
  const whole = parts.reduce((sum, part) => sum + part.value, 0n);
  let start = 0n;
  return (
    <figure className="chart">
      <figcaption>{label}</figcaption>
      <svg className="split" viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true">
        <rect className="empty" width="1000" height="10" />
        {parts.map(({ name, value, colour }) => {
          const width = whole === 0n ? 0n : (value * 1000n) / whole;
          const from = start;
          start += width;
          return <rect key={name} className={`s${colour}`} x={String(from)} width={String(width)} height="10" />;
        })}
      </svg>
      <ul className="legend">
        {parts.map(({ name, value, colour }) => (
          <li key={name}>
            <span className={`swatch s${colour}`} />
            {name} <Amount value={value} token={token} />
          </li>
        ))}
      </ul>
    </figure>
  );
}

export interface Line {
  readonly name: string;
  readonly colour: number;
  readonly points: readonly (readonly [time: bigint, value: bigint])[];
}

/** Steps over time, labelled at the end of each line; the same as a table below it. */
export function Steps({ label, lines, from, to, token }: { label: string; lines: readonly Line[]; from: bigint; to: bigint; token: Token }) {
  const [width, height] = [1000n, 300n];
  const most = lines.flatMap((line) => line.points.map(([, value]) => value)).reduce((a, b) => (a > b ? a : b), 1n);
  const span = to > from ? to - from : 1n;
  const x = (at: bigint): bigint => ((at < from ? 0n : at - from) * width) / span;
  const y = (value: bigint): bigint => height - (value * height) / most;
  const rows = [...new Set(lines.flatMap((line) => line.points.map(([at]) => at)))].sort((a, b) => (a < b ? -1 : 1));
  const valueAt = (line: Line, at: bigint): bigint => line.points.filter(([time]) => time <= at).at(-1)?.[1] ?? 0n;
  return (
    <figure className="chart">
      <figcaption>{label}</figcaption>
      <div className="plot">
        <div className="values" aria-hidden="true">
          <span>{short(most, token.decimals)}</span>
          <span>{token.symbol}</span>
          <span>0</span>
        </div>
        <svg viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" aria-hidden="true">
          <path className="grid" d={`M0 0h${width}M0 ${height / 2n}h${width}M0 ${height}h${width}`} />
          {lines.map(({ name, colour, points }) => {
            const path = points.map(([at, value], place) => (place === 0 ? `M${x(at)} ${y(value)}` : `H${x(at)}V${y(value)}`)).join("");
            return <path key={name} className={`line l${colour}`} d={path ? `${path}H${width}` : ""} />;
          })}
        </svg>
        <div className="times" aria-hidden="true">
          <span>{time(from)}</span>
          <span>{time(to)}</span>
        </div>
      </div>
      <ul className="legend">
        {lines.map((line) => (
          <li key={line.name}>
            <span className={`swatch s${line.colour}`} />
            {line.name} <Amount value={line.points.at(-1)?.[1] ?? 0n} token={token} />
          </li>
        ))}
      </ul>
      <details className="data">
        <summary>The same as a table</summary>
        <Table label={label}>
          <thead>
            <tr>
              <th scope="col">Time</th>
              {lines.map((line) => (
                <th key={line.name} scope="col" className="number">
                  {line.name}, {token.symbol}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.slice(-60).map((at) => (
              <tr key={String(at)}>
                <th scope="row">{time(at)}</th>
                {lines.map((line) => (
                  <td key={line.name}>{exact(valueAt(line, at), token.decimals)}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </Table>
      </details>
    </figure>
  );
}
