"""What a page has done wrong with a text that was meant to do harm, as the browser that shows it sees it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, cast

from playwright.sync_api import Page

# Runs before anything of a page does: what the policy forbade was tried, and that is a fault as well.
WATCH = """
window.forbidden = [];
document.addEventListener("securitypolicyviolation", (event) => {
  forbidden.push(`${event.violatedDirective} ${event.blockedURI}`);
});
"""

# Answered in the page. `shown` must stand in it as written; `all` is whatever was written anywhere.
_HARM = r"""([shown, all]) => {
  const found = [];
  if (typeof hit !== "undefined") found.push("a script ran");
  for (const each of window.forbidden ?? []) found.push(`the policy was hit: ${each}`);
  const made = "hit, [hit], img[src='x'], script:not([src]), [onerror], [onload], [onclick], a[href^='javascript']";
  for (const each of document.querySelectorAll(made)) found.push(`made of a text: ${each.outerHTML.slice(0, 120)}`);

  const page = document.scrollingElement;
  if (page.scrollWidth > page.clientWidth) {
    const wide = [...document.querySelectorAll("body *")].filter((each) =>
      !each.parentElement.closest(".scroll") && each.getBoundingClientRect().right > page.clientWidth + 0.5);
    const told = wide.slice(-2).map((each) => each.outerHTML.slice(0, 160));
    found.push(`${page.scrollWidth} pixels wide at ${page.clientWidth}: ${told}`);
  }

  const even = (text) => text.replace(/\s+/g, " ");
  const controls = [...document.querySelectorAll("input, textarea, option")].map((each) => each.value);
  const text = even([document.body.textContent, ...controls].join("\n"));
  for (const each of shown) if (!text.includes(even(each))) found.push(`not shown as written: ${each}`);

  // From here on: letters that are written from right to left may not move what stands beside the text they are in.
  const turning = /[\u0590-\u08ff\u200f\u061c]/;
  // The longest first: a shorter one may stand in it.
  const turned = all.filter((each) => turning.test(each)).sort((one, two) => two.length - one.length);
  const spans = (line) => {
    const inside = new Int8Array(line.length);
    const found = [];
    for (const each of turned)
      for (let at = line.indexOf(each); at >= 0; at = line.indexOf(each, at + 1))
        if (!inside[at] && !inside[at + each.length - 1]) {
          inside.fill(1, at, at + each.length);
          found.push([at, at + each.length]);
        }
    return [inside, found.sort((one, two) => one[0] - two[0])];
  };

  // What is not laid out by the page (titles, options) must isolate the text by itself.
  const titles = [...document.querySelectorAll("[title]")].map((each) => each.title);
  const options = [...document.querySelectorAll("option")].map((each) => each.label);
  for (const line of [document.title, ...titles, ...options]) {
    const [inside, whole] = spans(line);
    const beside = [...line].length && [...line.matchAll(/[\p{L}\p{N}]/gu)].some((each) => !inside[each.index]);
    if (!beside) continue;
    for (const [from, to] of whole)
      if (line[from - 1] !== "\u2068" || line[to] !== "\u2069") found.push(`turns its neighbours: ${line}`);
  }

  const lines = new Map();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode;
    if (!node.data.trim() || !node.parentElement.checkVisibility() || node.parentElement.closest("select, datalist")) continue;
    let block = node.parentElement;
    while (getComputedStyle(block).display === "inline") block = block.parentElement;
    if (!lines.has(block)) lines.set(block, []);
    lines.get(block).push(node);
  }
  const range = document.createRange();
  const box = (node, from, to) => {
    range.setStart(node, from);
    range.setEnd(node, to);
    return range.getClientRects();
  };
  for (const nodes of lines.values()) {
    const line = nodes.map((node) => node.data).join("");
    if (!turning.test(line)) continue;
    const [inside, whole] = spans(line);
    const starts = [];
    let length = 0;
    for (const node of nodes) { starts.push(length); length += node.data.length; }
    // What is ours, letter by letter, and each whole text that stands on one line.
    const parts = [];
    nodes.forEach((node, which) => {
      for (let at = 0; at < node.data.length; at++)
        if (!inside[starts[which] + at] && /[\p{L}\p{N}]/u.test(node.data[at])) {
          const [rect] = box(node, at, at + 1);
          if (rect?.width) parts.push({ at: starts[which] + at, rect, end: rect.left, sign: node.data[at] });
        }
    });
    for (const [from, to] of whole) {
      const which = starts.findLastIndex((start) => start <= from);
      const node = nodes[which];
      if (to - starts[which] > node.data.length) continue;
      const rects = [...box(node, from - starts[which], to - starts[which])].filter((rect) => rect.width);
      if (!rects.length || rects.some((rect) => Math.abs(rect.top - rects[0].top) > rect.height / 2)) continue;
      const left = Math.min(...rects.map((rect) => rect.left));
      // Nothing of ours stands within it: it ends before what follows begins.
      const end = Math.max(...rects.map((rect) => rect.right)) - 1;
      parts.push({ at: from, rect: { left, top: rects[0].top, height: rects[0].height }, end, sign: "…" });
    }
    parts.sort((one, two) => one.at - two.at);
    for (let at = 1; at < parts.length; at++) {
      const [before, part] = [parts[at - 1], parts[at]];
      const isSameLine = Math.abs(before.rect.top - part.rect.top) < part.rect.height / 2;
      if (isSameLine && part.rect.left < before.end - 0.5) {
        found.push(`turned before “${part.sign}”: ${line.trim().slice(0, 200)}`);
        break;
      }
    }
  }
  return found;
}"""


def harm_in(page: Page, shown: Collection[str], everything: Collection[str]) -> list[str]:
    """What is wrong with the page at hand; `shown` must be on it, `everything` was written somewhere."""
    found: Any = page.evaluate(_HARM, [list(shown), list(everything)])
    return cast("list[str]", found)
