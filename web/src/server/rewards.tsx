// Rewards of liquidity providers, as the server has them: the running epoch and those before. What can be claimed is read from the chain, not here.
import { useId, useState } from "react";
import type { Address } from "viem";
import type { components } from "../../../typescript/api/schema";
import { useReady } from "../app";
import { duration, exact, percent, shortAddress, time, type Token } from "../lib/format";
import { t } from "../lib/words";
import { AddressText, Amount, Figure, Section, Table, Waiting } from "../parts/parts";
import { Curve, Lines } from "../parts/curves";
import { Say } from "../parts/say";
import { useServer, ServerProblem } from "./api";
import { useHealth } from "./health";
import { Csv } from "./histories";

type Schemas = components["schemas"];
type Live = Schemas["OfEpoch_Live"];
type Market = Schemas["MarketRow"];
type Row = Schemas["RewardRow"];

const MICRO = 6;
/** A part as per cent with four decimals, rounded down. */
export const share = (part: bigint, whole: bigint): string => (whole === 0n ? "0 %" : `${exact((part * 1_000_000n) / whole, 4)} %`);
const usd = (micro: bigint): string => `${exact(micro / 1_000_000n, 0)} USD`;
const inUnits = ({ symbol, decimals, address }: Live["data"]["token"]): Token => ({ symbol, decimals, address: address as Address });

/** Sections 1 to 10 of the dashboard; `nothing` is drawn while there is no server, or it has no rewards. */
export function ProviderRewards() {
  const { usable } = useHealth();
  const live = useServer(["live"], (client) => client.GET("/v1/rewards/live"), { often: 2_000 });
  if (!usable) return <Reading />;
  if (live.isPending) return <Waiting>{t("Reading from the server …")}</Waiting>;
  const absent = live.error instanceof ServerProblem && live.error.status === 404;
  if (live.isError && !live.data) {
    return (
      <>
        <p className="card">{absent ? t("The server has no running epoch.") : t("The server does not say how the epoch runs: {problem}", { problem: live.error.message })}</p>
        <Past />
        <Reading />
      </>
    );
  }
  const of = live.data!;
  return (
    <>
      <Program of={of} />
      <Mine of={of} />
      <Markets of={of} />
      <MarketPage of={of} />
      <Uptime of={of} />
      <Eligibility of={of} />
      <WhyNot of={of} />
      <Past />
      <Formula epoch={of.epoch} />
      <Reading />
      <Data epoch={of.epoch} />
    </>
  );
}

/** 1: what is rewarded, how much, until when; and how whole the samples are. */
function Program({ of }: { of: Live }) {
  const { data } = of;
  const token = inUnits(data.token);
  const one = data.eligibility[0];
  const missing = data.markets.reduce((sum, market) => sum + BigInt(market.missing), 0n);
  const age = of.newest_sample_age_seconds ?? null;
  const late = age !== null && age > 300 && data.minutes_elapsed < data.minutes;
  const passed = BigInt(data.minutes_elapsed) * 60n;
  const left = BigInt(data.end - data.start) - passed;
  return (
    <Section title={t("The program")}>
      <div className="figures" id="program">
        <Figure label={t("Epoch")} note={t("{start} to {end}", { start: time(BigInt(data.start)), end: time(BigInt(data.end)) })}>{of.epoch}</Figure>
        <Figure label={t("Tokens of the epoch")} note={t("to those who quote both sides, close to mid, all the time")}>
          <Amount value={BigInt(data.lp_amount_wei)} token={token} />
        </Figure>
        <Figure label={t("Left of the epoch")} note={t("{minutes} of {all} minutes have passed, by the newest sample", { minutes: data.minutes_elapsed, all: data.minutes })}>
          {duration(left > 0n ? left : 0n)}
        </Figure>
        {one && (
          <Figure label={t("Threshold for the next epoch")} note={t("of the maker volume of this one")}>
            {share(BigInt(one.threshold_num), BigInt(one.threshold_den))}
          </Figure>
        )}
      </div>
      <p className={missing > 0n || late || (of.malformed_samples ?? 0) > 0 ? "poor" : "note"} id="samples">
        {t("{samples} samples so far, {missing} missing, {malformed} that could not be read.", { samples: of.samples ?? 0, missing, malformed: of.malformed_samples ?? 0 })}{" "}
        {age !== null && t("The newest is {age} old.", { age: duration(BigInt(Math.max(0, age))) })} {late && t("Samples are late: figures stand still until they come.")}
      </p>
    </Section>
  );
}

