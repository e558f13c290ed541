// Something that a person can do: an amount, what will be true after it, why it cannot be done now, and a button.
import { useQuery } from "@tanstack/react-query";
import { useId, useState, type ReactNode } from "react";
import { useApp, useReady, type App } from "../app";
import { preview, type Call } from "../chain/simulate";
import { exact, parseAmount } from "../lib/format";
import { Refused, send, type Wallet } from "../wallet/send";
import { Amount, Time, Waiting } from "./parts";

interface Props {
  readonly title: string;
  /** The label of the button, and what it says while it works. */
  readonly verb: string;
  readonly children?: ReactNode;
  /** The most that makes sense; without it there is no amount to enter. */
  readonly most?: bigint;
  readonly why: (value: bigint) => string | null;
  /** What is sent. Contracts are called in this order. */
  readonly calls: (value: bigint) => readonly Call[];
  /** If what is sent must be signed first: replaces `calls` when the button is pressed. */
  readonly prepare?: ((value: bigint, wallet: Wallet) => Promise<readonly Call[]>) | undefined;
  /** When it takes effect, in words. */
  readonly effect: (value: bigint) => ReactNode;
  /** How many confirmations it takes, in words. */
  readonly confirmations?: string | undefined;
  /** A later moment at which the preview looks. */
  readonly at?: bigint | undefined;
  readonly danger?: boolean;
}

const ROWS = [
  ["activeCurrentEpoch", "Active now", "staked"],
  ["activeNextEpoch", "Active next epoch", "staked"],
  ["inactiveCurrentEpoch", "Inactive now", "staked"],
  ["inactiveNextEpoch", "Inactive next epoch", "staked"],
  ["debt", "Owed to you", "staked"],
  ["debtAvailableToWithdraw", "Owed and repaid, for you to withdraw", "staked"],
  ["claimableRewards", "Rewards to claim", "rewards"],
] as const;

/** Whose wallet can act here and now; else why not. */
export function whyNoWallet(app: App): string | null {
  if (!app.address) return "Connect a wallet first.";
  if (app.wrongChain !== null) return `Your wallet is on chain ${app.wrongChain}. Switch it to ${app.chain.name} (${app.chain.id}) first.`;
  if (app.silent) return "The node does not answer, so nothing can be checked before you sign.";
  return null;
}

export function Action({ title, verb, children, most, why, calls, prepare, effect, confirmations, at, danger }: Props) {
  const ready = useReady();
  const app = useApp();
  const id = useId();
  const [text, setText] = useState("");
  const [busy, setBusy] = useState(false);
  const [outcome, setOutcome] = useState<{ good: boolean; text: string } | null>(null);
  const token = ready?.tokens.staked;
  const parsed = most === undefined ? { value: 0n } : token ? parseAmount(text, token) : { problem: "Reading from the chain …" };
  const value = "value" in parsed ? parsed.value : null;
  const untouched = most !== undefined && text.trim() === "";
  const reason = whyNoWallet(app) ?? (untouched ? why(1n) : null) ?? ("problem" in parsed ? parsed.problem : why(parsed.value));
  const possible = reason === null && value !== null && ready !== null && app.address !== undefined;
  const planned = possible ? calls(value) : [];
  const shown = useQuery({
    queryKey: ["preview", app.pool, app.address, title, planned.map((call) => call.data).join(), ready?.head.hash],
    enabled: possible && planned.length > 0,
    staleTime: Infinity,
    gcTime: 60_000,
    placeholderData: (before, query) => (query?.queryKey[4] === planned.map((call) => call.data).join() ? before : undefined),
    queryFn: () => preview(ready!.client, app.pool, app.address!, planned, ready!.head, ready!.units),
  });
  const refused = shown.data && "refused" in shown.data ? shown.data.refused : null;
  const after = shown.data && "after" in shown.data ? shown.data : null;
  const before = app.account?.account;
  const stop = reason ?? refused;

  async function act(): Promise<void> {
    if (!ready || value === null) return;
    setBusy(true);
    setOutcome(null);
    try {
      const wallet = await app.wallet();
      const list = prepare ? await prepare(value, wallet) : calls(value);
      await send({ client: ready.client, wallet, chainId: app.deployment.chainId, batch: app.batch, units: ready.units }, list, title);
      setOutcome({ good: true, text: `${title}: done. It is in a block.` });
      setText("");
    } catch (error) {
      setOutcome({ good: false, text: error instanceof Refused ? error.message : (await import("../lib/errors")).explain(error, ready.units) });
    } finally {
      setBusy(false);
    }
  }

  return (
    <form
      className={`card action${danger ? " danger" : ""}`}
      aria-labelledby={`${id}t`}
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        if (stop === null && !busy && after) void act();
      }}
    >
      <h3 id={`${id}t`}>{title}</h3>
      {children}
      {most !== undefined && token && (
        <div className="field">
          <label htmlFor={`${id}a`}>Amount, {token.symbol}</label>
          <div className="row">
            <input id={`${id}a`} inputMode="decimal" autoComplete="off" spellCheck={false} value={text} placeholder="0" aria-describedby={`${id}r`} aria-invalid={!untouched && "problem" in parsed} onChange={(event) => setText(event.target.value)} />
            <button type="button" className="quiet" disabled={most === 0n} onClick={() => setText(exact(most, token.decimals))}>
              Max<span className="hidden"> of {title}</span>
            </button>
          </div>
        </div>
      )}
      {possible && value !== null && (
        <div className="preview" aria-live="polite">
          <p className="effect">{effect(value)}</p>
          {shown.isPending && <Waiting>Trying it on the node …</Waiting>}
          {after && before && ready && (
            <>
              <table className="after">
                <caption>After it, by the node at block {String(ready.head.number)}</caption>
                <tbody>
                  {ROWS.filter(([key]) => before[key] !== after.after[key] && !(key === "claimableRewards" && after.after[key] > before[key] && after.after[key] - before[key] < before[key] / 100n)).map(([key, name, of]) => (
                    <tr key={key} data-row={key}>
                      <th scope="row">{name}</th>
                      <td>
                        <Amount value={before[key]} token={ready.tokens[of]} /> <span aria-label="becomes">→</span> <strong><Amount value={after.after[key]} token={ready.tokens[of]} /></strong>
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
              {at !== undefined && <p className="note">It changes <Time at={at} />.</p>}
              <p className="note">{confirmations ?? (planned.length > 1 ? (app.batch ? "One confirmation." : `${planned.length} confirmations, one after the other.`) : "One confirmation.")}</p>
            </>
          )}
        </div>
      )}
      <p id={`${id}r`} className={stop && most !== undefined && !untouched ? "reason poor" : "reason"}>
        {stop ?? ""}
      </p>
      <button type="submit" className="go" disabled={stop !== null || busy || !after} aria-describedby={`${id}r`}>
        {busy ? "Look at your wallet …" : verb}
      </button>
      <p className={outcome ? (outcome.good ? "outcome good" : "outcome poor") : "outcome"} role="status">
        {outcome?.text}
      </p>
    </form>
  );
}
