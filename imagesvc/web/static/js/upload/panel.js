/** The panel of the tray, beside the content of the page, and the button in the header that opens it. */

import { html, render } from "../vendor.js";
import { counted, t } from "../shared/texts.js";
import { isTaken } from "../timeline/keys.js";
import { List } from "./list.js";
import { fields, sources } from "./sources.js";
import { summary, totalOf } from "./summary.js";

const CROSS = "M6 6l12 12M18 6L6 18";

export class Panel {
  #isDue = false;

  /**
   * @param {HTMLElement} root
   * @param {HTMLButtonElement} button
   * @param {object} parts
   * @param {import("./queue.js").Queue} parts.queue
   * @param {import("./choices.js").Choices} parts.choices
   * @param {(files: FileList) => void} parts.choose
   * @param {(address: string) => void} parts.importFrom
   */
  constructor(root, button, parts) {
    this.button = button;
    this.parts = parts;
    render(frame(this, parts), root);
    const find = (selector) => /** @type {HTMLElement} */ (root.querySelector(selector));
    this.element = find(".upload-panel");
    this.status = find(".upload-status");
    this.choices = find(".upload-choices");
    this.total = find(".upload-summary");
    this.list = new List(find(".upload-list"), parts.queue);
    this.more = find(".upload-more");
    parts.queue.addEventListener("change", () => this.update());
    addEventListener("keydown", (event) => {
      if (event.key === "Escape" && this.isOpen && !isTaken(event)) this.close();
    });
    this.update();
  }

  get isOpen() {
    return !this.element.hidden;
  }

  open() {
    if (this.isOpen) return;
    this.element.hidden = false;
    document.documentElement.classList.add("has-uploads");
    this.button.setAttribute("aria-expanded", "true");
    this.update();
    this.#showChoices();
    this.parts.choices.load().then(() => this.#showChoices());
  }

  /** Close it; the focus goes back to the header if it was inside. */
  close() {
    const hadFocus = this.element.contains(document.activeElement);
    this.element.hidden = true;
    document.documentElement.classList.remove("has-uploads");
    this.button.setAttribute("aria-expanded", "false");
    if (hadFocus) this.button.focus();
  }

  /** As the user asks for it: the focus goes into the opened panel. */
  toggle() {
    if (this.isOpen) {
      this.close();
      return;
    }
    this.open();
    this.element.focus();
  }

  /** Tell screen readers. @param {string} text */
  announce(text) {
    this.status.textContent = text;
  }

  /** Show the current state at the next frame. */
  update() {
    if (this.#isDue) return;
    this.#isDue = true;
    requestAnimationFrame(() => {
      this.#isDue = false;
      this.#show();
    });
  }

  #showChoices() {
    render(fields(this.parts.choices), this.choices);
  }

  #show() {
    const { queue } = this.parts;
    const total = totalOf(queue);
    const share = Math.floor(100 * total.share);
    this.button.classList.toggle("uploading", total.ended < total.count);
    this.button.style.setProperty("--share", `${share}%`);
    if (!this.isOpen) return;
    const hadFocus = this.element.contains(document.activeElement);
    this.element.classList.toggle("empty", !total.count);
    render(total.count ? summary(queue, total) : "", this.total);
    const hidden = this.list.update();
    this.more.textContent = hidden ? counted("upload.more", hidden) : "";
    // A button that had the focus may be gone.
    if (hadFocus && !this.element.contains(document.activeElement)) this.element.focus();
  }
}

function frame(panel, { choose, importFrom }) {
  const escape = (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    panel.close();
  };
  return html`<p class="upload-status visually-hidden" role="status"></p>
    <div class="drop-zone" aria-hidden="true"><p>${t("upload.drop")}</p></div>
    <section class="upload-panel" aria-label=${t("upload.title")} tabindex="-1" hidden @keydown=${escape}>
      <header class="upload-header">
        <h2>${t("upload.title")}</h2>
        <button class="icon-button" type="button" aria-label=${t("common.close")} title=${`${t("common.close")} (Esc)`} @click=${() => panel.close()}>
          <svg viewBox="0 0 24 24" aria-hidden="true"><path class="line" d=${CROSS}></path></svg>
        </button>
      </header>
      <p class="upload-hint">${t("upload.hint")}</p>
      ${sources(choose, importFrom)}
      <div class="upload-choices"></div>
      <div class="upload-summary"></div>
      <ul class="upload-list"></ul>
      <p class="upload-more"></p>
    </section>`;
}
