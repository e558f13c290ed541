import { useQuery, keepPreviousData } from "@tanstack/react-query";
import { erc20Abi, type Address } from "viem";
import { useId, useState } from "react";
import { useReady } from "../app";
import { readDesk, readSeats, readVaults, type Desk, type Seat } from "../chain/borrowers";
import * as call from "../chain/calls";
import { readBorrower } from "../chain/read";
import { borrowerSubject } from "../chain/simulate";
import { amount, shortAddress, time } from "../lib/format";
import { dueAtEdge, edge, whyNotAutoPay, whyNotBorrow, whyNotRepay } from "../lib/rules";
import { t } from "../lib/words";
import { Action } from "../parts/action";
import { AddressText, Amount, Heading, Section, Share, Table, Time, Waiting } from "../parts/parts";
import { Say } from "../parts/say";
import { BorrowerHistory } from "../server/histories";

export default function BorrowersPage() {
  const ready = useReady();
  return (
    <>
      <Heading intro={t("Approved market makers borrow a share of the active stake, without collateral and without interest, for trading on the exchange only.")}>{t("Borrowers")}</Heading>
      {ready ? <Ready /> : <Waiting />}
    </>
  );
}

/** What the operator calls an address, or else the deployment. */
export const useName = (): ((address: Address) => string | undefined) => {
  const { deployment } = useReady()!;
  const names = new Map([...Object.entries(deployment.contracts).map(([name, address]) => [address, name.replace(/-proxy$/, "")] as const), ...deployment.borrowers.map(({ address, name }) => [address, name] as const)]);
  return (address) => names.get(address);
};

function Ready() {
  const { client, pool, state, tokens, head, borrowers, address, deployment } = useReady()!;
  const name = useName();
  const seats = useQuery({
    queryKey: ["seats", pool, address, borrowers?.join(), head.number / 20n, head.number < 2_000n ? head.hash : ""],
    enabled: borrowers !== undefined && address !== undefined,
    placeholderData: (before) => (before && before.for === address ? before : undefined),
    queryFn: async () => ({ for: address!, list: await readSeats(client, address!, borrowers!, head) }),
  });
  const rows = useQuery({
    queryKey: ["borrowers", pool, head.hash, borrowers?.join()],
    enabled: borrowers !== undefined,
    placeholderData: keepPreviousData,
    queryFn: () =>
      Promise.all(
        borrowers!.map(async (borrower) => {
          const [of, held] = await Promise.all([
            readBorrower(client, pool, borrower, head),
            client.readContract({ address: tokens.staked.address, abi: erc20Abi, functionName: "balanceOf", args: [borrower], blockNumber: head.number }),
          ]);
          return { borrower, of, held };
        }),
      ),
  });
  if (!rows.data) return <Waiting />;
  const said = new Map(deployment.borrowers.map((of) => [of.address, of]));
  const unconfirmed = deployment.borrowers.filter(({ address }) => !rows.data.some(({ borrower }) => borrower === address));
  return (
    <>
      {address && seats.data?.list.map((seat) => <SeatActions key={seat.borrower} seat={seat} />)}
      {rows.data.length === 0 && <p className="card">{t("Nobody has a share of the pool yet.")}</p>}
      {rows.data.length > 0 && (
        <Section title={t("Shares, loans and what is due")}>
          <p className="note">
            <Say text="What exceeds a borrower's share of the next epoch has to be back before {time}. What is not back then is overdue." time={<Time at={edge(state)} />} />
          </p>
          <Table label={t("Borrowers")}>
            <thead>
              <tr>
                <th scope="col">{t("Borrower")}</th>
                <th scope="col" className="number">{t("Share now")}</th>
                <th scope="col" className="number">{t("Share next")}</th>
                <th scope="col" className="number">{t("Borrowed")}</th>
                <th scope="col" className="number">{t("Share in tokens")}</th>
                <th scope="col" className="number">{t("Cap")}</th>
                <th scope="col" className="number">{t("Can borrow")}</th>
                <th scope="col" className="number">{t("Due at the edge")}</th>
                <th scope="col" className="number">{t("Overdue")}</th>
                <th scope="col" className="number">{t("Debt")}</th>
                <th scope="col" className="number">{t("Held by the borrower")}</th>
              </tr>
            </thead>
            <tbody>
              {rows.data.map(({ borrower, of, held }) => (
                <tr key={borrower} data-borrower={borrower}>
                  <th scope="row">
                    <AddressText address={borrower} name={name(borrower)} />
                    {said.get(borrower)?.link && <> <a href={said.get(borrower)!.link!} rel="noreferrer noopener">{t("about it")}</a></>}
                    {said.get(borrower)?.note && <span className="note"> {said.get(borrower)!.note}</span>}
                    {of.restricted && <span className="poor"> {t("may not borrow")}</span>}
                  </th>
                  <td><Share points={of.allocationCurrentEpoch} /></td>
                  <td><Share points={of.allocationNextEpoch} /></td>
                  <td data-of="borrowed"><Amount value={of.borrowed} token={tokens.staked} /></td>
                  <td><Amount value={of.allocatedBalanceCurrentEpoch} token={tokens.staked} /></td>
                  <td>{of.cap === 0n ? t("none") : <Amount value={of.cap} token={tokens.staked} />}</td>
                  <td data-of="borrowable"><Amount value={of.borrowable} token={tokens.staked} /></td>
                  <td data-of="due"><Amount value={dueAtEdge(of)} token={tokens.staked} /></td>
                  <td data-of="overdue">{of.overdue ? <span className="poor"><Amount value={of.overdueAmount} token={tokens.staked} /></span> : t("no")}</td>
                  <td data-of="debt"><Amount value={of.debt} token={tokens.staked} /></td>
                  <td data-of="held"><Amount value={held} token={tokens.staked} /></td>
                </tr>
              ))}
            </tbody>
          </Table>
          <p className="note">{t("Names are the operator's. An address without one was given a share by governance and is not in the operator's list.")}</p>
          {unconfirmed.length > 0 && (
            <p className="note">
              {t("Named by the operator, but governance has given it no share: {names}.", { names: unconfirmed.map(({ name, address }) => `${name} (${shortAddress(address)})`).join(", ") })}
            </p>
          )}
        </Section>
      )}
      <BorrowerHistory borrowers={rows.data.map(({ borrower }) => ({ borrower, name: name(borrower) ?? shortAddress(borrower) }))} />
    </>
  );
}

