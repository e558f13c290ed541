// The pages in a browser, against the compiled programs on a node: whole lives, wallets that behave in every way, and links that mean harm.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, request } from "node:http";
import { join } from "node:path";
import { after, afterEach, beforeEach, test } from "node:test";
import { parseAbi, toFunctionSelector, zeroAddress } from "viem";
import { act, action, allowed, as, clean, client, configure, connectWallet, deployment, distributorAbi, end, equalsGetters, exchangeAbi, figure, get, makeEpochs, perform, performed, pool, oracleAbi, poolAbi, proxyAbi, rootOf, rpc, shot, site, startServer, tokenAbi, toEdge, units, until, usdc, visit } from "./harness.mjs";

after(end);
let snapshot;
beforeEach(async () => {
  snapshot = await client.snapshot();
});
afterEach(() => client.revert({ id: snapshot }));

const staker = deployment.accounts.staker1.address;
const stakeAs = async (who, tokens) => {
  await act(who, usdc, tokenAbi, "approve", pool, units(tokens));
  await act(who, pool, poolAbi, "stake", units(tokens));
};
/** All that the first maker may borrow, by its proxy. */
const borrowAll = async (maker) => {
  const proxy = deployment.contracts[`${maker}-proxy`];
  await act(maker, proxy, proxyAbi, "borrow", await get("getBorrowableAmount", proxy));
  return proxy;
};

test("the first page says what the pool says, without a wallet", async () => {
  await stakeAs("staker1", 1000);
  await borrowAll("maker1");
  await visit({}, async (page) => {
    await until("figures are there", async () => (await page.locator(".figures").count()) > 0);
    const state = await get("getPool");
    assert.equal(await figure(page, "Stake"), state.activeCurrentEpoch + state.inactiveCurrentEpoch);
    assert.equal(await figure(page, "Borrowed"), state.borrowed);
    await page.getByText("The same as a table").waitFor();
    await clean(page);
    await shot(page, "pool");
  });
});

test("a staker's life: stake, request, cancel, claim, withdraw over an edge", async () => {
  await act("staker1", usdc, tokenAbi, "approve", pool, 0n);
  await visit({ path: "#/stake", who: "staker1" }, async (page) => {
    await equalsGetters(page, "staker1");
    await clean(page);
    // A signature and one transaction: the token has permits.
    await performed(page, "Stake", "1,000.5");
    assert.equal((await get("getAccount", staker)).activeCurrentEpoch, units(1000.5));
    assert.deepEqual(await page.evaluate(() => walletAsked.filter((method) => method !== "eth_requestAccounts")), ["eth_signTypedData_v4", "eth_sendTransaction"]);
    await equalsGetters(page, "staker1");
    await performed(page, "Request a withdrawal", "400");
    await equalsGetters(page, "staker1");
    await performed(page, "Cancel a request", "150.25");
    assert.equal((await get("getAccount", staker)).activeNextEpoch, units(750.75));
    await equalsGetters(page, "staker1");
    await shot(page, "stake");
    await toEdge(-3600);
    // In the blackout window the button says why, and until when.
    await until("the window is seen", async () => (await action(page, "Request a withdrawal").locator(".reason").textContent()).includes("blackout window is running"));
    assert.ok(await action(page, "Request a withdrawal").locator("button.go").isDisabled());
    await toEdge(10);
    await equalsGetters(page, "staker1");
    await performed(page, "Withdraw", "100");
    await equalsGetters(page, "staker1");
    await performed(page, "Restake", "49.75");
    await equalsGetters(page, "staker1");
    const due = (await get("getAccount", staker)).claimableRewards;
    assert.ok(due > 0n);
    await performed(page, "Claim rewards");
    await until("rewards arrived", async () => (await client.readContract({ address: deployment.tokens.DYDX, abi: tokenAbi, functionName: "balanceOf", args: [staker] })) >= due);
    await page.getByRole("region", { name: "History of the account" }).waitFor();
    await until("the history is complete", async () => {
      const text = await page.getByRole("region", { name: "History of the account" }).textContent();
      return ["Staked", "Requested a withdrawal", "Cancelled a request", "Withdrew", "Restaked", "Claimed rewards"].every((words) => text.includes(words));
    });
    const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Statement as CSV" }).click()]);
    assert.equal(file.suggestedFilename(), "tidepool-statement.csv");
    // What was done survives a reload.
    const before = await page.locator(".transactions li").count();
    await page.reload();
    await until("the transactions are still there", async () => (await page.locator(".transactions li").count()) === before);
    await equalsGetters(page, "staker1");
    await clean(page);
  });
});

