/** The page of all collections of the user. */

import "./shared/preferences.js";
import { Problem } from "./shared/api.js";
import { ownCollections } from "./shared/collections.js";
import { listenToHelp } from "./shared/help.js";
import { loaded } from "./shared/loading.js";
import { say, sayProblem } from "./shared/messages.js";
import { url } from "./shared/page.js";
import { t } from "./shared/texts.js";
import { Cards, onArrow } from "./collections/cards.js";
import { listenToOrder, ordered } from "./collections/order.js";
import { isTaken } from "./timeline/keys.js";
import { showFailure, showNotice } from "./timeline/notices.js";

/** @typedef {import("./shared/collections.js").Collection} Collection */

const place = document.getElementById("collections");
const order = /** @type {HTMLSelectElement} */ (document.getElementById("order"));
const make = /** @type {HTMLButtonElement} */ (document.getElementById("make"));
/** @type {Map<string, Collection>} By id. */
const collections = new Map();
const list = document.createElement("ul");
list.className = "collections";
list.setAttribute("role", "list");
const cards = new Cards(list, { edit, remove });

async function start() {
  try {
    for (const one of await ownCollections()) collections.set(one.id, one);
    show();
  } catch (error) {
    showFailure(place, Problem.of(error), start, t("collections.failed"));
  }
}

function show() {
  order.hidden = !collections.size;
  if (!collections.size) {
    showNotice(place, t("collections.empty"), t("collections.empty_hint"));
    return;
  }
  cards.show(ordered([...collections.values()], order.value));
  if (!list.isConnected) place.replaceChildren(list);
}

async function startMaking() {
  const edits = await loaded(import("./collections/edits.js"));
  await edits?.makeCollection(({ id }) => location.assign(url(`/collections/${id}`)));
}

/** @param {Collection} collection */
async function edit(collection) {
  const edits = await loaded(import("./collections/edits.js"));
  try {
    await edits?.editCollection(collection, (changed) => {
      collections.set(changed.id, changed);
      show();
    });
  } catch (error) {
    sayProblem(Problem.of(error));
  }
}

/** @param {Collection} collection */
async function remove(collection) {
  const edits = await loaded(import("./collections/edits.js"));
  try {
    if (!(await edits?.deleteCollection(collection))) return;
    collections.delete(collection.id);
    show();
    (list.querySelector("a") ?? make).focus();
    say(t("collections.deleted"));
  } catch (error) {
    sayProblem(Problem.of(error));
  }
}

addEventListener("keydown", (event) => {
  if (isTaken(event) || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "n") startMaking();
  else if (!onArrow(event, list)) return;
  event.preventDefault();
});
make.addEventListener("click", startMaking);
make.disabled = false;
listenToHelp(() => [[t("collections.title"), [
  [["N"], () => t("collections.new")],
  [["←", "→", "↑", "↓"], () => t("collections.move")],
  [["Enter"], () => t("collections.open")],
]]]);
listenToOrder(order, show);
start();