/** 2: the markets, best paid liquidity first. */
function Markets({ of }: { of: Live }) {
  const token = inUnits(of.data.token);
  const whole = BigInt(of.data.lp_amount_wei);
  const rank = (market: Market): number => (market.coefficient == null ? Number.POSITIVE_INFINITY : Number(market.coefficient));
  const rows = [...of.data.markets].sort((a, b) => rank(b) - rank(a));
  return (
    <Section title={t("Markets")}>
      <Table label={t("Table of markets")}>
        <thead>
          <tr>
            <th scope="col">{t("Market")}</th>
            <th scope="col" className="number">{t("Coefficient")}</th>
            <th scope="col" className="number">{t("Part of the tokens")}</th>
            <th scope="col" className="number">{t("Tokens")}</th>
            <th scope="col" className="number">{t("Least size, USD")}</th>
            <th scope="col" className="number">{t("Largest spread, basis points")}</th>
            <th scope="col" className="number">{t("Samples")}</th>
            <th scope="col" className="number">{t("Missing")}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.market} data-market={row.market}>
              <th scope="row">{row.market}</th>
              <td>{row.coefficient ?? t("no competition")}</td>
              <td>{share(BigInt(row.pool_wei), whole)}</td>
              <td data-of="pool"><Amount value={BigInt(row.pool_wei)} token={token} /></td>
              <td>{row.min_depth_usd}</td>
              <td>{row.max_spread_bps}</td>
              <td data-of="samples">{row.samples}</td>
              <td>{row.missing}</td>
            </tr>
          ))}
        </tbody>
      </Table>
      <p className="note">{t("The coefficient says how much reward there is for liquidity in a market: 1 is the average, a higher one marks a market that is served too little.")}</p>
    </Section>
  );
}

/** The average two-sided liquidity of a provider: USD per unit of spread. */
const average = ({ liquidity, samples }: Row): bigint => (BigInt(samples) === 0n ? 0n : BigInt(liquidity) / BigInt(samples) / 1_000_000n);