function SeatActions({ seat }: { seat: Seat }) {
  const { client, pool, state, tokens, head, account } = useReady()!;
  const name = useName();
  const { borrower, proxy } = seat;
  const desk = useQuery({ queryKey: ["desk", pool, borrower, head.hash], placeholderData: keepPreviousData, queryFn: () => readDesk(client, pool, tokens.staked.address, seat, head) });
  const title = t("You act for {name}", { name: name(borrower) ?? shortAddress(borrower) });
  if (!desk.data) return <Section title={title}><Waiting /></Section>;
  const { of, held } = desk.data;
  const due = dueAtEdge(of);
  return (
    <Section title={title}>
      {due > 0n && (
        <p className="warning">
          <Say
            text="{due} have to be back before {time}: so much exceeds the share of the next epoch. The borrower holds {held}. What is late can be marked as debt by anybody, and ends borrowing."
            due={<strong><Amount value={due} token={tokens.staked} /></strong>}
            time={<Time at={edge(state)} />}
            held={<Amount value={held} token={tokens.staked} />}
          />
        </p>
      )}
      {of.debt > 0n && (
        <p className="warning">
          <Say text="{debt} of marked debt are owed to stakers who lost them." debt={<strong><Amount value={of.debt} token={tokens.staked} /></strong>} />
        </p>
      )}
      <div className="actions" data-seat={borrower}>
        {seat.mayBorrow && <Loans seat={seat} desk={desk.data} />}
        {account && <OwnTokens borrower={borrower} desk={desk.data} />}
        {proxy && seat.mayTrade && <Exchange proxy={borrower} desk={desk.data} />}
      </div>
    </Section>
  );
}

function Loans({ seat: { borrower, proxy }, desk: { of, held, guarded } }: { seat: Seat; desk: Desk }) {
  const { pool, state, tokens, account } = useReady()!;
  const subject = borrowerSubject(pool, tokens.staked.address, borrower);
  const by = { address: borrower, proxy };
  const least = (a: bigint, b: bigint): bigint => (a < b ? a : b);
  return (
    <>
      <Action
        title={t("Borrow")}
        verb={t("Borrow")}
        subject={subject}
        most={guarded ? 0n : of.borrowable}
        why={(value) => whyNotBorrow(state, of, guarded, tokens, value)}
        calls={(value) => [call.borrow(pool, tokens, by, value)]}
        effect={(value) => t(proxy ? "{amount} go to the proxy, at once. They may leave it to the exchange and back to the pool only." : "{amount} go to your account, at once.", { amount: amount(value, tokens.staked) })}
      />
      {proxy && (
        <>
          <Action
            title={t("Repay the loan")}
            verb={t("Repay")}
            subject={subject}
            most={least(of.borrowed, held)}
            why={(value) => whyNotRepay(of.borrowed, held, true, tokens, value)}
            calls={(value) => [call.repayByProxy(tokens, borrower, "repayBorrow", value)]}
            effect={(value) => t("At most {amount} go from the proxy to the pool; what somebody else repaid before is not taken.", { amount: amount(value, tokens.staked) })}
          />
          <Action
            title={t("Auto-pay or borrow")}
            verb={t("Auto-pay or borrow")}
            subject={subject}
            idle={t("Nothing is due, and nothing can be borrowed: it would change nothing.")}
            why={() => whyNotAutoPay(state, of, held, tokens)}
            calls={() => [call.autoPayOrBorrow(borrower)]}
            effect={() => t("What exceeds the share of the next epoch is repaid; or, without debt, all that can be borrowed is. Then debt is paid from what was held. Afterwards this borrower cannot be overdue next epoch.")}
          />
          {of.debt > 0n && (
            <Action
              title={t("Pay the debt")}
              verb={t("Pay the debt")}
              subject={subject}
              most={least(of.debt, held)}
              why={(value) => whyNotRepay(of.debt, held, true, tokens, value)}
              calls={(value) => [call.repayByProxy(tokens, borrower, "repayDebt", value)]}
              effect={(value) => t("At most {amount} go from the proxy to those who lost stake.", { amount: amount(value, tokens.staked) })}
            />
          )}
        </>
      )}
      {!proxy && !account && <Waiting />}
    </>
  );
}

