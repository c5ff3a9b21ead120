// What a search is narrowed to stands in the address; what else it can be narrowed to stands beside the results.

import { el, link, numbers } from "./elements.js";

const FACETS = [["inbox", "Inboxes"], ["tag", "Tags"]];

/** What the address asks for, without the page. */
export function whichOf(address) {
  const [q, sort, language] = ["q", "sort", "language"].map((name) => (address.get(name) ?? "").trim());
  return { q, sort, language, inbox: address.getAll("inbox"), tag: address.getAll("tag") };
}

/** Characters of a value that tell it from another, as the API counts them. */
const LONGEST = 255;

/** A link to all that lies in this inbox, or has this tag. */
export function facetLink(name, value) {
  return link({ [name]: Array.from(value).slice(0, LONGEST).join("") }, value, { dir: "auto" });
}

export const isNarrowed = (which) => which.inbox.length + which.tag.length > 0;

/** The inboxes and tags of what was found, with their numbers: a click narrows, another one widens again. */
export function facetsBeside(facets, which) {
  const lists = FACETS.map(([name, title]) => facetList(name, title, facets[name], which)).filter(Boolean);
  if (!lists.length) return null;
  // On a small screen the results come first.
  const open = isNarrowed(which) || matchMedia("(min-width: 46rem)").matches;
  return el("aside", { class: "facets" }, el("details", { open }, el("summary", {}, "Narrow the results"), lists));
}

function facetList(name, title, values, which) {
  const chosen = which[name];
  const gone = chosen.filter((choice) => !values.some(({ value }) => value === choice)).map((value) => ({ value, count: 0 }));
  // One inbox that holds everything leaves nothing to choose.
  if (!chosen.length && values.length < (name === "inbox" ? 2 : 1)) return null;
  return [el("h2", {}, title), el("ul", {}, [...values, ...gone].map(({ value, count }) => el("li", {},
    chosen.includes(value) ? widening(name, value, which) : link({ ...which, [name]: [...chosen, value] }, value, { dir: "auto" }),
    el("span", {}, numbers.format(count)))))];
}

function widening(name, value, which) {
  return link({ ...which, [name]: which[name].filter((choice) => choice !== value) }, [el("bdi", {}, value), " ✕"],
    { "aria-current": "true", "aria-label": `Only ${value}: show the others, too` });
}