test("a late borrower: the loss is shown, the debt is marked and the rest withdrawn, repaid debt comes back", async () => {
  await stakeAs("staker1", 1000);
  await stakeAs("staker2", 1000);
  const proxies = [];
  for (const maker of ["maker1", "maker2", "maker3"]) proxies.push(await borrowAll(maker));
  await act("staker1", pool, poolAbi, "requestWithdrawal", units(1000));
  await visit({ path: "#/stake", who: "staker1", mode: { atomic: "supported" } }, async (page) => {
    await until("the haircut is shown", async () => (await page.locator("#haircut strong .amount").count()) === 1);
    const shown = BigInt(await page.locator("#haircut strong .amount").getAttribute("data-units"));
    await shot(page, "stake-haircut");
    await toEdge(5);
    await until("the pool is short", async () => (await page.locator("#short").count()) === 1);
    assert.ok(await action(page, "Stake").locator("button.go").isDisabled());
    assert.match(await action(page, "Stake").locator(".reason").textContent(), /short by/);
    const row = page.locator("#short tr[data-row=debt] strong .amount");
    await row.waitFor();
    const loss = BigInt(await row.getAttribute("data-units"));
    await shot(page, "stake-short");
    await clean(page);
    await performed(page, "Mark the debt, then withdraw");
    assert.deepEqual(await page.evaluate(() => walletAsked.filter((method) => method !== "eth_requestAccounts")), ["wallet_sendCalls"]);
    await equalsGetters(page, "staker1");
    const { debt, inactiveCurrentEpoch } = await get("getAccount", staker);
    assert.equal(await client.readContract({ address: usdc, abi: tokenAbi, functionName: "balanceOf", args: [staker] }), units(1_000_000 - 1000) + units(1000) - debt);
    assert.equal(debt, loss);
    assert.equal(debt, shown);
    assert.ok(debt > 0n && inactiveCurrentEpoch <= 1n);
    // Somebody pays the debts of all; the staker takes back what was lost.
    await act("staker3", usdc, tokenAbi, "approve", pool, units(10000));
    for (const proxy of proxies) if ((await get("getBorrowerDebtBalance", proxy)) > 0n) await act("staker3", pool, poolAbi, "repayDebtUpTo", proxy, units(10000));
    await until("repaid debt is seen", async () => !(await action(page, "Withdraw what was owed").locator(".reason").textContent()).includes("nothing of it"));
    await action(page, "Withdraw what was owed").getByRole("button", { name: /^Max/ }).click();
    await performed(page, "Withdraw what was owed");
    await equalsGetters(page, "staker1");
    assert.equal((await get("getAccount", staker)).debt, 0n);
  });
});

test("a wallet that batches confirms approval and stake at once; one that does not sign permits approves, then stakes", async () => {
  for (const who of ["staker2", "staker3"]) await act(who, usdc, tokenAbi, "approve", pool, 0n);
  await visit({ path: "#/stake", who: "staker2", mode: { atomic: "ready" } }, async (page) => {
    await equalsGetters(page, "staker2");
    await performed(page, "Stake", "10");
    assert.deepEqual(await page.evaluate(() => walletAsked.filter((method) => method !== "eth_requestAccounts")), ["wallet_sendCalls"]);
    await equalsGetters(page, "staker2");
  });
  await visit({ path: "#/stake", who: "staker3", mode: { unsigned: true } }, async (page) => {
    await equalsGetters(page, "staker3");
    await perform(page, "Stake", "10");
    await until("both went through", async () => (await get("getAccount", deployment.accounts.staker3.address)).activeCurrentEpoch === units(10));
    assert.deepEqual(await page.evaluate(() => walletAsked.filter((method) => method !== "eth_requestAccounts")), ["eth_signTypedData_v4", "eth_sendTransaction", "eth_sendTransaction"]);
  });
});

test("a wallet that declines, that is slow, that is on another chain, that is locked", async () => {
  await stakeAs("staker1", 100);
  await visit({ path: "#/stake", who: "staker1", mode: { rejects: true, delay: 300 } }, async (page) => {
    await equalsGetters(page, "staker1");
    await perform(page, "Request a withdrawal", "1");
    await page.getByRole("button", { name: "Look at your wallet" }).waitFor();
    await action(page, "Request a withdrawal").getByText("You declined in your wallet. Nothing was sent.").waitFor();
    await until("it is in the list", async () => (await page.locator(".transactions li").first().getAttribute("data-state")) === "declined");
    // Closing the page while the wallet asks leaves a note, not a wrong state.
    await page.evaluate(() => Object.assign(walletMode, { rejects: false, delay: 60000 }));
    await perform(page, "Request a withdrawal", "1");
    await until("the wallet is asked", async () => (await page.locator(".transactions li").first().getAttribute("data-state")) === "signing");
    await page.reload();
    await until("the page does not know", async () => (await page.locator(".transactions li").first().getAttribute("data-state")) === "unknown");
  });
  await visit({ path: "#/stake", who: "staker1", mode: { chain: 1 } }, async (page) => {
    await page.getByText("Your wallet is on chain 1;").waitFor();
    assert.ok(await action(page, "Request a withdrawal").locator("button.go").isDisabled());
    await page.getByRole("button", { name: "Switch to Development chain" }).click();
    await until("the banner is gone", async () => (await page.getByText("Your wallet is on chain 1;").count()) === 0);
    await performed(page, "Request a withdrawal", "1");
  });
  await visit({ path: "#/stake", who: "staker1", mode: { locked: true }, connect: false }, async (page) => {
    await page.getByRole("button", { name: "Connect a wallet" }).click();
    await page.getByRole("button", { name: "Test wallet" }).click();
    await page.getByText("Your wallet is locked").waitFor();
  });
});

