// The page in a browser: it says what the results say, works with keyboard, pointer and small screens, and never complains.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import axe from "axe-core";
import { chromium } from "playwright-core";

const results = resolve(process.env.RESULTS);
const url = pathToFileURL(resolve(process.env.PAGE)).href;
const manifest = JSON.parse(readFileSync(join(results, "manifest.json"), "utf8"));
const tree = JSON.parse(readFileSync(join(results, "tree.json"), "utf8"));
const args = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

let browser;
before(async () => {
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM, chromiumSandbox: false, args });
});
after(() => browser?.close());

/** Opens the page, does something with it, and fails on everything that a browser complains of or loads. */
const visit = async (options, work) => {
  const { hash = "", ...context } = options;
  const page = await browser.newPage(context);
  const complaints = [];
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("request", (request) => request.url().split("#")[0] !== url && !/^(data:,|blob:)/.test(request.url()) && complaints.push(`loads ${request.url()}`));
  if (context.javaScriptEnabled !== false) {
    await page.exposeFunction("complain", (text) => complaints.push(text));
    await page.addInitScript(() =>
      addEventListener("securitypolicyviolation", (event) => complain(`${event.violatedDirective}: ${event.blockedURI}`)),
    );
  }
  try {
    await page.goto(url + hash);
    await work(page, complaints);
    assert.deepEqual(complaints, []);
  } finally {
    await page.close();
  }
};

const scenario = (name, options, work) => test(name, () => visit(options, work));

/** Tokens as the page shows them, in wei. */
const wei = (text) => {
  const [whole, fraction] = text.trim().split(".");
  assert.equal(fraction.length, 18, text);
  return BigInt(whole.replaceAll(",", "") + fraction);
};

const first = (page) => page.evaluate(() => document.querySelector("details.provider").id.slice("provider=".length));

scenario("root, CID and totals are those of the manifest", {}, async (page) => {
  assert.equal(await page.title(), `Liquidity rewards, epoch ${manifest.epoch}`);
  assert.equal(await page.locator("#root").textContent(), manifest.root);
  assert.equal(await page.locator("#cid").textContent(), manifest.cid);
  const figures = await page.locator(".figures").textContent();
  const paid = BigInt(manifest.programs.lp) / 10n ** 12n;
  assert.ok(figures.replaceAll(",", "").includes(`${paid / 10n ** 6n}.${String(paid % 10n ** 6n).padStart(6, "0")}`), figures);
  assert.ok(figures.includes(`Leaves${manifest.leaves}`), figures);
});

scenario("the lines of every statement add up to its leaf", {}, async (page) => {
  const statements = await page.evaluate(() =>
    [...document.querySelectorAll("table.statement")].map((table) => ({
      account: table.closest("details").querySelector("summary code").textContent,
      leaf: table.dataset.leaf,
      sum: table.tFoot.querySelector(".exact").textContent,
      lines: [...table.querySelectorAll("tr.line")].map((row) => ({
        amount: row.querySelector(".exact").textContent,
        parts: (() => {
          const parts = [];
          for (let next = row.nextElementSibling; next?.className === "part"; next = next.nextElementSibling) {
            parts.push(next.querySelector(".exact").textContent);
          }
          return parts;
        })(),
      })),
    })),
  );
  const others = await page.evaluate(() =>
    [...document.querySelectorAll("tr[data-leaf]")].map((row) => [row.cells[0].textContent, row.dataset.leaf, [...row.cells].slice(1).map((cell) => cell.textContent)]),
  );
  const leaves = new Map(tree);
  assert.equal(statements.length + others.length, leaves.size);
  let parts = 0;
  for (const { account, leaf, sum, lines } of statements) {
    assert.equal(leaf, leaves.get(account));
    assert.equal(wei(sum), BigInt(leaf));
    assert.equal(lines.reduce((total, { amount }) => total + wei(amount), 0n), BigInt(leaf), account);
    for (const line of lines.filter((line) => line.parts.length > 0)) {
      parts += 1;
      assert.equal(line.parts.reduce((total, part) => total + wei(part), 0n), wei(line.amount), account);
    }
  }
  assert.ok(parts > 0, "linked addresses earn together");
  for (const [account, leaf, [earlier, now, amount]] of others) {
    assert.deepEqual([leaf, wei(earlier) + wei(now), wei(amount)], [leaves.get(account), BigInt(leaf), BigInt(leaf)]);
  }
});

