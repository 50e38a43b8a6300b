/** The menu that copies the address of an image, or a text that embeds it. */

import { html } from "../vendor.js";
import { Problem } from "../shared/api.js";
import { copied } from "../shared/clipboard.js";
import { closeButton, openDialog } from "../shared/dialog.js";
import { say, sayProblem } from "../shared/messages.js";
import { url, variantUrl } from "../shared/page.js";
import { t } from "../shared/texts.js";
import { snippetsOf } from "./snippets.js";

const KINDS = [
  ["url", () => t("viewer.copy_url")],
  ["markdown", () => "Markdown"],
  ["html", () => "HTML"],
  ["bbcode", () => "BBCode"],
  ["srcset", () => t("viewer.copy_srcset")],
];

/** Show the menu for the picture in the viewer. @param {import("./viewer.js").Viewer} viewer */
export async function showCopyMenu(viewer) {
  try {
    const image = await viewer.details();
    const size = await sizeOf(image);
    const place = { className: "copy", parent: viewer.swipe.element };
    openDialog(t("viewer.copy"), (dialog) => content(image, size, dialog), place);
  } catch (error) {
    sayProblem(Problem.of(error));
  }
}

/** The size of the variant that texts embed, which the viewer has loaded; if it cannot be, that of the original. */
async function sizeOf({ id, width, height }) {
  const shown = new Image();
  shown.src = variantUrl(id, ["viewer", "preview"], "");
  try {
    await shown.decode();
    return { width: shown.naturalWidth, height: shown.naturalHeight };
  } catch {
    return { width, height };
  }
}

function content(image, size, dialog) {
  const snippets = snippetsOf(image, size);
  const choose = async (kind) => {
    const isCopied = await copied(snippets[kind], dialog);
    dialog.close();
    if (isCopied) say(t("viewer.copied"));
  };
  const note = image.visibility === "private" ? html`<p class="copy-note">${t("viewer.copy_private")}</p>` : "";
  return html`${note}
    <ul>
      ${KINDS.map(
        ([kind, name]) => html`<li>
          <button type="button" @click=${() => choose(kind)}>
            <strong>${name()}</strong><code>${snippets[kind]}</code>
          </button>
        </li>`,
      )}
    </ul>
    <p class="copy-more"><a href=${url(`/build/${image.id}`)}>${t("viewer.build")}</a></p>
    ${closeButton()}`;
}
