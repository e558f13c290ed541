// Something that a person can do: an amount, what will be true after it, why it cannot be done now, and a button.
import { useQuery } from "@tanstack/react-query";
import { useId, useState, type ReactNode } from "react";
import { useApp, useReady, type App } from "../app";
import { preview, stakerSubject, type Call, type Subject } from "../chain/simulate";
import { exact, parseAmount, type Token } from "../lib/format";
import { t } from "../lib/words";
import { Refused, send, type Wallet } from "../wallet/send";
import { Amount, Waiting } from "./parts";

interface Props {
  readonly title: string;
  /** The label of the button, and what it says while it works. */
  readonly verb: string;
  readonly children?: ReactNode;
  /** The most that makes sense; without it there is no amount to enter. */
  readonly most?: bigint;
  /** What is entered is an amount of this; the staked token if it is left out. */
  readonly token?: Token;
  readonly why: (value: bigint) => string | null;
  /** What is sent. Contracts are called in this order. */
  readonly calls: (value: bigint) => readonly Call[];
  /** If what is sent must be signed first: replaces `calls` when the button is pressed. */
  readonly prepare?: ((value: bigint, wallet: Wallet) => Promise<readonly Call[]>) | undefined;
  /** When it takes effect, in words. */
  readonly effect: (value: bigint) => ReactNode;
  /** How many confirmations it takes, in words. */
  readonly confirmations?: string | undefined;
  /** Whose figures the preview shows; the reader's own as a staker if it is left out. */
  readonly subject?: Subject;
  /** The reason why it is not sent if it would change none of these figures. */
  readonly idle?: string;
  readonly danger?: boolean;
}

/** Whose wallet can act here and now; else why not. */
export function whyNoWallet(app: App): string | null {
  if (!app.address) return t("Connect a wallet first.");
  if (app.wrongChain !== null) return t("Your wallet is on chain {chain}. Switch it to {name} ({id}) first.", { chain: app.wrongChain, name: app.chain.name, id: app.chain.id });
  if (app.silent) return t("The node does not answer, so nothing can be checked before you sign.");
  if (app.mute) return t("The pool does not answer, so nothing can be checked before you sign.");
  return null;
}

export function Action({ title, verb, children, most, token: entered, why, calls, prepare, effect, confirmations, subject, idle, danger }: Props) {
  const ready = useReady();
  const app = useApp();
  const id = useId();
  const [text, setText] = useState("");
  const [busy, setBusy] = useState(false);
  const [outcome, setOutcome] = useState<{ good: boolean; text: string } | null>(null);
  const token = entered ?? ready?.tokens.staked;
  const parsed = most === undefined ? { value: 0n } : token ? parseAmount(text, token) : { problem: t("Reading from the chain …") };
  const value = "value" in parsed ? parsed.value : null;
  const untouched = most !== undefined && text.trim() === "";
  const reason = whyNoWallet(app) ?? (untouched ? why(1n) : null) ?? ("problem" in parsed ? parsed.problem : why(parsed.value));
  const possible = reason === null && value !== null && ready !== null && app.address !== undefined;
  const planned = possible ? calls(value) : [];
  const plan = planned.map((call) => call.data).join();
  const shown = useQuery({
    queryKey: ["preview", app.pool, app.address, title, plan, ready?.head.hash],
    enabled: possible && planned.length > 0,
    staleTime: Infinity,
    gcTime: 60_000,
    placeholderData: (before, query) => (query?.queryKey[4] === plan ? before : undefined),
    queryFn: () => preview(ready!.client, app.address!, subject ?? stakerSubject(app.pool, app.address!), planned, ready!.head, ready!.units),
  });
  const refused = shown.data && "refused" in shown.data ? shown.data.refused : null;
  const after = shown.data && "changed" in shown.data ? shown.data : null;
  const stop = reason ?? refused ?? (idle && after && after.changed.length === 0 ? idle : null);

  async function act(): Promise<void> {
    if (!ready || value === null) return;
    setBusy(true);
    setOutcome(null);
    try {
      const wallet = await app.wallet();
      const list = prepare ? await prepare(value, wallet) : calls(value);
      await send({ client: ready.client, wallet, chainId: app.deployment.chainId, batch: app.batch, units: ready.units }, list, title);
      setOutcome({ good: true, text: t("{title}: done. It is in a block.", { title }) });
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
          <label htmlFor={`${id}a`}>{t("Amount, {unit}", { unit: token.symbol })}</label>
          <div className="row">
            <input id={`${id}a`} inputMode="decimal" autoComplete="off" spellCheck={false} value={text} placeholder="0" aria-describedby={`${id}r`} aria-invalid={!untouched && "problem" in parsed} onChange={(event) => setText(event.target.value)} />
            <button type="button" className="quiet" disabled={most === 0n} onClick={() => setText(exact(most, token.decimals))}>
              {t("Max")}
              <span className="hidden"> {t("of {title}", { title })}</span>
            </button>
          </div>
        </div>
      )}
      {possible && value !== null && !(after && stop) && (
        <div className="preview" aria-live="polite">
          <p className="effect">{effect(value)}</p>
          {shown.isPending && <Waiting>{t("Trying it on the node …")}</Waiting>}
          {after && ready && (
            <>
              <table className="after">
                <caption>{t("After it, by the node at block {block}", { block: ready.head.number })}</caption>
                <tbody>
                  {after.changed.map((row) => (
                    <tr key={row.key} data-row={row.key}>
                      <th scope="row">{t(row.name)}</th>
                      <td>
                        <Amount value={row.value} token={ready.tokens[row.of]} /> <span aria-label={t("becomes")}>→</span>{" "}
                        <strong>
                          <Amount value={row.after} token={ready.tokens[row.of]} />
                        </strong>
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
              <p className="note">{confirmations ?? (planned.length > 1 && !app.batch ? t("{count} confirmations, one after the other.", { count: planned.length }) : t("One confirmation."))}</p>
            </>
          )}
        </div>
      )}
      <p id={`${id}r`} className={stop && most !== undefined && !untouched ? "reason poor" : "reason"}>
        {stop ?? ""}
      </p>
      <button type="submit" className="go" disabled={stop !== null || busy || !after} aria-describedby={`${id}r`}>
        {busy ? t("Look at your wallet …") : verb}
      </button>
      <p className={outcome ? (outcome.good ? "outcome good" : "outcome poor") : "outcome"} role="status">
        {outcome?.text}
      </p>
    </form>
  );
}
