// What lies in an inbox and is not read, and the rule that says so.

import { ask, dated, el, moments, numbers, pages, pathOf, plural, say, show } from "./elements.js";
import { facetLink } from "./facets.js";

const PAGE = 20;

export async function ignoredView(address) {
  const page = Math.max(1, Number.parseInt(address.get("page"), 10) || 1);
  const offset = Math.min((page - 1) * PAGE, 1000);
  const { total, listed, ignored } = await ask("/ignored", { limit: PAGE, offset });
  const more = offset + ignored.length < listed;
  return () => {
    say("");
    show(
      el("h2", { class: "kicker" }, "Ignored"),
      el("p", {}, total ? `The rules leave out ${plural(total, "file or folder", "files and folders")}: nothing is read of them.`
        : "The rules leave out nothing of what lies in the inboxes."),
      el("ol", { class: "list" }, ignored.map(ignoredItem)),
      !more && total > listed && el("p", {}, `${numbers.format(total - listed)} that were seen earlier are not listed.`),
      pages({ list: "ignored" }, page, more),
    );
    return "Ignored";
  };
}

function ignoredItem({ inbox, path, rule, seen }) {
  return el("li", {}, el("h2", { dir: "auto" }, pathOf({ inbox, path })),
    el("p", { class: "reason" }, "Rule: ", el("code", { dir: "auto" }, rule)),
    el("p", { class: "meta" }, dated(seen, moments), el("span", {}, "in ", facetLink("inbox", inbox))));
}