scenario("tables are sorted by pointer and keyboard, exactly", {}, async (page) => {
  const column = (place) =>
    page.evaluate((place) => [...document.querySelector("#provider-table").tBodies[0].rows].map((row) => row.cells[place].dataset.v ?? row.cells[place].textContent), place);
  const button = page.locator("#provider-table").getByRole("button", { name: "Reward, tokens" });
  const sorted = (values) => [...values].sort((a, b) => (BigInt(a) < BigInt(b) ? 1 : BigInt(a) > BigInt(b) ? -1 : 0));
  const down = await column(1); // As the page comes: the greatest first.
  assert.ok(new Set(down).size > 3);
  assert.deepEqual(down, sorted(down));
  assert.equal(await page.locator("#provider-table th[aria-sort]").getAttribute("aria-sort"), "descending");
  await button.click();
  assert.deepEqual((await column(1)).reverse(), sorted(down));
  assert.equal(await page.locator("#provider-table th[aria-sort]").getAttribute("aria-sort"), "ascending");
  await button.focus();
  await page.keyboard.press("Enter");
  assert.deepEqual(await column(1), sorted(down));
  await page.keyboard.press("Space");
  assert.equal(await page.locator("#provider-table th[aria-sort]").getAttribute("aria-sort"), "ascending");
  await page.locator("#provider-table").getByRole("button", { name: "Provider" }).click();
  const shares = page.locator("details.market").first();
  await shares.locator("summary").first().click();
  const numbers = () => shares.evaluate((market) => [...market.querySelector("table").tBodies[0].rows].map((row) => Number(row.cells[6].textContent)));
  for (const sign of [-1, 1]) {
    await shares.getByRole("button", { name: "Score", exact: true }).click();
    const found = await numbers();
    assert.ok(found.every((score) => score > 1e30), "a score is a number with an exponent");
    assert.deepEqual(found, [...found].sort((a, b) => sign * (a - b)));
  }
  const names = await column(0);
  assert.deepEqual(names, [...names].sort((a, b) => (a.toLowerCase() < b.toLowerCase() ? -1 : 1)));
});

scenario("the filter finds an address and those linked to it", {}, async (page) => {
  const all = await page.locator("#provider-table tbody tr:visible").count();
  const linked = await page.evaluate(() => document.querySelector("#provider-table [data-address*=' ']").dataset.address.split(" "));
  await page.getByLabel("Filter by address").fill(linked[1].toUpperCase().replace("0X", "0x"));
  assert.equal(await page.locator("#provider-table tbody tr:visible").count(), linked.length);
  assert.equal(await page.locator("details.provider:visible").count(), linked.length);
  assert.equal(await page.getByRole("status").textContent(), `${linked.length} providers`);
  await page.getByLabel("Filter by address").fill("0xnobody");
  assert.equal(await page.getByRole("status").textContent(), "0 providers");
  await page.getByLabel("Filter by address").fill("");
  assert.equal(await page.locator("#provider-table tbody tr:visible").count(), all);
});

test("links lead to a provider in any spelling, and to a market", async () => {
  let account;
  await visit({}, async (page) => {
    account = await first(page);
  });
  const upper = account.toUpperCase().replace("0X", "0x");
  await visit({ hash: `#provider=${upper}` }, async (page) => {
    const provider = page.locator(`[id="provider=${account}"]`);
    assert.equal(await provider.evaluate((details) => details.open), true);
    assert.ok(await provider.evaluate((details) => details.querySelector("summary") === document.activeElement));
    assert.equal(await page.locator("details.provider[open]").count(), 1);
    // From there to a market, and back although the filter hides it.
    await provider.locator("table.sortable a").first().click();
    const market = page.locator("details.market[open]");
    assert.equal(await market.count(), 1);
    await page.getByLabel("Filter by address").fill("0xnobody");
    await market.locator("tbody a[href^='#provider=']").first().click();
    assert.ok((await page.locator("details.provider[open]:visible").count()) > 0);
  });
  await visit({ hash: `#provider=0x${"1".repeat(40)}` }, async (page) => {
    assert.match(await page.getByRole("status").textContent(), /0x1{40} is not a provider/);
  });
  await visit({ hash: "#provider=%zz" }, async (page) => {
    assert.equal(await page.locator("details.provider[open]").count(), 0);
  });
});

