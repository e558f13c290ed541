// Charts and lists that only the server has. Without it, each says so in one line or is not there.
import { useId, useState, type ReactNode } from "react";
import type { Address } from "viem";
import { useReady } from "../app";
import { exact, time } from "../lib/format";
import { t } from "../lib/words";
import { AddressText, Amount, Section, Steps, Table, Waiting, type Line } from "../parts/parts";
import { Say } from "../parts/say";
import { useServer } from "./api";
import { useHealth } from "./health";

/** Up to which block a list goes. */
export const AsOf = ({ block }: { block: { readonly number: number; readonly time: number } | undefined | null }) =>
  block ? <p className="note">{t("From the server, up to block {block}, {time}.", { block: block.number, time: time(BigInt(block.time)) })}</p> : null;

const DAY = 86_400n;
const RANGES = { week: 7n * DAY, month: 30n * DAY, quarter: 91n * DAY, all: null } as const;
type Range = keyof typeof RANGES;
const rangeName = (range: Range): string => ({ week: t("a week"), month: t("a month"), quarter: t("three months"), all: t("since epoch zero") })[range];

/** The pool over time; `otherwise` is drawn if the server cannot say. */
export function PoolHistory({ otherwise }: { otherwise: ReactNode }) {
  const { tokens, state, head } = useReady()!;
  const id = useId();
  const [range, setRange] = useState<Range>("month");
  // Never before epoch zero, when there was nothing.
  const wanted = RANGES[range] === null ? state.offset : head.timestamp - RANGES[range];
  const from = wanted < state.offset ? state.offset : wanted;
  const span = head.timestamp > from ? head.timestamp - from : 1n;
  const step = span / 300n < 60n ? 60n : span / 300n;
  const history = useServer(["pool", range], (client) => client.GET("/v1/pool/history", { params: { query: { from: String(from), to: String(head.timestamp), step: String(step) } } }));
  if (history.isError) return otherwise;
  const points = history.data?.data ?? [];
  const { state: now } = state;
  // The last point is the present, from the chain: steps of the server end before it.
  const line = (name: string, colour: number, value: (point: (typeof points)[number]) => bigint, present: bigint): Line => ({ name, colour, points: [...points.filter((point) => BigInt(point.time) < head.timestamp).map((point) => [BigInt(point.time), value(point)] as const), [head.timestamp, present]] });
  const indebted = now.borrowerDebt > 0n || now.debtAvailableToWithdraw > 0n || points.some((point) => point.borrower_debt !== "0" || point.debt_available_to_withdraw !== "0");
  return (
    <>
      <div className="form">
        <div className="field">
          <label htmlFor={id}>{t("How far back")}</label>
          <select id={id} value={range} onChange={(event) => setRange(event.target.value as Range)}>
            {(Object.keys(RANGES) as Range[]).map((of) => (
              <option key={of} value={of}>
                {rangeName(of)}
              </option>
            ))}
          </select>
        </div>
      </div>
      {history.isPending && <Waiting>{t("Reading from the server …")}</Waiting>}
      {history.data && points.length === 0 && <p className="note">{t("Nothing happened in that time.")}</p>}
      {points.length > 0 && (
        <div data-from="server">
          <Steps
            label={t("Stake and loans")}
            lines={[line(t("Active"), 0, (point) => BigInt(point.active), now.activeCurrentEpoch), line(t("Inactive"), 2, (point) => BigInt(point.inactive), now.inactiveCurrentEpoch), line(t("Borrowed"), 1, (point) => BigInt(point.borrowed), now.borrowed)]}
            from={from}
            to={head.timestamp}
            token={tokens.staked}
          />
          {indebted && <Steps label={t("Debt of borrowers")} lines={[line(t("Debt"), 1, (point) => BigInt(point.borrower_debt), now.borrowerDebt), line(t("Repaid, not withdrawn"), 0, (point) => BigInt(point.debt_available_to_withdraw), now.debtAvailableToWithdraw)]} from={from} to={head.timestamp} token={tokens.staked} />}
          <Steps label={t("Emission a day")} lines={[line(t("Emission"), 3, (point) => BigInt(point.rewards_per_second) * DAY, now.rewardsPerSecond * DAY)]} from={from} to={head.timestamp} token={tokens.rewards} />
        </div>
      )}
      <AsOf block={history.data?.block} />
    </>
  );
}

/** A list that goes on from page to page. */
function usePages() {
  const [trail, setTrail] = useState<readonly string[]>([]);
  const buttons = (next: string | null | undefined) => (
    <p className="buttons">
      {trail.length > 0 && (
        <button type="button" className="quiet" onClick={() => setTrail(trail.slice(0, -1))}>
          {t("The page before")}
        </button>
      )}
      {next && (
        <button type="button" className="quiet" onClick={() => setTrail([...trail, next])}>
          {t("The next page")}
        </button>
      )}
    </p>
  );
  return { after: trail.at(-1), buttons };
}

