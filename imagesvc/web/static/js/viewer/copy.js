/** The menu that copies the address of an image, or a text that embeds it. */

import { html, render } from "../vendor.js";
import { Problem } from "../shared/api.js";
import { say, sayProblem } from "../shared/messages.js";
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
    const dialog = document.createElement("dialog");
    dialog.className = "dialog copy";
    dialog.setAttribute("aria-label", t("viewer.copy"));
    render(content(image, dialog), dialog);
    dialog.addEventListener("close", () => dialog.remove());
    viewer.swipe.element.append(dialog);
    dialog.showModal();
  } catch (error) {
    sayProblem(Problem.of(error));
  }
}

function content(image, dialog) {
  const snippets = snippetsOf(image, location.origin);
  const choose = async (kind) => {
    const isCopied = await copied(snippets[kind], dialog);
    dialog.close();
    if (isCopied) say(t("viewer.copied"));
  };
  const note = image.visibility === "private" ? html`<p class="copy-note">${t("viewer.copy_private")}</p>` : "";
  return html`<h2>${t("viewer.copy")}</h2>
    ${note}
    <ul>
      ${KINDS.map(
        ([kind, name]) => html`<li>
          <button type="button" @click=${() => choose(kind)}>
            <strong>${name()}</strong><code>${snippets[kind]}</code>
          </button>
        </li>`,
      )}
    </ul>
    <form method="dialog"><button class="button">${t("common.close")}</button></form>`;
}

/** Put a text on the clipboard, also without HTTPS. @param {string} text @param {HTMLElement} place */
async function copied(text, place) {
  if (navigator.clipboard) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      // Not permitted: the older way may be.
    }
  }
  const area = document.createElement("textarea");
  area.value = text;
  place.append(area);
  area.select();
  const isCopied = document.execCommand("copy");
  area.remove();
  return isCopied;
}