/** 3: one market, who scores what in it, and how that went over time. */
function MarketPage({ of }: { of: Live }) {
  const id = useId();
  const [place, setPlace] = useState(0);
  const [step, setStep] = useState<"minute" | "hour" | "day">("hour");
  const [field, setField] = useState<"uptime" | "liquidity">("liquidity");
  const market = of.data.markets[place] ?? of.data.markets[0];
  const name = market?.market ?? "";
  const token = inUnits(of.data.token);
  const series = useServer(["series", of.epoch, name, field, step, Math.floor(of.data.minutes_elapsed / 5)], (client) => client.GET("/v1/rewards/epochs/{epoch}/markets/{market}/series", { params: { path: { epoch: of.epoch, market: name }, query: { field, step } } }), { enabled: name !== "" });
  if (!market) return null;
  const rows = of.data.providers.filter((row) => row.market === name).sort((a, b) => (BigInt(a.reward_wei) < BigInt(b.reward_wei) ? 1 : -1));
  // Figures are cumulative: the newest point is the one that matters.
  const accounts = [...new Set((series.data?.data ?? []).flatMap(({ account }) => (account ? [account] : [])))].slice(0, 6);
  const lines = accounts.map((account, colour) => {
    let sum = 0n;
    return {
      name: shortAddress(account),
      colour,
      points: (series.data?.data ?? []).filter((point) => point.account === account).map((point) => [BigInt(point.time), (sum += BigInt((field === "uptime" ? point.uptime : point.liquidity) ?? "0"))] as const),
    };
  });
  return (
    <Section title={t("One market")}>
      <div className="form row">
        <div className="field">
          <label htmlFor={`${id}m`}>{t("Market")}</label>
          <select id={`${id}m`} value={place} onChange={(event) => setPlace(Number(event.target.value))}>
            {of.data.markets.map((row, at) => (
              <option key={row.market} value={at}>
                {row.market}
              </option>
            ))}
          </select>
        </div>
        <div className="field">
          <label htmlFor={`${id}f`}>{t("What")}</label>
          <select id={`${id}f`} value={field} onChange={(event) => setField(event.target.value as "uptime" | "liquidity")}>
            <option value="liquidity">{t("Depth and spread")}</option>
            <option value="uptime">{t("Uptime")}</option>
          </select>
        </div>
        <div className="field">
          <label htmlFor={`${id}s`}>{t("Step")}</label>
          <select id={`${id}s`} value={step} onChange={(event) => setStep(event.target.value as "minute" | "hour" | "day")}>
            <option value="minute">{t("Minute")}</option>
            <option value="hour">{t("Hour")}</option>
            <option value="day">{t("Day")}</option>
          </select>
        </div>
      </div>
      <Table label={t("Providers in {market}", { market: name })}>
        <thead>
          <tr>
            <th scope="col">{t("Provider")}</th>
            <th scope="col" className="number">{t("Liquidity, USD per unit of spread")}</th>
            <th scope="col" className="number">{t("Uptime")}</th>
            <th scope="col" className="number">{t("Maker volume")}</th>
            <th scope="col" className="number">{t("Part of the score")}</th>
            <th scope="col" className="number">{t("Expected")}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.account} data-provider={row.account}>
              <th scope="row">
                <AddressText address={row.account} />
                {row.primary !== row.account && <span className="note"> {t("credited to {primary}", { primary: shortAddress(row.primary) })}</span>}
                {row.eligible !== "true" && <span className="poor"> {t("not eligible")}</span>}
              </th>
              <td>{exact(average(row), 0)}</td>
              <td>{t("{uptime} of {samples}", { uptime: row.effective_uptime, samples: row.samples })}</td>
              <td>{usd(BigInt(row.volume))}</td>
              <td>{share(BigInt(row.score), BigInt(row.total_score))}</td>
              <td data-of="reward"><Amount value={BigInt(row.reward_wei)} token={token} /></td>
            </tr>
          ))}
        </tbody>
      </Table>
      {series.isError && <p className="reason">{t("The server does not say how that went over time: {problem}", { problem: series.error.message })}</p>}
      {lines.length > 0 && <Lines label={field === "uptime" ? t("Minutes of uptime in {market}, so far", { market: name }) : t("Depth over spread in {market}, so far", { market: name })} lines={lines} unit={field === "uptime" ? t("minutes") : t("points")} />}
      <p className="note">{t("Figures are of the epoch so far. Everybody's share can still move until its end.")}</p>
    </Section>
  );
}

