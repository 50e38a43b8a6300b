/** A file for ShareX: with it, the program uploads to this service with a key of its own. */

import { Problem } from "../shared/api.js";
import { say, sayProblem } from "../shared/messages.js";
import { page, url } from "../shared/page.js";
import { t } from "../shared/texts.js";
import { makeKey } from "./new_key.js";

/** @param {() => Promise<void>} onKey After a key was made. */
export function listenToShareX(onKey) {
  const button = /** @type {HTMLButtonElement} */ (document.getElementById("sharex"));
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      const made = page.user ? await makeKey("ShareX", ["upload"]) : null;
      download(`${location.hostname}.sxcu`, JSON.stringify(configuration(made?.key), null, 2));
      say(t("account.sharex_done"));
      await onKey();
    } catch (error) {
      sayProblem(Problem.of(error));
    } finally {
      button.disabled = false;
      button.focus();
    }
  });
  button.disabled = false;
}

/** A custom uploader of ShareX. @param {string | undefined} key */
function configuration(key) {
  const absolute = (path) => location.origin + url(path);
  return {
    Version: "15.0.0",
    Name: location.host,
    DestinationType: "ImageUploader",
    RequestMethod: "POST",
    RequestURL: absolute("/api/v1/images"),
    ...(key ? { Headers: { Authorization: `Bearer ${key}` } } : {}),
    Body: "MultipartFormData",
    Arguments: { visibility: "unlisted" },
    FileFormName: "file",
    URL: absolute("/images/{json:id}"),
    ...("thumbnail" in page.presets ? { ThumbnailURL: absolute("/images/{json:id}/thumbnail") } : {}),
    ErrorMessage: "{json:detail}",
  };
}

/** @param {string} name @param {string} text */
function download(name, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
