/** The page of the timeline: grid, scrubber, selection, and the viewer when a picture is opened. */

import "./shared/preferences.js";
import { Problem, request } from "./shared/api.js";
import { loaded } from "./shared/loading.js";
import { page } from "./shared/page.js";
import { sayProblem } from "./shared/messages.js";
import { t } from "./shared/texts.js";
import { listenToArrivals } from "./timeline/arrivals.js";
import { Buckets } from "./timeline/buckets.js";
import { Grid } from "./timeline/grid.js";
import { isTaken, listenToKeys } from "./timeline/keys.js";
import { PointerSelection } from "./timeline/pointer.js";
import { keepPosition } from "./timeline/position.js";
import { Scrubber } from "./timeline/scrubber.js";
import { Selection } from "./timeline/selection.js";
import { Opener } from "./viewer/opener.js";

const place = document.getElementById("timeline");
const help = /** @type {HTMLButtonElement} */ (document.getElementById("help"));
/** @type {Grid | null} None while there are no pictures. */
let grid = null;

/** The query of the API: a search of the page, and the pictures of its user. */
function filters() {
  const query = new URLSearchParams();
  const search = new URLSearchParams(location.search).get("q");
  if (search) query.set("q", search);
  if (page.user) query.set("owner", page.user.id);
  return query;
}

async function start() {
  const query = filters();
  let timeline;
  try {
    timeline = await request(`/api/v1/timeline?${query}`);
  } catch (error) {
    const notices = await loaded(import("./timeline/notices.js"));
    notices?.showFailure(place, Problem.of(error), start);
    return;
  }
  if (timeline.total) show(timeline, query);
  else await showNothing(query);
  if (!timeline.total && page.view) new Opener(null).open(page.view);
}

/** @param {URLSearchParams} query */
async function showNothing(query) {
  const notices = await loaded(import("./timeline/notices.js"));
  notices?.showEmpty(place, query.has("q"));
}

/** Load the bar for selected pictures when some are first selected. */
function awaitSelection(grid, query) {
  const show = async () => {
    const bar = await loaded(import("./timeline/selection_bar.js"));
    if (bar) bar.showSelection(grid, query);
    else awaitSelection(grid, query);
  };
  grid.selection.addEventListener("change", show, { once: true });
}

async function showKeys() {
  const keys = await loaded(import("./shared/keys.js"));
  keys?.showKeys();
}

/** @param {{months: string[], counts: number[], total: number}} timeline @param {URLSearchParams} query */
function show(timeline, query) {
  const buckets = new Buckets(timeline, (month, cursor) => {
    const position = cursor ? `&cursor=${encodeURIComponent(cursor)}` : "";
    return request(`/api/v1/timeline/${month}?${query}${position}`);
  });
  const selection = new Selection(() => buckets.total);
  const main = document.createElement("div");
  const side = document.createElement("div");
  main.className = "grid";
  side.className = "scrubber";
  place.replaceChildren(main, side);
  grid = new Grid(main, buckets, selection, t("timeline.title"));
  grid.reload = reload;
  const opener = new Opener(grid);
  const pointer = new PointerSelection(grid, (index) => opener.openIndex(index));
  new Scrubber(side, grid, t("timeline.scrubber"));
  listenToKeys(grid, pointer);
  awaitSelection(grid, query);
  grid.addEventListener("failed", ({ detail }) => sayProblem(Problem.of(detail)));
  grid.update();
  keepPosition(grid);
  if (page.view) opener.open(page.view);
}

/** Load what has changed; the selection and what is visible stay. */
async function reload() {
  const timeline = await request(`/api/v1/timeline?${filters()}`);
  grid.replace(await grid.buckets.fetched(timeline));
}

/** Show pictures that came since the page was loaded, unless the others must stay where they are. */
async function refresh() {
  if (isBusy()) return false;
  if (!grid) await start();
  else {
    const timeline = await request(`/api/v1/timeline?${filters()}`);
    const fetched = await grid.buckets.fetched(timeline);
    if (isBusy()) return false;
    grid.replace(fetched);
  }
  return true;
}

/** Whether pictures are selected or open in the viewer. */
function isBusy() {
  return Boolean(document.querySelector(".pswp, .selection-bar:not([hidden])"));
}

listenToArrivals(refresh);
help.addEventListener("click", showKeys);
help.disabled = false;
addEventListener("keydown", (event) => {
  if (event.key === "?" && !isTaken(event)) showKeys();
});
start();
