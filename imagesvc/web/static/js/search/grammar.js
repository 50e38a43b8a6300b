/** The grammar of searches, as far as chips and suggestions need it: from texts to terms, and back. */

const FIELD =
  /(tags|title|desc|filename|camera|date|from|to|format|size|width|height|orientation|color|similar|is):/iy;
/** Fields whose values can be phrases. */
const OF_WORDS = new Set(["title", "desc", "filename", "camera"]);

/** Fields whose values have a form that is explained. */
export const EXPLAINED = new Set(["date", "from", "to", "size", "width", "height", "color", "similar"]);

/**
 * @typedef {object} Term
 * @property {string} text As it was written.
 * @property {number} start
 * @property {number} end
 * @property {boolean} isNegated
 * @property {string} field None for words, and for terms that OR joins.
 * @property {string} value
 */

/** What a pattern finds at a place. @param {RegExp} pattern Sticky. */
function match(pattern, text, at) {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0] ?? "";
}

/** @returns {number} After the closing quote, or at the end of a text without one. */
function endOfPhrase(text, at) {
  const end = text.indexOf('"', at + 1);
  return end < 0 ? text.length : end + 1;
}

const endOfRun = (text, at) => at + match(/\S*/y, text, at).length;

/** Tags are separated by commas, and may be quoted. */
function endOfTags(text, start) {
  let at = start;
  for (;;) {
    at = text[at] === '"' ? endOfPhrase(text, at) : at + match(/[^\s,"]*/y, text, at).length;
    if (text[at] !== ",") return endOfRun(text, at);
    at++;
  }
}

/** Where the value of a term begins, and its field. */
function headOf(text, start) {
  const isNegated = Boolean(match(/-(?=\S)/y, text, start));
  const at = start + (isNegated ? 1 : 0);
  const field = match(FIELD, text, at);
  return { isNegated, field: field.slice(0, -1).toLowerCase(), at: at + field.length };
}

function endOfTerm(text, start) {
  const { field, at } = headOf(text, start);
  if (field === "tags") return endOfTags(text, at);
  const isPhrase = text[at] === '"' && (!field || OF_WORDS.has(field));
  return isPhrase ? endOfPhrase(text, at) : endOfRun(text, at);
}

/** @returns {Term} */
function termAt(text, start, end) {
  const { isNegated, field, at } = headOf(text, start);
  return { text: text.slice(start, end), start, end, isNegated, field, value: text.slice(at, end) };
}

/** Each word, phrase and field of a search, also those that OR joins. @param {string} text @returns {Term[]} */
export function partsOf(text) {
  const parts = [];
  let at = match(/\s*/y, text, 0).length;
  while (at < text.length) {
    const end = endOfTerm(text, at);
    parts.push(termAt(text, at, end));
    at = end + match(/\s*/y, text, end).length;
  }
  return parts;
}

/** The terms of a search; those that OR joins are one. @param {string} text @returns {Term[]} */
export function termsOf(text) {
  const parts = partsOf(text);
  const terms = [];
  for (let at = 0; at < parts.length; at++) {
    const first = parts[at];
    while (parts[at + 1]?.text === "OR" && parts[at + 2]) at += 2;
    const last = parts[at];
    if (first === last) terms.push(first);
    else {
      const joined = text.slice(first.start, last.end);
      terms.push({ text: joined, start: first.start, end: last.end, isNegated: false, field: "", value: joined });
    }
  }
  return terms;
}

/** A search of these terms. A word that would join others as OR becomes a phrase. @param {string[]} texts */
function joined(texts) {
  return texts.map((text) => (text === "OR" ? '"OR"' : text)).join(" ");
}

/** @param {string} text @param {string} term */
export function withTerm(text, term) {
  return joined([...termsOf(text).map((one) => one.text), term]);
}

/** @param {string} text @param {number} index */
export function withoutTerm(text, index) {
  return joined(termsOf(text).map((one) => one.text).filter((_one, at) => at !== index));
}

/** Whether a term can be excluded: not one of several that OR joins. @param {Term} term */
export function isNegatable({ text, field }) {
  return field !== "similar" && partsOf(text).length === 1;
}

/** The same term, excluded, or no longer excluded. */
function negated({ text, isNegated }) {
  if (!isNegated) return `-${text}`;
  const rest = text.slice(1);
  return rest.startsWith("-") ? `"${rest}"` : rest;
}

/** A search with one of its terms excluded, or no longer excluded. @param {string} text @param {number} index */
export function withNegated(text, index) {
  return joined(termsOf(text).map((one, at) => (at === index ? negated(one) : one.text)));
}

/** Whether a search has a term. @param {string} text @param {string} term */
export function hasTerm(text, term) {
  return termsOf(text).some((one) => one.text.toLowerCase() === term.toLowerCase());
}

/** A value with its quotes removed, for people. @param {string} value */
export function unquoted(value) {
  return value.replace(/^"([^"]*)"?$/, "$1");
}

/** The term for a value of a facet; null for one that the grammar cannot write. */
export function termOf(field, value) {
  if (value.includes('"') || !value.trim()) return null;
  const isPlain = field === "tags" ? !/[\s,]/.test(value) : !/\s/.test(value);
  return `${field}:${isPlain && field !== "camera" ? value : `"${value}"`}`;
}
