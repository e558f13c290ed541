import { useQuery, keepPreviousData } from "@tanstack/react-query";
import { encodeFunctionData } from "viem";
import { poolAbi } from "../../abi";
import { useApp, useReady } from "../app";
import * as call from "../chain/calls";
import { readHistory, type Happening } from "../chain/history";
import { readMarking } from "../chain/read";
import type { Call } from "../chain/simulate";
import { amount, exact, time, type Token } from "../lib/format";
import { calendar } from "../lib/calendar";
import { edge, requested, shortAtEdge, whyNotCancel, whyNotClaim, whyNotRequest, whyNotStake, whyNotWithdraw, whyNotWithdrawDebt } from "../lib/rules";
import { Action, whyNoWallet } from "../parts/action";
import { Statement } from "../server/histories";
import { Amount, csv, download, Figure, Heading, Section, Table, Time, Waiting } from "../parts/parts";

export default function StakePage() {
  const app = useApp();
  const ready = useReady();
  return (
    <>
      <Heading intro="Stake earns from the moment it is in. To leave, request a withdrawal; from the next epoch on it can be withdrawn.">Stake</Heading>
      {!ready ? <Waiting /> : !app.address ? <p className="card">{whyNoWallet(app)} The button is at the top of the page. Nothing is asked of your wallet but its address.</p> : !app.account ? <Waiting>Reading your account …</Waiting> : <Mine />}
    </>
  );
}

const useMine = () => {
  const ready = useReady()!;
  return { ...ready, account: ready.account!, address: ready.address! };
};

function Mine() {
  const { state, tokens, account, address, pool, client, deployment, batch } = useMine();
  const { account: mine } = account;
  const going = requested(account);
  const domain = useQuery({
    queryKey: ["permit", tokens.staked.address, deployment.chainId],
    staleTime: Infinity,
    queryFn: () => call.permitDomain(client, tokens.staked.address, deployment.chainId),
  });
  const withPermit = (value: bigint): boolean => !batch && !account.isContract && Boolean(domain.data) && account.allowance < value;
  const next = edge(state);
  const staking = (value: bigint): Call[] => (account.allowance < value ? [call.approve(tokens.staked, pool, value), call.simple(pool, tokens, "stake", value)] : [call.simple(pool, tokens, "stake", value)]);
  /** A wallet that cannot sign permissions approves by a transaction instead. */
  const orApprove = (value: bigint) => (error: unknown): Call[] => {
    for (let at = error as { code?: unknown; cause?: unknown } | undefined; at; at = at.cause as typeof at) if (at.code === 4200 || at.code === -32601) return staking(value);
    throw error;
  };
  return (
    <>
      <div className="figures" id="mine">
        <Figure label="Active" note="earns; can be lent">
          <Amount value={mine.activeCurrentEpoch} token={tokens.staked} />
        </Figure>
        <Figure label="Requested" note={going > 0n ? <>leaves <Time at={next} /></> : "nothing is on its way out"}>
          <Amount value={going} token={tokens.staked} />
        </Figure>
        <Figure label="Withdrawable" note={mine.inactiveCurrentEpoch > mine.stakeAvailableToWithdraw ? <>of <Amount value={mine.inactiveCurrentEpoch} token={tokens.staked} /> inactive</> : "inactive, and there"}>
          <Amount value={mine.stakeAvailableToWithdraw} token={tokens.staked} />
        </Figure>
        <Figure label="Owed to you" note={mine.debt > 0n ? <><Amount value={mine.debtAvailableToWithdraw} token={tokens.staked} /> repaid</> : "no loss"}>
          <Amount value={mine.debt} token={tokens.staked} />
        </Figure>
        <Figure label="Rewards" note="to claim">
          <Amount value={mine.claimableRewards} token={tokens.rewards} />
        </Figure>
        <Figure label="In your wallet" note={account.isContract ? "a contract wallet" : <>and {exact(account.ether / 10n ** 12n, 6)} ETH for fees</>}>
          <Amount value={account.balance} token={tokens.staked} />
        </Figure>
      </div>
      {going > 0n && <Haircut />}
      {state.shortfall > 0n && <Short />}
      <div className="actions">
        <Action
          title="Stake"
          verb="Stake"
          most={account.balance}
          why={(value) => whyNotStake(state, account, tokens, value)}
          calls={staking}
          prepare={(value, wallet) =>
            withPermit(value)
              ? call.stakeWithPermit(client, wallet, domain.data!, pool, tokens, value, state.head.timestamp).then((one) => [one], orApprove(value))
              : Promise.resolve(staking(value))
          }
          confirmations={batch ? "One confirmation." : domain.data && !account.isContract ? "One signature, which lets the pool take exactly this amount, and one transaction. If the pool may take it already, one transaction." : undefined}
          effect={(value) => `${amount(value, tokens.staked)} earn from the block on in which they come in. They can leave at the next edge for which you request it in time.`}
        >
          <p className="note">Staked tokens are lent without collateral. Read <a href="#/learn">what can be lost</a> first.</p>
        </Action>
        <Action
          title="Request a withdrawal"
          verb="Request"
          most={mine.activeNextEpoch}
          why={(value) => whyNotRequest(state, account, tokens, value)}
          calls={(value) => [call.simple(pool, tokens, "requestWithdrawal", value)]}
          effect={(value) => `${amount(value, tokens.staked)} earn until ${time(next)}, and can be withdrawn from then on. Until the blackout window you can cancel.`}
        />
        {going > 0n && (
          <Action
            title="Cancel a request"
            verb="Cancel the request"
            most={going}
            why={(value) => whyNotCancel(state, account, tokens, value)}
            calls={(value) => [call.simple(pool, tokens, "cancelWithdrawal", value)]}
            effect={(value) => `${amount(value, tokens.staked)} stay active, as if you had not requested them.`}
          />
        )}
        {state.shortfall === 0n && (
          <Action
            title="Withdraw"
            verb="Withdraw"
            most={mine.stakeAvailableToWithdraw}
            why={(value) => whyNotWithdraw(state, account, tokens, value)}
            calls={(value) => [call.withdrawStake(pool, tokens, address, value)]}
            effect={(value) => `${amount(value, tokens.staked)} go to your account, at once.`}
          />
        )}
        {mine.inactiveCurrentEpoch > 0n && (
          <Action
            title="Restake"
            verb="Restake"
            most={mine.stakeAvailableToWithdraw}
            why={(value) => whyNotWithdraw(state, account, tokens, value)}
            calls={(value) => [call.simple(pool, tokens, "restake", value)]}
            effect={(value) => `${amount(value, tokens.staked)} become active again and earn from that block on.`}
          />
        )}
        <Action
          title="Claim rewards"
          verb="Claim"
          why={() => whyNotClaim(state, account, tokens)}
          calls={() => [call.claimRewards(pool, address)]}
          effect={() => `About ${amount(mine.claimableRewards, tokens.rewards)} go from the treasury to your account: all that you earned up to that block.`}
        />
        {mine.debt > 0n && (
          <Action
            title="Withdraw what was owed"
            verb="Withdraw repaid debt"
            most={mine.debtAvailableToWithdraw}
            why={(value) => whyNotWithdrawDebt(state, account, tokens, value)}
            calls={(value) => [call.withdrawDebt(pool, tokens, address, value)]}
            effect={(value) => `${amount(value, tokens.staked)} go to your account, at once. Repaid debt goes to whoever comes first.`}
          />
        )}
      </div>
      <History />
      <Statement staker={address} />
    </>
  );
}

