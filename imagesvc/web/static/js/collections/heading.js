/** The heading of the page of a collection: title, description, count, and what can be done with it. */

import { html, nothing, render } from "../vendor.js";
import { iconButton, keyName } from "../icons/button.js";
import { Problem, request } from "../shared/api.js";
import { isOwn } from "../shared/collections.js";
import { sayProblem } from "../shared/messages.js";
import { page, url } from "../shared/page.js";
import { counted, t, visibilityName } from "../shared/texts.js";
import { isTaken } from "../timeline/keys.js";
import { ACTIONS } from "./actions.js";

/** @typedef {import("../shared/collections.js").Collection} Collection */

/** Characters of a description that may need to be scrolled, also by the keyboard. */
const LONG = 300;

export class Heading {
  /**
   * @param {HTMLElement} place
   * @param {Collection} collection
   * @param {import("../timeline/pictures.js").Pictures} pictures
   */
  constructor(place, collection, pictures) {
    this.place = place;
    this.collection = collection;
    this.pictures = pictures;
    this.actions = ACTIONS.filter(({ isForAll }) => isForAll || isOwn(collection));
    place.replaceChildren();
    pictures.addEventListener("change", () => this.#count());
    addEventListener("keydown", (event) => this.#onKey(event));
  }

  /** The keys of the actions, for the list of keys. */
  get keys() {
    const rows = this.actions.filter(({ key }) => key).map(({ key, text }) => [[keyName(key)], text]);
    return [t("collections.one"), rows];
  }

  /** @param {Collection} changed */
  change(changed) {
    Object.assign(this.collection, changed);
    this.show();
  }

  /** Show what is known of the collection; the grid learns where it begins. */
  show() {
    const { collection } = this;
    document.title = `${collection.title} · ${t("common.name")}`;
    render(this.#content(), this.place);
    this.pictures.grid?.viewport.measure();
    this.pictures.grid?.update();
  }

  /** Count again after pictures came or went. */
  async #count() {
    try {
      this.change(await request(`/api/v1/collections/${this.collection.id}`));
    } catch (error) {
      sayProblem(Problem.of(error));
    }
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    if (isTaken(event) || event.ctrlKey || event.metaKey || event.altKey) return;
    const action = this.actions.find(({ key }) => key === event.key);
    if (!action) return;
    event.preventDefault();
    this.#run(action);
  }

  /** @param {import("./actions.js").Action} action */
  async #run(action) {
    try {
      await action.run(this);
    } catch (error) {
      sayProblem(Problem.of(error));
    }
  }

  #content() {
    const { title, description } = this.collection;
    return html`<p class="collection-path"><a href=${url("/collections")}>${t("collections.title")}</a></p>
      <h1><bdi>${title}</bdi></h1>
      <p class="collection-facts">${this.#facts()}</p>
      <span class="page-actions">${this.actions.map((action) => iconButton({ ...action, text: action.text() }, () => this.#run(action)))}</span>
      <p class="collection-text" dir="auto" tabindex=${description.length > LONG ? 0 : nothing}>${description}</p>`;
  }

  #facts() {
    const { visibility, image_count: count } = this.collection;
    const parts = [count === null ? "" : counted("selection.pictures", count), page.has_accounts ? visibilityName(visibility) : ""];
    return parts.filter(Boolean).join(" · ");
  }
}
