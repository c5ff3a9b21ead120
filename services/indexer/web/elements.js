// What the views are made of. Texts come from strangers: they are put in as text, never as markup.

export const at = (id) => document.getElementById(id);
export const numbers = new Intl.NumberFormat();
export const days = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });
export const moments = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const languages = new Intl.DisplayNames(undefined, { type: "language", fallback: "code" });

/** An element with attributes and children; a string becomes a text node. */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** A link within the page; the address is what a reload or a bookmark comes back to. */
export function link(parameters, text, attributes = {}) {
  const query = queryOf(parameters);
  return el("a", { href: query ? `/?${query}` : "/", "data-internal": true, ...attributes }, text);
}

/** What stands behind the question mark: a parameter for each value of a list, none for what is empty. */
function queryOf(parameters, kept = () => false) {
  const each = Object.entries(parameters).flatMap(([name, value]) => [value].flat().map((one) => [name, one]));
  return new URLSearchParams(each.filter(([name, value]) => value || kept(name))).toString();
}

/** A link to another site, if the address is one of the web; anything else, as a script, is shown as text. */
export function outward(address, text = address) {
  const url = URL.canParse(address) ? new URL(address) : null;
  if (!["http:", "https:"].includes(url?.protocol)) return el("span", { class: "path" }, text);
  return el("a", { class: "path", href: url.href, title: url.href, rel: "noopener noreferrer" }, text);
}

export class Failure extends Error {}

export async function ask(path, parameters = {}, options = {}) {
  const query = queryOf(parameters, (name) => name === "q");
  const address = query ? `${path}?${query}` : path;
  let response;
  try {
    response = await fetch(address, { headers: { Accept: "application/json" }, ...options });
  } catch {
    throw new Failure("Dateline does not answer. Is it still running?");
  }
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Failure(explain(answer.detail, response.status));
  return answer;
}

function explain(detail, status) {
  if (Array.isArray(detail)) return detail.map((fault) => `${fault.loc.at(-1)}: ${fault.msg}`).join("; ");
  return detail || `Dateline answered with an error (${status}).`;
}

export function say(text, wrong = false) {
  at("message").textContent = text;
  at("message").classList.toggle("wrong", wrong);
}

export const show = (...children) => at("view").replaceChildren(...children.filter(Boolean));
export const plural = (count, one, many) => `${numbers.format(count)} ${count === 1 ? one : many}`;
const titled = (title) => title ?? el("span", { class: "untitled" }, "Without a title");
/** The heading of an item in a list; the side it stands on is its text's. */
export const heading = (parameters, title) => el("h2", { dir: "auto" }, link(parameters, titled(title)));
export const pathOf = (source) => source && el("span", { class: "path", dir: "auto", title: source.inbox }, source.path);
export const dated = (moment, format = days) => moment && el("time", { datetime: moment }, format.format(new Date(moment)));

/** The snippet with its matches marked. Places are counted in code points, as the API does, not in UTF-16 units. */
export function marked({ text, highlights }) {
  const points = Array.from(text);
  const parts = [];
  let done = 0;
  for (const [start, end] of highlights) {
    parts.push(points.slice(done, start).join(""), el("mark", {}, points.slice(start, end).join("")));
    done = end;
  }
  return [...parts, points.slice(done).join("")];
}

/** A picture of shares; the numbers stand beside it. */
export function bar(parts, total) {
  return el("div", { class: "bar", "aria-hidden": "true" }, parts.map(([name, share]) => {
    const part = el("i", { class: share ? `${name} sliver` : name });
    part.style.setProperty("--share", total ? share / total : 0);
    return part;
  }));
}

export function nameOf(language) {
  try {
    return languages.of(language);
  } catch {
    return language;
  }
}

/** Links to the pages before and after this one. */
export function pages(parameters, page, more) {
  if (page === 1 && !more) return null;
  return el("nav", { class: "pages", "aria-label": "Pages" },
    page > 1 && link({ ...parameters, page: page === 2 ? "" : page - 1 }, "← Previous", { rel: "prev" }),
    el("span", {}, `Page ${numbers.format(page)}`),
    more && link({ ...parameters, page: page + 1 }, "Next →", { rel: "next" }));
}
