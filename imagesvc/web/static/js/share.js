/** A share: the password if it has one, and its pictures, which open in the viewer. */

import "./shared/preferences.js";
import { Problem, request } from "./shared/api.js";
import { sendByScript } from "./shared/forms.js";
import { listenToHelp } from "./shared/help.js";
import { loadedViewer } from "./shared/loading.js";
import { page } from "./shared/page.js";
import { counted, t } from "./shared/texts.js";
import { SharedPictures } from "./share/pictures.js";
import { Wall } from "./share/wall.js";

const api = `/api/v1/shared/${encodeURIComponent(page.token)}`;
const element = (id) => document.getElementById(id);
const form = /** @type {HTMLFormElement} */ (element("unlock"));

/** @param {string} text @param {string} [requestId] */
function tell(text, requestId = "") {
  const notice = element("notice");
  notice.textContent = text;
  if (requestId) {
    const small = document.createElement("small");
    small.textContent = t("common.request_id", { id: requestId });
    notice.append(small);
  }
  notice.hidden = false;
}

/** @param {unknown} error */
function fail(error) {
  const problem = Problem.of(error);
  if (problem.status === 410) tell(problem.code === "used_up" ? t("share.used_up") : t("share.gone"));
  else if (problem.status === 404) tell(t("share.absent"));
  else tell(problem.message, problem.requestId);
}

/** Show what the share has, once it may be seen. @param {Record<string, any>} share */
async function show(share) {
  form.hidden = true;
  const pictures = new SharedPictures(api, share);
  const wall = new Wall(pictures, async (index, isSlideshow = false) => {
    const module = await loadedViewer(import("./share/viewer.js"));
    module?.openViewer(pictures, wall, index, isSlideshow);
  }, fail);
  element("title").classList.remove("visually-hidden");
  if (share.title) {
    element("title").textContent = share.title;
    document.title = `${share.title} · ${t("common.name")}`;
  }
  await pictures.load();
  if (!pictures.ids.length && pictures.isComplete) {
    tell(t("share.empty"));
    return;
  }
  wall.show();
  offer(share, pictures, wall);
}

/** Slideshow and downloads. */
function offer(share, pictures, wall) {
  const slideshow = element("slideshow");
  slideshow.hidden = false;
  slideshow.addEventListener("click", () => wall.open(0, true));
  if (!share.allow_download) return;
  const archive = /** @type {HTMLAnchorElement} */ (element("archive"));
  archive.href = pictures.archiveUrl;
  archive.hidden = false;
}

/** @param {Problem} problem */
function reason(problem) {
  if (problem.code === "password_required") return t("share.wrong");
  if (problem.status === 429) return counted("share.wait", problem.retryAfter);
  return problem.message;
}

async function unlock({ password }) {
  const share = await request(`${api}/unlock`, { method: "POST", json: { password } });
  show(share).catch(fail);
}

async function open() {
  try {
    await show(await request(api));
  } catch (error) {
    if (Problem.of(error).code !== "password_required") return fail(error);
    form.hidden = false;
    element("password").focus();
  }
}

listenToHelp(({ PLAIN_VIEWER }) => [[t("viewer.title"), [[["Enter"], () => t("keys.open")], ...PLAIN_VIEWER]]]);
sendByScript(form, unlock, reason);
open();
