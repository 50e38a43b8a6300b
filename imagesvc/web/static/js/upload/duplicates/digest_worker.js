/** A worker that computes SHA-256 digests of files, so that the page stays responsive. */

onmessage = async ({ data: { number, file } }) => {
  let digest = null;
  try {
    const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", await file.arrayBuffer()));
    digest = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  } catch {
    // The file cannot be read; its upload finds the same, and tells the user.
  }
  postMessage({ number, digest });
};
