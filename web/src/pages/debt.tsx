import { useQuery, keepPreviousData } from "@tanstack/react-query";
import { poolAbi } from "../../abi";
import { useReady } from "../app";
import * as call from "../chain/calls";
import { readMarking } from "../chain/read";
import { amount, exact } from "../lib/format";
import { shortAtEdge } from "../lib/rules";
import { Action } from "../parts/action";
import { AddressText, Amount, Figure, Heading, Section, Table, Waiting } from "../parts/parts";
import { Shortfalls } from "../server/histories";
import { t } from "../lib/words";
import { useName } from "./borrowers";

export default function DebtPage() {
  const ready = useReady();
  return (
    <>
      <Heading intro="When loans exceed the active stake, inactive stake has no tokens behind it. Marking turns the difference into debt of the overdue borrowers, owed to those who lost it.">Debt</Heading>
      {ready ? <Ready /> : <Waiting />}
    </>
  );
}

function Ready() {
  const { state, tokens, client, pool, head, borrowers } = useReady()!;
  const name = useName();
  const read = { address: pool, abi: poolAbi, blockNumber: head.number } as const;
  const short = state.shortfall > 0n;
  const plan = useQuery({
    queryKey: ["debts", pool, head.hash, borrowers?.join()],
    enabled: borrowers !== undefined,
    placeholderData: keepPreviousData,
    queryFn: async () => {
      const [marking, debts] = await Promise.all([readMarking(client, pool, borrowers!, head), Promise.all(borrowers!.map(async (borrower) => ({ borrower, debt: await client.readContract({ ...read, functionName: "getBorrowerDebtBalance", args: [borrower] }) })))]);
      const [preview, charges] = await Promise.all([client.readContract({ ...read, functionName: "previewMarkDebt", args: [marking] }), client.readContract({ ...read, functionName: "previewDebts", args: [marking] })]);
      return { marking, debts: debts.filter(({ debt }) => debt > 0n), preview, charges };
    },
  });
  const past = useQuery({
    queryKey: ["shortfalls", pool, state.state.shortfallCount],
    placeholderData: keepPreviousData,
    queryFn: () => {
      const count = Number(state.state.shortfallCount);
      const first = Math.max(0, count - 50);
      return Promise.all(Array.from({ length: count - first }, (_, place) => client.readContract({ address: pool, abi: poolAbi, functionName: "getShortfall", args: [BigInt(first + place)] }).then((of) => ({ ...of, number: first + place }))));
    },
  });
  const next = shortAtEdge(state);
  return (
    <>
      <div className="figures">
        <Figure label="Short now" note={short ? "loans beyond the active stake" : "all inactive stake has tokens behind it"}>
          <span className={short ? "poor" : ""}><Amount value={state.shortfall} token={tokens.staked} /></span>
        </Figure>
        <Figure label="Short at the next edge" note="if nothing is repaid before">
          <Amount value={next} token={tokens.staked} />
        </Figure>
        <Figure label="Owed by borrowers" note="marked and open">
          <Amount value={state.state.borrowerDebt} token={tokens.staked} />
        </Figure>
        <Figure label="Repaid, not withdrawn" note="first come, first served">
          <Amount value={state.state.debtAvailableToWithdraw} token={tokens.staked} />
        </Figure>
      </div>
      <Section title="Marking">
        {!short && <p className="good">There is nothing to mark: loans ({amount(state.state.borrowed, tokens.staked)}) do not exceed the active stake ({amount(state.state.activeCurrentEpoch, tokens.staked)}).</p>}
        {short && !plan.data && <Waiting />}
        {short && plan.data && (
          <>
            <Table label="Who would be charged">
              <caption>Who would be charged</caption>
              <tbody>
                {plan.data.marking.map((borrower, place) => (
                  <tr key={borrower}>
                    <th scope="row"><AddressText address={borrower} name={name(borrower)} /></th>
                    <td><Amount value={plan.data!.charges[place] ?? 0n} token={tokens.staked} /></td>
                  </tr>
                ))}
              </tbody>
            </Table>
            <p>
              All inactive stake, <Amount value={state.state.inactiveCurrentEpoch} token={tokens.staked} />, would lose <strong><Amount value={plan.data.preview[2]} token={tokens.staked} /></strong> and keep {exact(plan.data.preview[3] / 10n ** 30n, 4)} % of itself.
            </p>
            <div className="actions">
              <Action title="Mark the debt" verb="Mark the debt" why={() => (plan.data!.preview[1] > 0n ? `Overdue borrowers cover all but ${amount(plan.data!.preview[1], tokens.staked)} of the shortfall.` : null)} calls={() => [call.markDebt(pool, plan.data!.marking)]} effect={() => "Stake comes and goes again. The charged borrowers may not borrow until governance allows it."}>
                <p className="note">Anybody may do that. It costs a fee and pays nothing.</p>
              </Action>
            </div>
          </>
        )}
      </Section>
      <Section title="Open debt">
        {plan.data && plan.data.debts.length === 0 && <p className="note">No borrower owes anything.</p>}
        {plan.data && plan.data.debts.length > 0 && (
          <Table label="Table of open debts">
            <tbody>
              {plan.data.debts.map(({ borrower, debt }) => (
                <tr key={borrower} data-debtor={borrower}>
                  <th scope="row"><AddressText address={borrower} name={name(borrower)} /></th>
                  <td><Amount value={debt} token={tokens.staked} /></td>
                </tr>
              ))}
            </tbody>
          </Table>
        )}
      </Section>
      <Section title="Shortfalls so far">
        {state.state.shortfallCount === 0n ? <p className="note">{t("There was none.")}</p> : <Shortfalls otherwise={past.data && past.data.length > 0 ? (
          <Table label="Table of shortfalls">
            <thead>
              <tr>
                <th scope="col">Number</th>
                <th scope="col" className="number">Epoch</th>
                <th scope="col" className="number">Inactive stake kept</th>
              </tr>
            </thead>
            <tbody>
              {[...past.data].reverse().map(({ number, epoch, index }) => (
                <tr key={number}>
                  <th scope="row">{number}</th>
                  <td>{epoch}</td>
                  <td>{exact(index / 10n ** 30n, 4)} %</td>
                </tr>
              ))}
            </tbody>
          </Table>
        ) : <Waiting />} />}
      </Section>
    </>
  );
}
