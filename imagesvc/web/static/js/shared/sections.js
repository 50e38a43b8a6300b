/** A part of a page that loads what it shows; where that fails, it says why and offers to try again. */

import { html, render } from "../vendor.js";
import { Problem } from "./api.js";
import { sayProblem } from "./messages.js";
import { t } from "./texts.js";

export class Section {
  /**
   * @param {string} id Of the element that shows it, which can have the focus.
   * @param {() => Promise<unknown>} load
   * @param {(data: any, section: Section) => unknown} content A template of lit-html.
   */
  constructor(id, load, content) {
    this.place = document.getElementById(id);
    this.load = load;
    this.content = content;
  }

  /** Load and show it; the focus stays in it. */
  async refresh() {
    try {
      this.show(await this.load());
    } catch (error) {
      const problem = Problem.of(error);
      if (problem.status === 401) location.reload(); // The session has ended: it leads to the log-in.
      else this.#render(failure(problem, () => this.refresh()));
    }
  }

  /** @param {unknown} data What `load` would return. */
  show(data) {
    this.#render(this.content(data, this));
  }

  /** Do something for the user, and show what has become of it. @param {() => Promise<unknown>} action */
  async act(action) {
    try {
      await action();
    } catch (error) {
      const problem = Problem.of(error);
      if (this.place.closest("dialog")) {
        this.#render(failure(problem, () => this.refresh())); // It hides messages.
        return;
      }
      sayProblem(problem);
    }
    await this.refresh();
  }

  #render(content) {
    const hadFocus = this.place.contains(document.activeElement);
    render(content, this.place);
    if (hadFocus && !this.place.contains(document.activeElement)) this.place.focus();
  }
}

/** Why something failed, and a button to try again. @param {Problem} problem @param {() => void} retry */
export function failure(problem, retry) {
  const id = problem.requestId ? html`<small>${t("common.request_id", { id: problem.requestId })}</small>` : "";
  return html`<p class="form-error" role="alert">${problem.message} ${id}</p>
    <button class="button" type="button" @click=${retry}>${t("common.retry")}</button>`;
}
