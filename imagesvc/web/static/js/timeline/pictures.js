/** The pictures of a page: grid, scrubber, selection, and the viewer when a picture is opened. */

import { Problem, request } from "../shared/api.js";
import { loaded } from "../shared/loading.js";
import { sayProblem } from "../shared/messages.js";
import { page } from "../shared/page.js";
import { t } from "../shared/texts.js";
import { Opener } from "../viewer/opener.js";
import { listenToArrivals } from "./arrivals.js";
import { Buckets } from "./buckets.js";
import { Grid } from "./grid.js";
import { isTaken, listenToKeys } from "./keys.js";
import { PointerSelection } from "./pointer.js";
import { keepPosition } from "./position.js";
import { Scrubber } from "./scrubber.js";
import { Selection } from "./selection.js";

/**
 * @typedef {object} Source
 * @property {string} name Of the pictures, for screen readers.
 * @property {string} path Of the page.
 * @property {() => URLSearchParams} filters The query of the API.
 * @property {Record<string, any> | null} collection The one that the page shows.
 * @property {(query: URLSearchParams, place: HTMLElement) => void} showNone Shows that there are no pictures.
 */

/** Its event `change` tells that pictures came or went. */
export class Pictures extends EventTarget {
  /** @type {Grid | null} None while there are no pictures. */
  grid = null;

  /** @param {HTMLElement} place @param {Source} source */
  constructor(place, source) {
    super();
    this.place = place;
    /** Where it says that no pictures are left. */
    this.none = document.createElement("div");
    this.addEventListener("change", () => this.#tellOfNone());
    this.source = source;
  }

  /** Load the pictures and show them, or why there are none. */
  async start() {
    let timeline;
    try {
      timeline = await this.#counts();
    } catch (error) {
      const notices = await loaded(import("./notices.js"));
      notices?.showFailure(this.place, Problem.of(error), () => this.start());
      return;
    }
    if (timeline.total) this.#show(timeline);
    else this.#showNone();
  }

  #counts() {
    return request(`/api/v1/timeline?${this.source.filters()}`);
  }

  #showNone() {
    this.source.showNone(this.source.filters(), this.place);
    if (page.view) new Opener(null, this.source.path).open(page.view);
  }

  /** After the last picture has gone; others may come. */
  #tellOfNone() {
    this.none.replaceChildren();
    if (this.grid && !this.grid.buckets.total) this.source.showNone(this.source.filters(), this.none);
  }

  /** @param {{months: string[], counts: number[], total: number}} timeline */
  #show(timeline) {
    const buckets = new Buckets(timeline, (month, cursor) => this.#month(month, cursor));
    const selection = new Selection(() => buckets.total);
    const [main, side] = ["grid", "scrubber"].map(made);
    this.place.replaceChildren(main, side, this.none);
    const grid = new Grid(main, buckets, selection, this.source.name);
    this.grid = grid;
    grid.reload = (options) => this.#reload(options);
    const opener = new Opener(grid, this.source.path);
    const pointer = new PointerSelection(grid, (index) => opener.openIndex(index));
    new Scrubber(side, grid, t("timeline.scrubber"));
    listenToKeys(grid, pointer);
    this.#awaitSelection();
    buckets.addEventListener("removed", () => this.dispatchEvent(new Event("change")));
    grid.addEventListener("failed", ({ detail }) => sayProblem(Problem.of(detail)));
    grid.update();
    keepPosition(grid);
    if (page.view) opener.open(page.view);
  }

  /** A page of the columns of a month. @param {string} month @param {string | null} cursor */
  #month(month, cursor) {
    const query = this.source.filters();
    if (cursor) query.set("cursor", cursor);
    return request(`/api/v1/timeline/${month}?${query}`);
  }

  /** Load the bar for selected pictures when some are first selected. */
  #awaitSelection() {
    const show = async () => {
      const bar = await loaded(import("../selection/bar.js"));
      const isShown = await bar?.showSelection(this.grid, this.source.filters, this.source.collection);
      if (!isShown) this.#awaitSelection();
    };
    this.grid.selection.addEventListener("change", show, { once: true });
  }

  /** Load what has changed; the selection and what is visible stay. */
  async #reload({ isAgain = false } = {}) {
    const timeline = await this.#counts();
    this.grid.replace(await this.grid.buckets.fetched(timeline, isAgain));
    this.dispatchEvent(new Event("change"));
  }

  /** Show pictures that came since the page was loaded, unless the others must stay where they are. */
  async refresh() {
    if (isBusy()) return false;
    if (!this.grid) await this.start();
    else {
      const fetched = await this.grid.buckets.fetched(await this.#counts());
      if (isBusy()) return false;
      this.grid.replace(fetched);
    }
    this.dispatchEvent(new Event("change"));
    return true;
  }
}

/**
 * What a page with pictures listens to besides them: uploads, and the key for help.
 * @param {Pictures} pictures
 * @param {() => [title: string, rows: object[]][]} [ownKeys] Keys that only this page has.
 */
export function listen(pictures, ownKeys = () => []) {
  const help = /** @type {HTMLButtonElement} */ (document.getElementById("help"));
  listenToArrivals(() => pictures.refresh());
  const showKeys = async () => {
    const keys = await loaded(import("../shared/keys.js"));
    keys?.showKeys([...ownKeys(), ...keys.TIMELINE()]);
  };
  help.addEventListener("click", showKeys);
  help.disabled = false;
  addEventListener("keydown", (event) => {
    if (event.key === "?" && !isTaken(event)) showKeys();
  });
}

/** Whether pictures are selected or open in the viewer. */
function isBusy() {
  return Boolean(document.querySelector(".pswp, .selection-bar:not([hidden])"));
}

/** @param {string} name */
function made(name) {
  const element = document.createElement("div");
  element.className = name;
  return element;
}
