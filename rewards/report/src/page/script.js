"use strict";
// Sorts and filters tables, follows links to providers and markets, and reads charts out. The page can be read without it.
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  // Tables: data-v has the exact integer of a cell. Without it, the text counts: of cells as a number, of heads of rows as it is. What has
  // no value comes last.
  const valueOf = (row, column) => {
    const cell = row.children[column];
    const text = cell.textContent.trim();
    if (cell.dataset.v !== undefined) return cell.dataset.v === "" ? null : BigInt(cell.dataset.v);
    if (cell.tagName === "TH" || cell.className === "text") return text.toLowerCase();
    const number = text === "" ? NaN : Number(text.replace(/[,%]/g, ""));
    return Number.isNaN(number) ? null : number;
  };

  const compare = (a, b, sign) => {
    if (a === null || b === null) return (a === null) - (b === null);
    return a < b ? -sign : a > b ? sign : 0;
  };

  const sort = (head) => {
    const table = head.closest("table");
    const column = [...head.parentNode.children].indexOf(head);
    const rows = [...table.tBodies[0].rows].map((row) => ({ row, value: valueOf(row, column) }));
    const isText = rows.some(({ value }) => typeof value === "string");
    // Names from the first on, numbers from the greatest on; then the other way round.
    const before = head.getAttribute("aria-sort") ?? (isText ? "descending" : "ascending");
    const order = before === "ascending" ? "descending" : "ascending";
    for (const other of head.parentNode.children) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", order);
    const sign = order === "ascending" ? 1 : -1;
    rows.sort((a, b) => compare(a.value, b.value, sign));
    table.tBodies[0].append(...rows.map(({ row }) => row));
  };

  for (const button of all("table.sortable th button")) {
    button.addEventListener("click", () => sort(button.closest("th")));
  }

  // A table as CSV: the exact integers where cells have them.
  const csv = (table) => {
    const field = (text) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
    const rows = [...table.tHead.rows, ...[...table.tBodies].flatMap((body) => [...body.rows])];
    const cell = (cell) => field(cell.dataset.v ?? cell.querySelector("[title]")?.title ?? cell.textContent.trim());
    return rows.map((row) => [...row.cells].map(cell).join(",")).join("\n") + "\n";
  };
  for (const region of all(".scroll")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "csv";
    button.textContent = "CSV";
    const name = region.getAttribute("aria-label");
    button.setAttribute("aria-label", `CSV: ${name}`);
    button.addEventListener("click", () => {
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([csv(region.querySelector("table"))], { type: "text/csv" }));
      link.download = `${name.replace(/[^A-Za-z0-9.-]+/g, "-")}.csv`;
      link.click();
      URL.revokeObjectURL(link.href);
    });
    region.after(button);
  }

  // What is to be copied; where the browser does not let a page do it, it is selected.
  for (const button of all("button[data-copy]")) {
    button.addEventListener("click", async () => {
      const said = button.textContent;
      try {
        await navigator.clipboard.writeText(button.dataset.copy);
        button.textContent = "Copied";
      } catch {
        button.textContent = "Select the text and copy it";
      }
      setTimeout(() => (button.textContent = said), 2000);
    });
  }

  // Filter by address, linked ones among them.
  const input = document.getElementById("filter");
  const found = document.getElementById("found");
  const filter = () => {
    const wanted = input.value.trim().toLowerCase();
    let count = 0;
    for (const element of all("#providers [data-address]")) {
      element.hidden = !element.dataset.address.includes(wanted);
      if (!element.hidden && element.tagName === "TR") count += 1;
    }
    found.textContent = `${count} ${count === 1 ? "provider" : "providers"}`;
  };
  input.addEventListener("input", filter);

  // Links: #provider=0x… in any spelling, #market=….
  const wanted = () => {
    const text = location.hash.slice(1);
    try {
      return decodeURIComponent(text);
    } catch {
      return text; // A stray percent sign.
    }
  };

  const follow = () => {
    let id = wanted();
    if (id.toLowerCase().startsWith("provider=")) id = id.toLowerCase();
    const target = id && document.getElementById(id);
    if (!target) {
      if (id.startsWith("provider=")) found.textContent = `${id.slice(9)} is not a provider of this epoch`;
      return;
    }
    if (target.tagName !== "DETAILS") return;
    if (target.hidden) {
      input.value = "";
      filter();
    }
    target.open = true;
    target.scrollIntoView();
    target.querySelector("summary").focus({ preventScroll: true });
  };
  addEventListener("hashchange", follow);
  document.addEventListener("click", (event) => {
    // The browser does not follow a link to where it is already.
    const link = event.target.closest?.("a[href^='#']");
    if (link && link.getAttribute("href") === location.hash) follow();
  });
  follow();

  // Charts: the numbers under the pointer, or under the cursor that arrow keys move, from the table below.
  const point = (chart, bucket) => {
    const table = document.getElementById(chart.dataset.table);
    const row = table.tBodies[0].rows[bucket];
    if (!row) return;
    chart.dataset.at = bucket;
    chart.querySelector(".cursor").setAttribute("d", `M${bucket + 0.5} 0V1000`);
    const titles = [...table.tHead.rows[0].cells].map((cell) => cell.textContent);
    const cells = [...row.cells].map((cell, place) => `${titles[place]}: ${cell.textContent}`);
    chart.closest("figure").querySelector(".readout").textContent = cells.join(" · ");
  };

  for (const chart of all("svg[data-table]")) {
    const buckets = Number(chart.dataset.buckets);
    chart.addEventListener("pointermove", (event) => {
      const box = chart.getBoundingClientRect();
      const at = Math.floor(((event.clientX - box.left) / box.width) * buckets);
      point(chart, Math.min(Math.max(at, 0), buckets - 1));
    });
    chart.addEventListener("keydown", (event) => {
      const at = Number(chart.dataset.at ?? -1);
      const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: buckets - 1 }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      point(chart, Math.min(Math.max(to, 0), buckets - 1));
    });
  }
})();
