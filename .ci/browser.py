#!/usr/bin/env python3
"""Opens pages in a real browser and fails on what a reader would trip over.

For every page, with and without JavaScript, in light, dark and print, at full width and on a phone:
nothing on the console, nothing that the page's own policy refused, no request but for the file
itself, nothing wider than the window, no violation that axe finds, and for every chart a title, a
description and a table. Screenshots of all of them are kept.

usage: browser.py CHROMIUM SCREENSHOTS PAGE...
"""

import pathlib
import sys

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

WIDE, PHONE = (1280, 900), (390, 844)
# name, window, theme, medium, script
LOOKS = [
    ("light", WIDE, "light", "screen", True),
    ("dark", WIDE, "dark", "screen", True),
    ("phone", PHONE, "light", "screen", True),
    ("phone-dark", PHONE, "dark", "screen", True),
    ("print", (794, 1123), "light", "print", True),
    ("print-dark", (794, 1123), "dark", "print", True),
    ("plain", WIDE, "light", "screen", False),
    ("plain-phone", PHONE, "light", "screen", False),
]
# Everything axe knows of WCAG 2.2 at A and AA, and what it calls good practice.
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

# Broken in every way that is looked for: a checker that finds nothing here finds nothing anywhere.
CANARY = """<!DOCTYPE html><html lang="en"><head><title>canary</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<style>p{color:#ccc;background:#fff}</style></head><body><main><h1>canary</h1><p>pale</p><div style="width:3000px">wide</div>
<img src="picture.png" alt="refused"><figure class="chart" id="bare"><figcaption><p>a sentence</p></figcaption>
<svg role="img" aria-label="x" viewBox="0 0 100 50" width="300"><text x="9" y="20">one</text><text x="10" y="20">two</text></svg></figure>
<script>console.error("said"); throw new Error("thrown")</script></main><button id="theme">x</button></body></html>"""
EXPECTED = [
    "console: error: said", "script: thrown", "Content Security Policy", "overflow:", "overlap",
    "no title or description", "no table", "color-contrast", "theme:",
]

# What sticks out of the window, or is cut off by a box that does not scroll.
OVERFLOW = """
() => {
  const room = document.documentElement.clientWidth;
  const inner = document.documentElement.scrollWidth;
  if (inner <= room) return [];
  return [...document.querySelectorAll("body *")]
    .filter((e) => e.getBoundingClientRect().right > room + 1 && !e.closest(".scroll, svg"))
    .slice(0, 5)
    .map((e) => `${inner} > ${room}: ${e.tagName}.${e.className} ${e.textContent.slice(0, 40)}`)
    .concat(`${inner} > ${room}`);
}
"""

CHARTS = """
() => {
  const wrong = [];
  const figures = [...document.querySelectorAll("figure.chart")];
  for (const figure of figures) {
    const say = (what) => wrong.push(`${figure.id}: ${what}`);
    const shown = [...figure.querySelectorAll("svg")].filter((svg) => svg.getBoundingClientRect().width > 0);
    if (shown.length !== 1) say(`${shown.length} drawings shown`);
    for (const svg of shown) {
      const named = (svg.getAttribute("aria-labelledby") || "").split(" ").map((id) => document.getElementById(id));
      if (svg.getAttribute("role") !== "img") say("no role");
      if (named.length !== 2 || named.some((e) => !e || !svg.contains(e) || !e.textContent.trim())) say("no title or description");
      if (!(svg.querySelector("title") && svg.querySelector("desc"))) say("no <title> or <desc>");
      if (svg.getBoundingClientRect().height < 40) say("no height");
    }
    if (!figure.querySelector("figcaption p").textContent.trim()) say("no sentence");
    if (figure.querySelectorAll("details table tbody tr").length === 0) say("no table");
  }
  return wrong;
}
"""

# Texts of a drawing that cover one another, or that stick out of the window.
TEXTS = """
() => {
  const wrong = [];
  for (const svg of document.querySelectorAll("svg")) {
    if (svg.getBoundingClientRect().width === 0) continue;
    const texts = [...svg.querySelectorAll("text")].map((t) => [t.textContent, t.getBoundingClientRect()]);
    texts.forEach(([name, a], n) => {
      if (a.left < -1 || a.right > document.documentElement.clientWidth + 1) wrong.push(`${svg.closest("figure").id}: “${name}” is cut off`);
      for (const [other, b] of texts.slice(n + 1)) {
        const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
        const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
        if (wide > 2 && high > Math.min(a.height, b.height) * 0.45) wrong.push(`${svg.closest("figure").id}: “${name}” and “${other}” overlap`);
      }
    });
  }
  return wrong.slice(0, 6);
}
"""