test("the development wallet, without any other", async () => {
  await visit({ path: "#/stake" }, async (page) => {
    await page.getByRole("button", { name: "Connect a wallet" }).click();
    await shot(page, "connect");
    await clean(page);
    await page.getByLabel("Account of the development chain").selectOption("staker4");
    await page.getByRole("button", { name: "Development wallet" }).click();
    await equalsGetters(page, "staker4");
    await performed(page, "Stake", "5");
    await equalsGetters(page, "staker4");
  });
});

test("what is refused by the chain is refused in words before the wallet is asked", async () => {
  await stakeAs("staker1", 100);
  await visit({ path: "#/stake", who: "staker1" }, async (page) => {
    await equalsGetters(page, "staker1");
    for (const [text, words] of [["101", "what stays active next epoch is 100 USDC"], ["0", "zero"], ["1e5", "is not an amount"], ["0.0000001", "6 decimals"]]) {
      await action(page, "Request a withdrawal").getByLabel(/^Amount/).fill(text);
      await until(words, async () => (await action(page, "Request a withdrawal").locator(".reason").textContent()).includes(words));
      assert.ok(await action(page, "Request a withdrawal").locator("button.go").isDisabled());
    }
    assert.deepEqual(await page.evaluate(() => walletAsked), ["eth_requestAccounts"]);
  });
});

test("the node dies in the middle and comes back", async () => {
  await visit({ path: "#/pool", expected: [/Failed to load resource/] }, async (page) => {
    await until("figures are there", async () => (await page.locator(".figures").count()) > 0);
    await page.route(`${rpc}/**`, (route) => route.abort());
    await page.getByText("does not answer, or is of another chain").waitFor();
    assert.ok((await page.locator(".figures").count()) > 0);
    await page.unroute(`${rpc}/**`);
    await until("the banner is gone", async () => (await page.getByText("does not answer, or is of another chain").count()) === 0);
  });
});

test("a computer whose clock is a day off is told so, and the chain's time counts", async () => {
  await visit({ path: "#/pool" }, async (page) => {
    await page.clock.setFixedTime(Date.now() + 86_400_000);
    await page.getByText("The chain's time counts").waitFor();
  });
});

test("a link to a foreign deployment never leads to a signing prompt without its screen", async () => {
  const foreign = JSON.stringify({ chainId: deployment.chainId, rpc, contracts: deployment.contracts, accounts: deployment.accounts });
  const check = async (page) => {
    await page.getByRole("heading", { name: "Not this operator's deployment" }).waitFor();
    assert.equal(await page.getByRole("button", { name: "Connect a wallet" }).count(), 0);
    for (const address of Object.values(deployment.contracts)) assert.ok((await page.locator("table").textContent()).includes(address));
    assert.ok(await page.getByRole("button", { name: "Go on at my own risk" }).isDisabled());
  };
  for (const path of [`?deployment=${encodeURIComponent(foreign)}#/stake`, `#/stake?deployment=${encodeURIComponent(foreign)}`]) {
    await visit({ path, who: "staker1", connect: false }, async (page) => {
      await check(page);
      await clean(page);
      assert.deepEqual(await page.evaluate(() => walletAsked), []);
      await page.getByRole("button", { name: "Compare the code" }).click();
      await page.getByText("the code of this operator's pool").waitFor();
      await shot(page, "foreign");
      await page.getByLabel("I know whose contracts these are").check();
      await page.getByRole("button", { name: "Go on at my own risk" }).click();
      await page.getByRole("alert").filter({ hasText: "Not this operator's deployment" }).waitFor();
      await connectWallet(page);
      assert.equal(await page.getByRole("button", { name: "Development wallet" }).count(), 0);
      assert.equal(await page.evaluate(() => Object.keys(localStorage).filter((key) => key.includes("transactions")).length), 0);
    });
  }
  // In a page that runs already, connected.
  await visit({ path: "#/stake", who: "staker1" }, async (page) => {
    await equalsGetters(page, "staker1");
    await page.evaluate((hash) => (location.hash = hash), `#/stake?deployment=${encodeURIComponent(foreign)}`);
    await check(page);
  });
  await visit({ path: "#/stake?deployment=%7Bnonsense" }, async (page) => {
    await page.getByText("cannot be read: it is not JSON.").waitFor();
  });
});

test("the server of the pages gives away nothing else, and survives what it cannot read", async () => {
  const status = async (path) =>
    new Promise((resolve, reject) => {
      const { hostname, port } = new URL(site.url);
      request({ hostname, port, path }, (answer) => (answer.resume(), resolve(answer.statusCode))).on("error", reject).end();
    });
  for (const path of ["/%zz", "/../package.json", "/..%2fpackage.json", "/%2e%2e/package.json", "/nothing", "//", "/assets"]) assert.equal(await status(path), 404, path);
  assert.equal(await status("/"), 200);
  assert.equal(await status("/deployment.json"), 200);
});

test("keyboard alone: to the content, into the dialog, out of it", async () => {
  await visit({ path: "#/stake" }, async (page) => {
    await page.getByRole("heading", { name: "Stake", exact: true }).waitFor();
    await page.keyboard.press("Tab");
    assert.equal(await page.evaluate(() => document.activeElement.className), "skip");
    await page.keyboard.press("Enter");
    assert.equal(await page.evaluate(() => document.activeElement.id), "main");
    const button = page.getByRole("button", { name: "Connect a wallet" });
    await button.focus();
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").waitFor();
    assert.ok(await page.evaluate(() => document.querySelector("dialog").contains(document.activeElement)));
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "hidden" });
    assert.equal(await page.evaluate(() => document.activeElement.className), "connect");
  });
});