/** 4: uptime, and what the minutes missed cost. */
function Uptime({ of }: { of: Live }) {
  const best = new Map<string, Row>();
  for (const row of of.data.providers) {
    const known = best.get(row.account);
    if (!known || BigInt(row.effective_uptime) * BigInt(known.samples || "1") < BigInt(known.effective_uptime) * BigInt(row.samples || "1")) best.set(row.account, row);
  }
  const rows = of.data.providers;
  const factor = ({ effective_uptime, samples }: Row): bigint => (BigInt(samples) === 0n ? 0n : (BigInt(effective_uptime) ** 5n * 1_000_000n) / BigInt(samples) ** 5n);
  return (
    <Section title={t("Uptime")}>
      <p>
        {t("A minute counts if you quote both sides then, each inside the market's spread limit and above its size limit: open orders alone are not enough. The score goes with the fifth power of the part of minutes that counted, so short gaps are expensive: 99 % keep 95.1 %, 95 % keep 77.4 %, 90 % keep 59 %.")}
      </p>
      <Curve label={t("What is kept of the score, by uptime")} marks={[...best.values()].slice(0, 6).map((row, colour) => ({ name: shortAddress(row.account), colour, at: BigInt(row.samples) === 0n ? 0 : Number((BigInt(row.effective_uptime) * 10_000n) / BigInt(row.samples)) / 10_000 }))} />
      <Table label={t("Table of uptimes")}>
        <thead>
          <tr>
            <th scope="col">{t("Provider")}</th>
            <th scope="col">{t("Market")}</th>
            <th scope="col" className="number">{t("Minutes that counted")}</th>
            <th scope="col" className="number">{t("Missed")}</th>
            <th scope="col" className="number">{t("Kept of the score")}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={`${row.account}${row.market}`}>
              <th scope="row"><AddressText address={row.account} /></th>
              <td className="text">{row.market}</td>
              <td>{t("{uptime} of {samples}", { uptime: row.effective_uptime, samples: row.samples })}</td>
              <td>{String(BigInt(row.samples) - BigInt(row.effective_uptime))}</td>
              <td>{exact(factor(row), 4)} %</td>
            </tr>
          ))}
        </tbody>
      </Table>
    </Section>
  );
}

const standing = (name: string): string => ({ eligible: t("eligible"), below_threshold: t("below the threshold"), excluded: t("excluded") })[name] ?? name;

/** 5: who takes part now, and who would in the next epoch. */
function Eligibility({ of }: { of: Live }) {
  const { address } = useReady()!;
  const rows = [...of.data.eligibility].sort((a, b) => (BigInt(a.volume) < BigInt(b.volume) ? 1 : -1));
  const own = rows.find(({ account }) => account === address);
  return (
    <Section title={t("Eligibility")}>
      <p className="note">{t("Who takes part in an epoch is decided by the part of all maker volume in the epoch before. It begins anew with each epoch.")}</p>
      {own && (
        <p id="own-eligibility" className={own.next_epoch ? "good" : "poor"}>
          {t("In this epoch you are {standing}. Your part of the maker volume is {part} so far; the next epoch needs {threshold}.", { standing: standing(own.this_epoch), part: share(BigInt(own.volume), BigInt(own.total_volume)), threshold: share(BigInt(own.threshold_num), BigInt(own.threshold_den)) })}{" "}
          {!own.next_epoch && own.missing_volume != null && t("Missing: {volume}, if nobody else traded any more.", { volume: usd(BigInt(own.missing_volume)) })}
        </p>
      )}
      <Table label={t("Table of eligibility")}>
        <thead>
          <tr>
            <th scope="col">{t("Provider")}</th>
            <th scope="col">{t("This epoch")}</th>
            <th scope="col" className="number">{t("Maker volume so far")}</th>
            <th scope="col" className="number">{t("Part")}</th>
            <th scope="col">{t("Next epoch")}</th>
            <th scope="col" className="number">{t("Missing")}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.account} data-eligible={row.account}>
              <th scope="row"><AddressText address={row.account} /></th>
              <td className="text">{standing(row.this_epoch)}</td>
              <td>{usd(BigInt(row.volume))}</td>
              <td>{share(BigInt(row.volume), BigInt(row.total_volume))}</td>
              <td className="text">{row.next_epoch ? <span className="good">{t("yes, as things stand")}</span> : t("no, as things stand")}</td>
              <td>{row.next_epoch ? "–" : row.missing_volume == null ? t("out of reach") : usd(BigInt(row.missing_volume))}</td>
            </tr>
          ))}
        </tbody>
      </Table>
    </Section>
  );
}