/** What would be lost of what was requested, if nobody repaid before the edge: tried on the node at the edge's second. */
function Haircut() {
  const { state, tokens, account, address, pool, client, borrowers } = useMine();
  const missing = shortAtEdge(state);
  const at = edge(state);
  const loss = useQuery({
    queryKey: ["haircut", pool, address, state.head.hash, borrowers?.join()],
    enabled: missing > 0n && borrowers !== undefined,
    placeholderData: keepPreviousData,
    retry: false,
    queryFn: async () => {
      const read = { from: address, to: pool, data: encodeFunctionData({ abi: poolAbi, functionName: "getAccount", args: [address] }) };
      const mark = { from: address, to: pool, data: call.markDebt(pool, borrowers!).data };
      const blocks = await client.simulateBlocks({ blockNumber: state.head.number, blocks: [{ blockOverrides: { time: at }, calls: [{ ...mark, abi: poolAbi, functionName: "markDebt", args: [[...borrowers!]] }, { ...read, abi: poolAbi, functionName: "getAccount", args: [address] }] }] });
      const [marked, after] = blocks[0]!.calls;
      if (marked?.status !== "success" || after?.status !== "success") return null;
      return (after.result as { debt: bigint }).debt - account.account.debt;
    },
  });
  if (missing === 0n) return null;
  return (
    <div className="warning" id="haircut">
      <h2>If borrowers do not repay in time</h2>
      <p>
        As things stand the pool would be short by <Amount value={missing} token={tokens.staked} /> at <Time at={at} />.
        {loss.data !== undefined && loss.data !== null && (
          <>
            {" "}
            Of your stake that is inactive then, <strong><Amount value={loss.data} token={tokens.staked} /></strong> would become debt that is owed to you. Borrowers have until then to repay.
          </>
        )}
      </p>
    </div>
  );
}

