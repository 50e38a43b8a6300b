/** The variant as the server makes it: requested shortly after the last change, which wins. */

import { Problem, problemOf } from "../shared/api.js";
import { variantUrl } from "../shared/page.js";
import { t } from "../shared/texts.js";
import { findAddress, ownUrl } from "./addresses.js";
import { readTiming } from "./timing.js";

/** Milliseconds without a change before a request. */
const PAUSE = 250;
/** What browsers accept for pictures of pages. */
const ACCEPT = "image/avif,image/webp,image/png,image/*;q=0.8";

/**
 * @typedef {object} Picture
 * @property {string} source
 * @property {string} format
 * @property {number} width
 * @property {number} height
 * @property {number} bytes
 * @property {import("./timing.js").Timing | null} timing
 */

export class Preview extends EventTarget {
  /** @type {import("./addresses.js").Address | null} */
  address = null;
  /** @type {Problem | null} */
  problem = null;
  isLoading = false;
  #timer = 0;
  #running = new AbortController();

  /** @param {Record<string, any>} image @param {import("./values.js").Values} values */
  constructor(image, values) {
    super();
    this.image = image;
    this.values = values;
    /** How long a signature is valid; 0 for no choice. */
    this.seconds = 0;
    this.picture = this.#original();
  }

  /** Show the current values, after a pause. */
  update(pause = PAUSE) {
    clearTimeout(this.#timer);
    this.#running.abort();
    this.#running = new AbortController();
    const { signal } = this.#running;
    this.isLoading = true;
    this.#timer = setTimeout(() => this.#load(signal), pause);
    this.#changed();
  }

  /** @param {AbortSignal} signal */
  async #load(signal) {
    try {
      this.values.keepInAddress();
      const address = await findAddress(this.image, this.values, this.seconds, signal);
      const picture = address.place ? await this.#fetched(address, signal) : this.#original();
      if (!signal.aborted) this.#show(picture, address);
      else release(picture);
    } catch (error) {
      if (signal.aborted) return;
      this.problem = Problem.of(error);
      this.address = null;
      this.isLoading = false;
      this.#changed();
    }
  }

  #show(picture, address) {
    release(this.picture);
    Object.assign(this, { picture, address, problem: null, isLoading: false });
    this.#changed();
  }

  /** @returns {Picture} The original is not loaded: it may be large, and of a format that browsers do not show. */
  #original() {
    const { id, format, width, height, bytes } = this.image;
    const source = variantUrl(id, ["viewer", "preview"], "w=2048&h=2048");
    return { source, format, width, height, bytes, timing: null };
  }

  /** @returns {Promise<Picture>} */
  async #fetched(address, signal) {
    const options = { signal, cache: "no-store", headers: { accept: ACCEPT } };
    const response = await fetch(ownUrl(this.image.id, address), options).catch((error) => {
      throw signal.aborted ? error : new Problem(0, "offline", t("common.offline"));
    });
    if (!response.ok) throw await problemOf(response);
    const content = await response.blob();
    const source = URL.createObjectURL(content);
    const element = new Image();
    element.src = source;
    await element.decode().catch(() => {
      URL.revokeObjectURL(source);
      throw new Problem(0, "unknown", t("builder.not_shown"));
    });
    return {
      source,
      format: content.type.replace("image/", ""),
      width: element.naturalWidth,
      height: element.naturalHeight,
      bytes: content.size,
      timing: readTiming(response.headers.get("server-timing") ?? ""),
    };
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}

/** @param {Picture} picture */
function release({ source }) {
  if (source.startsWith("blob:")) URL.revokeObjectURL(source);
}
