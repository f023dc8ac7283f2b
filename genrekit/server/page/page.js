// The page: languages, the key, files that are chosen or dropped, and the list of cards.

import { json, logIn, logOut } from "./api.js";
import "./card.js";
import { genre, languages, make, nameOf, preferred, speak, store, stored, t } from "./i18n.js";
import { kindOf, Queue } from "./queue.js";

const CARDS = 50;
const at = (id) => document.getElementById(id);
const queue = new Queue();
const models = new Map();
let limit = CARDS;
let cards = [];

const actions = {
  stop: (item) => queue.stop(item),
  retry: (item) => queue.retry(item),
  remove(item) {
    const place = cards.findIndex((card) => card.item === item);
    queue.remove(item);
    update();
    (cards[Math.min(place, cards.length - 1)]?.querySelector("h3") ?? at("files")).focus();
  },
};

async function start() {
  theme(stored("theme") ?? "");
  at("theme").addEventListener("change", (event) => theme(event.target.value));
  at("language").append(...languages.map((tag) => make("option", { value: tag, lang: tag }, nameOf(tag))));
  at("language").addEventListener("change", async (event) => {
    await speak(event.target.value);
    store("language", event.target.value);
  });
  await speak(preferred());
  at("language").value = document.documentElement.lang;
  document.addEventListener("language", redraw);
  document.addEventListener("locked", ({ detail }) => lock(detail));
  at("leave").hidden = !stored("keyed");
  connect();
  if (document.documentElement.dataset.keep !== "none") (await import("./feedback.js")).begin();
  await takeKey();
  for (const model of (await json("v1/models")).models) models.set(model.name, model);
  if (document.documentElement.dataset.presence) (await import("./presence.js")).stay();
  at("work").hidden = false;
  at("listen").hidden = ![...models.values()].some((model) => model.modality === "audio");
  redraw();
}

// A key in the address is used and removed: it stays in no history.
async function takeKey() {
  const key = new URLSearchParams(location.hash.slice(1)).get("key");
  if (!key) return;
  history.replaceState(null, "", location.pathname + location.search);
  await logIn(key).catch(() => {});
}

function lock(locked) {
  at("login").hidden = !locked;
  at("work").hidden = locked || !models.size;
  at("leave").hidden = locked;
  store("keyed", locked ? "" : "1");
  if (locked) at("key").focus();
}

function theme(name) {
  at("theme").value = name;
  if (name) document.documentElement.dataset.theme = name;
  else delete document.documentElement.dataset.theme;
  store("theme", name);
}

function connect() {
  at("login").addEventListener("submit", async (event) => {
    event.preventDefault();
    at("refused").textContent = "";
    try {
      await logIn(at("key").value);
      at("files").focus();
    } catch (error) {
      at("refused").textContent = t(error.status === 401 ? "login.wrong" : "problem.unreachable");
      at("key").focus();
    }
    at("key").value = "";
  });
  at("leave").addEventListener("click", async () => {
    await logOut();
    queue.clear();
  });
  for (const name of ["files", "folder"]) {
    at(name).addEventListener("click", () => at(`pick-${name}`).click());
    at(`pick-${name}`).addEventListener("change", (event) => {
      const found = [...event.target.files].map((file) => ({ file, path: file.webkitRelativePath || file.name }));
      event.target.value = "";
      add(name === "folder" ? found.filter(wanted) : found);
    });
  }
  dropping();
  queue.addEventListener("change", later(update));
  at("show").addEventListener("change", () => {
    limit = CARDS;
    update();
  });
  at("more").addEventListener("click", () => {
    const first = cards.length;
    limit += CARDS;
    update();
    cards[first]?.querySelector("h3").focus();
  });
  at("stop").addEventListener("click", () => queue.items.forEach((item) => item.active && queue.stop(item)));
  at("clear").addEventListener("click", () => {
    queue.clear();
    at("files").focus();
  });
  for (const button of document.querySelectorAll("[data-export]")) {
    button.addEventListener("click", async () => (await import("./export.js")).save(button.dataset.export, shown().filter((item) => !item.active && item.state !== "stopped")));
  }
  at("listen").addEventListener("click", async () => {
    const { listen } = await import("./live.js");
    const { value } = at("model");
    await listen(at("live"), models.get(value)?.modality === "audio" ? value : "");
  });
  at("about-models").addEventListener("click", async () => {
    const { openModels } = await import("./model.js");
    openModels(at("models"), models, at("model").value || models.keys().next().value);
  });
}