/** 6: the reader's own: this epoch by market, what was linked, the epochs before. */
function Mine({ of }: { of: Live }) {
  const { address } = useReady()!;
  const token = inUnits(of.data.token);
  const own = useServer(["provider", of.epoch, address, of.newest_sample_ms], (client) => client.GET("/v1/rewards/providers/{address}/epochs/{epoch}", { params: { path: { address: address!, epoch: of.epoch } } }), { enabled: address !== undefined });
  if (!address) return null;
  return (
    <Section title={t("Your expected rewards")}>
      {own.isPending && <Waiting>{t("Reading from the server …")}</Waiting>}
      {own.isError && <p className="note">{own.error instanceof ServerProblem && own.error.status === 404 ? t("Your account has no score in this epoch.") : own.error.message}</p>}
      {own.data && (
        <>
          <div className="figures" id="expected">
            <Figure label={t("Expected, if all go on as so far")} note={own.data.data.primary === address ? t("credited to your account") : t("credited to {primary}", { primary: shortAddress(own.data.data.primary) })}>
              <Amount value={BigInt(own.data.data.credited_wei)} token={token} />
            </Figure>
            {own.data.data.if_it_stops_wei != null && (
              <Figure label={t("Expected, if you stop now")} note={t("and all others go on")}>
                <Amount value={BigInt(own.data.data.if_it_stops_wei)} token={token} />
              </Figure>
            )}
            <Figure label={t("Linked addresses")} note={own.data.data.linked.map(shortAddress).join(", ")}>{own.data.data.linked.length}</Figure>
          </div>
          <Table label={t("Your markets")}>
            <thead>
              <tr>
                <th scope="col">{t("Market")}</th>
                <th scope="col">{t("Address")}</th>
                <th scope="col" className="number">{t("Part of the score")}</th>
                <th scope="col" className="number">{t("Uptime")}</th>
                <th scope="col" className="number">{t("Uptime still reachable")}</th>
                <th scope="col" className="number">{t("Expected")}</th>
              </tr>
            </thead>
            <tbody>
              {own.data.data.markets.map((row) => (
                <tr key={`${row.market}${row.account}`} data-own={row.market}>
                  <th scope="row">{row.market}</th>
                  <td className="text">{shortAddress(row.account)}</td>
                  <td>{share(BigInt(row.score), BigInt(row.total_score))}</td>
                  <td>{t("{uptime} of {samples}", { uptime: row.effective_uptime, samples: row.samples })}</td>
                  <td>{own.data!.data.reachable_uptime_ppm[row.market] === undefined ? "–" : `${exact(BigInt(own.data!.data.reachable_uptime_ppm[row.market]!), 4)} %`}</td>
                  <td data-of="reward"><Amount value={BigInt(row.reward_wei)} token={token} /></td>
                </tr>
              ))}
            </tbody>
          </Table>
        </>
      )}
    </Section>
  );
}

interface Explained {
  readonly best_bid: string | null;
  readonly best_ask: string | null;
  readonly is_sample: boolean;
  readonly counting: number;
  readonly q_bid: string;
  readonly q_ask: string;
  readonly q_min: string;
  readonly orders: readonly { readonly id: string; readonly side: string; readonly price: string; readonly size: string; readonly depth_usd: string; readonly spread_bps: string | null; readonly verdict: string; readonly term: string | null }[];
}

const verdict = (said: string): string =>
  ({ counts: t("counts"), "too small": t("too small"), "too far from mid": t("too far from mid"), "no mid": t("there is no mid") })[said] ?? said;

