// Uploads a picture with the client that swagger-typescript-api makes.
import { openAsBlob } from "node:fs";
import { Api } from "./swagger_typescript_api/api";

const [url, key, path] = process.argv.slice(2);

async function main(): Promise<void> {
  const headers = { authorization: `Bearer ${key}` };
  const api = new Api({ baseUrl: url, baseApiParams: { headers } });
  const file = new File([await openAsBlob(path)], "a.jpg", { type: "image/jpeg" });
  const made = await api.api.uploadImage({ file, title: "sta" });
  const shown = await api.api.getImage(made.data.id);
  if (shown.data.title !== "sta" || shown.data.filename !== "a.jpg") throw new Error("wrong image");
}

void main();
