/** The buttons of the viewer's bar. */

import { Problem } from "../shared/api.js";
import { say, sayProblem } from "../shared/messages.js";
import { url } from "../shared/page.js";
import { t } from "../shared/texts.js";
import { putInTrash, restore } from "../shared/trash.js";
import { FAVOURITE } from "../timeline/buckets.js";
import { showCopyMenu } from "./copy.js";
import { changeImage, findImage, forgetImage } from "./images.js";

/** The lines of each icon, in a square of 32. */
const ICONS = {
  info: '<circle class="line" cx="16" cy="16" r="10"/><path class="line" d="M16 15v6"/><circle cx="16" cy="11" r="1.4"/>',
  copy: '<path class="line" d="M13.5 18.500l5-5M14.5 11l2-2a4.6 4.6 0 0 1 6.5 6.500l-2 2M17.5 21l-2 2a4.6 4.6 0 0 1-6.5-6.500l2-2"/>',
  download: '<path class="line" d="M16 7v12m-5-5l5 5 5-5M8 24h16"/>',
  favourite: '<path class="line" d="M16 24.500S6.5 19 6.5 12.700A5.2 5.2 0 0 1 16 10a5.2 5.2 0 0 1 9.5 2.700c0 6.3-9.5 11.8-9.5 11.800z"/>',
  slideshow: '<path class="line" d="M12 8.500v15l12-7.500z"/>',
  close: '<path class="line" d="M9 9l14 14M23 9L9 23"/>',
  zoom: '<circle class="line" cx="14.5" cy="14.5" r="7"/><path class="line" d="M20 20l5 5M11.5 14.5h6"/><path class="line pswp__zoom-icn-bar-v" d="M14.5 11.5v6"/>',
  trash: '<path class="line" d="M8 10h16M13 10V7.500h6V10m-9 0l1 14.500h10L22 10m-8 4.500v6m4-6v6"/>',
};

/** @param {string} name */
export function icon(name) {
  return `<svg aria-hidden="true" class="pswp__icn viewer-icon" viewBox="0 0 32 32" width="32" height="32">${ICONS[name]}</svg>`;
}

/** @param {import("./viewer.js").Viewer} viewer */
export function addButtons(viewer) {
  const all = [
    ["slideshow", t("viewer.slideshow"), () => viewer.slideshow.toggle()],
    ["favourite", t("viewer.favourite"), () => toggleFavourite(viewer)],
    ["copy", t("viewer.copy"), () => showCopyMenu(viewer)],
    ["download", t("viewer.download"), () => download(viewer)],
    ["trash", t("viewer.trash"), () => trash(viewer)],
    ["info", t("viewer.info"), () => viewer.panel.toggle()],
  ];
  viewer.swipe.on("uiRegister", () => {
    all.forEach(([name, title, onClick], index) =>
      viewer.swipe.ui.registerElement({
        name, title, ariaLabel: title, order: 11 + index, isButton: true, html: icon(name), onClick,
      }),
    );
  });
  viewer.swipe.on("change", () => showFavourite(viewer));
  viewer.swipe.on("afterInit", () => showFavourite(viewer));
}

/** Show whether the picture is a favourite. */
async function showFavourite(viewer) {
  const button = viewer.swipe.element?.querySelector(".pswp__button--favourite");
  const image = await viewer.details().catch(() => null);
  if (image?.id !== viewer.id) return;
  button?.setAttribute("aria-pressed", String(image.is_favourite));
}

async function toggleFavourite(viewer) {
  const { id, index, grid } = viewer;
  try {
    const { is_favourite: before } = await findImage(id);
    await changeImage(id, { is_favourite: !before });
    if (grid) grid.buckets.setFlags(index, grid.buckets.picture(index).flags ^ FAVOURITE);
    showFavourite(viewer);
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
