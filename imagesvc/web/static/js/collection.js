/** The page of one collection: its heading, and its pictures in the grid of the timeline. */

import "./shared/preferences.js";
import { Problem, request } from "./shared/api.js";
import { page, url } from "./shared/page.js";
import { t } from "./shared/texts.js";
import { Heading } from "./collections/heading.js";
import { SearchBox } from "./search/box.js";
import { showBeginning, showFailure, showNotice } from "./timeline/notices.js";
import { listen, Pictures } from "./timeline/pictures.js";

const id = page.collection;
const place = document.getElementById("timeline");
/** @type {SearchBox | null} None until the collection is known. */
let search = null;

function filters() {
  const query = new URLSearchParams({ collection: id });
  if (search?.text) query.set("q", search.text);
  return query;
}

/** @param {URLSearchParams} query @param {HTMLElement} where */
function showNone(query, where) {
  if (query.has("q")) showNotice(where, t("timeline.nothing_found"), t("timeline.nothing_found_hint"));
  else showBeginning(where, t("collections.none"), t("collections.none_hint"));
}

async function start() {
  try {
    show(await request(`/api/v1/collections/${id}`));
  } catch (error) {
    showFailure(place, Problem.of(error), start, t("collections.failed_one"));
  }
}

/** @param {import("./shared/collections.js").Collection} collection */
async function show(collection) {
  const path = url(`/collections/${id}`);
  const pictures = new Pictures(place, { name: collection.title, path, filters, collection, showNone });
  const heading = new Heading(document.getElementById("heading"), collection, pictures);
  heading.show();
  search = new SearchBox();
  search.listen(pictures);
  listen(pictures, () => [heading.keys]);
  await pictures.start();
}

start();
