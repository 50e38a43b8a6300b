/** One attempt to send a file, or to have an address imported. */

import { Problem, problemOf, request } from "../shared/api.js";
import { t } from "../shared/texts.js";
import { sendForm } from "./sending.js";

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

async function uploaded(item, signal, onProgress) {
  const response = await sendForm("/api/v1/images", formOf(item), {
    headers: { "idempotency-key": item.key },
    signal,
    onProgress: (sent) => onProgress(Math.min(sent, item.size)),
  });
  if (!response.ok) throw await problemOf(response);
  return response.json().catch(() => null);
}

function formOf({ file, name, fields }) {
  const form = new FormData();
  form.set("visibility", fields.visibility);
  if (fields.collectionId) form.set("collection_id", fields.collectionId);
  form.set("file", file, name);
  return form;
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
