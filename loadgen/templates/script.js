// The page reads well without this. It adds a crosshair with values, a theme switch and a copy
// button. Values are read from the table under each chart; nothing is fetched, ever.
"use strict";
(() => {
  const root = document.documentElement;
  const keep = { get: () => { try { return localStorage.getItem("loadgen-theme"); } catch { return null; } },
                 set: (v) => { try { localStorage.setItem("loadgen-theme", v); } catch { /* private */ } } };
  const theme = document.getElementById("theme");
  const dark = () => root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  const show = () => { theme.textContent = dark() ? "light" : "dark"; theme.setAttribute("aria-label", `switch to ${theme.textContent} theme`); };
  if (["light", "dark"].includes(keep.get())) root.dataset.theme = keep.get();
  theme.hidden = false;
  show();
  theme.onclick = () => { root.dataset.theme = dark() ? "light" : "dark"; keep.set(root.dataset.theme); show(); };

  const copy = document.getElementById("copy");
  const command = document.getElementById("command");
  if (copy && command) {
    copy.hidden = false;
    copy.onclick = async () => {
      try { await navigator.clipboard.writeText(command.textContent); }
      catch { getSelection().selectAllChildren(command); document.execCommand("copy"); }
      copy.textContent = "copied";
      setTimeout(() => { copy.textContent = "copy the command"; }, 1500);
    };
  }

  for (const figure of document.querySelectorAll("figure[data-plots]")) {
    const rows = [...figure.querySelectorAll("tr[data-x]")].map((row) => ({ x: +row.dataset.x, cells: [...row.cells].map((c) => c.textContent.trim()) }));
    if (!rows.length) continue;
    const names = [...figure.querySelectorAll("thead th")].map((th) => th.textContent);
    const plots = figure.dataset.plots.split(" ").map(Number);
    const out = document.createElement("output");
    out.className = "readout";
    figure.querySelector("details").before(out);
    // Rows know their place in the wide drawing; the narrow one has the same axes elsewhere.
    figure.querySelectorAll("svg").forEach((svg, narrow) => {
      const [left, top, right, bottom] = plots.slice(narrow * 4, narrow * 4 + 4);
      const place = (x) => left + (x - plots[0]) / (plots[2] - plots[0]) * (right - left);
      const line = document.createElementNS("http://www.w3.org/2000/svg", "line");
      line.setAttribute("class", "cross");
      line.setAttribute("y1", top);
      line.setAttribute("y2", bottom);
      line.setAttribute("visibility", "hidden");
      svg.append(line);
      let at = -1;
      const mark = (n) => {
        at = n;
        line.setAttribute("visibility", n < 0 ? "hidden" : "visible");
        out.replaceChildren();
        if (n < 0) return;
        const row = rows[n];
        line.setAttribute("x1", place(row.x));
        line.setAttribute("x2", place(row.x));
        row.cells.forEach((cell, k) => {
          const part = document.createElement(k ? "span" : "b");
          part.textContent = k ? `${names[k]} ` : `${names[0]} ${cell}`;
          if (k) { const value = document.createElement("b"); value.textContent = cell; part.append(value); }
          out.append(part);
        });
      };
      svg.onpointermove = (event) => {
        const box = svg.getBoundingClientRect();
        const x = (event.clientX - box.left) / box.width * svg.viewBox.baseVal.width;
        let best = 0;
        rows.forEach((row, n) => { if (Math.abs(place(row.x) - x) < Math.abs(place(rows[best].x) - x)) best = n; });
        if (best !== at) mark(best);
      };
      svg.onpointerleave = () => mark(-1);
      svg.setAttribute("tabindex", "0");
      svg.onkeydown = (event) => {
        const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
        if (step) { event.preventDefault(); mark(Math.min(rows.length - 1, Math.max(0, at + step))); }
        if (event.key === "Escape") mark(-1);
      };
      svg.onblur = () => mark(-1);
    });
  }
})();
