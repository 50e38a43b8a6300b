/** A list of links, whose pages are loaded when they are asked for. */

import { html, nothing, render } from "../vendor.js";
import { Problem, request } from "../shared/api.js";
import { confirmed } from "../shared/confirm.js";
import { say, sayProblem } from "../shared/messages.js";
import { failure } from "../shared/sections.js";
import { t } from "../shared/texts.js";
import { loadCovers } from "./covers.js";

export class LinkList {
  /** @type {Record<string, any>[]} */
  #links = [];
  /** @type {string | null} */
  #cursor = null;

  /**
   * @param {HTMLElement} place
   * @param {string} path Of the API.
   * @param {(link: Record<string, any>, buttons: unknown) => unknown} row A template of lit-html.
   * @param {(link: Record<string, any>, done: () => unknown) => Promise<unknown>} edit
   * @param {string} hint What is shown where there are no links.
   */
  constructor(place, path, row, edit, hint) {
    Object.assign(this, { place, path, row, edit, hint });
  }

  /** Load the first page. */
  async load() {
    try {
      const { data, next_cursor: cursor } = await request(this.path);
      [this.#links, this.#cursor] = [data, cursor];
      this.#show();
      this.#showCovers();
    } catch (error) {
      render(html`<div class="links-hint">${failure(Problem.of(error), () => this.load())}</div>`, this.place);
    }
  }

  async #more() {
    await this.#attempt(async () => {
      const { data, next_cursor: cursor } = await request(`${this.path}?cursor=${encodeURIComponent(this.#cursor)}`);
      this.#links.push(...data);
      this.#cursor = cursor;
      this.#show();
      this.#showCovers();
    });
  }

  /** The list does not wait for them. */
  async #showCovers() {
    await loadCovers(this.#links);
    this.#show();
  }

  /** @param {() => Promise<unknown>} work */
  async #attempt(work) {
    try {
      await work();
    } catch (error) {
      sayProblem(Problem.of(error));
    }
  }

  /** @param {Record<string, any>} link */
  async #withdraw(link) {
    if (!(await confirmed(t("sharing.withdraw"), t("sharing.withdraw_text"), t("sharing.withdraw")))) return;
    await request(`${this.path}/${link.id}`, { method: "DELETE" });
    this.#links = this.#links.filter((other) => other !== link);
    this.#show();
    this.place.focus();
    say(t("sharing.withdrawn"));
  }

  #show() {
    render(
      html`<ul class="links">${this.#links.map((link) => this.row(link, this.#buttons(link)))}</ul>
        ${this.#links.length ? nothing : html`<p class="links-hint">${this.hint}</p>`}
        <button class="button" type="button" ?hidden=${this.#cursor === null} @click=${() => this.#more()}>
          ${t("sharing.more")}</button>`,
      this.place,
    );
  }

  #buttons(link) {
    return html`<button class="button" type="button" @click=${() => this.#attempt(() => this.edit(link, () => this.load()))}>
        ${t("sharing.edit")}</button>
      <button class="button" type="button" @click=${() => this.#attempt(() => this.#withdraw(link))}>
        ${t("sharing.withdraw")}</button>`;
  }
}
