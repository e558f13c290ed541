// The old exchange's client, unchanged and with keys that are none, against `tidepool serve`.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { DydxClient } from "@dydxprotocol/v3-client";

const { RPC, TIDEPOOL } = process.env;
const folder = mkdtempSync(join(tmpdir(), "v3-"));
// Any contract will do: rewards do not need the pool.
const MULTICALL = "0xcA11bde05977b3631167028862bE2a173976CA11";
const key = "9a7f3a52-3c1e-4a1c-9d0b-5c9c3c1f0000";
let server, client, account;

before(async () => {
  const epochs = join(folder, "epochs");
  mkdirSync(epochs);
  const arguments_ = ["rewards", "simulate", join(epochs, "18"), "--minutes", "60", "--markets", "2", "--makers", "3"];
  execFileSync(TIDEPOOL, [...arguments_, "--format", "jsonl"], { stdio: "pipe" });
  account = readFileSync(join(epochs, "18", "links.csv"), "utf8").split("\n")[1].split(",")[1].trim();
  mkdirSync(join(epochs, "18.programs"));
  const table = "account,allocation,target_volume,volume,estimated_rewards\n";
  writeFileSync(join(epochs, "18.programs", "retroactive.csv"), `${table}${account},1163.51,500,250.5,582.9\n`);
  writeFileSync(join(folder, "keys.csv"), `key,address\n${key},${account}\n`);
  const options = ["--rpc", RPC, "--pool", MULTICALL, "--from-block", "0", "--listen", "127.0.0.1:0"];
  const more = ["--database", join(folder, "index.sqlite"), "--rewards", epochs, "--api-keys", join(folder, "keys.csv")];
  server = spawn(TIDEPOOL, ["serve", ...options, ...more], { stdio: ["ignore", "ignore", "pipe"] });
  const url = await new Promise((resolve, reject) => {
    let text = "";
    server.stderr.on("data", (data) => {
      text += data;
      const found = text.match(/listening at (http:\S+)/);
      if (found) resolve(found[1]);
    });
    server.on("exit", () => reject(new Error(text)));
  });
  for (let attempt = 0; attempt < 100; attempt += 1) {
    if ((await fetch(`${url}/v1/rewards/live`)).ok) break;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const apiKeyCredentials = { key, secret: "bm9uZQ==", passphrase: "none" };
  client = new DydxClient(url, { apiKeyCredentials });
});

after(() => {
  server?.kill();
  rmSync(folder, { recursive: true });
});

const refused = (status) => (error) => {
  assert.equal(error.status, status, error.message);
  assert.equal(typeof error.data.errors[0].msg, "string");
  return true;
};

test("liquidity provider rewards", async () => {
  const rewards = await client.private.getLiquidityProviderRewardsV2({ epoch: 18 });
  assert.deepEqual(
    Object.keys(rewards).sort(),
    ["epoch", "epochEnd", "epochStart", "linkedAddressRewards", "markets", "stakedDYDX"],
  );
  const [market] = Object.values(rewards.markets);
  const names = [
    "depthSpreadScore", "estimatedRewards", "linkedUptime", "makerVolume", "market", "maxUptime", "score",
    "secondaryAllocation", "totalMakerVolume", "totalRewards", "totalScore", "uptime",
  ];
  assert.deepEqual(Object.keys(market).sort(), names);
  for (const name of names) assert.equal(typeof market[name], "string", name);
  assert.equal(market.maxUptime > 0, true);
  const linked = Object.values(rewards.linkedAddressRewards);
  assert.equal(linked.length, 1, "the smallest maker is linked to the largest");
  assert.equal(Object.keys(linked[0].markets).length, 2);
});

test("the same without linked accounts, and of one of them", async () => {
  const own = await client.private.getLiquidityProviderRewards({ epoch: 18 });
  assert.equal(own.linkedAddressRewards, undefined);
  const { linkedAddressRewards } = await client.private.getLiquidityProviderRewardsV2({ epoch: 18 });
  const [secondaryAddress, expected] = Object.entries(linkedAddressRewards)[0];
  const secondary = await client.private.getLiquidityProviderRewards({ epoch: 18, secondaryAddress });
  assert.deepEqual(secondary.markets, expected.markets);
});

test("where there are no data there is that API's 404", async () => {
  await assert.rejects(client.private.getLiquidityProviderRewardsV2({ epoch: 17 }), refused(404));
  await assert.rejects(client.private.getTradingRewards({ epoch: 18 }), refused(404));
  await assert.rejects(client.public.getPublicRetroactiveMiningRewards(MULTICALL), refused(404));
});

test("retroactive rewards are those of the operator's table", async () => {
  const rewards = await client.public.getPublicRetroactiveMiningRewards(account);
  assert.deepEqual(rewards, { allocation: "1163.51", targetVolume: "500" });
  const own = await client.private.getRetroactiveMiningRewards();
  assert.deepEqual(own.retroactiveMining, { allocation: "1163.51", targetVolume: "500", volume: "250.5" });
});
