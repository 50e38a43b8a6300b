/** What a search can be completed with: values of the user's pictures, and fields of the grammar. */

import { t } from "../shared/texts.js";
import { FIELDS, valuesOf } from "./facets.js";
import { partsOf, unquoted } from "./grammar.js";
import { colourOf } from "./hues.js";
import { valueName } from "./terms.js";

/** Values of each kind, without a typed text and with one. */
const MOST = { tags: 10, cameras: 4, years: 6, formats: 4, colors: 12 };
const MOST_TYPED = 6;
const DATES = new Set(["date", "from", "to"]);
/** Fields that are offered by name, as people type a value after them. */
const OPEN_FIELDS = ["title", "desc", "filename", "from", "to", "size", "width", "height"];
const FIXED = [
  ["is", "favourite"],
  ["is", "waiting"],
  ["orientation", "landscape"],
  ["orientation", "portrait"],
  ["orientation", "square"],
];

/**
 * @typedef {object} Candidate
 * @property {string} text What replaces the typed part.
 * @property {string} label
 * @property {number} [count]
 * @property {string} [colour]
 * @property {boolean} [isOpen] Whether a value has to follow.
 * @property {boolean} [isWhole] Whether it replaces the whole text.
 * @typedef {{name: string, title: string, candidates: Candidate[]}} Group
 * @typedef {{start: number, end: number, prefix: string, field: string, value: string}} Part
 */

/** The part of a text that is being typed. @param {string} text @param {number} caret @returns {Part} */
export function partAt(text, caret) {
  const typed = partsOf(text.slice(0, caret)).at(-1);
  if (!typed || typed.end < caret) return { start: caret, end: caret, prefix: "", field: "", value: "" };
  const end = partsOf(text).find(({ start }) => start === typed.start)?.end ?? caret;
  const { start, field, value, isNegated } = typed;
  const comma = field === "tags" ? value.lastIndexOf(",") + 1 : 0;
  const prefix = (isNegated ? "-" : "") + (comma ? `tags:${value.slice(0, comma)}` : "");
  return { start, end, prefix, field, value: unquoted(value.slice(comma)) };
}

/** A text with a part replaced. @param {string} text @param {Part} part @param {Candidate} candidate */
export function completed(text, { start, end }, candidate) {
  const after = text.slice(end).trimStart();
  const before = text.slice(0, start) + candidate.text;
  return { text: candidate.isOpen || !after ? before + after : `${before} ${after}`, caret: before.length };
}

/** The rest of a text, which the values have to fit. @param {string} text @param {Part} part */
export function rest(text, { start, end }) {
  return `${text.slice(0, start)} ${text.slice(end)}`.trim();
}

/** Text without case and accents. @param {string} text */
const folded = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();

/** Whether a text, or a word of it, begins with what is typed. */
function begins(text, typed) {
  const place = folded(text);
  return place.startsWith(typed) || place.includes(` ${typed}`);
}

/** The saved searches whose name begins with a text. @param {import("./saved.js").Saved[]} list @returns {Candidate[]} */
export function savedFor(list, text) {
  const typed = folded(text).trim();
  const found = list.filter(({ name }) => begins(name, typed));
  return found.slice(0, MOST_TYPED).map(({ name, q }) => ({ text: q, label: name, isWhole: true }));
}

/** The groups for a part. @param {Part} part @param {Record<string, any> | null} facets @returns {Group[]} */
export function groupsFor(part, facets) {
  const typed = folded(part.value).trim();
  const groups = [
    ...FIELDS.map(([list, field]) => ofFacet(part, facets, list, field, typed)),
    group("marks", FIXED.filter(([field]) => isWanted(part, field)).map(([field, value]) => fixed(part, field, value)), typed),
    group("fields", part.field ? [] : OPEN_FIELDS.map((field) => open(part, field)), typed),
  ];
  return groups.filter(({ candidates }) => candidates.length);
}

/** Whether values of a field are wanted: when it is named, or none is. */
function isWanted(part, field) {
  return !part.field || part.field === field;
}

/** @returns {Group} */
function group(name, candidates, typed) {
  const found = candidates.filter(({ label, text }) => begins(label, typed) || begins(text, typed));
  return { name, title: t(`search.list_${name}`), candidates: found };
}

/** @returns {Group} */
function ofFacet(part, facets, list, field, typed) {
  const own = DATES.has(part.field) && field === "date" ? part.field : field;
  const values = facets && isWanted(part, own) ? valuesOf(facets, list, field) : [];
  const candidates = values.map(({ term, value, count }) => ({
    text: textOf(part, own, term.slice(field.length + 1)),
    label: valueName(field, value),
    colour: field === "color" ? colourOf(value) : undefined,
    count: facets.is_exact ? count : undefined,
  }));
  const found = group(list, candidates, typed);
  return { ...found, candidates: found.candidates.slice(0, typed ? MOST_TYPED : MOST[list]) };
}

/** A term for a value; it continues a list of tags. */
function textOf({ prefix }, field, value) {
  return prefix.endsWith(",") ? prefix + value : `${prefix}${field}:${value}`;
}

const fixed = (part, field, value) => ({ text: textOf(part, field, value), label: valueName(field, value) });

const open = (part, field) => ({ text: `${part.prefix}${field}:`, label: t(`search.kind_${field}`), isOpen: true });