scenario("everything can be done with the keyboard", {}, async (page) => {
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Skip to the content");
  const reached = new Set();
  for (let step = 0; step < 400; step += 1) {
    await page.keyboard.press("Tab");
    const at = await page.evaluate(() => {
      const element = document.activeElement;
      const style = getComputedStyle(element);
      return { tag: element.tagName, id: element.id, outline: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2 };
    });
    if (at.tag === "BODY") break;
    assert.ok(at.outline, `${at.tag} ${at.id} shows that it has the focus`);
    reached.add(at.id || at.tag);
  }
  for (const wanted of ["A", "BUTTON", "SUMMARY", "filter", "DIV"]) assert.ok(reached.has(wanted), `${wanted} is reached`);

  const summary = page.locator("details.market > summary").first();
  await summary.focus();
  await page.keyboard.press("Enter");
  const chart = page.locator("details.market svg[data-table]").first();
  await chart.focus();
  const readout = page.locator("details.market .readout").first();
  const row = (place) =>
    chart.evaluate((chart, place) => [...document.getElementById(chart.dataset.table).tBodies[0].rows].at(place).textContent, place);
  const digits = (text) => text.replace(/[^\d]/g, "");
  for (const [key, place] of [["ArrowRight", 0], ["ArrowRight", 1], ["ArrowLeft", 0], ["ArrowLeft", 0], ["End", -1], ["ArrowRight", -1], ["Home", 0]]) {
    await page.keyboard.press(key);
    assert.equal(digits(await readout.textContent()), digits(await row(place)), key);
  }
  const box = await chart.boundingBox();
  await chart.hover({ position: { x: box.width - 2, y: 20 } });
  assert.equal(digits(await readout.textContent()), digits(await row(-1)), "under the pointer");
});

for (const width of [360, 768]) {
  scenario(`nothing is wider than a screen of ${width} pixels`, { viewport: { width, height: 740 } }, async (page) => {
    const wide = () => page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.equal(await wide(), 0);
    await page.evaluate(() => document.querySelectorAll("details").forEach((details) => (details.open = true)));
    assert.equal(await wide(), 0, "with everything open");
    const small = await page.evaluate(() =>
      [...document.querySelectorAll("button, summary, input, td a, th a, li a")].map((element) => element.getBoundingClientRect()).filter((box) => box.height > 0 && box.height < 24).length,
    );
    assert.equal(small, 0, "a finger can hit everything");
  });
}