/** Why an order does not score: one minute of one market, order by order. */
function WhyNot({ of }: { of: Live }) {
  const { address } = useReady()!;
  const id = useId();
  const [place, setPlace] = useState(0);
  const [minute, setMinute] = useState(() => String(Math.max(0, of.data.minutes_elapsed - 1)));
  const [typed, setWhose] = useState<string | null>(null);
  const whose: string = typed ?? address ?? of.data.providers[0]?.account ?? "";
  const market = of.data.markets[place]?.market ?? "";
  const valid = /^\d{1,6}$/.test(minute) && /^0x[0-9a-fA-F]{40}$/.test(whose);
  const found = useServer(["sample", of.epoch, market, minute, whose], (client) => client.GET("/v1/rewards/samples/{epoch}/{market}/{minute}", { params: { path: { epoch: of.epoch, market, minute: Number(minute) }, query: { account: whose } } }), { enabled: valid && market !== "" });
  const sample = found.data?.data as Explained | undefined;
  return (
    <Section title={t("Why does it not score?")}>
      <div className="form row">
        <div className="field">
          <label htmlFor={`${id}m`}>{t("Market of the order")}</label>
          <select id={`${id}m`} value={place} onChange={(event) => setPlace(Number(event.target.value))}>
            {of.data.markets.map((row, at) => (
              <option key={row.market} value={at}>
                {row.market}
              </option>
            ))}
          </select>
        </div>
        <div className="field">
          <label htmlFor={`${id}n`}>{t("Minute of the epoch")}</label>
          <input id={`${id}n`} inputMode="numeric" autoComplete="off" value={minute} onChange={(event) => setMinute(event.target.value.trim())} />
        </div>
        <div className="field">
          <label htmlFor={`${id}a`}>{t("Provider's address")}</label>
          <input id={`${id}a`} type="text" spellCheck={false} autoComplete="off" value={whose} onChange={(event) => setWhose(event.target.value.trim())} />
        </div>
      </div>
      {!valid && <p className="reason">{t("A minute is a whole number, an address starts with 0x and has 40 digits.")}</p>}
      {valid && found.isError && <p className="reason">{found.error.message}</p>}
      {valid && sample && (
        <div id="why">
          <p>
            {!sample.is_sample
              ? t("This sample does not count for anybody.")
              : sample.orders.length === 0
                ? t("There was no order of this account in that sample.")
                : t("{counting} of {all} orders count. Bids are worth {bid}, asks {ask}; the lesser one scores: {least}.", { counting: sample.counting, all: sample.orders.length, bid: exact(BigInt(sample.q_bid), MICRO), ask: exact(BigInt(sample.q_ask), MICRO), least: exact(BigInt(sample.q_min), MICRO) })}
            {sample.is_sample && sample.orders.length > 0 && sample.q_min === "0" && ` ${t("One side is worth nothing, so the minute is not uptime.")}`}
          </p>
          {sample.orders.length > 0 && (
            <Table label={t("Orders in that minute")}>
              <thead>
                <tr>
                  <th scope="col">{t("Side")}</th>
                  <th scope="col" className="number">{t("Price")}</th>
                  <th scope="col" className="number">{t("Size")}</th>
                  <th scope="col" className="number">{t("Depth, USD")}</th>
                  <th scope="col" className="number">{t("From mid, basis points")}</th>
                  <th scope="col">{t("Verdict")}</th>
                  <th scope="col" className="number">{t("Worth")}</th>
                </tr>
              </thead>
              <tbody>
                {sample.orders.map((order) => (
                  <tr key={order.id}>
                    <th scope="row">{order.side === "B" ? t("bid") : t("ask")}</th>
                    <td>{order.price}</td>
                    <td>{order.size}</td>
                    <td>{order.depth_usd}</td>
                    <td>{order.spread_bps ?? "–"}</td>
                    <td className="text"><span className={order.verdict === "counts" ? "good" : "poor"}>{verdict(order.verdict)}</span></td>
                    <td>{order.term === null ? "–" : exact(BigInt(order.term), MICRO)}</td>
                  </tr>
                ))}
              </tbody>
            </Table>
          )}
        </div>
      )}
    </Section>
  );
}

