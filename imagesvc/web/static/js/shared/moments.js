/** Instants of the API, in the time zone of the browser. */

import { html } from "../vendor.js";
import { locale } from "./texts.js";

const moments = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" });
const days = new Intl.DateTimeFormat(locale, { dateStyle: "long" });
const relative = new Intl.RelativeTimeFormat(locale, { numeric: "auto" });
/** With their seconds, the longest first. */
const UNITS = [["year", 31_536_000], ["month", 2_592_000], ["day", 86_400], ["hour", 3_600], ["minute", 60]];

/** How long a time is ago, in words. @param {number} seconds */
function ago(seconds) {
  const [unit, size] = UNITS.find(([, size]) => seconds >= size) ?? ["second", Infinity];
  return relative.format(-Math.floor(seconds / size), /** @type {Intl.RelativeTimeFormatUnit} */ (unit));
}

/** Day and time of an instant. @param {string} instant */
export function momentName(instant) {
  return moments.format(Date.parse(instant));
}

/** @param {string} instant @param {string} text */
function marked(instant, text) {
  return html`<time datetime=${instant} title=${momentName(instant)}>${text}</time>`;
}

/** How long ago an instant was; the exact time is its tooltip. @param {string} instant */
export function timeAgo(instant) {
  return marked(instant, ago(Math.max(0, (Date.now() - Date.parse(instant)) / 1000)));
}

/** The day of an instant. @param {string} instant */
export function dayOf(instant) {
  return marked(instant, days.format(Date.parse(instant)));
}
