/** The selected pictures, as requests name them: by ids, or by the search that finds all of them. */

import { request } from "../shared/api.js";
import { batches } from "../shared/batches.js";

/** @typedef {{changed: number, failed: number, problems: {problem: {detail: string}}[]}} Changed */

export class Selected {
  /**
   * @param {import("../timeline/grid.js").Grid} grid
   * @param {() => URLSearchParams} filters What the page shows.
   * @param {Record<string, any> | null} collection The collection that the page shows.
   */
  constructor(grid, filters, collection) {
    this.grid = grid;
    this.filters = filters;
    this.collection = collection;
  }

  get count() {
    return this.grid.selection.count;
  }

  /** Whether the search of the page finds exactly these. */
  get isQuery() {
    const { selection } = this.grid;
    return selection.isAll && !selection.ids.length;
  }

  /** The search of the page, as requests have it. */
  get query() {
    const { q = "", ...filter } = Object.fromEntries(this.filters());
    return { q, filter };
  }

  /** The ids; months that are needed for it are loaded. */
  async ids() {
    const { selection, buckets } = this.grid;
    if (!selection.isAll) return selection.ids;
    await this.load();
    return buckets.columns.flatMap(({ ids }) => ids.filter((id) => selection.has(id)));
  }

  /** Load the months of those that were selected without being loaded. */
  async load() {
    const { selection, buckets } = this.grid;
    if (selection.isAll && buckets.total) await buckets.needAll(0, buckets.total - 1);
  }

  /** The bodies of the requests that together concern all of them. */
  async parts() {
    if (this.isQuery) return [this.query];
    return batches(await this.ids()).map((ids) => ({ ids }));
  }

  /** End the selection. */
  done() {
    this.grid.selection.clear();
  }

  /** Change all in the same way. @param {Record<string, unknown>} changes @returns {Promise<Changed>} */
  async update(changes) {
    return change(await this.parts(), changes);
  }

  /** The flags of those that have been loaded. @returns {number[]} */
  get flags() {
    const { selection, buckets } = this.grid;
    return buckets.columns.flatMap(({ ids, flags }) => flags.filter((_flags, within) => selection.has(ids[within])));
  }

  /** Change the flags of those that have been loaded. @param {(flags: number) => number} changed */
  setFlags(changed) {
    const { selection, buckets } = this.grid;
    buckets.columns.forEach(({ ids, flags }, month) => {
      ids.forEach((id, within) => {
        if (selection.has(id)) buckets.setFlags(buckets.starts[month] + within, changed(flags[within]));
      });
    });
  }
}

/** @param {object[]} parts @param {Record<string, unknown>} changes @returns {Promise<Changed>} */
export async function change(parts, changes) {
  const total = { changed: 0, failed: 0, problems: [] };
  for (const part of parts) {
    const json = { ...part, ...changes };
    const done = await request("/api/v1/images/actions/update", { method: "POST", json });
    total.changed += done.changed;
    total.failed += done.failed;
    total.problems.push(...done.problems);
  }
  return total;
}
