/** Texts, numbers and dates in the language of the page. */

import { page } from "./page.js";

/** The language with the region that the browser prefers, which has its own dates. */
export const locale =
  navigator.languages.find((name) => name.split("-")[0] === page.language) ?? page.language;
const plurals = new Intl.PluralRules(locale);
const numbers = new Intl.NumberFormat(locale);

/**
 * A text of the catalogue, with its placeholders filled.
 * @param {string} key
 * @param {Record<string, string | number>} [values]
 */
export function t(key, values = {}) {
  return page.texts[key].replace(/\{(\w+)\}/g, (_match, name) => String(values[name]));
}

/** A text that depends on a number: the keys end in `_one` and `_other`. */
export function counted(key, count, values = {}) {
  const form = plurals.select(count) === "one" ? "one" : "other";
  return t(`${key}_${form}`, { ...values, count: numbers.format(count) });
}

/** @param {"private" | "unlisted" | "public"} visibility */
export function visibilityName(visibility) {
  return { private: t("viewer.private"), unlisted: t("viewer.unlisted"), public: t("viewer.public") }[visibility];
}

/** @param {number} value */
export function number(value) {
  return numbers.format(value);
}

/** A number with a unit of Intl, such as `hour`. @param {number} value @param {string} unit */
export function amount(value, unit) {
  const unitDisplay = unit === "millisecond" ? "short" : "long";
  return new Intl.NumberFormat(locale, { style: "unit", unit, unitDisplay }).format(value);
}

const units = ["byte", "kilobyte", "megabyte", "gigabyte"];

/** A number of bytes, with a unit that fits. @param {number} count */
export function bytes(count) {
  const step = count < 1 ? 0 : Math.min(Math.floor(Math.log10(count) / 3), units.length - 1);
  return new Intl.NumberFormat(locale, {
    style: "unit",
    unit: units[step],
    unitDisplay: step ? "short" : "long", // Only the long name of bytes has a plural.
    maximumFractionDigits: 1,
  }).format(count / 1000 ** step);
}

const spans = [["day", 86_400], ["hour", 3600], ["minute", 60]];

/** A duration in the largest unit that fits. @param {number} seconds */
export function duration(seconds) {
  const [unit, size] = spans.find(([, size]) => seconds >= size) ?? spans[2];
  return amount(Math.round(seconds / size), unit);
}

/** A format of dates; the API has the wall time of the camera as if it were UTC. */
function format(options) {
  return new Intl.DateTimeFormat(locale, { timeZone: "UTC", ...options });
}

const monthAndYear = format({ month: "long", year: "numeric" });
const shortMonth = format({ month: "short", year: "numeric" });
const fullDay = format({ dateStyle: "long" });
const dayAndTime = format({ dateStyle: "long", timeStyle: "short" });

/** `2026-11` in words. @param {string} month */
export function monthName(month) {
  return monthAndYear.format(new Date(`${month}-01T00:00:00Z`));
}

/** @param {string} month */
export function shortMonthName(month) {
  return shortMonth.format(new Date(`${month}-01T00:00:00Z`));
}

/** @param {number} seconds Since 1970. */
export function dayName(seconds) {
  return fullDay.format(new Date(seconds * 1000));
}

/** @param {number} seconds Since 1970. */
export function timeName(seconds) {
  return dayAndTime.format(new Date(seconds * 1000));
}
