// Lines over time without steps, and the curve of uptime. The same is said by a table beside each.
import { exact, time } from "../lib/format";
import type { Line } from "./parts";

/** Lines from point to point; values are whole numbers of `unit`. */
export function Lines({ label, lines, unit }: { label: string; lines: readonly Line[]; unit: string }) {
  const points = lines.flatMap((line) => line.points);
  const least = (a: bigint, b: bigint): bigint => (a < b ? a : b);
  const most = (a: bigint, b: bigint): bigint => (a > b ? a : b);
  const first = points[0]?.[0] ?? 0n;
  const from = points.map(([at]) => at).reduce(least, first);
  const to = points.map(([at]) => at).reduce(most, from + 1n);
  const top = points.map(([, value]) => value).reduce(most, 1n);
  const x = (at: bigint): bigint => ((at - from) * 1_000n) / (to - from);
  const y = (value: bigint): bigint => 300n - (value * 300n) / top;
  return (
    <figure className="chart">
      <figcaption>{label}</figcaption>
      <div className="plot">
        <div className="values" aria-hidden="true">
          <span>{top < 10n ** 12n ? exact(top, 0) : Number(top).toExponential(2)}</span>
          <span>{unit}</span>
          <span>0</span>
        </div>
        <svg viewBox="0 0 1000 300" preserveAspectRatio="none" aria-hidden="true">
          <path className="grid" d="M0 0h1000M0 150h1000M0 300h1000" />
          {lines.map(({ name, colour, points }) => (
            <path key={name} className={`line l${colour}`} d={points.map(([at, value], place) => `${place === 0 ? "M" : "L"}${x(at)} ${y(value)}`).join("")} />
          ))}
        </svg>
        <div className="times" aria-hidden="true">
          <span>{time(from)}</span>
          <span>{time(to)}</span>
        </div>
      </div>
      <ul className="legend">
        {lines.map(({ name, colour }) => (
          <li key={name}>
            <span className={`swatch s${colour}`} />
            {name}
          </li>
        ))}
      </ul>
    </figure>
  );
}

/** The fifth power between 0 and 1, with marks on it. */
export function Curve({ label, marks }: { label: string; marks: readonly { readonly name: string; readonly colour: number; readonly at: number }[] }) {
  const steps = Array.from({ length: 51 }, (_, place) => place / 50);
  const y = (at: number): number => 300 - at ** 5 * 300;
  return (
    <figure className="chart">
      <figcaption>{label}</figcaption>
      <div className="plot">
        <div className="values" aria-hidden="true">
          <span>100 %</span>
          <span>0 %</span>
        </div>
        <svg viewBox="0 0 1000 300" preserveAspectRatio="none" aria-hidden="true">
          <path className="grid" d="M0 0h1000M0 150h1000M0 300h1000" />
          <path className="line l5" d={steps.map((at, place) => `${place === 0 ? "M" : "L"}${at * 1000} ${y(at).toFixed(1)}`).join("")} />
          {marks.map(({ name, colour, at }) => (
            <path key={name} className={`line l${colour}`} d={`M${(at * 1000).toFixed(1)} ${(y(at) - 12).toFixed(1)}V300`} />
          ))}
        </svg>
        <div className="times" aria-hidden="true">
          <span>0 %</span>
          <span>100 %</span>
        </div>
      </div>
      <ul className="legend">
        {marks.map(({ name, colour, at }) => (
          <li key={name}>
            <span className={`swatch s${colour}`} />
            {name} {(at * 100).toFixed(2)} %
          </li>
        ))}
      </ul>
    </figure>
  );
}