/** The pool is short: nothing moves before the debt is marked, which anybody can do, in one step with the withdrawal. */
function Short() {
  const { state, tokens, account, address, pool, client, borrowers } = useMine();
  const marking = useQuery({
    queryKey: ["marking", pool, state.head.hash, borrowers?.join()],
    enabled: borrowers !== undefined,
    placeholderData: keepPreviousData,
    queryFn: () => readMarking(client, pool, borrowers!, state.head),
  });
  const calls = marking.data ? [call.markDebt(pool, marking.data), call.withdrawMaxStake(pool, address)] : [];
  const inactive = account.account.inactiveCurrentEpoch;
  return (
    <div id="short">
      <Action
        title="Mark the debt, then withdraw"
        verb="Mark the debt, then withdraw"
        danger
        why={() => (inactive === 0n ? "Nothing of your stake is inactive, so there is nothing to withdraw. You lose nothing by the shortfall." : !marking.data ? "Looking for the borrowers that are overdue …" : null)}
        calls={() => calls}
        effect={() => "The shortfall becomes debt of the overdue borrowers and is taken from all inactive stake alike. What is left of yours goes to your account; what you lose is owed to you, and shown as “Owed to you”."}
      >
        <p>
          Loans exceed the active stake by <Amount value={state.shortfall} token={tokens.staked} />. Until somebody marks that as debt, stake neither comes nor goes.
        </p>
      </Action>
    </div>
  );
}

const amountOf = ({ name, args }: Happening, staked: Token, rewards: Token): { value: bigint; token: Token } | null => {
  const value = (args["amount"] ?? args["claimedRewards"] ?? args["value"]) as bigint | undefined;
  return value === undefined ? null : { value, token: name.includes("Claimed") ? rewards : staked };
};

const WORDS: Record<string, string> = {
  Staked: "Staked",
  WithdrawalRequested: "Requested a withdrawal",
  WithdrawalCancelled: "Cancelled a request",
  Restaked: "Restaked",
  WithdrewStake: "Withdrew",
  WithdrewDebt: "Withdrew repaid debt",
  ReceivedDebt: "Lost to a shortfall, owed since",
  ClaimedRewards: "Claimed rewards",
  Transfer: "Transferred stake",
};

function History() {
  const { state, tokens, account, address, pool, client, deployment, head } = useMine();
  const events = useQuery({
    queryKey: ["statement", pool, address, account.account.activeNextEpoch, account.account.inactiveCurrentEpoch, account.account.debt, account.balance, account.account.claimableRewards / 10n ** 18n],
    placeholderData: keepPreviousData,
    retry: 1,
    queryFn: () => readHistory(client, pool, address, deployment.fromBlock, head),
  });
  const rows = events.data ?? [];
  const file = (): string =>
    csv([
      ["time", "block", "transaction", "event", "amount", "unit", "base_units"],
      ...rows.map((row) => {
        const of = amountOf(row, tokens.staked, tokens.rewards);
        return [new Date(Number(row.time) * 1000).toISOString(), String(row.block), row.transaction, row.name, of ? exact(of.value, of.token.decimals).replaceAll(",", "") : "", of?.token.symbol ?? "", of ? String(of.value) : ""];
      }),
    ]);
  return (
    <Section title="History">
      {events.isError && <p className="reason">This node does not give the logs of the past.</p>}
      {events.isPending && <Waiting>Reading logs …</Waiting>}
      {events.data && rows.length === 0 && <p className="note">This account has done nothing here yet.</p>}
      {rows.length > 0 && (
        <>
          <Table label="History of the account">
            <thead>
              <tr>
                <th scope="col">Time</th>
                <th scope="col">What</th>
                <th scope="col" className="number">Amount</th>
                <th scope="col" className="number">Block</th>
              </tr>
            </thead>
            <tbody>
              {rows
                .slice(-100)
                .reverse()
                .map((row) => {
                  const of = amountOf(row, tokens.staked, tokens.rewards);
                  return (
                    <tr key={`${row.block}:${row.index}`}>
                      <th scope="row">{time(row.time)}</th>
                      <td className="text">{WORDS[row.name] ?? row.name}</td>
                      <td>{of && <Amount value={of.value} token={of.token} />}</td>
                      <td>{String(row.block)}</td>
                    </tr>
                  );
                })}
            </tbody>
          </Table>
          <p className="buttons">
            <button type="button" className="quiet" onClick={() => download("tidepool-statement.csv", "text/csv", file())}>
              Statement as CSV
            </button>
            <button type="button" className="quiet" onClick={() => download("tidepool.ics", "text/calendar", calendar(state, tokens, pool))}>
              Calendar file
            </button>
          </p>
        </>
      )}
    </Section>
  );
}
