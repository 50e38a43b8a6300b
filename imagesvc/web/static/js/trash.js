/** The page of the trash: its pictures, which can be restored, deleted for good, and looked at. */

import "./shared/preferences.js";
import { Problem } from "./shared/api.js";
import { listenToHelp } from "./shared/help.js";
import { loadedViewer } from "./shared/loading.js";
import { sayProblem } from "./shared/messages.js";
import { page, variantUrl } from "./shared/page.js";
import { duration, t, timeName } from "./shared/texts.js";
import { showSelection } from "./selection/bar.js";
import { Grid } from "./timeline/grid.js";
import { hasFocus, isTaken, listenToKeys } from "./timeline/keys.js";
import { showFailure, showNotice } from "./timeline/notices.js";
import { PointerSelection } from "./timeline/pointer.js";
import { Selection } from "./timeline/selection.js";
import { ACTIONS, deletePictures, emptyTrash, restorePictures } from "./trash/actions.js";
import { TrashPictures, countTrash } from "./trash/pictures.js";

const place = document.getElementById("trash");
const note = document.getElementById("note");
const empty = /** @type {HTMLButtonElement} */ (document.getElementById("empty"));
/** @type {Grid | null} None while there are no pictures. */
let grid = null;

async function start() {
  try {
    const total = await countTrash();
    if (total) show(total);
    else showNone();
  } catch (error) {
    showFailure(place, Problem.of(error), start);
  }
}

function showNone() {
  empty.hidden = note.hidden = true;
  showNotice(place, t("trash.empty"), t("trash.empty_hint", { time: duration(page.trash_retention) }));
}

/** @param {number} total */
function show(total) {
  empty.disabled = false;
  note.textContent = t("trash.note", { time: duration(page.trash_retention) });
  const buckets = new TrashPictures(total);
  const selection = new Selection(() => buckets.total);
  const main = document.createElement("div");
  main.className = "grid";
  place.replaceChildren(main);
  grid = new Grid(main, buckets, selection, t("trash.title"));
  listenToKeys(grid, new PointerSelection(grid, openPicture));
  showSelection(grid, () => new URLSearchParams(), null, ACTIONS.map(bound));
  grid.addEventListener("failed", ({ detail }) => sayProblem(Problem.of(detail)));
  grid.update();
}

/** Do something that may fail, and say why. @param {() => Promise<void>} work */
async function attempt(work) {
  try {
    await work();
  } catch (error) {
    sayProblem(Problem.of(error));
  }
}

/** An action on the selected pictures, after which they are gone. @param {typeof ACTIONS[number]} action */
function bound(action) {
  return { ...action, run: async (selected) => take(await action.work(await selected.ids())) };
}

/** Do something with the picture that has the focus. @param {(ids: string[]) => Promise<string[]>} work */
async function actOnCurrent(work) {
  if (hasFocus(grid)) take(await work([grid.buckets.picture(grid.current).id]));
}

/** Pictures have left the trash. @param {string[]} ids */
function take(ids) {
  if (!ids.length) return; // The user did not agree.
  const hadFocus = hasFocus(grid);
  grid.buckets.remove(new Set(ids));
  grid.selection.clear();
  if (!grid.buckets.total) showNone();
  else if (hadFocus) grid.focus(Math.min(grid.current, grid.buckets.total - 1));
}

/** Look at a picture. @param {number} index */
async function openPicture(index) {
  const module = await loadedViewer(import("./viewer/plain.js"));
  if (!module) return;
  new module.PlainViewer(pictures(), (viewer) => {
    const act = (work) => attempt(async () => {
      const { id } = grid.buckets.picture(viewer.index);
      grid.buckets.remove(new Set(await work([id])));
      viewer.showNext();
    });
    return [
      ["restore", t("trash.restore"), () => act(restorePictures)],
      ["trash", t("trash.delete"), () => act(deletePictures)],
    ];
  }).open(index);
}

/** @returns {import("./viewer/plain.js").Pictures} */
function pictures() {
  const { buckets, tiles } = grid;
  return {
    count: () => buckets.total,
    item: (index) => (buckets.has(index) ? itemOf(buckets.picture(index)) : null),
    load: (index) => buckets.need(index),
    thumbnail: (index) => tiles.get(index)?.image ?? null,
    left: (index) => (buckets.total ? grid.focus(Math.min(index, buckets.total - 1)) : showNone()),
  };
}

function itemOf({ id, width, height, taken }) {
  const alt = t("timeline.picture", { time: timeName(taken) });
  return { src: variantUrl(id, ["viewer", "preview"], "w=2048&h=2048"), width, height, alt };
}

/** @param {typeof import("./shared/keys.js")} keys */
function helpSections({ GRID, PLAIN_VIEWER, keyName }) {
  const own = ACTIONS.map(({ key, text }) => [[keyName(key)], text]);
  return [[t("trash.title"), [...GRID, ...own]], [t("viewer.title"), [...PLAIN_VIEWER, ...own]]];
}

empty.addEventListener("click", () =>
  attempt(async () => {
    if (!(await emptyTrash(grid.buckets.total))) return;
    grid.selection.clear();
    showNone();
  }),
);
listenToHelp(helpSections);
addEventListener("keydown", (event) => {
  if (isTaken(event) || event.ctrlKey || event.metaKey || event.altKey) return;
  const action = ACTIONS.find(({ key }) => key === event.key);
  if (!action || !grid || grid.selection.count) return; // The bar has these keys, too.
  event.preventDefault();
  attempt(() => actOnCurrent(action.work));
});
start();
