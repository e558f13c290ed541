import { useQuery, keepPreviousData } from "@tanstack/react-query";
import { erc20Abi, type Address } from "viem";
import { useReady } from "../app";
import { readBorrower } from "../chain/read";
import { edge } from "../lib/rules";
import { AddressText, Amount, Heading, Section, Share, Table, Time, Waiting } from "../parts/parts";

export default function BorrowersPage() {
  const ready = useReady();
  return (
    <>
      <Heading intro="Approved market makers borrow a share of the active stake, without collateral and without interest, for trading on the exchange only.">Borrowers</Heading>
      {ready ? <Ready /> : <Waiting />}
    </>
  );
}

/** The name that the deployment gives an address. */
export const useName = (): ((address: Address) => string | undefined) => {
  const { deployment } = useReady()!;
  const names = new Map(Object.entries(deployment.contracts).map(([name, address]) => [address, name.replace(/-proxy$/, "")]));
  return (address) => names.get(address);
};

function Ready() {
  const { client, pool, state, tokens, head, borrowers } = useReady()!;
  const name = useName();
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
  const due = (of: { borrowed: bigint; allocatedBalanceNextEpoch: bigint }): bigint => (of.borrowed > of.allocatedBalanceNextEpoch ? of.borrowed - of.allocatedBalanceNextEpoch : 0n);
  return (
    <>
      {rows.data.length === 0 && <p className="card">Nobody has a share of the pool yet.</p>}
      {rows.data.length > 0 && (
        <Section title="Shares, loans and what is due">
          <p className="note">
            What exceeds a borrower's share of the next epoch has to be back before <Time at={edge(state)} />. What is not back then is overdue.
          </p>
          <Table label="Borrowers">
            <thead>
              <tr>
                <th scope="col">Borrower</th>
                <th scope="col" className="number">Share now</th>
                <th scope="col" className="number">Share next</th>
                <th scope="col" className="number">Borrowed</th>
                <th scope="col" className="number">Share in tokens</th>
                <th scope="col" className="number">Cap</th>
                <th scope="col" className="number">Can borrow</th>
                <th scope="col" className="number">Due at the edge</th>
                <th scope="col" className="number">Overdue</th>
                <th scope="col" className="number">Debt</th>
                <th scope="col" className="number">Held by the proxy</th>
              </tr>
            </thead>
            <tbody>
              {rows.data.map(({ borrower, of, held }) => (
                <tr key={borrower} data-borrower={borrower}>
                  <th scope="row">
                    <AddressText address={borrower} name={name(borrower)} />
                    {of.restricted && <span className="poor"> may not borrow</span>}
                  </th>
                  <td><Share points={of.allocationCurrentEpoch} /></td>
                  <td><Share points={of.allocationNextEpoch} /></td>
                  <td data-of="borrowed"><Amount value={of.borrowed} token={tokens.staked} /></td>
                  <td><Amount value={of.allocatedBalanceCurrentEpoch} token={tokens.staked} /></td>
                  <td>{of.cap === 0n ? "none" : <Amount value={of.cap} token={tokens.staked} />}</td>
                  <td data-of="borrowable"><Amount value={of.borrowable} token={tokens.staked} /></td>
                  <td data-of="due"><Amount value={due(of)} token={tokens.staked} /></td>
                  <td data-of="overdue">{of.overdue ? <span className="poor"><Amount value={of.overdueAmount} token={tokens.staked} /></span> : "no"}</td>
                  <td data-of="debt"><Amount value={of.debt} token={tokens.staked} /></td>
                  <td><Amount value={held} token={tokens.staked} /></td>
                </tr>
              ))}
            </tbody>
          </Table>
          <p className="note">Names are the deployment's. An address without one was given a share by governance and is not in the deployment's file.</p>
        </Section>
      )}
    </>
  );
}
