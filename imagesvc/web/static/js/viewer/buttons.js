/** The buttons of the viewer's bar. */

import { Problem } from "../shared/api.js";
import { loaded } from "../shared/loading.js";
import { say, sayProblem } from "../shared/messages.js";
import { url } from "../shared/page.js";
import { t } from "../shared/texts.js";
import { putInTrash, restore } from "../shared/trash.js";
import { FAVOURITE, WAITING } from "../timeline/buckets.js";
import { showCopyMenu } from "./copy.js";
import { changeImage, forgetImage } from "./images.js";
import { registerButtons } from "./swipe.js";

/** @param {import("./viewer.js").Viewer} viewer */
export function addButtons(viewer) {
  const all = [
    ["accept", t("viewer.accept"), () => accept(viewer)],
    ["slideshow", t("viewer.slideshow"), () => viewer.slideshow.toggle()],
    ["favourite", t("viewer.favourite"), () => toggleFavourite(viewer)],
    ["copy", t("viewer.copy"), () => showCopyMenu(viewer)],
    ["share", t("sharing.share"), () => share(viewer)],
    ["download", t("viewer.download"), () => download(viewer)],
    ["trash", t("viewer.trash"), () => trash(viewer)],
    ["info", t("viewer.info"), () => viewer.panel.toggle()],
  ];
  registerButtons(viewer.swipe, all);
  viewer.swipe.on("change", () => showMarks(viewer));
  viewer.swipe.on("afterInit", () => showMarks(viewer));
}

/** Show whether the picture is a favourite, and whether it waits to be accepted. */
async function showMarks(viewer) {
  const [favourite, accepting] = ["favourite", "accept"].map((name) =>
    viewer.swipe.element?.querySelector(`.pswp__button--${name}`));
  if (accepting) accepting.hidden = true;
  const image = await viewer.details().catch(() => null);
  if (image?.id !== viewer.id) return;
  favourite?.setAttribute("aria-pressed", String(image.is_favourite));
  if (accepting) accepting.hidden = !image.awaits_review;
}

/** Accept a picture of a guest, which links show from now on. */
const accept = (viewer) =>
  change(viewer, () => ({ awaits_review: false }), (flags) => flags & ~WAITING, t("viewer.accepted"));

const toggleFavourite = (viewer) =>
  change(viewer, ({ is_favourite: before }) => ({ is_favourite: !before }), (flags) => flags ^ FAVOURITE);

/**
 * Change metadata of the picture, and its flags in the timeline.
 * @param {import("./viewer.js").Viewer} viewer
 * @param {import("./images.js").Changes} changes
 * @param {(flags: number) => number} changed
 * @param {string} [text] Says what was done.
 */
async function change(viewer, changes, changed, text = "") {
  const { id, index, grid } = viewer;
  try {
    await changeImage(id, changes);
    if (grid) grid.buckets.setFlags(index, changed(grid.buckets.picture(index).flags));
    if (text) say(text);
    showMarks(viewer);
    viewer.panel.update();
  } catch (error) {
    sayProblem(Problem.of(error));
  }
}

async function download(viewer) {
  try {
    const image = await viewer.details();
    const link = document.createElement("a");
    link.href = url(`/images/${image.id}`);
    link.download = image.filename;
    link.click();
  } catch (error) {
    sayProblem(Problem.of(error));
  }
}

/** Make a link to the picture. */
async function share({ id }) {
  const module = id && (await loaded(import("../sharing/share.js")));
  if (module) module.shareImage(id);
}

/** Move the picture to the trash, and offer to undo it. */
async function trash(viewer) {
  const { id, index, grid } = viewer;
  try {
    await putInTrash({ ids: [id] });
  } catch (error) {
    sayProblem(Problem.of(error));
    return;
  }
  forgetImage(id);
  grid?.buckets.remove(new Set([id]));
  viewer.showAgain(index);
  const undo = async () => {
    await restore([id]);
    await grid?.reload();
    if (viewer.isOpen) viewer.showAgain(grid.buckets.indexOf(id));
  };
  say(t("viewer.trashed"), {
    action: t("common.undo"),
    onAction: () => undo().catch((error) => sayProblem(Problem.of(error))),
  });
}
