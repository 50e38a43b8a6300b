/** Where the text of a search does not follow the grammar. */

import { t } from "../shared/texts.js";
import { EXPLAINED, partsOf } from "./grammar.js";

/** The column that an error of the API names: `q:8`. */
const COLUMN = /^q:(\d+)$/;

/**
 * The wrong part of a text: from the column of the problem to the next space; null for other problems.
 * Columns count characters from 1.
 * @param {string} text @param {import("../shared/api.js").Problem | null} problem
 */
export function wrongPart(text, problem) {
  if (problem?.code !== "invalid_query") return null;
  const column = Number(problem.errors[0]?.loc.match(COLUMN)?.[1] ?? 1);
  const start = [...text].slice(0, column - 1).join("").length;
  return { start, end: start + (text.slice(start).match(/^\S+/)?.[0].length ?? 0) };
}

/**
 * What is wrong with a text, for people: the part is marked beside it.
 * @param {string} text @param {number} start Of the wrong part. @param {import("../shared/api.js").Problem} problem
 */
export function wrongMessage(text, start, problem) {
  const parts = partsOf(text);
  const part = parts.find((one) => one.start <= start && start < one.end) ?? parts.at(-1);
  if (part?.text.split('"').length === 2) return t("search.wrong_quotes");
  if (EXPLAINED.has(part?.field)) {
    return t("search.wrong_value", { kind: kindOf(part.field), value: part.value, hint: t(`search.hint_${part.field}`) });
  }
  return t("search.wrong", { message: problem.errors[0]?.msg ?? problem.message });
}

const kindOf = (field) => (field === "similar" ? t("search.similar") : t(`search.kind_${field}`));
