// What upload widgets need of a browser, by jsdom: a page of another origin than the service's,
// with its own XMLHttpRequest, which asks before it sends (CORS).
import { readFileSync } from "node:fs";
import { JSDOM } from "jsdom";

export const [url, key, path, origin] = process.argv.slice(2);
export const authorization = { Authorization: `Bearer ${key}` };

const NAMES = ["document", "navigator", "Blob", "CustomEvent", "DOMParser", "Element", "Event", "File",
  "FileReader", "FormData", "HTMLElement", "Node", "ProgressEvent", "XMLHttpRequest"];

export const { window } = new JSDOM("<input type=file>", { url: origin, pretendToBeVisual: true });
window.CSS = { supports: () => true };
window.URL.createObjectURL = () => "blob:none";
window.URL.revokeObjectURL = () => {};
window.matchMedia = () => ({ matches: false, addEventListener() {}, addListener() {} });
globalThis.window = window;
for (const name of NAMES) Object.defineProperty(globalThis, name, { value: window[name], configurable: true });

export const photo = () => new window.File([readFileSync(path)], "photo.jpg", { type: "image/jpeg" });

// Checks that the service has the image, by the key.
export async function show(id) {
  const answer = await fetch(`${url}/api/v1/images/${id}`, { headers: authorization });
  if (!answer.ok) throw new Error(`${id}: ${answer.status}`);
  const image = await answer.json();
  if (image.filename !== "photo.jpg") throw new Error(`${id}: ${image.filename}`);
}