test("a phone of 360 pixels, 200 % zoom, dark: nothing is cut off, axe is content", async () => {
  await stakeAs("staker1", 1234.5);
  await borrowAll("maker1");
  for (const [name, context] of [
    ["phone", { viewport: { width: 360, height: 740 }, isMobile: true }],
    ["zoom", { viewport: { width: 640, height: 450 } }],
    ["dark", { colorScheme: "dark", reducedMotion: "reduce" }],
  ]) {
    await visit({ path: "#/pool", who: "staker1", ...context }, async (page) => {
      for (const route of await page.locator("header nav a").evaluateAll((links) => links.map((link) => link.getAttribute("href")))) {
        await page.evaluate((hash) => (location.hash = hash), route);
        await page.locator("h1").waitFor();
        await until("it is drawn", async () => (await page.getByText("Reading").count()) === 0 && (await page.getByText("Loading").count()) === 0);
        const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        assert.ok(wide <= 0, `${route} is ${wide} pixels too wide (${name})`);
        if (name !== "zoom") await clean(page);
        await shot(page, `${name}-${route.slice(2)}`);
      }
    });
  }
});

test("without JavaScript there is a page that says so", async () => {
  await visit({ javaScriptEnabled: false }, async (page) => {
    assert.match(await page.locator("#root").textContent(), /need JavaScript/);
  });
  await visit({ expected: [/Failed to load resource/, /Failed to fetch dynamically imported module/] }, async (page) => {
    await page.route("**/assets/stake-*.js", (route) => route.abort());
    await page.getByRole("link", { name: "Stake", exact: true }).click();
    await page.getByText("A part of this page could not be loaded or drawn.").waitFor();
  });
});

test("borrowers: what the table says is what the getters say", async () => {
  await stakeAs("staker1", 1000);
  const proxy = await borrowAll("maker1");
  await act("staker1", pool, poolAbi, "requestWithdrawal", units(400));
  await visit({ path: "#/borrowers" }, async (page) => {
    const row = page.locator(`tr[data-borrower="${proxy}"]`);
    await row.waitFor();
    assert.equal(await page.locator("tr[data-borrower]").count(), 4);
    const of = await get("getBorrower", proxy);
    const cell = async (name) => BigInt(await row.locator(`[data-of=${name}] .amount`).getAttribute("data-units"));
    assert.equal(await cell("borrowed"), of.borrowed);
    assert.equal(await cell("borrowable"), of.borrowable);
    assert.equal(await cell("due"), of.borrowed - of.allocatedBalanceNextEpoch);
    assert.ok((await cell("due")) > 0n);
    assert.match(await row.locator("th").textContent(), /maker1/);
    await clean(page);
    await shot(page, "borrowers");
  });
});