/** Closed epochs, with the reader's part in each. */
function Past() {
  const { tokens } = useReady()!;
  const epochs = useServer(["epochs"], (client) => client.GET("/v1/rewards/epochs"));
  const closed = (epochs.data?.data ?? []).filter(({ state }) => state === "closed").reverse();
  if (closed.length === 0) return null;
  return (
    <Section title={t("Epochs so far")}>
      <Table label={t("Table of epochs")}>
        <thead>
          <tr>
            <th scope="col">{t("Epoch")}</th>
            <th scope="col">{t("Until")}</th>
            <th scope="col" className="number">{t("Leaves")}</th>
            <th scope="col" className="number">{t("All leaves, paid ones included")}</th>
            <th scope="col" className="number">{t("Yours")}</th>
            <th scope="col">{t("Root")}</th>
            <th scope="col">{t("Files")}</th>
          </tr>
        </thead>
        <tbody>
          {closed.slice(0, 26).map((row) => (
            <tr key={row.epoch} data-epoch={row.epoch}>
              <th scope="row">{row.epoch}</th>
              <td className="text">{row.end != null && time(BigInt(row.end))}</td>
              <td>{row.leaves ?? "–"}</td>
              <td>{row.total_wei != null && <Amount value={BigInt(row.total_wei)} token={tokens.rewards} />}</td>
              <td data-of="yours"><Yours epoch={row.epoch} /></td>
              <td className="text">
                <code title={row.root ?? ""}>{row.root?.slice(0, 10)}…</code>
              </td>
              <td className="text"><Files epoch={row.epoch} /></td>
            </tr>
          ))}
        </tbody>
      </Table>
      <p className="note">{t("An epoch's root is proposed after its end and can be claimed from after seven days of wait. Drop its tree file above to claim, or on the page Verify to rebuild its root.")}</p>
    </Section>
  );
}

function Yours({ epoch }: { epoch: number }) {
  const { address, tokens } = useReady()!;
  const own = useServer(["provider", epoch, address], (client) => client.GET("/v1/rewards/providers/{address}/epochs/{epoch}", { params: { path: { address: address!, epoch } } }), { enabled: address !== undefined });
  if (!address || own.isError) return "–";
  return own.data ? <Amount value={BigInt(own.data.data.credited_wei)} token={tokens.rewards} /> : "…";
}

function Files({ epoch }: { epoch: number }) {
  const { usable } = useHealth();
  return (
    <>
      <a href={`${usable}/v1/rewards/roots/${epoch}/tree`}>{t("tree")}</a> · <a href={`${usable}/v1/rewards/roots/${epoch}/manifest`}>{t("manifest")}</a>
    </>
  );
}

interface Parameters {
  readonly threshold_num: number;
  readonly threshold_den: number;
  readonly markets: readonly { readonly market: string; readonly formula: string; readonly min_depth_usd: number; readonly max_spread_bps: number; readonly alloc_bps?: number; readonly alloc_group?: string }[];
}

const FORMULAS: Readonly<Record<string, string>> = {
  V0: "q · (u / T)⁵",
  V1: "q · (u / T)⁵ · (s / Σs)^0.5",
  V2: "q^0.35 · u⁵ · s^0.2 · v^0.45",
  "V3-BE": "q^0.15 · u⁵ · s^0.05 · v^0.8",
  "V3-O": "q^0.35 · u⁵ · s^0.05 · v^0.6",
  "V4-BE": "q^0.15 · u⁵ · v^0.85",
  "V4-O": "q^0.35 · u⁵ · v^0.65",
};

