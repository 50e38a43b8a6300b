/** A field for several tags: each that was entered becomes a chip. */

import { html, render } from "../vendor.js";
import { t } from "../shared/texts.js";

export class TagField {
  /** @type {string[]} */
  #tags = [];
  /** @type {string[]} */
  #known = [];

  /** @param {string} id @param {string} label */
  constructor(id, label) {
    this.id = id;
    this.label = label;
    this.element = document.createElement("div");
    this.element.className = "field tag-field";
    this.#show();
  }

  get #input() {
    return this.element.querySelector("input");
  }

  /** Offer tags for completion. @param {string[]} tags */
  suggest(tags) {
    this.#known = tags;
    this.#show();
  }

  /** The tags, with what was not yet made a chip. */
  take() {
    this.#add();
    return this.#tags;
  }

  #add() {
    const tags = this.#input.value.split(",").map((tag) => tag.trim()).filter(Boolean);
    this.#input.value = "";
    this.#tags = [...new Set([...this.#tags, ...tags])];
    this.#show();
  }

  #remove(tag) {
    this.#tags = this.#tags.filter((other) => other !== tag);
    this.#show();
    this.#input.focus();
  }

  /** Enter in an empty field sends the form. @param {KeyboardEvent} event */
  #onKey(event) {
    const { value } = this.#input;
    if (event.key === "Enter" && value.trim() && !event.isComposing) {
      event.preventDefault();
      this.#add();
    } else if (event.key === "Backspace" && !value && this.#tags.length) {
      this.#remove(this.#tags.at(-1));
    }
  }

  #show() {
    const chip = (tag) => html`<li><bdi>${tag}</bdi><button type="button"
      aria-label=${t("viewer.remove_tag", { tag })} @click=${() => this.#remove(tag)}>×</button></li>`;
    const left = this.#known.filter((tag) => !this.#tags.includes(tag));
    render(
      html`<label for=${this.id}>${this.label}</label>
        <ul class="chips" ?hidden=${!this.#tags.length}>${this.#tags.map(chip)}</ul>
        <input id=${this.id} dir="auto" autocomplete="off" enterkeyhint="done" list=${`${this.id}-known`}
          @keydown=${(event) => this.#onKey(event)} @input=${({ data }) => data === "," && this.#add()}>
        <datalist id=${`${this.id}-known`}>${left.map((tag) => html`<option value=${tag}></option>`)}</datalist>`,
      this.element,
    );
  }
}
