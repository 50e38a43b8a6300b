/** The uploads of this page: three at a time, again after failures that pass. */

import { Problem } from "../shared/api.js";
import { bytes, t } from "../shared/texts.js";
import { page } from "../shared/page.js";
import { place } from "./duplicates/placing.js";
import { isEnded, isSent, isTooLarge, newKey } from "./items.js";
import { remedyOf } from "./remedies.js";
import { isReadable, send } from "./transfer.js";

const PARALLEL = 3;

/** @typedef {import("./items.js").Item} Item */

/** Fires `change`; `uploaded` with an image as its detail; `placed` when one was put into a collection; `idle` with counts when all have ended. */
export class Queue extends EventTarget {
  /** @type {Item[]} */
  items = [];
  isPaused = false;
  isLoggedOut = false;
  #wasActive = false;
  /** How the uploads ended since the last `idle`. */
  #ended = { done: 0, failed: 0, duplicate: 0 };
  /** @type {Map<Item, AbortController>} */
  #running = new Map();
  /** @type {Map<string, Item>} The first upload of each digest. */
  #first = new Map();

  /**
   * @param {import("./connection.js").Connection} connection
   * @param {import("./duplicates/known.js").KnownFiles} known
   */
  constructor(connection, known) {
    super();
    this.connection = connection;
    this.known = known;
    connection.addEventListener("change", () => this.#go());
    connection.addEventListener("outage", () => {
      for (const item of this.items) item.cuts = 0; // They were not cut because of the files.
    });
  }

  /** @param {Item[]} items */
  add(items) {
    for (const item of items) this.items.push(item);
    this.#go();
  }

  /** Stop what is being sent, except where only the response is missing. */
  pause() {
    this.isPaused = true;
    for (const [item, control] of this.#running) if (!isSent(item)) control.abort();
    this.#go();
  }

  resume() {
    this.isPaused = this.isLoggedOut = false;
    this.connection.hurry();
    this.#go();
  }

  /** @param {Item[]} items Failed ones. */
  retry(items) {
    for (const item of items) {
      if (item.code === "idempotency_key_reused") item.key = newKey();
      if (item.file) this.known.forget(item.file);
      this.#set(item, { state: "waiting", cuts: 0, tries: 0, code: "", reason: "", requestId: "" });
    }
    this.#go();
  }

  /** Upload a file although the user has the same bytes. @param {Item} item */
  force(item) {
    this.#set(item, { state: "waiting", isForced: true, imageId: null, place: "", twin: null });
    this.#go();
  }

  /** Move the picture that the user has already into the collection of the upload. @param {Item} item */
  async move(item) {
    this.#set(item, { place: await place(item.imageId, item.fields.collectionId, true) });
    this.dispatchEvent(new Event("placed"));
  }

  /** Give the file of a lost upload back, so that it goes on with its key. @param {Item} item @param {File} file */
  revive(item, file) {
    this.#set(item, { state: "waiting", file, reason: "", requestId: "" });
    this.#go();
  }

  /** Stop an upload, and remove it. @param {Item} item */
  remove(item) {
    this.items.splice(this.items.indexOf(item), 1);
    this.#running.get(item)?.abort();
    this.#go();
  }

  cancelAll() {
    const stopped = new Set(this.items.filter((item) => !isEnded(item) && !isSent(item)));
    this.items = this.items.filter((item) => !stopped.has(item));
    for (const item of stopped) this.#running.get(item)?.abort();
    this.#go();
  }

  /** Remove what needs no more attention. */
  removeFinished() {
    this.items = this.items.filter(({ state }) => state !== "done" && state !== "duplicate");
    this.#changed();
  }

  /** Remove also what failed. */
  removeEnded() {
    this.items = this.items.filter((item) => !isEnded(item));
    this.#changed();
  }

  get isActive() {
    return this.items.some((item) => !isEnded(item));
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }

  #set(item, values) {
    Object.assign(item, values);
    item.version++;
    this.#changed();
  }

  #mayStart() {
    return !this.isPaused && !this.isLoggedOut && this.connection.state === "open" && this.#running.size < PARALLEL;
  }

  /** Start what can be started. */
  #go() {
    while (this.#mayStart()) {
      const item = this.items.find(({ state }) => state === "waiting");
      if (!item) break;
      this.#run(item);
    }
    this.#changed();
    const { isActive } = this;
    if (this.#wasActive && !isActive) this.#rest();
    this.#wasActive = isActive;
  }

  #rest() {
    this.isPaused = this.isLoggedOut = false;
    this.dispatchEvent(new CustomEvent("idle", { detail: this.#ended }));
    this.#ended = { done: 0, failed: 0, duplicate: 0 };
  }

  async #run(item) {
    const control = new AbortController();
    this.#running.set(item, control);
    this.#set(item, { state: item.file && !item.isForced ? "checking" : "sending", sent: 0 });
    try {
      await this.#upload(item, control.signal);
    } catch (error) {
      if (control.signal.aborted) this.#set(item, { state: "waiting", sent: 0 });
      else await this.#repair(item, Problem.of(error));
    }
    this.#running.delete(item);
    if (item.state in this.#ended) this.#ended[item.state]++;
    this.#go();
  }

  async #upload(item, signal) {
    if (isTooLarge(item)) throw tooLarge(item);
    if (item.state === "checking") {
      const known = await this.#knownImage(item);
      signal.throwIfAborted();
      if (known) {
        await this.#place(item, known);
        return;
      }
      this.#set(item, { state: "sending" });
    }
    const image = await send(item, signal, (sent) => this.#set(item, { sent }));
    this.#set(item, { state: "done", imageId: image.id, sent: item.size });
    this.dispatchEvent(new CustomEvent("uploaded", { detail: image }));
  }

  /** End an upload of a picture that the user has; it belongs to the collection now. */
  async #place(item, known) {
    const { collectionId } = item.fields;
    const isPlaced = collectionId && known.imageId && !known.isTrashed;
    this.#set(item, { ...known, place: isPlaced ? await place(known.imageId, collectionId) : "", state: "duplicate" });
    if (item.place === "there") this.dispatchEvent(new Event("placed"));
  }

  /** The image or the upload with the same bytes, or null. */
  async #knownImage(item) {
    const identity = this.known.identity(item.file);
    const next = this.items.filter(({ state, file }) => state === "waiting" && file);
    this.known.prepare(next.map(({ file }) => file));
    const { digest, imageId, isTrashed } = await identity;
    if (imageId) return { imageId, isTrashed, twin: null };
    if (!digest) return null;
    const first = this.#first.get(digest);
    if (first && first !== item && this.items.includes(first) && first.state !== "failed") return { imageId: null, twin: first };
    this.#first.set(digest, item);
    return null;
  }

  /** @param {Item} item @param {Problem} problem */
  async #repair(item, problem) {
    if (problem.status === 0 && item.file && !(await isReadable(item.file))) {
      this.#set(item, { state: "failed", reason: t("upload.unreadable") });
      return;
    }
    const { action, milliseconds, reason } = remedyOf(item, problem);
    const { code, requestId } = problem;
    if (action === "fail") this.#set(item, { state: "failed", code, reason, requestId });
    else this.#set(item, { state: "waiting", sent: 0 });
    if (action === "log_in") this.isLoggedOut = true;
    if (action === "reconnect") this.connection.lost();
    if (action === "wait") this.connection.wait(milliseconds);
  }
}

function tooLarge({ size }) {
  const values = { size: bytes(size), limit: bytes(page.uploads.max_bytes) };
  return new Problem(413, "file_too_large", t("upload.too_large", values));
}
