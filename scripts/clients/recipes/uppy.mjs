// Uploads with the recipes for Uppy, and meets a refusal.
import { authorization, key, photo, show, url, window } from "./browser.mjs";

async function uploadUrl(parameters) {
  const query = new URLSearchParams(parameters);
  const answer = await fetch(`${url}/api/v1/images/actions/upload-url?${query}`, { headers: authorization });
  return answer.json();
}

async function upload(uppy, data) {
  uppy.addFile({ name: "photo.jpg", type: "image/jpeg", data });
  const { successful, failed } = await uppy.upload();
  return { bodies: successful.map((file) => file.response.body), failed };
}

async function succeed(uppy) {
  const { bodies, failed } = await upload(uppy, photo());
  if (failed.length) throw new Error(failed[0].error);
  const [body] = bodies;
  return body;
}

const byForm = (await import("./uppy-xhr.js")).uppy;
const byUrl = (await import("./uppy-s3.js")).uppy;
await show((await succeed(byForm(key))).id);
await show((await succeed(byUrl(uploadUrl))).key);
const { failed } = await upload(byForm(key), new window.File(["text"], "photo.jpg", { type: "image/jpeg" }));
if (!failed[0]?.error.includes("Not an image of a known format")) throw new Error(`text was taken, or: ${failed[0]?.error}`);
process.exit(0);
