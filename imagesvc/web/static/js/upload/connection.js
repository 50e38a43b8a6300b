/** Whether requests can be sent now; finds out by itself when they can again. */

import { url } from "../shared/page.js";

const FIRST = 1000;
const LONGEST = 60_000;
const PROBE = 10_000;

/** Milliseconds to wait after a number of failures, so that clients do not all return at once. */
export function backoff(failures) {
  return Math.min(LONGEST, FIRST * 2 ** failures) * (0.5 + Math.random() / 2);
}

/** Fires `change`, and `outage` when the server was not reached by a second request either. */
export class Connection extends EventTarget {
  /** @type {"open" | "offline" | "busy"} */
  state = "open";
  #failures = 0;
  #timer = 0;
  #ends = 0;
  #isProbing = false;

  constructor() {
    super();
    addEventListener("offline", () => this.lost());
    addEventListener("online", () => this.#probe());
  }

  /** A request got no response. */
  lost() {
    if (this.state === "offline") return;
    this.#failures = 0;
    this.#become("offline");
    this.#after(backoff(0), () => this.#probe());
  }

  /** The server asks to wait. @param {number} milliseconds */
  wait(milliseconds) {
    const ends = Date.now() + milliseconds;
    if (this.state === "offline" || (this.state === "busy" && ends <= this.#ends)) return;
    this.#ends = ends;
    this.#become("busy");
    this.#after(milliseconds, () => this.#become("open"));
  }

  /** Try now instead of later. */
  hurry() {
    if (this.state === "offline") this.#probe();
  }

  async #probe() {
    if (this.state !== "offline" || this.#isProbing) return;
    this.#isProbing = true;
    const isReached = navigator.onLine && (await isReachable());
    this.#isProbing = false;
    if (isReached) {
      clearTimeout(this.#timer);
      this.#become("open");
      return;
    }
    this.#failures++;
    this.dispatchEvent(new Event("outage"));
    this.#after(backoff(this.#failures), () => this.#probe());
  }

  #after(milliseconds, action) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(action, milliseconds);
  }

  #become(state) {
    this.state = state;
    this.dispatchEvent(new Event("change"));
  }
}

async function isReachable() {
  const headers = { accept: "application/json" };
  try {
    await fetch(url("/"), { headers, cache: "no-store", signal: AbortSignal.timeout(PROBE) });
    return true;
  } catch {
    return false;
  }
}
