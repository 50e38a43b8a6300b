/** What to do after a failed attempt. */

import { t } from "../shared/texts.js";
import { backoff } from "./connection.js";

const MAX_CUTS = 5;
const MAX_TRIES = 8;
const TEMPORARY = [408, 409, 425, 500, 502, 503, 504];

/**
 * @typedef {object} Remedy
 * @property {"fail" | "log_in" | "reconnect" | "wait"} action
 * @property {number} [milliseconds] To wait.
 * @property {string} [reason] That users are shown.
 */

/**
 * @param {import("./items.js").Item} item Its counts of attempts are those before this one.
 * @param {import("../shared/api.js").Problem} problem
 * @returns {Remedy}
 */
export function remedyOf(item, problem) {
  const { status, code, retryAfter, message: reason } = problem;
  if (status === 0) {
    return ++item.cuts < MAX_CUTS ? { action: "reconnect" } : { action: "fail", reason: t("upload.cut") };
  }
  if (status === 401) return { action: "log_in" };
  if (status === 429 && code !== "quota_exceeded") return { action: "wait", milliseconds: 1000 * (retryAfter || 1) };
  if (!isTemporary(problem) || ++item.tries >= MAX_TRIES) return { action: "fail", reason };
  return { action: "wait", milliseconds: Math.max(1000 * retryAfter, backoff(item.tries - 1)) };
}

/** A conflict is temporary only where the server says when to try again: the first attempt still runs. */
function isTemporary({ status, retryAfter }) {
  return TEMPORARY.includes(status) && (status !== 409 || retryAfter > 0);
}
