// One document: its text, where it lies, what happened to it, and what was cut away.

import { ask, bar, dated, days, el, link, moments, nameOf, numbers, outward, pathOf, plural, say, show } from "./elements.js";
import { facetLink, isNarrowed, whichOf } from "./facets.js";

/** Places that are shown at once. */
const FEW = 8;

export async function documentView(address) {
  const found = await ask(`/documents/${encodeURIComponent(address.get("document"))}`);
  const which = whichOf(address);
  return () => {
    say("");
    const back = el("p", { class: "back" }, which.q ? link(which, `← Results for “${which.q}”`)
      : isNarrowed(which) ? link(which, "← Results") : link({}, "← Latest in"));
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
      return duplicate(found);
    case "removed":
      return el("p", {}, "The file was removed from the inbox, and the document with it.");
    default:
      return null;
  }
}

/** The same bytes are read once: what became of them there holds here, too. */
function duplicate(found) {
  if (found.duplicate_of_state !== "rejected") {
    return el("p", {}, "The same bytes were there before: ", link({ document: found.duplicate_of }, "read the document"), ".");
  }
  return [el("p", {}, "The same bytes were there before, and were ", el("strong", {}, "rejected: "), found.duplicate_of_reason),
    el("p", {}, link({ document: found.duplicate_of }, "See the rejected document"), ".")];
}

function facts(found) {
  const sizes = [found.sizes.original !== null && plural(found.sizes.original, "byte", "bytes"),
    found.sizes.body !== null && plural(found.sizes.body, "character of text", "characters of text")].filter(Boolean);
  const rows = [["State", found.state], ["Language", found.language && nameOf(found.language)],
    ["Published", dated(found.published, moments)], ["File written", dated(found.modified, moments)],
    ["Type", found.media_type], ["Size", sizes.join(", ")], ["SHA-256", found.content_hash && el("span", { class: "path" }, found.content_hash)],
    ["Original", found.content_hash && el("a", { href: `/documents/${found.document_id}/original` }, "Download")]];
  return el("aside", { class: "facts", "aria-label": "About this document" }, found.times && timeline(found.times),
    found.trace.length > 0 && attempts(found.trace),
    places(found),
    el("h2", {}, "Facts"),
    el("dl", {}, rows.filter(([, value]) => value).map(([name, value]) => [el("dt", {}, name), el("dd", {}, value)])));
}

/** Every place where the same bytes lie, with its inbox and the web page it was; and the tags of this one. */
function places(found) {
  if (!found.source) return null;
  const lying = found.locations.length ? found.locations : [found.source];
  const hidden = found.locations_total - found.locations.length;
  const tags = [...new Set(found.source.tags)].map((tag) => el("li", {}, facetLink("tag", tag)));
  return [
    el("h2", {}, found.locations_total > 1 ? `At ${plural(found.locations_total, "place", "places")}` : "Where it lies"),
    el("ul", { class: "places" }, lying.slice(0, FEW).map(place)),
    lying.length > FEW && el("details", {}, el("summary", {}, `${numbers.format(lying.length - FEW)} more`),
      el("ul", { class: "places" }, lying.slice(FEW).map(place)),
      hidden > 0 && el("p", {}, `And ${numbers.format(hidden)} that are not listed.`)),
    tags.length > 0 && [el("h2", {}, "Tags"), el("ul", { class: "tags" }, tags)]];
}

function place({ inbox, path, url }) {
  return el("li", {}, pathOf({ inbox, path }), el("span", { class: "inbox" }, "in ", facetLink("inbox", inbox)),
    url && outward(url));
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
