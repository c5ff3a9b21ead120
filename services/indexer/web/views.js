// Views: each asks the API for what the address says, and returns what draws it; that returns the title of the window.

import { ask, dated, el, heading, link, marked, moments, nameOf, pages, pathOf, plural, say, show } from "./elements.js";
import { facetsBeside, isNarrowed, whichOf } from "./facets.js";

const PAGE = 10;

export async function searchView(address) {
  const which = whichOf(address);
  const page = Math.max(1, Number.parseInt(address.get("page"), 10) || 1);
  const offset = Math.min((page - 1) * PAGE, 10000);
  // Without words nothing matches better than anything else.
  const sort = which.sort || (which.q ? "relevance" : "newest");
  const answer = await ask("/search", { ...which, sort, limit: PAGE, offset });
  return () => {
    const found = answer.total ? plural(answer.total, "document", "documents") : "No document";
    say([`${found} · ${answer.took_ms.toFixed(1)} ms`, ...answer.warnings].join(" · "));
    show(el("div", { class: "results" },
      facetsBeside(answer.facets, which),
      el("div", { class: "found" },
        answer.total > 0 && orders(which),
        el("ol", { class: "list" }, answer.hits.map((hit) => hitItem(hit, which))),
        answer.total === 0 && nothingFound(which),
        pages(which, page, offset + answer.hits.length < answer.total))));
    return which.q || [...which.inbox, ...which.tag].join(", ");
  };
}

function orders(which) {
  const { q, sort, language } = which;
  const choice = (value, text) => link({ ...which, sort: value }, text, { "aria-current": sort === value && "true" });
  return el("p", { class: "orders" }, q ? [choice("", "Best match first"), choice("newest", "Newest first")] : "Newest first",
    language && link({ ...which, language: "" }, `Only ${nameOf(language)} ✕`, { "aria-label": `Only ${nameOf(language)}: show all languages` }));
}

function hitItem(hit, which) {
  const others = hit.locations_total - 1;
  return el("li", {},
    heading({ document: hit.document_id, ...which }, hit.title),
    el("p", { class: "snippet", dir: "auto", lang: hit.language }, marked(hit.snippet)),
    el("p", { class: "meta" }, dated(hit.published),
      hit.language && link({ ...which, language: hit.language }, nameOf(hit.language)), pathOf(hit.source),
      others > 0 && link({ document: hit.document_id, ...which }, `also at ${plural(others, "other place", "other places")}`)));
}

function nothingFound(which) {
  return el("section", { class: "welcome" },
    el("h1", {}, which.q ? "Nothing says so yet" : "Nothing lies there yet"),
    which.q && el("p", {}, "All words have to be in one document. Try fewer of them, the beginning of one with a star (",
      el("kbd", {}, "evacuat*"), "), or ", el("kbd", {}, "one OR other"), "."),
    which.language && el("p", {}, link({ ...which, language: "" }, "Search in all languages")),
    which.q && isNarrowed(which) && el("p", {}, link({ ...which, inbox: [], tag: [] }, "Search in all inboxes, whatever the tags")),
    el("p", {}, "A file that was dropped a moment ago is counted above until it can be found."));
}

export async function latestView() {
  const { total, documents } = await ask("/documents", { state: "indexed", limit: PAGE });
  return () => {
    say("");
    if (!total) show(welcome());
    else show(el("h2", { class: "kicker" }, "Latest in"), el("ol", { class: "list" }, documents.map(listItem)));
    return "";
  };
}

function listItem(found) {
  const times = found.times ?? {};
  return el("li", {},
    heading({ document: found.document_id }, found.title),
    el("p", { class: "meta" }, dated(times.indexed ?? times.accepted, moments), pathOf(found.source)));
}

function welcome() {
  return el("section", { class: "welcome" },
    el("h1", {}, "No news yet"),
    el("ol", {},
      el("li", {}, "Drop a file into the ", el("code", {}, "inbox"), " folder: a saved page (", el("code", {}, ".html"), ") or plain text (",
        el("code", {}, ".txt"), ")."),
      el("li", {}, "Watch it pass the line above. It takes about a second."),
      el("li", {}, "Search for a word that is in it.")),
    el("p", {}, "Editing the file updates the document, moving it keeps it, deleting it removes it."));
}
