// The search page: the address decides what is shown. Uses the HTTP API only.

import { documentView } from "./document.js";
import { Failure, at, say, show } from "./elements.js";
import { isNarrowed, whichOf } from "./facets.js";
import { ignoredView } from "./ignored.js";
import { rejectedView } from "./rejected.js";
import { keepStatus } from "./status.js";
import { latestView, searchView } from "./views.js";

const TYPING_PAUSE_MS = 180;

const LISTS = { rejected: rejectedView, ignored: ignoredView };

let asked = 0;
let shown = "";

function viewOf(address) {
  if (address.get("document")) return documentView;
  if (Object.hasOwn(LISTS, address.get("list"))) return LISTS[address.get("list")];
  const which = whichOf(address);
  return which.q || isNarrowed(which) ? searchView : latestView;
}

async function render() {
  const address = new URLSearchParams(location.search);
  const view = viewOf(address);
  const turn = ++asked;
  const moved = shown !== location.search && view !== searchView;
  let draw;
  try {
    draw = await view(address);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    draw = () => { show(); say(error.message, true); return ""; };
  }
  if (turn !== asked) return; // something else was asked for meanwhile
  const title = draw();
  document.title = title ? `${title} — Dateline` : "Dateline";
  shown = location.search;
  if (moved) scrollTo(0, 0);
}

function go(address, { replace = false } = {}) {
  history[replace ? "replaceState" : "pushState"](null, "", address);
  fillBox();
  render();
}

function fillBox() {
  const q = new URLSearchParams(location.search).get("q") ?? "";
  if (document.activeElement !== at("q") || at("q").value.trim() !== q) at("q").value = q;
}

/** A search for other words stays in the inboxes and tags that stand beside it. */
function searchAddress(q) {
  const [shown, next] = [new URLSearchParams(location.search), new URLSearchParams(q.trim() ? { q } : {})];
  if (!shown.has("document")) ["inbox", "tag"].forEach((name) => shown.getAll(name).forEach((value) => next.append(name, value)));
  return next.size ? `/?${next}` : "/";
}

let typing;
at("q").addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(() => {
    const address = new URLSearchParams(location.search);
    const searching = address.has("q") && !address.has("document");
    history[searching ? "replaceState" : "pushState"](null, "", searchAddress(at("q").value));
    render();
  }, TYPING_PAUSE_MS);
});

at("search").addEventListener("submit", (event) => {
  event.preventDefault();
  clearTimeout(typing);
  const q = at("q").value.trim();
  go(searchAddress(q), { replace: new URLSearchParams(location.search).get("q") === q });
});

document.addEventListener("click", (event) => {
  const anchor = event.target.closest("a[data-internal]");
  if (!anchor || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  go(anchor.getAttribute("href"));
  at("content").focus({ preventScroll: true });
});

document.addEventListener("keydown", (event) => {
  if (event.key === "/" && !event.ctrlKey && !event.metaKey && document.activeElement !== at("q")) {
    event.preventDefault();
    at("q").select();
  } else if (event.key === "Escape" && new URLSearchParams(location.search).has("document")) {
    history.back();
  }
});

addEventListener("popstate", () => { fillBox(); render(); });

/** Whether the list may change under the reader's eyes: the latest, and a search that has found nothing. */
const nothingToLoseSight = () => !location.search || (at("view").querySelector(".welcome") !== null);

at("today").textContent = new Intl.DateTimeFormat(undefined, { dateStyle: "full" }).format(new Date());
fillBox();
render();
keepStatus(() => { if (nothingToLoseSight()) render(); });
