/** The page of links: shares and links for uploads, which can be changed and withdrawn. */

import "./shared/preferences.js";
import { Problem } from "./shared/api.js";
import { listenToHelp } from "./shared/help.js";
import { sayProblem } from "./shared/messages.js";
import { t } from "./shared/texts.js";
import { editShare } from "./sharing/edit.js";
import { LinkList } from "./sharing/list.js";
import { shareRow, uploadLinkRow } from "./sharing/rows.js";
import { editUploadLink, makeUploadLink } from "./sharing/upload_link.js";
import { isTaken } from "./timeline/keys.js";

const make = /** @type {HTMLButtonElement} */ (document.getElementById("new-upload-link"));
const place = (name) => document.getElementById(name);
const shares = new LinkList(place("shares"), "/api/v1/shares", shareRow, editShare, t("sharing.no_shares"));
const links = new LinkList(
  place("upload-links"), "/api/v1/upload-links", uploadLinkRow, editUploadLink, t("sharing.no_upload_links"),
);

async function makeLink() {
  try {
    await makeUploadLink(() => links.load());
  } catch (error) {
    sayProblem(Problem.of(error));
  }
}

make.addEventListener("click", makeLink);
make.disabled = false;
listenToHelp(() => [[t("sharing.page"), [[["N"], () => t("sharing.new_upload_link")]]]]);
addEventListener("keydown", (event) => {
  if (event.key !== "n" || isTaken(event) || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  makeLink();
});
shares.load();
links.load();
