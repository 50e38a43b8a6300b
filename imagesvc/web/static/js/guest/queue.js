/** The files of a guest, three of which are sent at a time. */

import { explained, Problem, problemOf } from "../shared/api.js";
import { sendForm } from "../upload/sending.js";

const PARALLEL = 3;

/**
 * @typedef {object} Upload
 * @property {File} file
 * @property {"waiting" | "sending" | "done" | "failed"} state
 * @property {number} sent Bytes.
 * @property {string} reason Why it failed.
 * @property {string} code Of the problem for which it failed.
 */

/** Fires `change`, and `idle` when all have ended. */
export class GuestQueue extends EventTarget {
  /** @type {Upload[]} */
  uploads = [];
  #running = 0;

  /** @param {string} path Of the API. */
  constructor(path) {
    super();
    this.path = path;
  }

  get isActive() {
    return this.#running > 0;
  }

  /** @param {File[]} files */
  add(files) {
    for (const file of files) this.uploads.push({ file, state: "waiting", sent: 0, reason: "", code: "" });
    this.#go();
  }

  /** @param {Upload[]} failed */
  retry(failed) {
    for (const upload of failed) Object.assign(upload, { state: "waiting", sent: 0, reason: "", code: "" });
    this.#go();
  }

  #go() {
    while (this.#running < PARALLEL) {
      const next = this.uploads.find(({ state }) => state === "waiting");
      if (!next) break;
      this.#run(next);
    }
    this.dispatchEvent(new Event("change"));
  }

  /** @param {Upload} upload */
  async #run(upload) {
    this.#running++;
    upload.state = "sending";
    try {
      await this.#send(upload);
      upload.state = "done";
    } catch (error) {
      const { message: reason, code } = Problem.of(error);
      Object.assign(upload, { state: "failed", reason, code });
    }
    this.#running--;
    this.#go();
    if (!this.#running) this.dispatchEvent(new Event("idle"));
  }

  /** @param {Upload} upload */
  async #send(upload) {
    const { file } = upload;
    const form = new FormData();
    form.append("file", file, file.name);
    const onProgress = (sent) => {
      upload.sent = Math.min(sent, file.size);
      this.dispatchEvent(new Event("change"));
    };
    const response = await sendForm(this.path, form, { onProgress });
    if (!response.ok) throw await problemOf(response);
    const { data: [{ problem }] } = await response.json();
    if (problem) throw new Problem(problem.status, problem.code, explained(problem));
  }
}
