// Uploads a picture with the client that openapi-generator makes for fetch.
import { openAsBlob } from "node:fs";
import { Configuration, ImagesApi } from "./typescript_fetch/index";

const [url, key, path] = process.argv.slice(2);

async function main(): Promise<void> {
  const api = new ImagesApi(new Configuration({ basePath: url, accessToken: key }));
  const file = new File([await openAsBlob(path)], "a.jpg", { type: "image/jpeg" });
  const made = await api.uploadImage({ file, title: "generator" });
  const shown = await api.getImage({ imageId: made.id });
  if (shown.title !== "generator" || shown.filename !== "a.jpg") throw new Error("wrong image");
}

void main();
