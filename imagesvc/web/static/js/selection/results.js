/** What follows a change of selected pictures. */

import { Problem } from "../shared/api.js";
import { say, sayProblem } from "../shared/messages.js";
import { counted, t } from "../shared/texts.js";
import { forgetImages } from "../viewer/images.js";

/**
 * End the selection, say what was changed, and show the pictures as they are now.
 * @param {import("./selected.js").Selected} selected
 * @param {import("./selected.js").Changed} done
 * @param {object} [options]
 * @param {boolean} [options.isAgain] Whether loaded months are loaded again.
 * @param {(count: number) => string} [options.text] Says how many were changed.
 * @param {() => Promise<unknown>} [options.undo] Changes them back.
 */
export async function finish({ grid }, { changed, failed, problems }, { isAgain = false, text, undo } = {}) {
  forgetImages();
  grid.selection.clear();
  const small = failed ? `${counted("selection.failed", failed)} ${problems[0]?.problem.detail ?? ""}` : "";
  const onAction = () => undo().then(() => grid.reload()).catch((error) => sayProblem(Problem.of(error)));
  const action = undo && changed ? t("common.undo") : "";
  say(text ? text(changed) : counted("selection.changed", changed), { small, action, onAction });
  await grid.reload({ isAgain });
}
