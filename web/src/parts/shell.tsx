// What surrounds every page: head, navigation, banners, transactions, foot.
import { lazy, Suspense, useEffect, useState, useSyncExternalStore, Component, type ComponentType, type ReactNode } from "react";
import { nameNode, useApp } from "../app";
import { duration, time } from "../lib/format";
import { t } from "../lib/words";
import { clear, useEntries, type State } from "../transactions";
import { Connect } from "./connect";
import { showExact, useExact, Waiting } from "./parts";
import { useHealth } from "../server/health";
import PoolPage from "../pages/pool";
import { PAGES } from "./routes";

const read = (): string => location.hash.replace(/^#\/?/, "").split("?")[0] || "pool";
export const useRoute = (): string =>
  useSyncExternalStore((listener) => {
    addEventListener("hashchange", listener);
    return () => removeEventListener("hashchange", listener);
  }, read);

const loaded: Record<string, ComponentType> = Object.fromEntries(PAGES.map(({ path, load }) => [path, load ? lazy(load) : PoolPage]));

export function Shell() {
  const { deployment } = useApp();
  const route = useRoute();
  const Page = loaded[route];
  return (
    <>
      <a className="skip" href="#main" onClick={(event) => { event.preventDefault(); document.getElementById("main")?.focus(); }}>
        To the content
      </a>
      {deployment.foreign && (
        <p className="foreign" role="alert">
          Not this operator's deployment. You opened it from a link; the pool is {deployment.contracts["pool"]}. Nothing is stored. <a href="./">Leave it</a>
        </p>
      )}
      <header>
        <div className="head">
          <a className="brand" href="#/pool">
            Tidepool
          </a>
          <Connect />
        </div>
        <nav aria-label="Pages">
          {PAGES.map(({ path, name }) => (
            <a key={path} href={`#/${path}`} aria-current={path === route ? "page" : undefined}>
              {t(name)}
            </a>
          ))}
        </nav>
      </header>
      <Banners />
      <main id="main" tabIndex={-1}>
        <Guard key={route}>
          <Suspense fallback={<Waiting>Loading …</Waiting>}>
            {Page ? <Page /> : <p className="card">There is no page “{route.slice(0, 40)}”. <a href="#/pool">To the pool</a></p>}
          </Suspense>
        </Guard>
        <Transactions />
      </main>
      <Foot />
    </>
  );
}

/** A page that cannot be loaded or drawn says so; the others go on. */
class Guard extends Component<{ children: ReactNode }, { failed: boolean }> {
  override state = { failed: false };
  static getDerivedStateFromError() {
    return { failed: true };
  }
  override render() {
    if (!this.state.failed) return this.props.children;
    return (
      <div className="card" role="alert">
        <p>A part of this page could not be loaded or drawn. Your stake is not affected.</p>
        <button type="button" className="quiet" onClick={() => location.reload()}>
          Load it again
        </button>
      </div>
    );
  }
}

function Banners() {
  const app = useApp();
  const { state, head } = app;
  const server = useHealth();
  const [clock, setClock] = useState(() => BigInt(Math.floor(Date.now() / 1000)));
  useEffect(() => {
    const timer = setInterval(() => setClock(BigInt(Math.floor(Date.now() / 1000))), 10_000);
    return () => clearInterval(timer);
  }, []);
  const off = head ? head.timestamp - clock : 0n;
  const apart = off < 0n ? -off : off;
  return (
    <div className="banners" role="status">
      {!app.client && <p className="banner">There is no node to read from. Connect a wallet, or name a node below.</p>}
      {app.silent && (
        <p className="banner bad">
          The node {app.rpc ? `at ${new URL(app.rpc).host}` : "of your wallet"} does not answer, or is of another chain.
          {head ? ` What you see is of block ${head.number}, ${time(head.timestamp)}.` : ""} It is asked again every few seconds; you can name another one below.
        </p>
      )}
      {server.down && <p className="banner">{t("The server at {host} does not answer. Charts, lists and expected rewards are missing; everything else is read from the chain, as ever.", { host: new URL(server.url!).host })}</p>}
      {server.foreign && <p className="banner bad">{t("The server that is configured here is of another pool, so nothing of it is shown.")}</p>}
      {server.health && !server.health.ready && <p className="banner">{t("The server does not follow the head of the chain: {trouble} Its charts and lists are left out; everything else is read from the chain.", { trouble: (server.health.trouble ?? "").slice(0, 300) })}</p>}
      {app.mute && (
        <p className="banner bad">
          {t("The pool does not answer, though the node does: a program of it may have expired.")} <a href="#/status">{t("Status of the programs")}</a>
        </p>
      )}
      {app.wrongChain !== null && (
        <p className="banner">
          Your wallet is on chain {app.wrongChain}; the pool is on {app.chain.name} ({app.chain.id}). Figures are of the pool's chain. To sign, switch.
        </p>
      )}
      {!app.silent && apart > 600n && (
        <p className="banner">
          The newest block is {duration(apart)} {off < 0n ? "older than" : "ahead of"} this computer's clock. The chain's time counts: {time(head!.timestamp)}.
        </p>
      )}
      {state && state.shortfall > 0n && (
        <p className="banner bad">
          The pool is short: loans exceed the active stake. Until somebody marks the debt, stake neither comes nor goes. <a href="#/stake">What to do</a>
        </p>
      )}
    </div>
  );
}

const STATES: Record<State, string> = {
  signing: "waits for your wallet",
  sent: "sent, not in a block yet",
  included: "in a block",
  final: "final",
  replaced: "replaced",
  failed: "failed",
  declined: "declined",
  unknown: "unknown",
};

function Transactions() {
  const { deployment } = useApp();
  const entries = useEntries().filter((entry) => entry.chainId === deployment.chainId);
  if (entries.length === 0) return null;
  return (
    <section aria-labelledby="transactions" className="transactions">
      <h2 id="transactions">Transactions</h2>
      <ul>
        {[...entries]
          .reverse()
          .slice(0, 20)
          .map((entry) => (
            <li key={entry.id} data-state={entry.state}>
              <span className="what">{entry.what}</span> <strong className="state">{STATES[entry.state]}</strong>
              {entry.block && <span className="note"> block {entry.block}</span>} <span className="note">{time(BigInt(Math.floor(entry.began / 1000)))}</span>
              {entry.hash && (
                <span className="note">
                  {" "}
                  <code title={entry.hash}>{entry.hash.slice(0, 10)}…</code>
                </span>
              )}
              {entry.reason && <p className="note">{entry.reason}</p>}
            </li>
          ))}
      </ul>
      <p className="buttons">
        <button type="button" className="quiet" onClick={clear}>
          Forget what is settled
        </button>
      </p>
    </section>
  );
}

function Foot() {
  const app = useApp();
  const exact = useExact();
  const [text, setText] = useState(app.rpc ?? "");
  const [problem, setProblem] = useState<string | null>(null);
  const { head, deployment } = app;
  return (
    <footer>
      <p className="stand" data-block={head ? String(head.number) : ""}>
        {head ? (
          <>
            Block {String(head.number)}, {time(head.timestamp)}, {app.chain.name} ({app.chain.id}). Pool <code>{app.pool}</code>
          </>
        ) : (
          <>
            {app.chain.name} ({app.chain.id}). Pool <code>{app.pool}</code>
          </>
        )}
      </p>
      <p>
        <label className="check">
          <input type="checkbox" checked={exact} onChange={(event) => showExact(event.target.checked)} /> Show the exact integer beside each amount
        </label>
      </p>
      {!deployment.foreign && (
        <form
          className="node"
          onSubmit={(event) => {
            event.preventDefault();
            const own = text.trim();
            try {
              if (own && !["http:", "https:"].includes(new URL(own).protocol)) throw new Error("protocol");
            } catch {
              return setProblem("A node's address starts with http:// or https://.");
            }
            nameNode(deployment.chainId, own && own !== deployment.rpc ? own : null);
            location.reload();
          }}
        >
          <label htmlFor="node">Node to read from</label>
          <input id="node" type="text" inputMode="url" spellCheck={false} autoComplete="off" value={text} onChange={(event) => setText(event.target.value)} placeholder="the wallet's" />
          <button type="submit" className="quiet">
            Use it
          </button>
          {problem && (
            <span className="poor" role="alert">
              {problem}
            </span>
          )}
        </form>
      )}
      <p>
        Nobody is asked but this node and the page's own server. No cookies, no analytics.{deployment.terms && <> <a href={deployment.terms}>The operator's terms</a></>}
      </p>
    </footer>
  );
}
