"use strict";
// Without this script the page is whole: nothing is sorted or filtered, and folded parts open by hand.
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const SCALES = { p: 1e-12, n: 1e-9, "µ": 1e-6, m: 1e-3, k: 1e3, M: 1e6, G: 1e9, T: 1e12 };
  const plain = (element) => element.textContent.replace(/\s+/g, " ").trim();

  // The number that a cell begins with, in its unit without prefix: "9.20 ms" is 0.0092; null where there is none.
  const number = (text) => {
    const found = /^[\[(]?([−+-]?[\d,]*\.?\d+(?:e[+-]?\d+)?)\s?([pnµmkMGT])?(?![a-z]{2})/u.exec(text);
    return found && Number(found[1].replace(/,/g, "").replace("−", "-")) * (SCALES[found[2]] || 1);
  };

  // A button in each heading: upwards, downwards, as it was. What is not known comes last either way.
  const sortable = (table) => {
    const body = table.tBodies[0];
    const rows = [...body.rows];
    if (rows.length < 2) return;
    const headings = [...table.tHead.rows[0].cells];
    headings.forEach((heading, column) => {
      const isNumber = heading.classList.contains("number");
      const button = document.createElement("button");
      button.type = "button";
      button.className = "sort";
      button.append(...heading.childNodes);
      heading.append(button);
      button.addEventListener("click", () => {
        const next = { ascending: "descending", descending: null }[heading.getAttribute("aria-sort")];
        const order = next === undefined ? "ascending" : next;
        headings.forEach((each) => each.removeAttribute("aria-sort"));
        if (order) heading.setAttribute("aria-sort", order);
        const sign = order === "descending" ? -1 : 1;
        const key = (row) => (isNumber ? number(plain(row.cells[column])) : plain(row.cells[column]));
        const keyed = rows.map((row) => [key(row), row]);
        const compared = ([one], [other]) => {
          if (one === null || other === null) return (one === null) - (other === null);
          return sign * (isNumber ? one - other : one.localeCompare(other, "en", { numeric: true }));
        };
        const sorted = order ? keyed.sort(compared).map(([, row]) => row) : rows;
        body.remove(); // moving thousands of rows is quick only where nothing is shown
        body.append(...sorted);
        table.append(body);
      });
    });
  };

  // A box that keeps the lines with all of its words, in every table of its group, and says how many these are.
  const filtering = (place, number) => {
    const tables = all("table[data-group]").filter((table) => table.dataset.group === place.dataset.filter);
    const rows = tables.flatMap((table) => [...table.tBodies[0].rows]);
    const label = document.createElement("label");
    const box = document.createElement("input");
    const count = document.createElement("output");
    box.type = "search";
    box.id = label.htmlFor = `filter-${number}`;
    label.textContent = place.dataset.label;
    count.htmlFor = box.id;
    let texts = null;
    box.addEventListener("input", () => {
      texts = texts || rows.map((row) => [...row.cells].map(plain).join(" ").toLowerCase());
      const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
      const shown = rows.filter((row, at) => !(row.hidden = !words.every((word) => texts[at].includes(word))));
      const what = tables.length > 1 ? `lines in ${tables.length} tables` : "lines";
      count.textContent = words.length ? `${shown.length} of ${rows.length} ${what}` : "";
    });
    place.append(label, box, count);
    place.hidden = false;
  };

  // The lines that are left out of a long table until somebody wants them.
  const extensible = (table) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "more";
    button.textContent = `Show all ${table.tBodies[0].rows.length} lines`;
    button.addEventListener("click", () => {
      table.classList.add("whole");
      table.closest(".scroll").focus();
      button.remove();
    });
    table.closest(".scroll").after(button);
  };

  // A folded part opens where a link leads into it, and all of them on paper.
  const reveal = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    for (let part = target; part; part = part.parentElement) if (part.tagName === "DETAILS") part.open = true;
    if (target) target.scrollIntoView();
  };
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = all("details:not([open])");
    closed.forEach((part) => (part.open = true));
  });
  addEventListener("afterprint", () => closed.forEach((part) => (part.open = false)));
  addEventListener("hashchange", reveal);

  // Only a place that scrolls is a stop for the keyboard.
  const stops = new ResizeObserver((found) => {
    for (const { target } of found) target.tabIndex = target.scrollWidth > target.clientWidth ? 0 : -1;
  });

  all("table.data").forEach(sortable);
  all("table.lengthy").forEach(extensible);
  all("[data-filter]").forEach(filtering);
  all(".scroll").forEach((place) => stops.observe(place));
  reveal();
})();