export function Stakers() {
  const { tokens } = useReady()!;
  const { usable } = useHealth();
  const { after, buttons } = usePages();
  const list = useServer(["stakers", after], (client) => client.GET("/v1/stakers", { params: { query: { limit: 25, ...(after ? { after } : {}) } } }));
  if (!usable || list.isError) return null;
  const rows = list.data?.data ?? [];
  return (
    <Section title={t("Stakers")}>
      {list.isPending && <Waiting>{t("Reading from the server …")}</Waiting>}
      {list.data && rows.length === 0 && <p className="note">{t("Nobody has staked yet.")}</p>}
      {rows.length > 0 && (
        <Table label={t("Table of stakers")}>
          <thead>
            <tr>
              <th scope="col">{t("Staker")}</th>
              <th scope="col" className="number">{t("Active")}</th>
              <th scope="col" className="number">{t("Requested")}</th>
              <th scope="col" className="number">{t("Inactive")}</th>
              <th scope="col" className="number">{t("Owed")}</th>
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <tr key={row.address} data-staker={row.address}>
                <th scope="row"><AddressText address={row.address} /></th>
                <td data-of="active"><Amount value={BigInt(row.active)} token={tokens.staked} /></td>
                <td><Amount value={BigInt(row.requested)} token={tokens.staked} /></td>
                <td><Amount value={BigInt(row.inactive)} token={tokens.staked} /></td>
                <td><Amount value={BigInt(row.owed)} token={tokens.staked} /></td>
              </tr>
            ))}
          </tbody>
        </Table>
      )}
      {buttons(list.data?.next)}
      <p className="note">
        <Csv path="/v1/stakers" />
      </p>
    </Section>
  );
}

/** A list of the server as a file. */
export function Csv({ path, text }: { path: string; text?: string }) {
  const { usable } = useHealth();
  return usable ? (
    <a href={`${usable}${path}.csv`} download>
      {text ?? t("This list as CSV")}
    </a>
  ) : null;
}

/** Rewards and losses of a staker by epoch, as for bookkeeping. */
export function Statement({ staker }: { staker: Address }) {
  const { tokens } = useReady()!;
  const { usable } = useHealth();
  const statement = useServer(["statement", staker], (client) => client.GET("/v1/stakers/{address}/statement", { params: { path: { address: staker } } }));
  if (!usable || statement.isError) return null;
  const rows = statement.data?.data ?? [];
  return (
    <Section title={t("Statement by epoch")}>
      {statement.isPending && <Waiting>{t("Reading from the server …")}</Waiting>}
      {rows.length > 0 && (
        <Table label={t("Table of the statement")}>
          <thead>
            <tr>
              <th scope="col">{t("Epoch")}</th>
              <th scope="col">{t("Until")}</th>
              <th scope="col" className="number">{t("Stake at its start")}</th>
              <th scope="col" className="number">{t("Stake at its end")}</th>
              <th scope="col" className="number">{t("Rewards earned")}</th>
              <th scope="col" className="number">{t("Rewards claimed")}</th>
              <th scope="col" className="number">{t("Lost")}</th>
              <th scope="col" className="number">{t("Recovered")}</th>
            </tr>
          </thead>
          <tbody>
            {[...rows].reverse().map((row) => (
              <tr key={row.start} data-epoch={row.epoch ?? "before"}>
                <th scope="row">{row.epoch ?? t("before")}</th>
                <td className="text">{time(BigInt(row.end))}</td>
                <td><Amount value={BigInt(row.stake_at_start)} token={tokens.staked} /></td>
                <td><Amount value={BigInt(row.stake_at_end)} token={tokens.staked} /></td>
                <td data-of="earned"><Amount value={BigInt(row.rewards_earned)} token={tokens.rewards} /></td>
                <td><Amount value={BigInt(row.rewards_claimed)} token={tokens.rewards} /></td>
                <td><Amount value={BigInt(row.losses)} token={tokens.staked} /></td>
                <td><Amount value={BigInt(row.losses_recovered)} token={tokens.staked} /></td>
              </tr>
            ))}
          </tbody>
        </Table>
      )}
      <p className="note">
        <Csv path={`/v1/stakers/${staker}/statement`} text={t("This statement as CSV")} /> · <a href={`${usable}/v1/pool/calendar.ics`}>{t("Calendar to subscribe to")}</a>
      </p>
    </Section>
  );
}

