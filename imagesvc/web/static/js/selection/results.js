/** What follows a change of selected pictures. */

import { explained, Problem } from "../shared/api.js";
import { say, sayProblem } from "../shared/messages.js";
import { counted, t } from "../shared/texts.js";
import { forgetImages } from "../viewer/images.js";

/** @typedef {{text: string, path: string}} Link A page that has what was changed. */

/**
 * End the selection, unless it is kept and all of it is still shown; say what was changed, and show the pictures as they are now.
 * @param {import("./selected.js").Selected} selected
 * @param {import("./selected.js").Changed} done
 * @param {object} [options]
 * @param {boolean} [options.isAgain] Whether loaded months are loaded again.
 * @param {boolean} [options.isKept] Whether the pictures stay selected.
 * @param {Link} [options.link]
 * @param {(count: number) => string} [options.text] Says how many were changed.
 * @param {() => Promise<unknown>} [options.undo] Changes them back.
 */
export async function finish(selected, { changed, failed, problems }, options = {}) {
  const { grid } = selected;
  const { isAgain = false, isKept = false, link, text, undo } = options;
  forgetImages();
  if (!isKept || selected.filters().has("q")) grid.selection.clear();
  const small = failed ? `${counted("selection.failed", failed)} ${problems.length ? explained(problems[0].problem) : ""}` : "";
  const onAction = () => undo().then(() => grid.reload()).catch((error) => sayProblem(Problem.of(error)));
  const action = undo && changed ? t("common.undo") : "";
  say(text ? text(changed) : counted("selection.changed", changed), { small, action, onAction, link });
  await grid.reload({ isAgain });
}