/** 7: the formula in force, with the documented example. */
function Formula({ epoch }: { epoch: number }) {
  const parameters = useServer(["parameters", epoch], (client) => client.GET("/v1/rewards/epochs/{epoch}/params", { params: { path: { epoch } } }));
  const of = parameters.data?.data as Parameters | undefined;
  return (
    <Section title={t("The formula")}>
      <div className="prose">
        <p>{t("Once a minute, at an instant that nobody can foresee, the book of each market is read. An order counts if it is worth at least the market's least size and lies within its largest spread from mid. It is worth its depth in USD over its distance from mid.")}</p>
        <p>{t("Of the sums over bids and over asks the lesser counts. Over the epoch: q is the sum of that, u the number of minutes in which it was not zero, T the samples of the market, v the maker volume, s the average stake. Rewards of a market are divided by score.")}</p>
        <p>{t("Example: mid 30,000, least size 5,000 USD, largest spread 66.67 basis points. Bids 1 at 29,900 and 5 at 29,850 count, 10 at 29,500 is too far away. Asks 5 at 30,150 and 10 at 30,175 count, 0.1 at 30,100 is too small. Bids are worth 38,820,000, asks 81,878,571.428571; the sample is worth 38,820,000.")}</p>
      </div>
      {of && (
        <Table label={t("Rules of epoch {epoch}", { epoch })}>
          <thead>
            <tr>
              <th scope="col">{t("Market")}</th>
              <th scope="col">{t("Version")}</th>
              <th scope="col">{t("Score")}</th>
              <th scope="col" className="number">{t("Least size, USD")}</th>
              <th scope="col" className="number">{t("Largest spread, basis points")}</th>
              <th scope="col">{t("Part of the tokens")}</th>
            </tr>
          </thead>
          <tbody>
            {of.markets.map((row) => (
              <tr key={row.market}>
                <th scope="row">{row.market}</th>
                <td className="text">{row.formula}</td>
                <td className="text"><code>{FORMULAS[row.formula] ?? "?"}</code></td>
                <td>{row.min_depth_usd}</td>
                <td>{row.max_spread_bps}</td>
                <td className="text">{row.alloc_bps === undefined ? t("with others, by samples") : percent(BigInt(row.alloc_bps))}</td>
              </tr>
            ))}
          </tbody>
        </Table>
      )}
    </Section>
  );
}

/** 8 and 10: how to take part, and what to know. They need no server. */
function Reading() {
  const { tokens } = useReady()!;
  return (
    <Section title={t("How to take part")}>
      <ol className="prose">
        <li>{t("Quote both sides of a market on the exchange, through its interface or its API, inside the limits above.")}</li>
        <li>{t("Be eligible: reach the threshold of maker volume in the epoch before.")}</li>
        <li>{t("Watch the coefficients: where one is above 1, the same liquidity earns more.")}</li>
        <li>{t("Seven days after a root was proposed it becomes active. Then claim {token} here.", { token: tokens.rewards.symbol })}</li>
        <li>{t("Rules are changed by governance. Proposals are discussed there before they count.")}</li>
      </ol>
      <p className="note">{t("Only where the law of your place permits it. Nothing here is advice. Figures of a running epoch may change until it is closed.")}</p>
    </Section>
  );
}

/** 9: where the data is. */
function Data({ epoch }: { epoch: number }) {
  const { usable } = useHealth();
  return (
    <Section title={t("Data")}>
      <ul className="prose">
        <li><a href={`${usable}/docs`}>{t("The API, to try it")}</a>, <a href={`${usable}/openapi.json`}>{t("its description")}</a></li>
        <li><Csv path={`/v1/rewards/epochs/${epoch}/markets`} text={t("Markets of this epoch as CSV")} /></li>
        <li><Csv path="/v1/rewards/epochs" text={t("Epochs as CSV")} /></li>
        <li><Say text="Trees and manifests stand beside each epoch above, on the page {verify} their roots are rebuilt." verify={<a href="#/verify">{t("Verify")}</a>} /></li>
      </ul>
    </Section>
  );
}
