/** The page for uploads of guests: a place to drop files, and what has become of each. */

import "./shared/preferences.js";
import { html, nothing, render } from "./vendor.js";
import { Problem, request } from "./shared/api.js";
import { page } from "./shared/page.js";
import { bytes, counted, t } from "./shared/texts.js";
import { GuestQueue } from "./guest/queue.js";
import { rows } from "./guest/rows.js";
import { listenToDrops } from "./upload/drops.js";
import { filesOf, found, isOther } from "./upload/entries.js";

const api = `/api/v1/guest/${encodeURIComponent(page.token)}`;
const element = (id) => document.getElementById(id);
const place = element("guest");
const files = /** @type {HTMLInputElement} */ (element("files"));
const queue = new GuestQueue(`${api}/images`);

/** Problems that end the link; others pass. */
const ENDS = { not_found: () => t("guest.absent"), gone: () => t("guest.gone"), used_up: () => t("guest.used_up") };
const CLOSED = "is-closed";

/** Whether the link takes no files. */
const isClosed = () => place.classList.contains(CLOSED);

/** @param {unknown} error */
function fail(error) {
  const problem = Problem.of(error);
  const end = ENDS[problem.code];
  tell(end?.() ?? problem.message);
  if (end) place.classList.add(CLOSED);
}

/** @param {string} text Empty if there is nothing to tell. */
function tell(text) {
  const notice = element("notice");
  notice.textContent = text;
  notice.hidden = !text;
}

/** Show what the link still takes. */
async function refresh() {
  const link = await request(api);
  place.classList.remove(CLOSED);
  tell("");
  if (link.title) element("title").textContent = link.title;
  const left = counted("guest.left", link.files_left);
  element("left").textContent = `${left} ${t("guest.room", { size: bytes(link.bytes_left) })}`;
}

/** @param {import("./upload/entries.js").Found[]} chosen */
function add(chosen) {
  if (isClosed()) return;
  const pictures = chosen.filter((one) => !isOther(one));
  const leftOut = chosen.length - pictures.length;
  render(leftOut ? html`<p>${counted("upload.left_out", leftOut)}</p>` : nothing, element("left-out"));
  queue.add(pictures.map(({ file }) => file));
}

/** @param {(FileSystemEntry | File)[]} entries */
async function addDropped(entries) {
  const chosen = [];
  for await (const one of filesOf(entries)) chosen.push(one);
  add(chosen);
}

let isDrawn = true;

/** Show the uploads before the next frame, however often they change until then. */
function draw() {
  if (isDrawn) requestAnimationFrame(() => {
    isDrawn = true;
    render(rows(queue), element("results"));
  });
  isDrawn = false;
}

function show() {
  if (isClosed()) return;
  place.hidden = false;
  files.addEventListener("change", () => {
    add([...files.files].map(found));
    files.value = ""; // The same file can be chosen again.
  });
  listenToDrops({ over: (isOver) => document.body.classList.toggle("dropping", isOver), dropped: addDropped });
  queue.addEventListener("change", draw);
  queue.addEventListener("idle", () => refresh().catch(fail));
  addEventListener("beforeunload", (event) => { if (queue.isActive) event.preventDefault(); });
}

refresh().catch(fail).then(show);
