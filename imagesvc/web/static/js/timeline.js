/** The page of the timeline: all pictures of its user, or those of a search. */

import "./shared/preferences.js";
import { loaded } from "./shared/loading.js";
import { page, url } from "./shared/page.js";
import { t } from "./shared/texts.js";
import { SearchBox } from "./search/box.js";
import { listen, Pictures } from "./timeline/pictures.js";

const place = document.getElementById("timeline");

/** The query of the API: a search of the page, and the pictures of its user. */
function filters() {
  const query = new URLSearchParams();
  if (search.text) query.set("q", search.text);
  if (page.user) query.set("owner", page.user.id);
  return query;
}

/** @param {URLSearchParams} query @param {HTMLElement} where */
async function showNone(query, where) {
  const notices = await loaded(import("./timeline/notices.js"));
  notices?.showEmpty(where, query.has("q"));
}

const name = t("timeline.title");
const search = new SearchBox();
const pictures = new Pictures(place, { name, path: url("/"), filters, collection: null, showNone });
search.listen(pictures);
listen(pictures);
pictures.start();
