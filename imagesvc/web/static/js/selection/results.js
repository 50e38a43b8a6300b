/** What follows a change of selected pictures. */

import { say } from "../shared/messages.js";
import { counted } from "../shared/texts.js";
import { forgetImages } from "../viewer/images.js";

/**
 * End the selection, say what was changed, and show the pictures as they are now.
 * @param {import("./selected.js").Selected} selected
 * @param {import("./selected.js").Changed} done
 * @param {object} [options]
 * @param {boolean} [options.isAgain] Whether loaded months are loaded again.
 * @param {(count: number) => string} [options.text] Says how many were changed.
 */
export async function finish({ grid }, { changed, failed, problems }, { isAgain = false, text } = {}) {
  forgetImages();
  grid.selection.clear();
  const small = failed ? `${counted("selection.failed", failed)} ${problems[0]?.problem.detail ?? ""}` : "";
  say(text ? text(changed) : counted("selection.changed", changed), { small });
  await grid.reload({ isAgain });
}
