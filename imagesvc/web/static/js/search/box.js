/** The search box of the header: the text of a search is a part of the address of the page. */

import { loaded } from "../shared/loading.js";
import { isTaken } from "../timeline/keys.js";
import { notePosition } from "../timeline/position.js";

/** Events: "change" with a new text. */
export class SearchBox extends EventTarget {
  /** The search that the page shows. */
  text = "";
  /** @type {import("../timeline/pictures.js").Pictures | null} */
  pictures = null;
  /** The last search that was sent from the box. @type {string | null} */
  typed = null;
  /** @type {import("./suggestions.js").Suggestions | null} */
  #suggestions = null;
  /** @type {import("./filters.js").Filters | null} */
  #filters = null;

  constructor() {
    super();
    this.form = /** @type {HTMLFormElement} */ (document.getElementById("search"));
    this.input = /** @type {HTMLInputElement} */ (this.form.elements.namedItem("q"));
    this.clear = /** @type {HTMLButtonElement} */ (document.getElementById("search-clear"));
    this.path = new URL(this.form.action).pathname;
    this.title = document.title;
    this.#take(this.#textOfAddress());
  }

  /** The text in the address; the viewer's address has none. */
  #textOfAddress() {
    const isHere = location.pathname === this.path;
    return isHere ? (new URLSearchParams(location.search).get("q") ?? "") : this.text;
  }

  /** The address of a search in this page. @param {string} text */
  address(text) {
    return text ? `${this.path}?q=${encodeURIComponent(text)}` : this.path;
  }

  /** Let searches change the pictures of the page. @param {import("../timeline/pictures.js").Pictures} pictures */
  listen(pictures) {
    this.pictures = pictures;
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.typed = this.input.value.trim();
      this.go(this.input.value);
    });
    this.input.addEventListener("input", () => this.#showClear());
    this.input.addEventListener("focus", () => this.#suggest());
    this.input.addEventListener("blur", () => this.form.classList.toggle("has-text", Boolean(this.text)));
    this.clear.addEventListener("click", () => this.#empty());
    addEventListener("popstate", () => this.#follow());
    addEventListener("keydown", (event) => this.#onKey(event));
    if (this.text) this.#showFilters();
    if (document.activeElement === this.input) this.#suggest();
  }

  /** Show the pictures of a search. @param {string} text */
  async go(text) {
    const wanted = text.trim();
    if (wanted !== this.text || location.pathname !== this.path) {
      notePosition(this.pictures.grid);
      history.pushState(null, "", this.address(wanted));
    }
    this.input.blur(); // The keyboard is that of the pictures.
    await this.#show(wanted, false);
  }

  /** The user went back or forward. */
  #follow() {
    const text = this.#textOfAddress();
    if (text !== this.text) this.#show(text, true);
  }

  async #show(text, isReturn) {
    this.#take(text);
    if (text) await this.#showFilters();
    this.dispatchEvent(new Event("change"));
    await this.pictures.load({ isReturn });
  }

  #take(text) {
    this.text = text;
    if (this.input.value !== text) this.input.value = text;
    this.input.removeAttribute("aria-invalid");
    this.form.classList.toggle("has-text", Boolean(text));
    this.#showClear();
    document.title = text ? `${text} · ${this.title}` : this.title;
    if (this.pictures) this.pictures.opener.home = this.address(text);
  }

  #showClear() {
    this.clear.hidden = !this.input.value;
  }

  #empty() {
    this.input.value = "";
    this.#showClear();
    if (this.text) this.go("");
    else this.input.focus();
  }

  #onKey(event) {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || isTaken(event)) return;
    event.preventDefault();
    this.input.focus();
    this.input.select();
  }

  /** Load the suggestions when the box is first used. */
  async #suggest() {
    const module = await loaded(import("./suggestions.js"));
    this.#suggestions ??= module && new module.Suggestions(this);
    if (document.activeElement === this.input) this.#suggestions?.open();
  }

  /** Load the chips below the header when there is a search. */
  async #showFilters() {
    const module = await loaded(import("./filters.js"));
    this.#filters ??= module && new module.Filters(this);
    await this.#filters?.ready;
  }
}
