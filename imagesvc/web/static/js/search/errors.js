/** Where the text of a search does not follow the grammar. */

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
