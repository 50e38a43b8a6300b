/** The upload tray: brings together the queue, its panel, and what the page offers to upload. */

import { say } from "../shared/messages.js";
import { page } from "../shared/page.js";
import { counted, t } from "../shared/texts.js";
import { Choices } from "./choices.js";
import { Connection } from "./connection.js";
import { filesOf, found, isOther } from "./entries.js";
import { itemOfAddress, itemOfFile } from "./items.js";
import { KnownFiles } from "./duplicates/known.js";
import { Panel } from "./panel.js";
import { Queue } from "./queue.js";
import { keep, kept } from "./storage.js";

/** Files that are added at once, so that a large folder appears early. */
const BATCH = 100;
const SAVE_AFTER = 500;

export class Tray {
  choices = new Choices();
  queue = new Queue(new Connection(), new KnownFiles());

  /** @param {HTMLElement} root @param {HTMLButtonElement} button */
  constructor(root, button) {
    const { choices, queue } = this;
    const choose = (files) => this.addEntries([...files].map(found));
    const importFrom = (address) => this.addAddress(address);
    this.panel = new Panel(root, button, { queue, choices, choose, importFrom });
    keepRows(queue);
    askBeforeLeaving(queue);
    queue.addEventListener("idle", ({ detail }) => this.#tellEnd(detail));
    queue.addEventListener("uploaded", ({ detail: image }) => {
      document.dispatchEvent(new CustomEvent("imagesvc:uploaded", { detail: { image } }));
    });
    queue.addEventListener("placed", () => document.dispatchEvent(new Event("imagesvc:placed")));
  }

  /** @param {Iterable<import("./entries.js").Found> | AsyncIterable<import("./entries.js").Found>} files */
  async addEntries(files) {
    this.panel.open();
    let batch = [];
    let count = 0;
    let others = 0;
    for await (const one of files) {
      if (isOther(one)) {
        others++;
        continue;
      }
      count++;
      batch.push(one);
      if (batch.length >= BATCH) this.#add(batch.splice(0));
    }
    this.#add(batch);
    this.panel.announce(counted("upload.added", count));
    if (others) say(counted("upload.left_out", others));
  }

  /** @param {(FileSystemEntry | File)[]} entries */
  addDropped(entries) {
    return this.addEntries(filesOf(entries));
  }

  /** @param {File[]} files */
  addFiles(files) {
    return this.addEntries(files.map(found));
  }

  /** @param {string} address */
  addAddress(address) {
    if (!page.uploads.can_import) {
      say(t("upload.import_off"));
      return;
    }
    this.panel.open();
    this.queue.add([itemOfAddress(address, this.choices.fields)]);
  }

  /** Add files; those that an earlier page could not finish go on with their keys. */
  #add(files) {
    const added = [];
    for (const one of files) {
      const lost = this.queue.items.find((item) => item.state === "lost" && isSame(item, one));
      if (lost) this.queue.revive(lost, one.file);
      else added.push(itemOfFile(one, this.choices.fields));
    }
    if (added.length) this.queue.add(added);
  }

  /** Tell how the uploads since the last time ended. */
  #tellEnd({ done, failed, duplicate }) {
    const parts = [];
    if (done) parts.push(counted("upload.finished", done));
    if (duplicate) parts.push(counted("upload.known", duplicate));
    if (failed) parts.push(counted("upload.failed", failed));
    const text = parts.join(" ");
    if (this.panel.isOpen) this.panel.announce(text);
    else if (text) say(text);
  }
}

/** @param {import("./items.js").Item} item @param {import("./entries.js").Found} found */
function isSame(item, { file, path }) {
  return item.path === path && item.size === file.size && item.modified === file.lastModified;
}

/** @param {Queue} queue */
function keepRows(queue) {
  const rows = kept();
  if (rows.length) queue.add(rows);
  let timer = 0;
  queue.addEventListener("change", () => {
    timer ||= setTimeout(() => {
      timer = 0;
      keep(queue.items);
    }, SAVE_AFTER);
  });
  addEventListener("pagehide", () => keep(queue.items));
}

/** Files that are not sent yet are lost with the page. @param {Queue} queue */
function askBeforeLeaving(queue) {
  addEventListener("beforeunload", (event) => {
    if (queue.isActive) event.preventDefault();
  });
}

/** The tray with its styles. @param {HTMLElement} root @param {HTMLButtonElement} button */
export async function start(root, button) {
  const styles = document.createElement("link");
  styles.rel = "stylesheet";
  styles.href = `${page.assets}/css/upload.css`;
  const loaded = new Promise((resolve) => {
    styles.addEventListener("load", resolve);
    styles.addEventListener("error", resolve);
  });
  document.head.append(styles);
  await loaded;
  return new Tray(root, button);
}
