/** Opens the viewer, and keeps the address of the page that of the picture in it. */

import { Problem } from "../shared/api.js";
import { loaded } from "../shared/loading.js";
import { sayProblem } from "../shared/messages.js";
import { url } from "../shared/page.js";

export class Opener {
  /** @type {import("./viewer.js").Viewer | null} */
  #viewer = null;
  /** The picture for which the viewer is being loaded. @type {object | null} */
  #opening = null;

  /**
   * @param {import("../timeline/grid.js").Grid | null} grid None if there are no pictures.
   * @param {string} path Of the page without a picture in the viewer.
   */
  constructor(grid, path) {
    this.grid = grid;
    this.path = path;
    this.home = path + (location.pathname === path ? location.search : "");
    addEventListener("popstate", () => this.#follow());
    addEventListener("keydown", ({ key }) => { if (key === "Escape" && this.#opening) this.#closed(); });
  }

  /** Open a picture of the timeline. @param {number} index */
  async openIndex(index) {
    const { id } = this.grid.buckets.picture(index);
    const change = idInAddress() === null ? "pushState" : "replaceState"; // The second click of a double one.
    history[change]({ isViewer: true }, "", url(`/view/${id}`));
    await this.#show(index, null);
  }

  /** Open a picture by its id; outside the timeline it is alone. @param {string} id */
  async open(id) {
    try {
      const search = await loaded(import("./search.js"));
      if (!search) {
        this.#closed();
        return;
      }
      const { image, index } = await search.find(this.grid, id);
      if (index >= 0) this.grid.scrollTo(index);
      await this.#show(index, image);
    } catch (error) {
      history.replaceState(null, "", this.home);
      sayProblem(Problem.of(error));
    }
  }

  /** Show a picture in the viewer, which is loaded now. */
  async #show(index, image) {
    if (this.#viewer) return;
    const opening = (this.#opening = {});
    const module = await loaded(import("./viewer.js"));
    const styles = await module?.loadStyles();
    if (this.#opening !== opening) return; // The user left it, or opened another one.
    this.#opening = null;
    if (!styles) this.#closed();
    if (!styles || idInAddress() === null) return; // the user went back while it was loaded
    this.#viewer = new module.Viewer(index < 0 ? null : this.grid, image, {
      onChange: (id) => history.replaceState(history.state, "", url(`/view/${id}`)),
      onClose: () => this.#closed(),
    });
    this.#viewer.open(Math.max(index, 0));
  }

  /** The user closed the viewer: the address is that of the timeline again. */
  #closed() {
    this.#viewer = this.#opening = null;
    if (idInAddress() === null) return;
    if (history.state?.isViewer) history.back();
    else history.replaceState(null, "", this.home);
  }

  /** Open or close the viewer after the user went back or forward. */
  #follow() {
    const id = idInAddress();
    if (id === null && location.pathname !== this.path) location.reload(); // Of another page.
    else if (id === null) this.#viewer?.close();
    else if (!this.#viewer) this.open(id);
  }
}

/** The id of the picture in the address; null if it is that of the timeline. */
function idInAddress() {
  return location.pathname.slice(url("").length).match(/^\/view\/([^/]+)$/)?.[1] ?? null;
}
