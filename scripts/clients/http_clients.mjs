// Uploads a picture with common HTTP clients and their defaults, and reads why a stranger is refused.
import { createReadStream, openAsBlob } from "node:fs";
import { readFile } from "node:fs/promises";
import http from "node:http";
import axios from "axios";
import got from "got";
import superagent from "superagent";
import { request } from "undici";

const [url, key, path] = process.argv.slice(2);
const images = `${url}/api/v1/images`;
const headers = { "X-API-Key": key };
// More than the server reads before it refuses, and than the buffers of a connection hold.
const large = Buffer.alloc(24 << 20);

async function form() {
  const form = new FormData();
  form.append("file", await openAsBlob(path), "a.jpg");
  return form;
}

/** node:http with a connection for each request. */
function oneShot(options, body) {
  return new Promise((resolve, reject) => {
    const agent = new http.Agent({ keepAlive: false });
    const sent = http.request(images, { method: "POST", agent, ...options }, (answer) => {
      answer.resume().on("end", () => resolve(answer.statusCode));
    });
    sent.on("error", reject).end(body);
  });
}

const clients = {
  fetch: {
    form: async () => (await fetch(images, { method: "POST", headers, body: await form() })).status,
    refused: async () => (await fetch(images, { method: "POST", body: large })).status,
  },
  undici: {
    file: async () =>
      (await request(images, { method: "POST", headers, body: createReadStream(path) })).statusCode,
    refused: async () => (await request(images, { method: "POST", body: large })).statusCode,
  },
  "node:http": {
    file: async () => oneShot({ headers }, await readFile(path)),
    refused: async () => oneShot({}, large),
  },
  axios: {
    form: async () => (await axios.postForm(images, { file: createReadStream(path) }, { headers })).status,
    refused: async () => (await axios.post(images, large, { validateStatus: null })).status,
  },
  got: {
    form: async () => (await got.post(images, { headers, body: await form() })).statusCode,
    refused: async () => (await got.post(images, { body: large, throwHttpErrors: false })).statusCode,
  },
  superagent: {
    form: async () => (await superagent.post(images).set(headers).attach("file", path)).status,
    refused: async () => (await superagent.post(images).ok(() => true).attach("file", large, "a.jpg")).status,
  },
};

for (const [client, calls] of Object.entries(clients)) {
  for (const [name, call] of Object.entries(calls)) {
    const [status, wanted] = [await call(), name === "refused" ? 401 : 201];
    if (status !== wanted) throw new Error(`${client}, ${name}: ${status} instead of ${wanted}`);
  }
}
process.exit(0);
