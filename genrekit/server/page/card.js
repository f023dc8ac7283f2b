// A card per file: player, bars, timeline, how good the model is, why; or what went wrong.

import { call, json } from "./api.js";
import { bytes, genre, list, make, number, percent, t } from "./i18n.js";
import { body, MOST_BYTES, query } from "./queue.js";
import "./timeline.js";

const HUNDRED = (value) => Math.round(value * 100);
const indexed = document.documentElement.dataset.similar;
const english = { lang: "en", dir: "auto" };

class Card extends HTMLElement {
  // item: what the queue holds; actions: {stop, retry, remove}; models: name to facts.
  show(item, actions, models) {
    Object.assign(this, { item, actions, models });
    item.addEventListener("change", () => this.render());
    this.render();
  }

  render() {
    const { item } = this;
    const held = this.contains(document.activeElement);
    const title = `file-${item.number}`;
    const name = make("h3", { id: title, tabindex: -1 }, make("bdi", {}, item.path));
    this.replaceChildren(
      make(
        `article.panel.${item.state}`,
        { "aria-labelledby": title },
        make("header", {}, name, make("span.state", {}, `${t(`state.${item.state}`)} · ${bytes(item.file.size)}`), this.#buttons()),
        ...this.#content(),
      ),
    );
    if (held) name.focus();
  }

  #buttons() {
    const { item, actions } = this;
    const button = (key, act) =>
      make("button.plain", { onclick: () => act(item), "aria-label": t(`${key}.file`, { name: item.path }) }, t(key));
    return make(
      "div.row",
      {},
      item.active && button("stop", actions.stop),
      (item.state === "failed" || item.state === "stopped") && button("retry", actions.retry),
      !item.active && button("remove", actions.remove),
    );
  }

  #content() {
    const { item } = this;
    if (item.state === "working") return [make("div.busy", { "aria-hidden": "true" })];
    if (item.state === "failed") return [this.#failure()];
    if (item.state !== "done") return [];
    if (item.counts) return [tableVerdict(item), counts(item), rows(item), this.#download(), this.#good(item.first.find((row) => row.model)), this.#listen(most(item)), this.#why()];
    const { row } = item;
    const player = this.#media();
    return [
      player,
      this.#verdict(row),
      bars(row.scores),
      row.familiar === false && make("p.warn", {}, t("unfamiliar")),
      row.note && make("p.warn", english, row.note),
      this.#right(row),
      this.#timeline(row, player),
      this.#good(row),
      this.#listen(row.labels.slice(0, 3)),
      this.#why(),
      this.#similar(),
    ].filter(Boolean);
  }

  #media() {
    const { item } = this;
    if (item.kind === "image" || (!item.kind && item.file.type.startsWith("image/"))) {
      return make("img.picture", { src: item.url, alt: "", loading: "lazy" });
    }
    const player = make("audio", { controls: true, preload: "none", src: item.url, "aria-label": t("player", { name: item.path }) });
    player.addEventListener("error", () => player.after(make("p.quiet", {}, t("player.cannot"))), { once: true });
    return player;
  }

