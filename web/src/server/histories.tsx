// Charts and lists that only the server has. Without it, each says so in one line or is not there.
import { useId, useState } from "react";
import type { Address } from "viem";
import { useReady } from "../app";
import { t } from "../lib/words";
import { Section, Steps, type Line } from "../parts/parts";
import { useHealth } from "./health";
import { useServer } from "./api";

export function BorrowerHistory({ borrowers }: { borrowers: readonly { readonly borrower: Address; readonly name: string }[] }) {
  const { tokens, head } = useReady()!;
  const { usable } = useHealth();
  const id = useId();
  const [place, setPlace] = useState(0);
  const chosen = borrowers[place] ?? borrowers[0];
  const history = useServer(["borrower", chosen?.borrower], (client) => client.GET("/v1/borrowers/{address}/history", { params: { path: { address: chosen!.borrower }, query: { limit: 1_000 } } }), { enabled: chosen !== undefined });
  if (!usable || !chosen) return null;
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
    </Section>
  );
}