test("a borrower's life: borrows, trades, is late, pays what was marked", async () => {
  await stakeAs("staker1", 1000);
  const proxy = deployment.contracts["maker1-proxy"];
  const exchange = deployment.contracts["exchange-double"];
  const [key, asset, vault] = [1001n, 1n, 1n];
  const held = () => client.readContract({ address: usdc, abi: tokenAbi, functionName: "balanceOf", args: [proxy] });
  await visit({ path: "#/borrowers", who: "maker1" }, async (page) => {
    const cell = async (name) => BigInt(await page.locator(`tr[data-borrower="${proxy}"] [data-of=${name}] .amount`).getAttribute("data-units"));
    const equals = () =>
      until("the table equals the getters", async () => {
        const of = await get("getBorrower", proxy);
        return (await cell("borrowed")) === of.borrowed && (await cell("borrowable")) === of.borrowable && (await cell("debt")) === of.debt && (await cell("held")) === (await held());
      });
    const after = async (title, row) => {
      const strong = action(page, title).locator(`tr[data-row=${row}] strong .amount`);
      await strong.waitFor();
      return BigInt(await strong.getAttribute("data-units"));
    };
    await page.getByRole("heading", { name: "You act for maker1" }).waitFor();
    await action(page, "Borrow").getByLabel(/^Amount/).fill("250.000001");
    await page.getByText("above the share of this epoch, 250 USDC").waitFor();
    await action(page, "Borrow").getByLabel(/^Amount/).fill("250");
    assert.equal(await after("Borrow", "held"), units(250));
    await clean(page);
    await performed(page, "Borrow");
    await equals();
    await performed(page, "Repay the loan", "50");
    assert.equal((await get("getBorrower", proxy)).borrowed, units(200));
    await equals();
    await performed(page, "Deposit to the exchange", String(units(150)));
    assert.equal(await held(), units(50));
    await equals();
    await act("owner", exchange, exchangeAbi, "acceptDeposit", key, asset, vault, units(150));
    await page.getByText("possible in the blackout window only").waitFor();
    await page.getByText("holds nothing ready for this key").waitFor();
    // The stake goes: what was borrowed has to be back, and is on the exchange.
    await act("staker1", pool, poolAbi, "requestWithdrawal", units(1000));
    await page.locator(".warning").filter({ hasText: "have to be back before" }).waitFor();
    await toEdge(-3600);
    await until("auto-pay says what is missing", async () => /holds 50 USDC, but 200 USDC have to be back/.test(await action(page, "Auto-pay or borrow").locator(".reason").textContent()));
    await shot(page, "borrower");
    await toEdge(5);
    await until("the loan is overdue", async () => (await cell("overdue")) > 0n);
    await act("staker2", pool, poolAbi, "markDebt", [proxy]);
    await until("the debt is shown", async () => (await cell("debt")) === (await get("getBorrower", proxy)).debt && (await cell("debt")) > 0n);
    await page.getByText("may not borrow until governance allows it again").waitFor();
    await until("a deposit is refused", async () => /may not go to the exchange/.test(await action(page, "Deposit to the exchange").locator(".reason").textContent()));
    // Tokens come back from the exchange, and pay.
    await act("owner", exchange, exchangeAbi, "releaseWithdrawal", asset, vault, units(150));
    assert.equal(await after("Withdraw from the exchange", "held"), units(200));
    await performed(page, "Withdraw from the exchange");
    await equals();
    await action(page, "Pay the debt").getByRole("button", { name: /^Max/ }).click();
    await performed(page, "Pay the debt");
    await equals();
    assert.equal((await get("getBorrower", proxy)).debt, 0n);
    await shot(page, "borrower-paid");
    await clean(page);
  });
  // Auto-pay in the next window, and a payment from one's own wallet.
  await act("owner", pool, poolAbi, "setBorrowingRestriction", proxy, false);
  await stakeAs("staker3", 1000);
  await visit({ path: "#/borrowers", who: "maker1" }, async (page) => {
    await performed(page, "Borrow", "200");
    await act("staker3", pool, poolAbi, "requestWithdrawal", units(500));
    await toEdge(-3600);
    await until("auto-pay can be pressed", async () => action(page, "Auto-pay or borrow").locator("button.go").isEnabled());
    await performed(page, "Auto-pay or borrow");
    const of = await get("getBorrower", proxy);
    assert.equal(of.borrowed, of.allocatedBalanceNextEpoch);
    await act("staker2", usdc, tokenAbi, "transfer", deployment.accounts.maker1.address, units(500));
    await until("the wallet's tokens are seen", async () => !(await action(page, "Repay the loan from your wallet").locator(".reason").textContent()).includes("Your account holds 0"));
    await action(page, "Repay the loan from your wallet").getByRole("button", { name: /^Max/ }).click();
    await perform(page, "Repay the loan from your wallet");
    await until("all is repaid", async () => (await get("getBorrower", proxy)).borrowed === 0n);
  });
});

test("status: programs with expiry and cache, routes against the book, nodes that disagree, a keeper", async () => {
  const keeper = createServer((request, answer) => answer.writeHead(200, { "access-control-allow-origin": "*", "content-type": "application/json" }).end(JSON.stringify({ live: true, trouble: null, last_tick: { block: 7, time: 1_800_000_000 }, alerts: 2 })));
  await new Promise((resolve) => keeper.listen(0, "127.0.0.1", resolve));
  const at = `http://127.0.0.1:${keeper.address().port}`;
  const silent = "http://127.0.0.1:9";
  allowed.add(new URL(at).host).add(new URL(silent).host);
  configure({ keeper: at, nodes: [rpc, silent] });
  const wasm = { address: "0x0000000000000000000000000000000000000071", abi: parseAbi(["function programTimeLeft(address) view returns (uint64)"]) };
  try {
    await visit({ path: "#/status", expected: [/Failed to load resource/] }, async (page) => {
      const row = (name) => page.locator(`tr[data-program="${name}"]`);
      await row("debt-accounting").waitFor();
      for (const [name, address] of Object.entries({ pool, ...deployment.facets })) {
        const left = await client.readContract({ ...wasm, functionName: "programTimeLeft", args: [address] });
        assert.equal(BigInt(await row(name).getAttribute("data-left")), left, name);
      }
      assert.match(await row("maker1-proxy").textContent(), /a clone of/);
      assert.equal(await page.locator("tr[data-facet]").count(), 7);
      assert.equal(await page.locator('tr[data-facet]:not([data-wrong="0"])').count(), 0);
      await until("the keeper is read", async () => /2 open alerts/.test(await page.locator("tr[data-service=keeper]").textContent()));
      await until("the silent node is told", async () => /does not answer/.test(await page.locator('tr[data-node="127.0.0.1:9"]').textContent()));
      await clean(page);
      await shot(page, "status");
      // One function is cut to another facet: told, by name.
      const selector = toFunctionSelector("function getSurplus()");
      await act("owner", pool, poolAbi, "diamondCut", [{ facetAddress: deployment.facets["staking"], action: 1, functionSelectors: [selector] }], zeroAddress, "0x");
      await page.getByText("getSurplus goes to").waitFor();
      // A year later nothing can be called any more, and the page says what to do.
      await client.request({ method: "evm_increaseTime", params: [366 * 86_400] });
      await client.request({ method: "evm_mine", params: [] });
      await page.getByText("a program of it may have expired").waitFor();
      await until("programs are told to be expired", async () => /expired: every call reverts/.test(await row("pool").textContent()));
      await shot(page, "status-expired");
    });
  } finally {
    configure();
    keeper.close();
  }
});

