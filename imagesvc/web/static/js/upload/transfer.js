/** One attempt to send a file, or to have an address imported. */

import { Problem, problemOf, request } from "../shared/api.js";
import { url } from "../shared/page.js";
import { t } from "../shared/texts.js";

/** Milliseconds without any progress after which a connection counts as lost. */
const STALLED = 120_000;

/**
 * @param {import("./items.js").Item} item
 * @param {AbortSignal} signal
 * @param {(sent: number) => void} onProgress
 * @returns {Promise<object>} The image.
 */
export async function send(item, signal, onProgress) {
  const image = await (item.address ? imported(item, signal) : uploaded(item, signal, onProgress));
  if (typeof image?.id !== "string") throw new Problem(0, "offline", t("common.offline"));
  return image;
}

function imported({ address, key, fields }, signal) {
  const { visibility, collectionId } = fields;
  const json = { url: address, visibility, collection_id: collectionId };
  const headers = { "idempotency-key": key };
  return request("/api/v1/images/actions/import", { method: "POST", json, signal, headers });
}

/** `fetch` does not tell how much was sent. */
async function uploaded(item, signal, onProgress) {
  const response = await sent(item, signal, onProgress);
  if (!response.ok) throw await problemOf(response);
  return response.json().catch(() => null);
}

/** @returns {Promise<Response>} */
function sent(item, signal, onProgress) {
  return new Promise((resolve, reject) => {
    const sending = new XMLHttpRequest();
    const cut = () => reject(new Problem(0, "offline", t("common.offline")));
    let timer = setTimeout(() => sending.abort(), STALLED);
    sending.open("POST", url("/api/v1/images"));
    sending.setRequestHeader("accept", "application/json");
    sending.setRequestHeader("idempotency-key", item.key);
    sending.upload.addEventListener("progress", ({ loaded }) => {
      clearTimeout(timer);
      timer = setTimeout(() => sending.abort(), STALLED);
      onProgress(Math.min(loaded, item.size));
    });
    sending.addEventListener("load", () => resolve(responseOf(sending)));
    sending.addEventListener("error", cut);
    sending.addEventListener("abort", cut);
    sending.addEventListener("loadend", () => clearTimeout(timer));
    signal.addEventListener("abort", () => sending.abort());
    sending.send(formOf(item));
  });
}

function formOf({ file, name, fields }) {
  const form = new FormData();
  form.set("visibility", fields.visibility);
  if (fields.collectionId) form.set("collection_id", fields.collectionId);
  form.set("file", file, name);
  return form;
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

/** Whether a file can still be read: it may have been changed or removed since it was chosen. @param {File} file */
export async function isReadable(file) {
  try {
    await file.slice(0, 1).arrayBuffer();
    return true;
  } catch {
    return false;
  }
}
