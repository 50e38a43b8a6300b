/** Uploads from every page: listens to drops, pastes and a key; the tray is loaded when it is needed. */

import { say } from "./shared/messages.js";
import { t } from "./shared/texts.js";
import { isTaken } from "./timeline/keys.js";
import { listenToDrops, listenToPaste } from "./upload/drops.js";
import { hasRows } from "./upload/storage.js";

const root = document.getElementById("uploads");
const button = /** @type {HTMLButtonElement} */ (document.getElementById("upload"));
/** @type {Promise<import("./upload/tray.js").Tray> | null} */
let loading = null;

/** Do something with the tray. @param {(tray: import("./upload/tray.js").Tray) => void} use */
async function withTray(use) {
  loading ??= import("./upload/tray.js").then(({ start }) => start(root, button));
  const tray = await loading.catch(() => null);
  if (tray) {
    use(tray);
    return;
  }
  loading = null;
  say(t("common.offline"));
}

button.addEventListener("click", () => withTray((tray) => tray.panel.toggle()));
button.disabled = false;
addEventListener("keydown", (event) => {
  if (event.key !== "u" || event.ctrlKey || event.metaKey || event.altKey || isTaken(event)) return;
  event.preventDefault();
  withTray((tray) => tray.panel.toggle());
});
listenToDrops({
  over(isOver) {
    if (isOver) withTray(() => {});
    document.documentElement.classList.toggle("dropping", isOver);
  },
  dropped: (entries) => withTray((tray) => tray.addDropped(entries)),
});
listenToPaste({
  files: (files) => withTray((tray) => tray.addFiles(files)),
  address: (address) => withTray((tray) => tray.addAddress(address)),
});
if (hasRows()) withTray(() => {});