test("debt: a keeper sees who would be charged, marks it, and sees what is owed", async () => {
  await stakeAs("staker1", 1000);
  const proxy = await borrowAll("maker1");
  await act("staker1", pool, poolAbi, "requestWithdrawal", units(1000));
  await toEdge(5);
  await visit({ path: "#/debt", who: "staker2" }, async (page) => {
    await page.getByRole("region", { name: "Who would be charged" }).waitFor();
    assert.equal(await figure(page, "Short now"), await get("getShortfallAmount"));
    const [debt] = await get("previewDebts", [proxy]);
    assert.equal(BigInt(await page.getByRole("region", { name: "Who would be charged" }).locator("td .amount").getAttribute("data-units")), debt);
    await shot(page, "debt");
    await performed(page, "Mark the debt");
    assert.equal(await get("getBorrowerDebtBalance", proxy), debt);
    await until("the debtor is listed", async () => BigInt(await page.locator(`tr[data-debtor="${proxy}"] .amount`).getAttribute("data-units")) === debt);
    await page.getByRole("region", { name: "Table of shortfalls" }).waitFor();
    await clean(page);
  });
});

test("with a server: history, lists, statement and shortfalls are its, present figures the chain's; it dies in the middle and comes back", async () => {
  await stakeAs("staker1", 1000);
  await stakeAs("staker2", 500);
  const proxy = await borrowAll("maker1");
  await act("staker1", pool, poolAbi, "requestWithdrawal", units(1000));
  await act("staker2", pool, poolAbi, "requestWithdrawal", units(500));
  await toEdge(5);
  await act("staker3", pool, poolAbi, "markDebt", [proxy]);
  const epochs = makeEpochs(staker);
  let server = await startServer(epochs);
  configure({ server: server.url });
  try {
    await visit({ path: "#/pool", who: "staker1", expected: [/Failed to load resource/, /blocked by CORS/] }, async (page) => {
      await page.locator("[data-from=server]").waitFor();
      await page.getByRole("figure").filter({ hasText: "Emission a day" }).waitFor();
      await clean(page);
      await shot(page, "pool-server");
      for (const who of ["staker1", "staker2"]) {
        const { address } = deployment.accounts[who];
        const shown = page.locator(`tr[data-staker="${address}"] [data-of=active] .amount`);
        await shown.waitFor();
        assert.equal(BigInt(await shown.getAttribute("data-units")), (await get("getAccount", address)).activeCurrentEpoch);
      }
      await page.evaluate(() => (location.hash = "#/debt"));
      const [row] = (await server.ask("/v1/shortfalls")).data;
      assert.equal(BigInt(await page.locator("tr[data-shortfall] [data-of=amount] .amount").getAttribute("data-units")), BigInt(row.amount));
      await page.getByRole("button", { name: "show whom shortfall 0 concerned" }).click();
      await page.locator(`tr[data-charged="${proxy}" i]`).waitFor();
      const lost = page.locator(`tr[data-lost="${staker}" i] .amount`);
      assert.equal(BigInt(await lost.getAttribute("data-units")), (await get("getAccount", staker)).debt);
      await clean(page);
      await shot(page, "debt-server");
      await page.evaluate(() => (location.hash = "#/stake"));
      const earned = page.locator('tr[data-epoch="0"] [data-of=earned] .amount');
      await earned.waitFor();
      const statement = (await server.ask(`/v1/stakers/${staker}/statement`)).data.find(({ epoch }) => epoch === "0");
      assert.equal(await earned.getAttribute("data-units"), statement.rewards_earned);
      const link = await page.getByRole("link", { name: "This statement as CSV" }).getAttribute("href");
      assert.match(await (await fetch(link)).text(), /rewards_earned/);
      assert.match(await (await fetch(await page.getByRole("link", { name: "Calendar to subscribe to" }).getAttribute("href"))).text(), /BEGIN:VCALENDAR/);
      await clean(page);
      await shot(page, "stake-server");
      await page.evaluate(() => (location.hash = "#/borrowers"));
      await page.getByRole("figure").filter({ hasText: "Loan and debt of maker1" }).waitFor();
      await shot(page, "borrowers-server");
      await page.evaluate(() => (location.hash = "#/pool"));
      await page.locator("[data-from=server]").waitFor();
      await server.kill();
      await page.getByText(/The server at .* does not answer/).waitFor();
      await until("the history comes from the log", async () => (await page.locator("[data-from=server]").count()) === 0 && (await page.getByRole("figure").filter({ hasText: "Stake and loans" }).count()) === 1);
      assert.equal(await figure(page, "Stake"), (await get("getPool")).activeCurrentEpoch + (await get("getPool")).inactiveCurrentEpoch);
      // What a person came for goes on without it.
      await page.evaluate(() => (location.hash = "#/stake"));
      await performed(page, "Stake", "5");
      await equalsGetters(page, "staker1");
      server = await startServer(epochs, server.port);
      await until("the banner is gone", async () => (await page.getByText(/The server at .* does not answer/).count()) === 0);
      await page.locator('tr[data-epoch="0"]').waitFor();
    });
    // A server of another pool is told apart, and not used.
    configure({ server: server.url, contracts: { ...deployment.contracts, pool: deployment.contracts["claims-proxy"] } });
    await visit({ path: "#/status" }, async (page) => {
      await page.getByText("is of another pool, so nothing of it is shown").waitFor();
    });
  } finally {
    configure();
    await server.kill();
  }
});

