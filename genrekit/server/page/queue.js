// The files: two under way at a time, each can be stopped; a file is read only while it is sent.

import { call, Failure } from "./api.js";

const AT_ONCE = 2;
const FIRST_ROWS = 10;
// A form around a file has some bytes of its own.
export const MOST_BYTES = Number(document.documentElement.dataset.most) - 1000;
const known = Object.fromEntries(
  ["audio", "image", "table"].flatMap((kind) =>
    document.documentElement.dataset[kind].split(" ").map((suffix) => [suffix, kind]),
  ),
);

// What a file is by its suffix: audio, image, table, or "" where that says nothing.
export function kindOf(name) {
  const bare = name.toLowerCase().replace(/\.gz$/, "");
  return known[bare.slice(bare.lastIndexOf("."))] ?? "";
}

let numbers = 0;

export class Item extends EventTarget {
  constructor(file, path) {
    super();
    this.number = ++numbers;
    this.file = file;
    this.path = path;
    this.kind = kindOf(file.name);
    this.state = "waiting";
    this.model = "";
  }

  get active() {
    return this.state === "waiting" || this.state === "working";
  }

  get url() {
    this.address ??= URL.createObjectURL(this.file);
    return this.address;
  }

  has(label) {
    return this.counts ? this.counts.has(label) : (this.row?.labels ?? []).includes(label);
  }

  set(state, facts = {}) {
    Object.assign(this, facts, { state });
    this.dispatchEvent(new Event("change"));
  }

  release() {
    if (this.address) URL.revokeObjectURL(this.address);
    this.address = undefined;
  }
}

export class Queue extends EventTarget {
  items = [];
  #running = 0;

  add(files, model, keep) {
    for (const { file, path } of files) {
      const item = new Item(file, path);
      item.model = model;
      item.keep = keep;
      this.items.push(item);
    }
    this.#changed();
  }

  stop(item) {
    if (item.state === "waiting") item.set("stopped");
    item.abort?.abort();
    this.#changed();
  }

  retry(item) {
    item.set("waiting", { failure: null, row: null, said: false, receipt: null, forgotten: "" });
    this.#changed();
  }

  remove(item) {
    item.abort?.abort();
    item.release();
    this.items = this.items.filter((one) => one !== item);
    this.#changed();
  }

  clear() {
    for (const item of this.items) {
      item.abort?.abort();
      item.release();
    }
    this.items = [];
    this.#changed();
  }

  count(...states) {
    return this.items.filter((item) => states.includes(item.state)).length;
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
    while (this.#running < AT_ONCE) {
      const next = this.items.find((item) => item.state === "waiting");
      if (!next) return;
      this.#running++;
      this.#run(next).finally(() => {
        this.#running--;
        this.#changed();
      });
    }
  }

  async #run(item) {
    item.abort = new AbortController();
    item.set("working");
    try {
      // The server would cut the connection in the middle, and the browser would not say why.
      if (item.file.size > MOST_BYTES) throw new Failure({ type: "too-large" }, 413);
      item.set("done", await (item.kind === "table" ? predictTable(item) : predictOne(item)));
    } catch (error) {
      if (error.name === "AbortError") item.set("stopped");
      else item.set("failed", { failure: error, row: error.rows?.[0] });
    }
  }
}

export function body(item) {
  const form = new FormData();
  form.append("files", item.file, item.file.name);
  return form;
}

export function query(item, more = {}) {
  const values = new URLSearchParams(more);
  if (item.model) values.append("model", item.model);
  return values;
}

async function predictOne(item) {
  const response = await call(`v1/predict?${query(item, { windows: "true", ...(item.keep && { keep: "true" }) })}`, {
    method: "POST",
    body: body(item),
    signal: item.abort.signal,
  });
  const { results } = await response.json();
  return results.length > 1 ? tableOf(results) : { row: results[0] };
}

// The rows of a table stream in; only the first ones and the counts are kept, and the text as a blob.
async function predictTable(item) {
  const response = await call(`v1/predict?${query(item)}`, {
    method: "POST",
    body: body(item),
    signal: item.abort.signal,
    accept: "application/x-ndjson",
  });
  const found = emptyTable();
  const parts = [];
  let rest = "";
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { done, value = "" } = await reader.read();
    const lines = (rest + value + (done ? "\n" : "")).split("\n");
    rest = lines.pop();
    const rows = lines.filter(Boolean);
    if (rows.length) parts.push(`${rows.join("\n")}\n`);
    for (const row of rows) addRow(found, JSON.parse(row));
    if (done) break;
  }
  if (!found.n) throw new Failure({ type: "unusable", detail: found.error }, 422);
  return { ...found, text: new Blob(parts) };
}

function emptyTable() {
  return { n: 0, unsure: 0, failed: 0, error: "", first: [], counts: new Map() };
}

function tableOf(rows) {
  const found = emptyTable();
  for (const row of rows) addRow(found, row);
  return { ...found, text: new Blob(rows.map((row) => `${JSON.stringify(row)}\n`)) };
}

function addRow(found, row) {
  if (found.first.length < FIRST_ROWS) found.first.push(row);
  if (row.error) {
    found.failed++;
    found.error ||= row.error;
    return;
  }
  found.n++;
  if (!row.labels.length) found.unsure++;
  for (const label of row.labels) found.counts.set(label, (found.counts.get(label) ?? 0) + 1);
}
