/** Short messages at the bottom of the page, with at most one action. */

import { url } from "./page.js";
import { t } from "./texts.js";

const SECONDS = 6;
const SECONDS_WITH_ACTION = 10;

/**
 * @param {string} text
 * @param {{small?: string, action?: string, onAction?: () => void, link?: {text: string, path: string}}} [options]
 */
export function say(text, { small = "", action = "", onAction = () => {}, link } = {}) {
  const message = document.createElement("div");
  message.className = "message";
  const words = document.createElement("span");
  words.textContent = text;
  if (small) {
    const extra = document.createElement("small");
    extra.textContent = small;
    words.append(extra);
  }
  message.append(words);
  if (action) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = action;
    button.addEventListener("click", () => {
      message.remove();
      onAction();
    });
    message.append(button);
  }
  if (link) message.append(Object.assign(document.createElement("a"), { href: url(link.path), textContent: link.text }));
  document.getElementById("messages").replaceChildren(message);
  removeLater(message, 1000 * (action || link ? SECONDS_WITH_ACTION : SECONDS));
}

/** Remove a message, but not while it is used. @param {Element} message @param {number} milliseconds */
function removeLater(message, milliseconds) {
  setTimeout(() => {
    if (message.matches(":hover, :focus-within")) removeLater(message, milliseconds);
    else message.remove();
  }, milliseconds);
}

/** @param {import("./api.js").Problem} problem */
export function sayProblem(problem) {
  const small = problem.requestId && t("common.request_id", { id: problem.requestId });
  say(problem.message, { small });
}
