/** Requests to the API; errors are problem documents (RFC 9457). */

import { page, url } from "./page.js";
import { t } from "./texts.js";

/** A request that failed, with the reason that users are shown. */
export class Problem extends Error {
  /**
   * @param {number} status 0 if there was no response.
   * @param {string} code
   * @param {string} detail
   * @param {string} requestId
   * @param {number} retryAfter Seconds.
   */
  constructor(status, code, detail, requestId = "", retryAfter = 0) {
    super(detail);
    this.status = status;
    this.code = code;
    this.requestId = requestId;
    this.retryAfter = retryAfter;
    /** @type {{loc: string, msg: string}[]} What is wrong with which field. */
    this.errors = [];
  }

  /** The problem of an error of any kind. @param {unknown} error */
  static of(error) {
    return error instanceof Problem ? error : new Problem(0, "unknown", String(error));
  }
}

/**
 * The detail of a problem in the language of the page; the server writes it in English.
 * @param {{code: string, detail: string}} problem
 */
export function explained({ code, detail }) {
  return (page.problems[code] ?? "{detail}").replace("{detail}", () => detail);
}

/** @param {Response} response */
export async function problemOf(response) {
  const requestId = response.headers.get("x-request-id") ?? "";
  const retryAfter = Number(response.headers.get("retry-after")) || 0;
  try {
    const { code, detail, errors = [] } = await response.json();
    return Object.assign(new Problem(response.status, code, explained({ code, detail }), requestId, retryAfter), { errors });
  } catch {
    const detail = t("common.unexpected", { status: response.status });
    return new Problem(response.status, "unknown", detail, requestId, retryAfter);
  }
}

/** @typedef {{method?: string, json?: unknown, signal?: AbortSignal, headers?: Record<string, string>}} Options */

/** Send a request; returns the JSON of the response, and null if it has no body. @param {string} path @param {Options} [options] */
export async function request(path, options) {
  const response = await send(path, options);
  return response.status === 204 ? null : response.json();
}

/** Send a request; returns the response if it succeeded. @param {string} path @param {Options} [options] */
export async function send(path, { method = "GET", json, signal, headers = {} } = {}) {
  const body = json === undefined ? undefined : JSON.stringify(json);
  const type = json === undefined ? {} : { "content-type": "application/json" };
  const sent = { method, body, signal, headers: { accept: "application/json", ...type, ...headers } };
  let response;
  try {
    response = await fetch(url(path), sent);
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Problem(0, "offline", t("common.offline"));
  }
  if (!response.ok) throw await problemOf(response);
  return response;
}
