// How far what came together is, in a bar and in words.

import { el, numbers, plural } from "./elements.js";

const shares = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 });

/** Null while all is quiet. */
export function progressLine(progress) {
  if (!progress) return null;
  const { total, done, left, percent, per_second: rate, seconds_left: seconds } = progress;
  if (!left) return el("p", { class: "progress" }, `Done: ${plural(total, "document", "documents")}.`);
  const words = [`${numbers.format(done)} of ${plural(total, "document", "documents")}`, `${shares.format(percent)} %`,
    rate > 0 && `${rate < 9.5 ? shares.format(rate) : numbers.format(Math.round(rate))} a second`,
    seconds !== null && timeLeft(seconds)].filter(Boolean);
  return el("p", { class: "progress" },
    el("progress", { value: done, max: total, "aria-label": "Documents done" }), el("span", {}, words.join(" · ")));
}

/** A guess that reads like one. */
function timeLeft(seconds) {
  if (seconds < 10) return "a few seconds left";
  if (seconds < 55) return `about ${Math.ceil(seconds / 10) * 10} seconds left`;
  if (seconds < 5400) return `about ${plural(Math.max(1, Math.round(seconds / 60)), "minute", "minutes")} left`;
  if (seconds < 129600) return `about ${plural(Math.round(seconds / 3600), "hour", "hours")} left`;
  return `about ${plural(Math.round(seconds / 86400), "day", "days")} left`;
}
