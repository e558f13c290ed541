import { useReady } from "../app";
import { amount, duration, percent } from "../lib/format";
import { Heading, Waiting } from "../parts/parts";
import guide from "../../../docs/guide/staking.md?raw";

/** The handbook of docs/guide, with the figures of this pool. Text only: headings, paragraphs and lists. */
export default function LearnPage() {
  const ready = useReady();
  return (
    <>
      <Heading intro="What staking here means, what can be lost, and what happens when.">Learn</Heading>
      {ready ? <Text /> : <Waiting />}
    </>
  );
}

function Text() {
  const { state, tokens } = useReady()!;
  const figures: Record<string, string> = {
    token: tokens.staked.symbol,
    rewards: tokens.rewards.symbol,
    epoch: duration(state.interval),
    window: duration(state.blackoutWindow),
    stake: amount(state.state.activeCurrentEpoch + state.state.inactiveCurrentEpoch, tokens.staked),
    borrowed: amount(state.state.borrowed, tokens.staked),
    lent: state.state.activeCurrentEpoch === 0n ? "0 %" : percent((state.state.borrowed * 10_000n) / state.state.activeCurrentEpoch),
    debt: amount(state.state.borrowerDebt, tokens.staked),
    shortfalls: String(state.state.shortfallCount),
    emission: amount(state.state.rewardsPerSecond * 86_400n, tokens.rewards),
  };
  const blocks = guide
    .split(/\n{2,}/)
    .map((block) => block.trim())
    .filter((block) => block && !block.startsWith("# ") && !block.startsWith("<!--"))
    .map((block) => block.replace(/\{(\w+)\}/g, (whole, name: string) => figures[name] ?? whole));
  return (
    <div className="prose">
      {blocks.map((block, place) => {
        if (block.startsWith("## ")) return <h2 key={place}>{block.slice(3)}</h2>;
        if (block.startsWith("### ")) return <h3 key={place}>{block.slice(4)}</h3>;
        if (block.startsWith("- ")) {
          return (
            <ul key={place}>
              {block.split(/\n- /).map((item, at) => (
                <li key={at}>{item.replace(/^- /, "").replace(/\n/g, " ")}</li>
              ))}
            </ul>
          );
        }
        return <p key={place}>{block.replace(/\n/g, " ")}</p>;
      })}
    </div>
  );
}
