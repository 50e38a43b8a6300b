/** Digests of files; none where the browser has no cryptography: over HTTP, except of this machine. */

const MAX_BYTES = 50 * 2 ** 20;

/** @type {Map<number, (digest: string | null) => void>} */
const waiting = new Map();
/** @type {Worker | null} */
let worker = null;
let last = Promise.resolve(null);
let count = 0;

/** The SHA-256 of a file in hexadecimal, or null. Files are read one after the other. @param {File} file */
export function digestOf(file) {
  if (!isSecureContext || file.size > MAX_BYTES || !file.size) return Promise.resolve(null);
  last = last.then(() => computed(file));
  return last;
}

function computed(file) {
  worker ??= started();
  return new Promise((resolve) => {
    count++;
    waiting.set(count, resolve);
    worker.postMessage({ number: count, file });
  });
}

function started() {
  const made = new Worker(new URL("./digest_worker.js", import.meta.url), { type: "module" });
  made.addEventListener("message", ({ data: { number, digest } }) => {
    waiting.get(number)?.(digest);
    waiting.delete(number);
  });
  made.addEventListener("error", () => {
    for (const resolve of waiting.values()) resolve(null);
    waiting.clear();
  });
  return made;
}