for (const colorScheme of ["light", "dark"]) {
  scenario(`text can be read on its ground: ${colorScheme}`, { colorScheme }, async (page) => {
    await page.evaluate(() => document.querySelectorAll("details").forEach((details) => (details.open = true)));
    const poor = await page.evaluate(() => {
      const parse = (color) => color.match(/[\d.]+/g).map(Number);
      const light = (color) => {
        const [r, g, b] = parse(color).slice(0, 3).map((part) => (part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
      };
      const ground = (element) => {
        for (let at = element; at; at = at.parentElement) {
          const color = getComputedStyle(at).backgroundColor;
          if (parse(color)[3] !== 0) return color;
        }
        return "rgb(255, 255, 255)";
      };
      const found = new Set();
      for (const element of document.querySelectorAll("body *")) {
        const hasText = [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
        if (!hasText || element.tagName === "SCRIPT") continue;
        const [a, b] = [light(getComputedStyle(element).color), light(ground(element))].sort((a, b) => b - a);
        if ((a + 0.05) / (b + 0.05) < 4.5) found.add(`${element.tagName} ${element.className}: ${element.textContent.slice(0, 30)}`);
      }
      return [...found];
    });
    assert.deepEqual(poor, []);
  });
}

scenario("who wants little motion gets none", { reducedMotion: "reduce" }, async (page) => {
  assert.equal(await page.evaluate(() => getComputedStyle(document.documentElement).scrollBehavior), "auto");
});

scenario("charts have names, tables have heads", {}, async (page) => {
  const nameless = await page.evaluate(() => ({
    charts: [...document.querySelectorAll("svg")].filter((svg) => !svg.hasAttribute("aria-hidden") && !svg.getAttribute("aria-label")).length,
    tables: [...document.querySelectorAll("table")].filter((table) => !table.tHead || [...table.tHead.querySelectorAll("th")].some((th) => !th.textContent.trim())).length,
    ids: [...document.querySelectorAll("[id]")].length - new Set([...document.querySelectorAll("[id]")].map((element) => element.id)).size,
    links: [...document.querySelectorAll("a")].filter((link) => !document.getElementById(link.getAttribute("href").slice(1))).map((link) => link.getAttribute("href")),
  }));
  assert.deepEqual(nameless, { charts: 0, tables: 0, ids: 0, links: [] });
});

scenario("axe finds nothing, with everything open", {}, async (page) => {
  await page.evaluate(() => document.querySelectorAll("details").forEach((details) => (details.open = true)));
  await page.evaluate(axe.source);
  const found = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
  assert.deepEqual(found.violations.map(({ id, nodes }) => [id, nodes.length, nodes[0].html.slice(0, 160)]), []);
});

scenario("what is missing stands first, with the reason for which it was accepted", {}, async (page) => {
  const text = await page.locator("#overview .warning").first().textContent();
  assert.ok(manifest.health.gaps.length > 0 && manifest.accepted_gaps, "the tested epoch has a gap");
  for (const gap of manifest.health.gaps.filter((gap) => gap.gap === "unseen")) {
    assert.ok(text.includes(`${gap.market}: samples of ${gap.seen} minutes, of ${gap.expected}`), text);
  }
  assert.ok(text.includes(manifest.accepted_gaps), text);
  const market = manifest.health.markets[0];
  const facts = await page.locator("details.market .facts").first().textContent();
  const grouped = (number) => number.toLocaleString("en-US");
  assert.ok(facts.includes(`${grouped(market.expected)}, ${grouped(market.seen)}, ${grouped(market.on_instant)}`), facts);
});

scenario("a claim has its dates, its proof and its amount", {}, async (page) => {
  const how = page.locator("#overview details.checks").filter({ hasText: "How and when to claim" });
  await how.locator("summary").click();
  assert.match(await how.textContent(), /pays DYDX .* at the earliest/);
  const provider = page.locator("details.provider").filter({ has: page.locator("table.statement") }).first();
  const account = await provider.locator("summary code").textContent();
  const proof = JSON.parse((await provider.locator(".proof code").textContent()).replaceAll(/0x[0-9a-f]{64}/g, '"$&"'));
  const line = readFileSync(join(results, "proofs.jsonl"), "utf8").split("\n").find((line) => line.includes(account));
  assert.deepEqual(proof, JSON.parse(line).proof);
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  await provider.evaluate((details) => details.querySelectorAll("details").forEach((inner) => (inner.open = true)) ?? (details.open = true));
  await provider.evaluate((details) => (details.open = true));
  await provider.getByRole("button", { name: "Copy the amount" }).click();
  await page.waitForFunction(() => [...document.querySelectorAll("button[data-copy]")].some((button) => button.textContent !== "Copy the amount" && button.textContent !== "Copy the proof"));
});

scenario("every table can be taken along", { acceptDownloads: true }, async (page) => {
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "CSV: All providers" }).click()]);
  const lines = readFileSync(await download.path(), "utf8").trim().split("\n");
  const rows = await page.locator("#provider-table tbody tr").count();
  assert.equal(lines.length, rows + 1);
  assert.ok(lines[0].startsWith("Provider,"), lines[0]);
  const [account, reward] = lines[1].split(",");
  assert.match(account, /^0x[0-9a-fA-F]{40}$/);
  const credited = readFileSync(join(results, "lp.csv"), "utf8");
  assert.ok(credited.includes(`${account},${reward}`), "the exact amount, not the shown one");
});

test("on paper stands what is open", async () => {
  let account;
  await visit({}, async (page) => {
    account = await first(page);
  });
  await visit({ hash: `#provider=${account}` }, async (page) => {
    await page.emulateMedia({ media: "print" });
    assert.equal(await page.locator("header nav").isVisible(), false);
    assert.equal(await page.locator("details.provider:visible").count(), 1);
    assert.ok(await page.locator("details.provider table.statement:visible").first().isVisible());
  });
});

scenario("without scripts, every number is there", { javaScriptEnabled: false }, async (page) => {
  assert.equal(await page.locator("#root").textContent(), manifest.root);
  await page.locator("details.provider > summary").first().click();
  assert.equal(await page.locator("details.provider[open] table.statement").count(), 1);
});

test("the policy stops scripts and requests that are not the page's own", () =>
  visit({}, async (page, complaints) => {
    await page.evaluate(() => {
      const script = document.createElement("script");
      script.textContent = "window.ran = true";
      document.body.append(script);
      document.body.insertAdjacentHTML("beforeend", '<img src="https://example.invalid/x.png" onerror="window.ran = true">');
    });
    await page.waitForFunction(() => document.querySelector("img").complete);
    assert.equal(await page.evaluate(() => window.ran), undefined);
    assert.ok(complaints.some((text) => text.includes("script-src")) && complaints.some((text) => text.includes("img-src")), complaints.join("\n"));
    complaints.length = 0; // They are what was wanted.
  }));