export function BorrowerHistory({ borrowers }: { borrowers: readonly { readonly borrower: Address; readonly name: string }[] }) {
  const { tokens, head } = useReady()!;
  const { usable } = useHealth();
  const id = useId();
  const [place, setPlace] = useState(0);
  const chosen = borrowers[place] ?? borrowers[0];
  const history = useServer(["borrower", chosen?.borrower], (client) => client.GET("/v1/borrowers/{address}/history", { params: { path: { address: chosen!.borrower }, query: { limit: 1_000 } } }), { enabled: chosen !== undefined });
  if (!usable || !chosen || history.isError) return null;
  const points = [...(history.data?.data ?? [])].sort((a, b) => a.time - b.time);
  const lines: Line[] = [
    { name: t("Borrowed"), colour: 1, points: points.map(({ time, borrowed }) => [BigInt(time), BigInt(borrowed)]) },
    { name: t("Debt"), colour: 0, points: points.map(({ time, debt }) => [BigInt(time), BigInt(debt)]) },
  ];
  return (
    <Section title={t("Loans over time")}>
      <div className="form">
        <div className="field">
          <label htmlFor={id}>{t("Borrower")}</label>
          <select id={id} value={place} onChange={(event) => setPlace(Number(event.target.value))}>
            {borrowers.map(({ borrower, name }, at) => (
              <option key={borrower} value={at}>
                {name}
              </option>
            ))}
          </select>
        </div>
      </div>
      {points.length === 0 ? <p className="note">{history.data ? t("It has borrowed nothing yet.") : t("Reading from the server …")}</p> : <Steps label={t("Loan and debt of {name}", { name: chosen.name })} lines={lines} from={BigInt(points[0]!.time)} to={head.timestamp} token={tokens.staked} />}
      <p className="note"><Csv path={`/v1/borrowers/${chosen.borrower}/history`} /></p>
    </Section>
  );
}

/** Shortfalls with whom they concerned; `otherwise` is drawn if the server cannot say. */
export function Shortfalls({ otherwise }: { otherwise: ReactNode }) {
  const { tokens } = useReady()!;
  const { usable } = useHealth();
  const { after, buttons } = usePages();
  const [open, setOpen] = useState<number | null>(null);
  const list = useServer(["shortfalls", after], (client) => client.GET("/v1/shortfalls", { params: { query: { limit: 25, ...(after ? { after } : {}) } } }));
  if (!usable || list.isError) return otherwise;
  const rows = list.data?.data ?? [];
  if (list.data && rows.length === 0) return <p className="note">{t("There was none.")}</p>;
  return (
    <>
      {list.isPending && <Waiting>{t("Reading from the server …")}</Waiting>}
      {rows.length > 0 && (
        <Table label={t("Table of shortfalls")}>
          <thead>
            <tr>
              <th scope="col">{t("Number")}</th>
              <th scope="col">{t("Time")}</th>
              <th scope="col" className="number">{t("Epoch")}</th>
              <th scope="col" className="number">{t("Became debt")}</th>
              <th scope="col" className="number">{t("Inactive stake kept")}</th>
              <th scope="col">{t("Whom")}</th>
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <tr key={row.number} data-shortfall={row.number}>
                <th scope="row">{row.number}</th>
                <td className="text">{time(BigInt(row.time))}</td>
                <td>{row.epoch}</td>
                <td data-of="amount"><Amount value={BigInt(row.amount)} token={tokens.staked} /></td>
                <td>{exact(BigInt(row.index) / 10n ** 30n, 4)} %</td>
                <td className="text">
                  <button type="button" className="copy" aria-expanded={open === row.number} onClick={() => setOpen(open === row.number ? null : row.number)}>
                    {open === row.number ? t("hide") : t("show")}
                    <span className="hidden"> {t("whom shortfall {number} concerned", { number: row.number })}</span>
                  </button>
                </td>
              </tr>
            ))}
          </tbody>
        </Table>
      )}
      {open !== null && <Shortfall number={open} />}
      {buttons(list.data?.next)}
      <p className="note"><Csv path="/v1/shortfalls" /></p>
    </>
  );
}

function Shortfall({ number }: { number: number }) {
  const { tokens } = useReady()!;
  const detail = useServer(["shortfall", number], (client) => client.GET("/v1/shortfalls/{number}", { params: { path: { number } } }));
  if (!detail.data) return <Waiting>{t("Reading from the server …")}</Waiting>;
  const { charged, losses, repaid_since, written_off_since } = detail.data.data;
  const chargedOf = (args: unknown): { borrower: string; amount: bigint } => {
    const { borrower, amount } = args as { borrower?: unknown; amount?: unknown };
    return { borrower: typeof borrower === "string" ? borrower : "", amount: typeof amount === "string" && /^\d+$/.test(amount) ? BigInt(amount) : 0n };
  };
  return (
    <div className="card">
      <h3>{t("Shortfall {number}", { number })}</h3>
      <p>
        <Say text="Since then borrowers repaid {repaid} of all debts, and {written} were written off." repaid={<Amount value={BigInt(repaid_since)} token={tokens.staked} />} written={<Amount value={BigInt(written_off_since)} token={tokens.staked} />} />
      </p>
      <Table label={t("Who was charged, and who lost what")}>
        <tbody>
          {charged.map((event) => {
            const of = chargedOf(event.args);
            return (
              <tr key={event.id} data-charged={of.borrower}>
                <th scope="row"><Say text="charged: {who}" who={<AddressText address={of.borrower} />} /></th>
                <td><Amount value={of.amount} token={tokens.staked} /></td>
              </tr>
            );
          })}
          {losses.map(({ staker, amount }) => (
            <tr key={staker} data-lost={staker}>
              <th scope="row"><Say text="lost: {who}" who={<AddressText address={staker} />} /></th>
              <td><Amount value={BigInt(amount)} token={tokens.staked} /></td>
            </tr>
          ))}
        </tbody>
      </Table>
    </div>
  );
}
