// Uploads a picture with the client that hey-api makes.
import { openAsBlob } from "node:fs";
import { client } from "./hey_api/client.gen";
import { getImage, uploadImage } from "./hey_api/sdk.gen";

const [url, key, path] = process.argv.slice(2);

async function main(): Promise<void> {
  client.setConfig({ baseUrl: url, auth: key });
  const file = new File([await openAsBlob(path)], "a.jpg", { type: "image/jpeg" });
  const { data } = await uploadImage({ body: { file, title: "hey" }, throwOnError: true });
  if (!data || !("id" in data)) throw new Error("no image");
  const shown = await getImage({ path: { image_id: data.id }, throwOnError: true });
  if (shown.data.title !== "hey" || shown.data.filename !== "a.jpg") throw new Error("wrong image");
}

void main();
