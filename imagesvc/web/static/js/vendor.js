/** The vendored libraries that every page may use; PhotoSwipe is loaded when the viewer opens. */

export { html, nothing, render, svg } from "../vendor/lit-html/lit-html.js";
