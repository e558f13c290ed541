import { useQuery, keepPreviousData } from "@tanstack/react-query";
import { lazy, Suspense } from "react";
import { useReady } from "../app";
import { poolLines, readAll } from "../chain/history";
import type { Pool, Tokens } from "../chain/read";
import { calendar } from "../lib/calendar";
import { amount, duration, ratio, time } from "../lib/format";
import { edge, emissionPerTokenDay, shortAtEdge, unborrowed, windowStart } from "../lib/rules";
import { t } from "../lib/words";
import { useHealth } from "../server/health";
import { Amount, download, Figure, Heading, Section, Split, Steps, Time, Waiting } from "../parts/parts";

export default function PoolPage() {
  const ready = useReady();
  return (
    <>
      <Heading intro="Stakers lend to approved market makers and earn rewards. Everything here is read from the chain, of one block.">Pool</Heading>
      {ready ? <Ready /> : <Waiting />}
    </>
  );
}

function Ready() {
  const { state, tokens, pool } = useReady()!;
  const { state: now } = state;
  const stake = now.activeCurrentEpoch + now.inactiveCurrentEpoch;
  return (
    <>
      <div className="figures">
        <Figure label="Stake" note={<>active <Amount value={now.activeCurrentEpoch} token={tokens.staked} /></>}>
          <Amount value={stake} token={tokens.staked} />
        </Figure>
        <Figure label="Borrowed" note={`${ratio(now.borrowed, now.activeCurrentEpoch)} of the active stake`}>
          <Amount value={now.borrowed} token={tokens.staked} />
        </Figure>
        <Figure label={`Earned by 1 ${tokens.staked.symbol} a day`} note="at this block's stake and rate">
          <Amount value={emissionPerTokenDay(state, tokens)} token={tokens.rewards} />
        </Figure>
        <Figure label="Solvency" note={state.shortfall > 0n ? "stake neither comes nor goes before the debt is marked" : "all inactive stake has tokens behind it"}>
          {state.shortfall > 0n ? <span className="poor">short by <Amount value={state.shortfall} token={tokens.staked} /></span> : <span className="good">solvent</span>}
        </Figure>
      </div>
      <Section title="Where the stake is">
        <p className="note">
          Active and inactive stake together are what is borrowed and what is not: <strong>active + inactive = borrowed + unborrowed</strong>.
        </p>
        <Split
          label="What stakers have"
          token={tokens.staked}
          parts={[
            { name: "Active, earns and can be lent", value: now.activeCurrentEpoch, colour: 0 },
            { name: "Inactive, can be withdrawn", value: now.inactiveCurrentEpoch, colour: 2 },
          ]}
        />
        <Split
          label="Where it is"
          token={tokens.staked}
          parts={[
            { name: "Borrowed", value: now.borrowed, colour: 1 },
            { name: "Unborrowed, in the pool", value: unborrowed(state), colour: 5 },
          ]}
        />
        {now.borrowerDebt > 0n && (
          <p>
            Borrowers owe <Amount value={now.borrowerDebt} token={tokens.staked} /> of marked debt; <Amount value={now.debtAvailableToWithdraw} token={tokens.staked} /> of debt are repaid and wait for those who lost. See{" "}
            <a href="#/debt">Debt</a>.
          </p>
        )}
      </Section>
      <Section title="The epoch">
        <Timeline pool={state} />
        <button type="button" className="quiet" onClick={() => download("tidepool.ics", "text/calendar", calendar(state, tokens, pool))}>
          Calendar file
        </button>
      </Section>
      <Section title="What the next edge brings">
        <Edge pool={state} tokens={tokens} />
      </Section>
      <Section title="Rewards of the stake">
        <dl className="facts">
          <div>
            <dt>Emission</dt>
            <dd>
              <Amount value={now.rewardsPerSecond * 86_400n} token={tokens.rewards} /> a day, to all active stake by its share
            </dd>
          </div>
          <div>
            <dt>Distribution</dt>
            <dd>
              <Time at={tokens.distribution.start} /> to <Time at={tokens.distribution.end} />
            </dd>
          </div>
          <div>
            <dt>The treasury can pay</dt>
            <dd>
              <Amount value={state.treasuryBalance < state.treasuryAllowance ? state.treasuryBalance : state.treasuryAllowance} token={tokens.rewards} />
            </dd>
          </div>
        </dl>
      </Section>
      <History />
    </>
  );
}