test("a provider from the running epoch on: program, markets, expected rewards, eligibility, why an order does not score", async () => {
  const server = await startServer(makeEpochs(staker));
  configure({ server: server.url });
  try {
    await visit({ path: "#/rewards", who: "staker1" }, async (page) => {
      const { data: live } = await server.ask("/v1/rewards/live");
      const { data: own } = await server.ask(`/v1/rewards/providers/${staker}/epochs/18`);
      await page.locator("#expected .amount").first().waitFor();
      const units = async (locator) => BigInt(await locator.locator(".amount").first().getAttribute("data-units"));
      assert.equal(await units(page.locator("#expected")), BigInt(own.credited_wei));
      assert.equal(await figure(page, "Tokens of the epoch"), BigInt(live.lp_amount_wei));
      for (const market of live.markets) {
        const row = page.locator(`tr[data-market="${market.market}"]`);
        assert.equal(await units(row.locator("[data-of=pool]")), BigInt(market.pool_wei));
        assert.equal(await row.locator("[data-of=samples]").textContent(), market.samples);
      }
      const ranked = await page.locator("tr[data-market]").evaluateAll((rows) => rows.map((row) => Number(row.children[1].textContent)));
      assert.deepEqual(ranked, [...ranked].sort((a, b) => b - a));
      await page.getByLabel("Market", { exact: true }).selectOption({ label: "ETH-USD" });
      for (const row of live.providers.filter(({ market }) => market === "ETH-USD")) assert.equal(await units(page.locator(`tr[data-provider="${row.account}"] [data-of=reward]`)), BigInt(row.reward_wei));
      await page.getByRole("figure").filter({ hasText: "Depth over spread in ETH-USD" }).waitFor();
      assert.equal(await page.locator("tr[data-eligible]").count(), live.eligibility.length);
      await page.locator("#own-eligibility").waitFor();
      await page.getByLabel("Minute of the epoch").fill("5");
      const { data: sample } = await server.ask(`/v1/rewards/samples/18/BTC-USD/5?account=${staker}`);
      await until("each order has its verdict", async () => (await page.locator("#why tbody tr").count()) === sample.orders.length);
      const closed = page.locator('tr[data-epoch="17"]');
      const { data: before } = await server.ask(`/v1/rewards/providers/${staker}/epochs/17`);
      assert.equal(await units(closed.locator("[data-of=yours]")), BigInt(before.credited_wei));
      await page.getByRole("region", { name: "Rules of epoch 18" }).getByText("V4-BE").first().waitFor();
      await clean(page);
      await shot(page, "rewards-server");
      await page.setViewportSize({ width: 360, height: 740 });
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.ok(wide <= 0, `${wide} pixels too wide`);
      await shot(page, "rewards-server-phone");
    });
  } finally {
    configure();
    await server.kill();
  }
});

test("governance: roles are those of the contract, a proposal is the file of the command line, any call is decoded", async () => {
  const proxy = deployment.contracts["maker1-proxy"];
  const tidepool = (...args) => execFileSync(process.env.TIDEPOOL, ["pool", ...args, "--pool", pool, "--rpc", rpc, "--as", "safe"], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  await visit({ path: "#/governance" }, async (page) => {
    const owner = page.locator("tr[data-role=OWNER_ROLE]");
    await owner.waitFor();
    assert.equal(await owner.locator("code").getAttribute("title"), deployment.accounts.owner.address);
    const file = async () => {
      const [got] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "File for a Safe" }).click()]);
      return readFileSync(await got.path(), "utf8");
    };
    const stamp = (text) => text.replace(/"createdAt": \d+/, "").replace(/"checksum": "0x[0-9a-f]{64}"/, "");
    await page.getByLabel("Borrower").fill(proxy);
    await page.getByLabel("Cap in tokens").fill("1,000");
    await page.getByRole("button", { name: "Make the proposal" }).click();
    const cap = await file();
    assert.equal(stamp(cap), stamp(tidepool("cap", proxy, "1000")));
    await shot(page, "governance");
    await clean(page);
    await page.getByLabel("What", { exact: true }).selectOption("restriction");
    await page.getByRole("button", { name: "Make the proposal" }).click();
    assert.equal(stamp(await file()), stamp(tidepool("restriction", proxy)));
    await page.getByLabel("What", { exact: true }).selectOption("share");
    await page.getByLabel(/^Share from/).fill("20");
    await page.getByRole("button", { name: "Make the proposal" }).click();
    assert.equal(stamp(await file()), stamp(tidepool("allocations", `${proxy}=20%`, "--unverified-borrower")));
    await page.getByLabel("Call data").fill(JSON.parse(cap).transactions[0].data);
    await until("it is decoded", async () => (await page.locator("#decoded").textContent()) === `setBorrowerCaps(borrowers: [${proxy}], caps: [1000000000])`);
  });
});

