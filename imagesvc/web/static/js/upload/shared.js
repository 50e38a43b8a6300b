/**
 * Photos from the share sheet of a phone, which the service worker keeps. A page of another site
 * could send some, too, so users are always asked before anything is uploaded.
 */

import { html } from "../vendor.js";
import { openDialog } from "../shared/dialog.js";
import { say } from "../shared/messages.js";
import { counted, t } from "../shared/texts.js";

const STORE = "imagesvc-shared";
/** Pictures in the dialog. */
const SHOWN = 9;

/** Offer the photos that wait, if there are any. @param {(files: File[]) => void} upload */
export async function offerShared(upload) {
  const address = new URL(location.href);
  address.searchParams.delete("shared");
  history.replaceState(history.state, "", address);
  const files = await waitingFiles().catch(() => []);
  if (files.length) ask(files, upload);
  else say(t("upload.shared_lost"));
}

/** @returns {Promise<File[]>} */
async function waitingFiles() {
  const store = await caches.open(STORE);
  const files = [];
  for (const request of await store.keys()) files.push(await fileOf(await store.match(request)));
  return files;
}

/** The file as it was shared. @param {Response} response */
async function fileOf(response) {
  const field = (name) => response.headers.get(name) ?? "";
  const options = { type: field("content-type"), lastModified: Number(field("x-modified")) };
  return new File([await response.blob()], decodeURIComponent(field("x-name")), options);
}

/** @param {File[]} files @param {(files: File[]) => void} upload */
function ask(files, upload) {
  const pictures = files.slice(0, SHOWN).map((file) => URL.createObjectURL(file));
  const content = () => html`<p>${counted("upload.shared", files.length)}</p>
    <ul class="shared-files">${pictures.map((source, index) => html`<li><img src=${source} alt=${files[index].name}></li>`)}</ul>
    <form method="dialog" class="dialog-buttons">
      <button class="button" value="">${t("upload.discard")}</button>
      <button class="button primary" value="upload" autofocus>${t("upload.title")}</button>
    </form>`;
  const dialog = openDialog(t("upload.shared_title"), content);
  dialog.addEventListener("close", () => {
    for (const source of pictures) URL.revokeObjectURL(source);
    caches.delete(STORE);
    if (dialog.returnValue === "upload") upload(files);
  });
}