def look(browser, address, name, shot):
    """Everything that is wrong with one page in one look."""
    _, window, theme, medium, script = name
    wrong = []
    context = browser.new_context(
        viewport={"width": window[0], "height": window[1]},
        color_scheme=theme,
        java_script_enabled=script,
        offline=True,
    )
    context.set_default_timeout(20_000)
    page = context.new_page()
    page.on("console", lambda message: wrong.append(f"console: {message.type}: {message.text}"))
    page.on("pageerror", lambda error: wrong.append(f"script: {error}"))
    page.on("dialog", lambda dialog: (wrong.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    page.on(
        "request",
        lambda request: request.url.split("#")[0] == address or wrong.append(f"request: {request.url}"),
    )
    page.emulate_media(media=medium, color_scheme=theme)
    page.goto(address)
    if script:
        page.evaluate("() => document.fonts.ready.then(() => null)")
    if medium == "screen":
        wrong += [f"overflow: {what}" for what in page.evaluate(OVERFLOW)]
        wrong += [f"text: {what}" for what in page.evaluate(TEXTS)]
    wrong += [f"chart: {what}" for what in page.evaluate(CHARTS)]
    page.screenshot(path=str(shot), full_page=True)
    if script and medium == "screen":
        wrong += use(page)
        for details in page.query_selector_all("details"):
            details.evaluate("(one) => { one.open = true; }")
        wrong += accessibility(page)
    context.close()
    return wrong


def use(page):
    """The crosshair follows the pointer and the keys; the theme turns."""
    wrong = []
    figure = page.query_selector("figure[data-plots]:has(tr[data-x])")
    if figure:
        svg = next(one for one in figure.query_selector_all("svg") if one.is_visible())
        svg.scroll_into_view_if_needed()
        svg.focus()
        page.keyboard.press("ArrowRight")
        readout = figure.query_selector("output")
        if not readout.text_content().strip():
            wrong.append("crosshair: no values by keyboard")
        page.keyboard.press("Escape")
        svg.hover()
        if not readout.text_content().strip():
            wrong.append("crosshair: no values by pointer")
    before = page.evaluate("() => getComputedStyle(document.body).backgroundColor")
    page.click("#theme")
    if page.evaluate("() => getComputedStyle(document.body).backgroundColor") == before:
        wrong.append("theme: the button changes nothing")
    page.click("#theme")
    page.evaluate("() => scrollTo(0, 0)")
    return wrong


def accessibility(page):
    found = Axe().run(page, options={"runOnly": RULES, "resultTypes": ["violations"]})
    return [
        f"axe: {violation['id']}: {violation['help']}: {node['html'][:140]} {node.get('failureSummary', '')[:200]!r}"
        for violation in found.response["violations"]
        for node in violation["nodes"][:3]
    ]


def main():
    chromium, folder, *pages = sys.argv[1:]
    folder = pathlib.Path(folder)
    failures = 0
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        canary = folder / "canary.html"
        canary.write_text(CANARY)
        seen = "\n".join(look(browser, canary.resolve().as_uri(), LOOKS[0], folder / "canary.png"))
        missed = [what for what in EXPECTED if what not in seen]
        if missed:
            sys.exit(f"the canary's faults were not seen: {missed}; seen:\n{seen}")
        for number, page in enumerate(pages):
            path = pathlib.Path(page).resolve()
            name = path.parent.name if path.name == "index.html" else path.stem
            for of in LOOKS:
                shot = folder / f"{number:02}-{name[:40]}-{of[0]}.png"
                for what in look(browser, path.as_uri(), of, shot):
                    failures += 1
                    print(f"{name}, {of[0]}: {what}")
        print(f"{len(pages)} pages, {len(LOOKS)} looks each in {browser.version}: {failures} wrong")
        browser.close()
    sys.exit(1 if failures or not pages else 0)


if __name__ == "__main__":
    main()