const wanted = ({ file, path }) => !path.split("/").some((part) => part.startsWith(".")) && kindOf(file.name);

function add(files) {
  if (files.length) queue.add(files, at("model").value, at("keep").checked);
}

function dropping() {
  let depth = 0;
  const over = (change) => (event) => {
    if (!event.dataTransfer?.types.includes("Files") || at("work").hidden) return;
    event.preventDefault();
    depth = change(depth);
    document.body.classList.toggle("over", depth > 0);
  };
  addEventListener("dragenter", over((value) => value + 1));
  addEventListener("dragleave", over((value) => value - 1));
  addEventListener("dragover", over((value) => value));
  addEventListener("drop", over(() => 0));
  addEventListener("drop", async ({ dataTransfer }) => {
    if (at("work").hidden) return;
    const entries = [...dataTransfer.items].filter((item) => item.kind === "file").map((item) => item.webkitGetAsEntry?.() ?? item.getAsFile());
    for (const entry of entries) add(entry instanceof File ? [{ file: entry, path: entry.name }] : await filesOf(entry));
  });
}

async function filesOf(entry) {
  if (entry.isFile) {
    const file = await new Promise((done, fail) => entry.file(done, fail));
    return [{ file, path: entry.fullPath.slice(1) }];
  }
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    const some = await new Promise((done, fail) => reader.readEntries(done, fail));
    if (!some.length) return found.filter(wanted);
    for (const inner of some) found.push(...(await filesOf(inner)));
  }
}

function shown() {
  const label = at("show").value;
  if (!label) return queue.items;
  return queue.items.filter((item) => (label === "failed" ? item.state === "failed" : item.has(label.slice(1))));
}

function update() {
  const items = shown();
  const visible = items.slice(0, limit);
  const before = cards;
  cards = visible.map((item) => (item.card ??= cardOf(item)));
  const kept = new Set(cards);
  for (const card of before) if (!kept.has(card)) card.remove();
  cards.forEach((card, index) => {
    if (at("cards").children[index] !== card) at("cards").insertBefore(card, at("cards").children[index] ?? null);
  });
  at("results").classList.toggle("quiet", !queue.items.length);
  document.querySelector(".skip").hidden = !queue.items.length;
  at("tools").hidden = !queue.items.length;
  at("stop").disabled = !queue.count("waiting", "working");
  at("more").hidden = items.length <= limit;
  at("more").textContent = t("more", { n: items.length - visible.length });
  filter();
  announce();
}

function cardOf(item) {
  const card = make("genre-card");
  card.show(item, actions, models);
  return card;
}

function announce() {
  const total = queue.items.length;
  const failed = queue.count("failed");
  const parts = [t("status.done", { n: queue.count("done"), total })];
  if (failed) parts.push(t("status.failed", { n: failed }));
  const text = total ? parts.join(" ") : "";
  if (at("status").textContent !== text) at("status").textContent = text;
}

function filter() {
  const labels = new Set(queue.items.flatMap((item) => (item.counts ? [...item.counts.keys()] : (item.row?.labels ?? []))));
  const options = [["", t("show.all")], ...[...labels].sort().map((label) => [`=${label}`, genre(label)])];
  if (queue.count("failed")) options.push(["failed", t("show.failed")]);
  const select = at("show");
  const key = JSON.stringify(options);
  if (select.dataset.key === key) return;
  const { value } = select;
  select.dataset.key = key;
  select.replaceChildren(...options.map(([name, text]) => make("option", { value: name }, text)));
  select.value = options.some(([name]) => name === value) ? value : "";
}

function redraw() {
  const { value } = at("model");
  at("model").replaceChildren(
    make("option", { value: "" }, t("model.automatic")),
    ...[...models.values()].map(({ name, modality }) => make("option", { value: name }, `${name} (${t(`kind.${modality}`)})`)),
  );
  at("model").value = value;
  for (const item of queue.items) item.card?.render();
  update();
}

// At most four times a second, whatever the queue does.
function later(work) {
  let planned = false;
  return () => {
    if (planned) return;
    planned = true;
    setTimeout(() => {
      planned = false;
      work();
    }, 250);
  };
}

start();
