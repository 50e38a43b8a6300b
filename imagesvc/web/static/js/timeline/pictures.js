/** The pictures of a page: grid, scrubber, and the viewer when a picture is opened. */

import { Problem, request } from "../shared/api.js";
import { listenToHelp } from "../shared/help.js";
import { loaded } from "../shared/loading.js";
import { sayProblem } from "../shared/messages.js";
import { page } from "../shared/page.js";
import { t } from "../shared/texts.js";
import { Opener } from "../viewer/opener.js";
import { listenToArrivals } from "./arrivals.js";
import { Buckets } from "./buckets.js";
import { Grid } from "./grid.js";
import { listenToKeys } from "./keys.js";
import { PointerSelection } from "./pointer.js";
import { keepPosition, restorePosition } from "./position.js";
import { Scrubber } from "./scrubber.js";
import { Selection } from "./selection.js";

/**
 * @typedef {object} Source
 * @property {string} name Of the pictures, for screen readers.
 * @property {string} path Of the page.
 * @property {() => URLSearchParams} filters The query of the API.
 * @property {Record<string, any> | null} collection The one that the page shows.
 * @property {(query: URLSearchParams, place: HTMLElement) => unknown} showNone Shows that there are no pictures.
 */

/** Events: "counted" when counts or a problem of another query are known, "change" when pictures came or went. */
export class Pictures extends EventTarget {
  /** The counts of the present query. @type {{months: string[], counts: number[], total: number, is_exact: boolean} | null} */
  counts = null;
  /** Why there are none. @type {Problem | null} */
  problem = null;
  #counting = new AbortController();

  /** @param {HTMLElement} place @param {Source} source */
  constructor(place, source) {
    super();
    this.place = place;
    this.source = source;
    const [notice, main, side] = ["notices", "grid", "scrubber"].map(made);
    place.replaceChildren(notice, main, side);
    this.notice = notice;
    this.buckets = new Buckets({ months: [], counts: [] }, (month, cursor) => this.#month(month, cursor));
    this.selection = new Selection(() => this.buckets.total);
    this.grid = new Grid(main, this.buckets, this.selection, source.name);
    this.opener = new Opener(this.grid, source.path);
    const pointer = new PointerSelection(this.grid, (index) => this.opener.openIndex(index));
    new Scrubber(side, this.grid, t("timeline.scrubber"));
    listenToKeys(this.grid, pointer);
    this.#listen();
  }

  #listen() {
    const { grid } = this;
    grid.reload = (options) => this.#reload(options);
    this.#awaitSelection();
    grid.addEventListener("failed", ({ detail }) => sayProblem(Problem.of(detail)));
    grid.addEventListener("layout", () => this.#showNotice());
    this.buckets.addEventListener("removed", () => this.#changed());
  }

  /** Pictures came or went: the counts of the query are those of the months. */
  #changed() {
    if (this.counts) this.counts = { ...this.counts, total: this.buckets.total };
    this.dispatchEvent(new Event("change"));
  }

  /** Load the pictures and show them, or why there are none. */
  async start() {
    await this.load();
    keepPosition(this.grid);
    if (page.view) this.opener.open(page.view);
  }

  /**
   * Show the pictures of the query as it is now.
   * @param {{isReturn?: boolean}} [options] Whether they are shown again, where they were left.
   */
  async load({ isReturn = false } = {}) {
    this.#counting.abort();
    this.#counting = new AbortController();
    Object.assign(this, { counts: null, problem: null });
    const { signal } = this.#counting;
    try {
      const timeline = await this.#counts(signal);
      if (signal.aborted) return;
      this.#show(timeline);
      if (isReturn) restorePosition(this.grid);
    } catch (error) {
      if (!signal.aborted) await this.#showFailure(Problem.of(error));
    }
  }

  /** @param {AbortSignal} [signal] */
  #counts(signal) {
    return request(`/api/v1/timeline?${this.source.filters()}`, { signal });
  }

  /** @param {{months: string[], counts: number[], total: number}} timeline */
  #show(timeline) {
    this.#tell(timeline, null);
    this.#replaceAll(timeline);
  }

  #tell(counts, problem) {
    Object.assign(this, { counts, problem });
    this.notice.replaceChildren();
    this.dispatchEvent(new Event("counted"));
  }

  /** Show other pictures, from the first one. */
  #replaceAll(timeline) {
    if (this.selection.count) this.selection.clear();
    this.selection.anchor = null;
    this.grid.viewport.toStart();
    this.grid.replace(this.buckets.unloaded(timeline));
  }

  /** An error in a search is shown beside its text. @param {Problem} problem */
  async #showFailure(problem) {
    this.#tell(null, problem);
    this.#replaceAll({ months: [], counts: [] });
    if (problem.code === "invalid_query") return;
    const notices = await loaded(import("./notices.js"));
    if (!this.counts) notices?.showFailure(this.notice, problem, () => this.load());
  }

  /** Say that there are no pictures, if so. */
  async #showNotice() {
    if (!this.counts) return;
    if (!this.buckets.total && !this.notice.childElementCount) {
      await this.source.showNone(this.source.filters(), this.notice);
    }
    if (this.buckets.total) this.notice.replaceChildren();
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

  /** Load what has changed; the selection and what is visible stay. @param {{isAgain?: boolean}} [options] */
  async #reload({ isAgain = false } = {}) {
    const timeline = await this.#counts();
    this.grid.replace(await this.buckets.fetched(timeline, isAgain));
    this.#changed();
  }

  /** Show pictures that came since the page was loaded, unless the others must stay where they are. */
  async refresh() {
    if (isBusy() || !this.counts) return false;
    const { signal } = this.#counting;
    const fetched = await this.buckets.fetched(await this.#counts(signal));
    if (isBusy() || signal.aborted) return false;
    this.grid.replace(fetched);
    this.#changed();
    return true;
  }
}

/**
 * What a page with pictures listens to besides them: uploads, and the key for help.
 * @param {Pictures} pictures
 * @param {() => [title: string, rows: object[]][]} [ownKeys] Keys that only this page has.
 */
export function listen(pictures, ownKeys = () => []) {
  listenToArrivals(() => pictures.refresh());
  listenToHelp((keys) => [...ownKeys(), ...keys.TIMELINE()]);
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
