/** Finds files that the user has uploaded before, so that they are not sent again. */

import { Problem, request } from "../../shared/api.js";
import { digestOf } from "./digests.js";

/** Files whose digests are computed ahead, so that one request asks for many. */
const AHEAD = 30;
const MAX_DIGESTS = 1000;

/** @typedef {{imageId: string | null, isTrashed: boolean}} Known The user's image, if there is one. */
/** @typedef {Known & {digest: string | null}} Identity */

/** @type {Known} */
const UNKNOWN = { imageId: null, isTrashed: false };

export class KnownFiles {
  /** @type {Map<File, Promise<Identity>>} */
  #identities = new Map();
  /** @type {{digest: string, resolve: (known: Known) => void}[]} */
  #questions = [];
  #isAsking = false;
  #isOffered = isSecureContext;

  /** Begin with files that will be needed soon. @param {File[]} files */
  prepare(files) {
    for (const file of files.slice(0, AHEAD)) this.identity(file);
  }

  /** The digest of a file, and the user's image with the same bytes. @param {File} file */
  identity(file) {
    if (!this.#identities.has(file)) this.#identities.set(file, this.#found(file));
    return this.#identities.get(file);
  }

  /** Ask again the next time. @param {File} file */
  forget(file) {
    this.#identities.delete(file);
  }

  async #found(file) {
    const digest = this.#isOffered ? await digestOf(file) : null;
    return { digest, ...(digest && this.#isOffered ? await this.#imageWith(digest) : UNKNOWN) };
  }

  #imageWith(digest) {
    return new Promise((resolve) => {
      this.#questions.push({ digest, resolve });
      if (!this.#isAsking) this.#ask();
    });
  }

  /** Ask for all that wait; during a request the next ones gather. */
  async #ask() {
    this.#isAsking = true;
    while (this.#questions.length) {
      const some = this.#questions.splice(0, MAX_DIGESTS);
      const images = await this.#imagesWith(some.map(({ digest }) => digest));
      for (const { digest, resolve } of some) resolve(images.get(digest) ?? UNKNOWN);
    }
    this.#isAsking = false;
  }

  /** The images by digest; none if the server cannot tell, as the uploads work without. */
  async #imagesWith(digests) {
    if (!this.#isOffered) return new Map();
    const asked = { method: "POST", json: { sha256: digests } };
    try {
      const { data } = await request("/api/v1/images/actions/check", asked);
      return new Map(data.map((entry) => [entry.sha256, { imageId: entry.image_id, isTrashed: entry.is_trashed }]));
    } catch (error) {
      this.#isOffered = ![404, 405].includes(Problem.of(error).status);
      return new Map();
    }
  }
}
