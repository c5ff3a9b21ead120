// The status strip: where all the documents are, every two seconds.

import { Failure, ask, at, bar, el, link, numbers } from "./elements.js";
import { progressLine } from "./progress.js";

const STATUS_EVERY_MS = 2000;

let indexed = null;

async function refreshStatus(onGrown) {
  try {
    const status = await ask("/status");
    drawStatus(status);
    const grown = indexed !== null && status.searchable !== indexed;
    indexed = status.searchable;
    if (grown) onGrown();
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    at("status").replaceChildren(el("p", {}, error.message));
  }
}

function drawStatus(status) {
  const flight = status.in_flight;
  const stages = ["fetcher", "parser", "indexer"];
  const where = stages.filter((stage) => flight[stage]).map((stage) => `${numbers.format(flight[stage])} at the ${stage}`);
  const item = (count, name, attributes = {}) => el("li", attributes, el("b", {}, numbers.format(count)), ` ${name}`);
  const listed = (name) => el("li", { class: status[name] ? name : "" },
    link({ list: name }, el("span", {}, el("b", {}, numbers.format(status[name])), ` ${name}`)));
  const focused = at("status").contains(document.activeElement) && document.activeElement.getAttribute("href");
  at("status").replaceChildren(el("ul", {},
    item(status.indexed, "indexed"), item(status.duplicate, "duplicate"), listed("rejected"), item(status.removed, "removed"),
    listed("ignored"), status.found > 0 && item(status.found, "found, not read yet"),
    status.pages > 0 && item(status.pages, status.pages === 1 ? "web page to fetch" : "web pages to fetch"),
    el("li", { class: "flight" }, bar(stages.map((stage) => [stage, flight[stage]]), flight.total),
      el("span", { title: where.join(", ") }, el("b", {}, numbers.format(flight.total)), " on the way",
        where.length ? `: ${where.join(", ")}` : ""))), progressLine(status.progress) ?? "");
  if (focused) at("status").querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
}

/** Keep the strip up to date; `onGrown` is called when there is something else to be found. */
export async function keepStatus(onGrown) {
  if (!document.hidden) await refreshStatus(onGrown);
  setTimeout(() => keepStatus(onGrown), STATUS_EVERY_MS);
}
