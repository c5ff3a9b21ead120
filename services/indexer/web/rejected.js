// What was rejected: the reasons with their numbers, the documents of one or all, and another try for one or many.

import { ask, dated, el, heading, link, moments, numbers, pages, plural, say, show } from "./elements.js";

const PAGE = 10;
const PAUSE_MS = 1000;
/** Steps without room on the streams before a replay gives up: two minutes. */
const PATIENCE = 120;

export async function rejectedView(address) {
  const reason = address.get("reason") ?? "";
  const page = Math.max(1, Number.parseInt(address.get("page"), 10) || 1);
  const offset = (page - 1) * PAGE;
  const [groups, list] = await Promise.all([
    ask("/quarantine/reasons"), ask("/quarantine", { reason, limit: PAGE, offset })]);
  return () => {
    say("");
    show(
      el("h2", { class: "kicker" }, "Rejected"),
      !groups.documents && el("p", {}, "Nothing was rejected."),
      groups.documents > 0 && el("ul", { class: "reasons" }, groups.reasons.map((group) => reasonItem(group, reason))),
      reason && el("p", {}, link({ list: "rejected" }, "Show all reasons")),
      el("ol", { class: "list" }, list.quarantined.map(rejectedItem)),
      pages({ list: "rejected", reason }, page, offset + list.quarantined.length < list.total),
    );
    return "Rejected";
  };
}

function reasonItem(group, chosen) {
  return el("li", {},
    el("b", {}, numbers.format(group.count)),
    el("span", { class: "reason", dir: "auto" },
      link({ list: "rejected", reason: group.reason }, group.reason, { "aria-current": group.reason === chosen && "true" })),
    group.replayable > 0 && tryAgain(`Try ${numbers.format(group.replayable)} again`, () => replayAll(group.reason)));
}

function rejectedItem(rejection) {
  const others = rejection.locations_total - 1;
  return el("li", {},
    heading({ document: rejection.document_id }, rejection.source?.path ?? "A message nobody could read"),
    el("p", { class: "reason", dir: "auto" }, rejection.reason),
    el("p", { class: "meta" }, dated(rejection.rejected, moments), el("span", {}, `by the ${rejection.stage}`),
      rejection.deliveries > 1 && el("span", {}, `tried ${rejection.deliveries} times`),
      others > 0 && link({ document: rejection.document_id }, `also at ${plural(others, "other place", "other places")}`),
      rejection.replayable && tryAgain("Try again", () => replayOne(rejection.document_id))));
}

function tryAgain(text, replay) {
  const button = el("button", { class: "quiet", type: "button" }, text);
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      say(await replay());
    } catch (error) {
      say(error.message, true);
      button.disabled = false;
    }
  });
  return button;
}

async function replayOne(id) {
  await ask(`/quarantine/${id}/replay`, {}, { method: "POST" });
  return "It is on its way again.";
}

/** A step a request; each answer says where to go on. */
async function replayAll(reason) {
  let [done, after, waits] = [0, "", 0];
  do {
    const step = await ask("/quarantine/replay", { reason, after }, { method: "POST" });
    done += step.replayed;
    waits = step.replayed ? 0 : waits + 1;
    after = step.next;
    say(`${plural(done, "document is", "documents are")} on the way again, ${numbers.format(step.left)} to go.`);
    if (!step.replayed && after !== null) await new Promise((go) => setTimeout(go, PAUSE_MS));
  } while (after !== null && waits < PATIENCE);
  const end = after === null ? "" : " There is no room for the others: try again when these are through.";
  return `${plural(done, "document is", "documents are")} on the way again.${end}`;
}
