/** Uploads from every page: listens to drops, pastes and a key; the tray is loaded when it is needed. */

import { loaded } from "./shared/loading.js";
import { isTaken } from "./timeline/keys.js";
import { listenToDrops, listenToPaste } from "./upload/drops.js";
import { keepRegistered } from "./upload/installed.js";
import { hasRows } from "./upload/remembered.js";

const root = document.getElementById("uploads");
const button = /** @type {HTMLButtonElement} */ (document.getElementById("upload"));
/** @type {Promise<import("./upload/tray.js").Tray | undefined> | null} */
let loading = null;

/** Do something with the tray. @param {(tray: import("./upload/tray.js").Tray) => void} use */
async function withTray(use) {
  loading ??= loaded(import("./upload/tray.js")).then((module) => module?.start(root, button));
  const tray = await loading;
  if (tray) use(tray);
  else loading = null;
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
keepRegistered();
if (new URLSearchParams(location.search).has("shared")) {
  loaded(import("./upload/shared.js")).then((module) =>
    module?.offerShared((files) => withTray((tray) => tray.addFiles(files))),
  );
}
