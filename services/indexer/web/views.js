// Views: each asks the API for what the address says, and returns what draws it; that returns the title of the window.

import { ask, bar, dated, days, el, heading, link, marked, moments, nameOf, numbers, pages, pathOf, plural, say, show } from "./elements.js";

const PAGE = 10;

export async function searchView(address) {
  const [q, sort, language] = ["q", "sort", "language"].map((name) => address.get(name) ?? "");
  const page = Math.max(1, Number.parseInt(address.get("page"), 10) || 1);
  const offset = Math.min((page - 1) * PAGE, 10000);
  const answer = await ask("/search", { q, sort: sort || "relevance", language, limit: PAGE, offset });
  return () => {
    const found = answer.total ? plural(answer.total, "document", "documents") : "No document";
    say([`${found} · ${answer.took_ms.toFixed(1)} ms`, ...answer.warnings].join(" · "));
    show(
      answer.total > 0 && orders(q, sort, language),
      el("ol", { class: "list" }, answer.hits.map((hit) => hitItem(hit, q))),
      answer.total === 0 && nothingFound(q, language),
      pages({ q, sort, language }, page, offset + answer.hits.length < answer.total),
    );
    return q;
  };
}

function orders(q, sort, language) {
  const choice = (value, text) => link({ q, sort: value, language }, text, { "aria-current": sort === value && "true" });
  return el("p", { class: "orders" }, choice("", "Best match first"), choice("newest", "Newest first"),
    language && link({ q, sort }, `Only ${nameOf(language)} ✕`, { "aria-label": `Only ${nameOf(language)}: show all languages` }));
}

function hitItem(hit, q) {
  return el("li", {},
    heading({ document: hit.document_id, q }, hit.title),
    el("p", { class: "snippet", dir: "auto", lang: hit.language }, marked(hit.snippet)),
    el("p", { class: "meta" }, dated(hit.published), hit.language && link({ q, language: hit.language }, nameOf(hit.language)),
      pathOf(hit.source)));
}

function nothingFound(q, language) {
  return el("section", { class: "welcome" },
    el("h1", {}, "Nothing says so yet"),
    el("p", {}, "All words have to be in one document. Try fewer of them, the beginning of one with a star (", el("kbd", {}, "evacuat*"),
      "), or ", el("kbd", {}, "one OR other"), "."),
    language && el("p", {}, link({ q }, "Search in all languages")),
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

export async function documentView(address) {
  const found = await ask(`/documents/${encodeURIComponent(address.get("document"))}`);
  const q = address.get("q");
  return () => {
    say("");
    const back = el("p", { class: "back" }, q ? link({ q }, `← Results for “${q}”`) : link({}, "← Latest in"));
    const name = found.title ?? found.source?.path ?? "Without a title";
    show(el("article", { class: "document" }, back,
      el("header", {}, el("h1", { dir: "auto", lang: found.language }, name), byline(found)),
      el("div", {}, text(found), found.cut.length > 0 && cutAway(found.cut)), facts(found)));
    return name;
  };
}

function byline(found) {
  const parts = [found.authors.length && found.authors.join(", "), found.published && days.format(new Date(found.published))];
  return el("p", { class: "byline", dir: "auto" }, parts.filter(Boolean).join(" · "));
}

function text(found) {
  const paragraphs = (found.body ?? "").split(/\n{2,}/).filter(Boolean);
  return el("div", { class: "body", dir: "auto", lang: found.language }, fate(found),
    paragraphs.map((paragraph) => el("p", { dir: "auto" }, paragraph)),
    found.truncated && el("p", { class: "untitled" }, "The text is longer; a limit cut it here."));
}

function fate(found) {
  switch (found.state) {
    case "rejected":
      return [el("p", {}, el("strong", {}, "Rejected: "), found.reason), found.error && el("details", {},
        el("summary", {}, "For whoever mends the software"), el("pre", {}, found.error))];
    case "duplicate":
      return el("p", {}, "Another file with the same bytes is ", link({ document: found.duplicate_of }, "this document"), ".");
    case "removed":
      return el("p", {}, "The file was removed from the inbox, and the document with it.");
    default:
      return null;
  }
}

function facts(found) {
  const sizes = [found.sizes.original !== null && plural(found.sizes.original, "byte", "bytes"),
    found.sizes.body !== null && plural(found.sizes.body, "character of text", "characters of text")].filter(Boolean);
  const rows = [["File", pathOf(found.source)], ["State", found.state], ["Language", found.language && nameOf(found.language)],
    ["Published", dated(found.published, moments)], ["File written", dated(found.modified, moments)],
    ["Type", found.media_type], ["Size", sizes.join(", ")], ["SHA-256", found.content_hash && el("span", { class: "path" }, found.content_hash)],
    ["Original", found.content_hash && el("a", { href: `/documents/${found.document_id}/original` }, "Download")]];
  return el("aside", { class: "facts", "aria-label": "About this document" }, found.times && timeline(found.times),
    found.trace.length > 0 && attempts(found.trace),
    el("h2", {}, "Facts"),
    el("dl", {}, rows.filter(([, value]) => value).map(([name, value]) => [el("dt", {}, name), el("dd", {}, value)])));
}

/** Every attempt of every stage: one that failed is tried again. */
function attempts(trace) {
  const row = ({ stage, number, outcome, started, ended, error, worker }) => el("li", { title: worker },
    el("b", {}, stage), ` ${number > 1 || outcome !== "done" ? `try ${number}: ` : ""}${OUTCOMES[outcome]}`,
    started && [" · ", dated(started, moments), ended && ` · ${duration(Math.max(0, new Date(ended) - new Date(started)))}`],
    error && el("p", { class: "reason", dir: "auto" }, error));
  return el("details", { class: "attempts" }, el("summary", {}, plural(trace.length, "attempt", "attempts")),
    el("ol", {}, trace.map(row)));
}

const OUTCOMES = { done: "done", failed: "failed", lost: "its worker ended before it could tell" };

/** What each stage took, as a bar and in numbers. */
function timeline(times) {
  const steps = [["fetcher", "read", times.accepted, times.fetched], ["parser", "parsed", times.fetched, times.parsed],
    ["indexer", "indexed", times.parsed, times.indexed]]
    .filter(([, , from, to]) => from && to)
    .map(([stage, name, from, to]) => ({ stage, name, ms: Math.max(0, new Date(to) - new Date(from)) }));
  if (!steps.length) return null;
  const total = steps.reduce((sum, step) => sum + step.ms, 0);
  const row = ({ stage, name, ms }) => el("li", {}, el("i", { class: stage }), el("span", {}, name), el("span", {}, duration(ms)));
  return [el("h2", {}, `On its way for ${duration(total)}`),
    bar(steps.map(({ stage, ms }) => [stage, ms]), total),
    el("ul", { class: "times" }, steps.map(row)),
    el("dl", {}, el("dt", {}, "Accepted"), el("dd", {}, dated(times.accepted, moments)))];
}

const duration = (ms) => (ms < 1000 ? `${ms} ms` : ms < 60000 ? `${(ms / 1000).toFixed(1)} s` : `${numbers.format(Math.round(ms / 60000))} min`);

function cutAway(blocks) {
  return el("details", { class: "cut" },
    el("summary", {}, `What was cut away: ${plural(blocks.length, "block", "blocks")}`),
    el("ol", {}, blocks.map((block) => el("li", {},
      el("p", { class: "why" }, el("b", {}, block.kind), ` · ${block.reason}`, block.score !== 0 && ` · score ${block.score.toFixed(2)}`),
      el("blockquote", { dir: "auto" }, block.text)))));
}