function Timeline({ pool }: { pool: Pool }) {
  if (!pool.state.started) {
    return (
      <p>
        Epoch zero starts <Time at={pool.offset} />, in {duration(pool.offset - pool.head.timestamp)}. Nothing can be staked before.
      </p>
    );
  }
  const next = edge(pool);
  const start = next - pool.interval;
  const window = windowStart(pool);
  const part = (at: bigint): string => String(((at - start) * 1000n) / pool.interval);
  const inWindow = pool.state.inBlackoutWindow;
  return (
    <figure className="chart timeline">
      <figcaption>
        Epoch {String(pool.state.epoch)}: {inWindow ? "the blackout window is running" : "requests are open"}. By the chain's clock it is <Time at={pool.head.timestamp} />.
      </figcaption>
      <svg className="split" viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true">
        <rect className="open" width={part(window)} height="10" />
        <rect className="window" x={part(window)} width={String(1000n - BigInt(part(window)))} height="10" />
        <path className="now" d={`M${part(pool.head.timestamp)} 0v10`} />
      </svg>
      <ol className="edges">
        <li>
          <span>Epoch {String(pool.state.epoch)} started</span> <Time at={start} />
        </li>
        <li className={inWindow ? "" : "next"}>
          <span>{inWindow ? "Requests closed" : "Requests open until"}</span> <Time at={window} />
          {!inWindow && <span className="note"> in {duration(window - pool.head.timestamp)}</span>}
        </li>
        <li className={inWindow ? "next" : ""}>
          <span>Requested stake leaves on</span> <Time at={next} />
          <span className="note"> in {duration(next - pool.head.timestamp)}</span>
        </li>
      </ol>
    </figure>
  );
}

function Edge({ pool, tokens }: { pool: Pool; tokens: Tokens }) {
  const missing = shortAtEdge(pool);
  const { activeCurrentEpoch: active, activeNextEpoch: next } = pool.state;
  return (
    <>
      <p>
        At {time(edge(pool))}, <Amount value={active > next ? active - next : 0n} token={tokens.staked} /> of requested stake become inactive; <Amount value={next} token={tokens.staked} /> stay active.
      </p>
      {missing > 0n ? (
        <p className="warning">
          If borrowers repaid nothing before, loans would exceed the active stake by <strong><Amount value={missing} token={tokens.staked} /></strong>. What is not back by then is taken from all inactive stake alike, and owed to those who lost it. <a href="#/borrowers">Who has to repay</a>
        </p>
      ) : (
        <p className="good">As things stand, loans ({amount(pool.state.borrowed, tokens.staked)}) stay within the active stake: nothing would be short.</p>
      )}
    </>
  );
}

const PoolHistory = lazy(() => import("../server/histories").then(({ PoolHistory }) => ({ default: PoolHistory })));
const Stakers = lazy(() => import("../server/histories").then(({ Stakers }) => ({ default: Stakers })));

/** By the server where there is one, else by the log of the node. */
function History() {
  const { usable } = useHealth();
  return (
    <>
      <Section title={t("History")}>
        {usable ? (
          <Suspense fallback={<Waiting />}>
            <PoolHistory otherwise={<FromLog />} />
          </Suspense>
        ) : (
          <FromLog />
        )}
      </Section>
      {usable && (
        <Suspense fallback={null}>
          <Stakers />
        </Suspense>
      )}
    </>
  );
}

function FromLog() {
  const { client, pool, deployment, head, tokens } = useReady()!;
  const events = useQuery({
    queryKey: ["history", deployment.chainId, pool, head.number / 20n, head.number < 2_000n ? head.hash : ""],
    placeholderData: keepPreviousData,
    retry: 1,
    queryFn: () => readAll(client, pool, deployment.fromBlock, head),
  });
  const lines = events.data ? poolLines(events.data) : [];
  const first = lines.flatMap((line) => line.points.map(([at]) => at)).reduce<bigint | null>((a, b) => (a === null || b < a ? b : a), null);
  return (
    <>
      {events.isError && <p className="reason">{t("This node does not give the logs of the past. Figures above are not affected.")}</p>}
      {events.isPending && <Waiting>{t("Reading logs …")}</Waiting>}
      {events.data && first === null && <p className="note">{t("Nothing has been staked yet.")}</p>}
      {first !== null && <Steps label={t("Stake and loans")} lines={lines} from={first} to={head.timestamp} token={tokens.staked} />}
    </>
  );
}