  #failure() {
    const { failure } = this.item;
    const known = t(`problem.${failure.kind}`);
    const heading = known.startsWith("problem.") ? t("problem.other") : known;
    return make(
      "div.bad",
      {},
      make("p", {}, make("strong", {}, heading)),
      words(failure),
      failure.hint && make("p", english, failure.hint),
    );
  }

  #verdict(row) {
    if (row.labels.length) return make("p.verdict", {}, make("strong", {}, list(row.labels.map(genre))));
    const two = row.scores.slice(0, 2).map(({ label }) => genre(label));
    return make("p.verdict", {}, make("strong", {}, two.length ? t("unsure", { genres: list(two, "disjunction") }) : t("none")));
  }

  #right(row) {
    if (!row.id) return null;
    const place = make("div");
    import("./feedback.js").then(({ ask }) => ask(place, this.item, this.models.get(row.model)));
    return place;
  }

  #timeline(row, player) {
    if (!row.windows?.length || player.tagName !== "AUDIO") return null;
    const timeline = make("genre-timeline");
    timeline.show(row.windows, player);
    return timeline;
  }

  #good(row) {
    const model = row && this.models.get(row.model);
    if (!model) return "";
    const { accuracy } = model.metrics ?? {};
    const kind = model.modality;
    const values = accuracy && { n: HUNDRED(accuracy.value), low: HUNDRED(accuracy.low), high: HUNDRED(accuracy.high) };
    return make(
      "p.quiet",
      {},
      accuracy && `${t(model.inflated ? "good.inflated" : `good.${kind}`, values)} `,
      t("knows", { n: model.labels.length }),
      " ",
      t("good.by", { model: model.name }),
    );
  }

  #why() {
    const details = make("details.why", {}, make("summary", {}, t("why")));
    details.addEventListener("toggle", () => this.#explain(details), { once: true });
    return details;
  }

  #listen(labels) {
    if (!labels.length) return "";
    const details = make("details.listen", {}, make("summary", {}, t("playlists.listen", { genre: list(labels.map(genre), "disjunction") })));
    const find = async () => (await import("./playlists.js")).find(details, labels);
    details.addEventListener("toggle", find, { once: true });
    return details;
  }

  async #explain(details) {
    const waiting = make("p", { role: "status" }, t("state.working"));
    details.append(waiting);
    try {
      waiting.replaceWith(...(await explanation(this.item)));
    } catch (error) {
      waiting.replaceWith(make("p", english, error.message));
    }
  }

  // The index of the server holds one kind of file.
  #similar() {
    const { item } = this;
    if (!indexed || item.kind !== indexed) return null;
    const details = make("details.similar", {}, make("summary", {}, t("similar")));
    details.addEventListener("toggle", async () => {
      await import("./similar.js");
      const list = make("genre-similar");
      details.append(list);
      list.show(item);
    }, { once: true });
    return details;
  }

  #download() {
    const { item } = this;
    const save = async (kind, accept) => {
      const { download } = await import("./export.js");
      const blob = accept
        ? await (await call(`v1/predict?${query(item)}`, { method: "POST", body: body(item), accept })).blob()
        : item.text;
      download(blob, `${item.file.name}.genres.${kind}`);
    };
    return make(
      "p.row",
      {},
      make("button", { onclick: () => save("csv", "text/csv") }, t("table.csv")),
      make("button", { onclick: () => save("jsonl") }, t("table.jsonl")),
    );
  }
}

// The server's own words are English; what happened before it was asked is said in the language of the page.
function words(failure) {
  if (failure.message && failure.status) return make("p", english, failure.message);
  return make("p", {}, failure.kind === "too-large" ? t("too-large", { size: bytes(MOST_BYTES) }) : t("problem.unreachable"));
}

function bars(scores) {
  return make("ol.bars", {}, ...scores.map(({ label, score }) => bar(genre(label), score, percent(score))));
}

function bar(name, part, text) {
  const fill = make("span.fill");
  fill.style.inlineSize = `${part * 100}%`;
  return make("li", {}, make("span.name", {}, name), make("span.bar", { "aria-hidden": "true" }, fill), make("span.value", {}, text));
}

function tableVerdict(item) {
  const parts = [t("table.rows", { n: item.n })];
  if (item.unsure) parts.push(t("table.unsure", { n: item.unsure }));
  if (item.failed) parts.push(t("table.failed", { n: item.failed }));
  return make("p.verdict", {}, list(parts));
}

// The genre that most rows have.
const most = (item) => [...item.counts].sort((a, b) => b[1] - a[1]).slice(0, 1).map(([label]) => label);

function counts(item) {
  const found = [...item.counts].sort((a, b) => b[1] - a[1]);
  const most = found[0]?.[1] ?? 1;
  return make("ol.bars", { "aria-label": t("table.counts") }, ...found.map(([label, n]) => bar(genre(label), n / most, number(n))));
}

