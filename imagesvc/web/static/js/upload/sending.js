/** A form with a file on its way; `fetch` does not tell how much was sent. */

import { Problem } from "../shared/api.js";
import { url } from "../shared/page.js";
import { t } from "../shared/texts.js";

/** Milliseconds without any progress after which a connection counts as lost. */
const STALLED = 120_000;

/**
 * @param {string} path
 * @param {FormData} form
 * @param {object} options
 * @param {Record<string, string>} [options.headers]
 * @param {AbortSignal} [options.signal]
 * @param {(sent: number) => void} options.onProgress Gets bytes.
 * @returns {Promise<Response>}
 */
export function sendForm(path, form, { headers = {}, signal, onProgress }) {
  return new Promise((resolve, reject) => {
    const sending = new XMLHttpRequest();
    const cut = () => reject(new Problem(0, "offline", t("common.offline")));
    let timer = setTimeout(() => sending.abort(), STALLED);
    sending.open("POST", url(path));
    for (const [name, value] of Object.entries({ accept: "application/json", ...headers })) sending.setRequestHeader(name, value);
    sending.upload.addEventListener("progress", ({ loaded }) => {
      clearTimeout(timer);
      timer = setTimeout(() => sending.abort(), STALLED);
      onProgress(loaded);
    });
    sending.addEventListener("load", () => resolve(responseOf(sending)));
    sending.addEventListener("error", cut);
    sending.addEventListener("abort", cut);
    sending.addEventListener("loadend", () => clearTimeout(timer));
    signal?.addEventListener("abort", () => sending.abort());
    sending.send(form);
  });
}

/** @param {XMLHttpRequest} ended */
function responseOf(ended) {
  const headers = new Headers();
  for (const name of ["x-request-id", "retry-after"]) {
    const value = ended.getResponseHeader(name);
    if (value) headers.set(name, value);
  }
  return new Response(ended.responseText, { status: ended.status, headers });
}
