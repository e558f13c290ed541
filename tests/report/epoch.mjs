// Makes a simulated epoch eventful, for a page with something to show: an outage, makers that pause, quote one side, quote too little or too
// far; an account that trades only, one that is excluded, and one that another program rewards.
//
// usage: node epoch.mjs FOLDER
import { readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const [folder] = process.argv.slice(2);
const links = readFileSync(join(folder, "links.csv"), "utf8").trim().split("\n")[1].split(",");
const samples = join(folder, "samples");

/** The orders that a maker of this place has after all, in this minute. */
const quoted = (orders, place, minute) => {
  const hour = Math.floor(minute / 60);
  if (place === 1) return orders.filter((order) => hour % 24 < 16 || order.side === "B");
  if (place === 2) return hour % 12 < 4 ? [] : orders;
  if (place === 3) return orders.map((order) => (hour % 10 < 5 ? { ...order, size: "0.0001" } : order));
  if (place === 4) return orders.filter((_, at) => (minute * 7 + at) % 11 > 3);
  return orders;
};

const best = (orders, side, pick) => {
  const prices = orders.filter((order) => order.side === side).map((order) => Number(order.price));
  return prices.length === 0 ? null : orders.find((order) => Number(order.price) === pick(...prices)).price;
};

for (const file of readdirSync(samples)) {
  const path = join(samples, file);
  const lines = readFileSync(path, "utf8").trim().split("\n").map((line) => JSON.parse(line));
  const makers = [...new Set(lines.flatMap((sample) => sample.orders.map((order) => order.account)))].sort();
  const changed = lines
    .filter((sample) => sample.minute < 600 || sample.minute > 840 || sample.market !== "ETH-USD")
    .map((sample) => {
      const orders = makers.flatMap((maker, place) =>
        quoted(sample.orders.filter((order) => order.account === maker), place, sample.minute),
      );
      const [bid, ask] = [best(orders, "B", Math.max), best(orders, "S", Math.min)];
      const status = sample.status === "outage" ? "outage" : bid && ask ? "ok" : "one_sided";
      return { ...sample, status, best_bid: bid, best_ask: ask, orders };
    });
  writeFileSync(path, changed.map((sample) => JSON.stringify(sample)).join("\n") + "\n");
}

const volume = readFileSync(join(folder, "volume.csv"), "utf8").trim().split("\n").slice(1).map((line) => line.split(","));
const makers = [...new Set(volume.map(([, , account]) => account))].filter((account) => !links.includes(account));
writeFileSync(join(folder, "exclusions.csv"), `account,reason\n${makers[2]},terms of use\n`);
writeFileSync(join(folder, "programs", "retroactive.csv"), `account,wei\n${links[1]},1\n0x${"7".repeat(40)},123456789012345678901\n`);
// It is another epoch now than the one that was sealed.
rmSync(join(folder, "SHA256SUMS"));