/** Anybody may pay for a borrower from tokens of their own; it is offered to those who act for it. */
function OwnTokens({ borrower, desk: { of } }: { borrower: Address; desk: Desk }) {
  const { pool, tokens, account } = useReady()!;
  const { balance, allowance } = account!;
  const subject = borrowerSubject(pool, tokens.staked.address, borrower);
  const least = (a: bigint, b: bigint): bigint => (a < b ? a : b);
  const calls = (functionName: "repayBorrowUpTo" | "repayDebtUpTo") => (value: bigint) =>
    allowance < value ? [call.approve(tokens.staked, pool, value), call.repayFor(pool, tokens, borrower, functionName, value)] : [call.repayFor(pool, tokens, borrower, functionName, value)];
  const effect = (value: bigint): string => t("At most {amount} go from your own account to the pool; what somebody else repaid before is not taken.", { amount: amount(value, tokens.staked) });
  return (
    <>
      <Action title={t("Repay the loan from your wallet")} verb={t("Repay")} subject={subject} most={least(of.borrowed, balance)} why={(value) => whyNotRepay(of.borrowed, balance, false, tokens, value)} calls={calls("repayBorrowUpTo")} effect={effect} />
      {of.debt > 0n && <Action title={t("Pay the debt from your wallet")} verb={t("Pay the debt")} subject={subject} most={least(of.debt, balance)} why={(value) => whyNotRepay(of.debt, balance, false, tokens, value)} calls={calls("repayDebtUpTo")} effect={effect} />}
    </>
  );
}

function Exchange({ proxy, desk: { of, held, guarded } }: { proxy: Address; desk: Desk }) {
  const { client, pool, tokens, head, deployment } = useReady()!;
  const id = useId();
  const [place, setPlace] = useState(0);
  const vaults = useQuery({ queryKey: ["vaults", proxy, head.number / 20n, head.number < 2_000n ? head.hash : ""], placeholderData: keepPreviousData, queryFn: () => readVaults(client, proxy, deployment.fromBlock, head) });
  const vault = vaults.data?.[place] ?? vaults.data?.[0];
  const subject = borrowerSubject(pool, tokens.staked.address, proxy);
  if (vaults.isError) return <p className="card">{t("This node does not give the logs of the past, so the proxy's vaults cannot be listed.")}</p>;
  if (!vaults.data) return <Waiting />;
  if (!vault) return <p className="card">{t("The proxy has no vault that it may deposit to, or no key that is allowed. Its owner puts a vault on the list, three days before it counts.")}</p>;
  const choice = (
    <div className="field">
      <label htmlFor={id}>{t("Vault")}</label>
      <select id={id} value={place} onChange={(event) => setPlace(Number(event.target.value))}>
        {vaults.data.map(({ starkKey, assetType, vaultId }, at) => (
          <option key={`${starkKey}:${assetType}:${vaultId}`} value={at}>
            {t("vault {vault}, key {key}, asset {asset}", { vault: vaultId, key: short(starkKey), asset: short(assetType) })}
          </option>
        ))}
      </select>
    </div>
  );
  const units = { address: proxy, symbol: t("units of the exchange"), decimals: 0 } as const;
  const why = (value: bigint): string | null => {
    if (vault.allowedFrom > head.timestamp) return t("The vault counts from {time} on; until then guardians can take it off the list.", { time: time(vault.allowedFrom) });
    if (value === 0n) return t("The amount is zero.");
    if (held === 0n) return t("The proxy holds nothing to deposit.");
    if ((guarded || of.restricted || of.overdue) && held < of.borrowed + of.debt) return t("While this borrower is restricted or overdue, borrowed tokens may not go to the exchange.");
    return null;
  };
  return (
    <>
      <Action
        title={t("Deposit to the exchange")}
        verb={t("Deposit")}
        subject={subject}
        most={held}
        token={units}
        why={why}
        calls={(value) => [call.depositToExchange(proxy, vault, value)]}
        effect={() => t("Tokens go from the proxy to the vault, when the exchange takes them in. The loan stays what it is.")}
      >
        {choice}
      </Action>
      <Action
        title={t("Withdraw from the exchange")}
        verb={t("Withdraw")}
        subject={subject}
        idle={t("The exchange holds nothing ready for this key. A withdrawal is asked for on the exchange first.")}
        why={() => null}
        calls={() => [call.withdrawFromExchange(proxy, vault)]}
        effect={() => t("All that the exchange holds ready for this key goes to the proxy.")}
      >
        {vaults.data.length > 1 && <p className="note">{t("Of the vault that is chosen above.")}</p>}
      </Action>
    </>
  );
}

const short = (value: bigint): string => (value < 1n << 32n ? String(value) : `0x${value.toString(16).slice(0, 8)}…`);