test("the handbook is the guide, with the figures of this pool", async () => {
  await stakeAs("staker1", 1000);
  await visit({ path: "#/learn" }, async (page) => {
    await page.getByRole("heading", { name: "What can be lost" }).waitFor();
    const text = await page.locator("main").textContent();
    assert.ok(!/[{}]/.test(text), "every figure is filled in");
    assert.ok(text.includes("Now there are 1,000 USDC in the pool"));
    await clean(page);
    await shot(page, "learn");
  });
});

test("a provider claims by the published tree; a sceptic rebuilds it, a forged one is found out and its first wrong leaf named", async () => {
  const provider = staker;
  const tree = [[provider, "5000000000000000000"], [deployment.accounts.maker1.address, "7000000000000000000"], [deployment.accounts.maker2.address, "1"]];
  const root = rootOf(tree);
  const { "rewards-oracle": oracle, "merkle-distributor": distributor } = deployment.contracts;
  for (const reporter of ["owner", "staker1", "staker2"]) await as(reporter).writeContract({ address: oracle, abi: oracleAbi, functionName: "writeOracleData", args: [root, 0n, "0x01"] });
  await act("owner", distributor, distributorAbi, "proposeRoot");
  const file = (name, content) => ({ name, mimeType: "application/json", buffer: Buffer.from(JSON.stringify(content)) });
  const forged = tree.map(([account, amount]) => [account, account === deployment.accounts.maker1.address ? "8000000000000000000" : amount]);
  await visit({ path: "#/verify" }, async (page) => {
    const drop = page.getByLabel("Drop the tree file here");
    const verdict = page.locator("#verdict");
    await drop.setInputFiles(file("tree.json", tree));
    await page.getByText("This tree has the proposed root.").waitFor();
    assert.equal(await verdict.getAttribute("data-root"), root);
    await drop.setInputFiles(file("forged.json", forged));
    await page.getByText("neither the active nor the proposed root").waitFor();
    await page.getByLabel("A second tree file").setInputFiles(file("tree.json", tree));
    await until("the leaf is named", async () => (await page.locator("#difference code").textContent()) === deployment.accounts.maker1.address);
    await shot(page, "verify");
    await drop.setInputFiles(file("bad.json", [["0x12", "1"]]));
    await page.getByText("entry 0: `0x12` is not an address").waitFor();
    // The same leaves as a table, and the inputs of an epoch as they were published.
    await drop.setInputFiles({ name: "lp.csv", mimeType: "text/csv", buffer: Buffer.from(`account,wei\n${tree.map((pair) => pair.join(",")).join("\n")}\n`) });
    await page.getByText("This tree has the proposed root.").waitFor();
    const epochs = makeEpochs(staker);
    const inputs = page.getByLabel("Drop the folder of an epoch here");
    await inputs.setInputFiles(join(epochs, "17"));
    const computed = JSON.parse(readFileSync(join(epochs, "17.results", "manifest.json"), "utf8"));
    await until("the epoch's root is that of the command line", async () => (await verdict.getAttribute("data-root")) === computed.root);
    assert.match(await verdict.textContent(), new RegExp(computed.cid));
    await page.locator("#computed").waitFor();
    await clean(page);
    await shot(page, "verify-epoch");
    // One sample more in another's favour is another root; a broken one is named with its line.
    const changed = join(epochs, "changed");
    cpSync(join(epochs, "17"), changed, { recursive: true });
    const [samples] = readdirSync(join(changed, "samples"));
    const lines = readFileSync(join(changed, "samples", samples), "utf8");
    writeFileSync(join(changed, "samples", samples), lines.split("\n").slice(1).join("\n"));
    await inputs.setInputFiles(changed);
    await until("another root", async () => ![computed.root, null].includes(await verdict.getAttribute("data-root").catch(() => null)));
    writeFileSync(join(changed, "samples", samples), lines.replace('"epoch":17', '"epoch":16'));
    await inputs.setInputFiles(changed);
    await page.getByText(`${samples}:1: epoch 16, not 17`).waitFor();
  });
  await visit({ path: "#/rewards", who: "staker1" }, async (page) => {
    await page.getByLabel("The published tree file").setInputFiles(file("tree.json", tree));
    await until("it is pending", async () => (await figure(page, "Pending")) === 5_000_000_000_000_000_000n);
    assert.ok(await action(page, "Claim provider rewards").locator("button.go").isDisabled());
    await client.request({ method: "evm_increaseTime", params: [7 * 86_400 + 60] });
    await act("owner", distributor, distributorAbi, "updateRoot");
    await until("it is claimable", async () => (await figure(page, "Claimable")) === 5_000_000_000_000_000_000n);
    await clean(page);
    await performed(page, "Claim provider rewards");
    assert.equal(await client.readContract({ address: distributor, abi: distributorAbi, functionName: "getClaimed", args: [provider] }), 5_000_000_000_000_000_000n);
    await until("it is claimed", async () => (await figure(page, "Claimed")) === 5_000_000_000_000_000_000n && (await figure(page, "Claimable")) === 0n);
    await shot(page, "rewards");
  });
});
