// Uploads a picture with the client that orval makes, whose URLs are relative as for a browser.
import { openAsBlob } from "node:fs";
import { getImage, uploadImage } from "./orval/api";

const [url, key, path] = process.argv.slice(2);
const headers = { authorization: `Bearer ${key}` };
const { fetch } = globalThis;
globalThis.fetch = (place, init) => fetch(new URL(String(place), url), init);

async function main(): Promise<void> {
  const file = new File([await openAsBlob(path)], "a.jpg", { type: "image/jpeg" });
  const made = await uploadImage({ file, title: "orval" }, { headers });
  if (made.status !== 201) throw new Error(`answered ${made.status}`);
  const shown = await getImage(made.data.id, { headers });
  if (shown.status !== 200 || shown.data.title !== "orval") throw new Error("wrong image");
}

void main();