function rows(item) {
  const columns = Object.keys(item.first[0].extra ?? {}).slice(0, 3);
  const heads = [t("row"), t("genre"), t("score"), ...columns.map((name) => make("bdi", {}, name))];
  return make(
    "div.wide",
    { tabindex: 0, role: "group", "aria-label": t("table.first", { n: item.first.length }) },
    make(
      "table",
      {},
      make("caption", {}, t("table.first", { n: item.first.length })),
      make("thead", {}, make("tr", {}, ...heads.map((head) => make("th", { scope: "col" }, head)))),
      make("tbody", {}, ...item.first.map((row) => make(
        "tr",
        {},
        make("th", { scope: "row" }, number(rowNumber(row))),
        make("td", {}, row.error ? make("span", english, row.error) : list(row.labels.map(genre))),
        make("td", {}, row.score == null ? "" : percent(row.score)),
        ...columns.map((name) => make("td", {}, make("bdi", {}, String(row.extra?.[name] ?? "")))),
      ))),
    ),
  );
}

async function explanation(item) {
  if (item.counts) {
    return (await explainedRows(item)).map((row, index) => {
      const name = t("why.row", { row: rowNumber(row), genre: list(row.labels.map(genre)) });
      return make("details", { open: !index }, make("summary", {}, name), contributions(row.reasons));
    });
  }
  try {
    const { words, image } = await json(`v1/explain?${query(item)}`, { method: "POST", body: body(item) });
    if (!image) throw new Error();
    const raw = Uint8Array.from(atob(image.base64), (character) => character.charCodeAt(0));
    const address = URL.createObjectURL(new Blob([raw], { type: image.media_type }));
    const picture = make("img.heat", { src: address, alt: words, lang: "en" });
    picture.addEventListener("load", () => URL.revokeObjectURL(address), { once: true });
    return [make("p", english, words), picture];
  } catch (error) {
    const { results } = await json(`v1/predict?${query(item, { explain: "true" })}`, { method: "POST", body: body(item) });
    if (!results[0].reasons?.length) throw error;
    return [contributions(results[0].reasons)];
  }
}

const rowNumber = (row) => Number(row.input.match(/(\d+)$/)?.[1] ?? 0);

// The first rows of a text are explained alone: a table may be long.
async function explainedRows(item) {
  const whole = item.file.size <= 1e5;
  const text = whole ? item.file : new File([firstLines(await item.file.slice(0, 1e5).text())], item.file.name);
  const form = new FormData();
  form.append("files", text, item.file.name);
  const found = await json(`v1/explain?${query(item)}`, { method: "POST", body: form });
  const all = found.results ?? [found.row];
  return all.filter((row) => row.reasons?.length).slice(0, item.first.length);
}

// Whole lines of a beginning; a line end between quotes belongs to its cell.
function firstLines(text) {
  let end = 0;
  let quoted = false;
  let lines = 0;
  for (let i = 0; i < text.length && lines <= 10; i++) {
    if (text[i] === '"') quoted = !quoted;
    else if (text[i] === "\n" && !quoted) {
      end = i + 1;
      lines++;
    }
  }
  return text.slice(0, end);
}

function contributions(reasons) {
  const shown = reasons.slice(0, 8).filter(({ contribution }) => contribution);
  const most = Math.max(...shown.map(({ contribution }) => Math.abs(contribution)));
  const heads = ["feature", "value", "contribution"].map((key) => make("th", { scope: "col" }, t(key)));
  const table = make(
    "table.contributions",
    {},
    make("caption", {}, t("why.contributions")),
    make("thead", {}, make("tr", {}, ...heads)),
    make("tbody", {}, ...shown.map(({ feature, value, contribution }) => {
      const fill = make(`span.fill.${contribution > 0 ? "for" : "against"}`);
      fill.style.inlineSize = `${(Math.abs(contribution) / most) * 100}%`;
      return make(
        "tr",
        {},
        make("th", { scope: "row" }, make("bdi", { translate: "no" }, feature)),
        make("td", {}, value == null ? "" : number(value, { maximumSignificantDigits: 4 })),
        make("td", {}, make("span.bar", { "aria-hidden": "true" }, fill), make("span", { dir: "ltr" }, number(contribution, { maximumFractionDigits: 2, signDisplay: "always" }))),
      );
    })),
  );
  return make("div.wide", { tabindex: 0, role: "group", "aria-label": t("why.contributions") }, table);
}

customElements.define("genre-card", Card);
