// Uploads a picture with openapi-fetch and the types that openapi-typescript makes.
import { openAsBlob } from "node:fs";
import createClient from "openapi-fetch";
import type { paths } from "./openapi_typescript/api";

const [url, key, path] = process.argv.slice(2);

async function main(): Promise<void> {
  const client = createClient<paths>({ baseUrl: url, headers: { authorization: `Bearer ${key}` } });
  const file = new File([await openAsBlob(path)], "a.jpg", { type: "image/jpeg" });
  const { data } = await client.POST("/api/v1/images", {
    body: { file: "", title: "types" },
    bodySerializer: ({ title }) => {
      const form = new FormData();
      form.append("file", file);
      form.append("title", title ?? "");
      return form;
    },
  });
  if (!data || !("id" in data)) throw new Error("no image");
  const shown = await client.GET("/api/v1/images/{image_id}", {
    params: { path: { image_id: data.id } },
  });
  if (shown.data?.title !== "types") throw new Error("wrong image");
}

void main();
