// What the index of the server has that is most similar to a file, and then to one of those.

import { json } from "./api.js";
import { clock, genre, make, number, t } from "./i18n.js";
import { body } from "./queue.js";

const MOST = 10;

class Similar extends HTMLElement {
  #from = null;
  #others = false;

  show(item) {
    this.item = item;
    this.#search();
  }

  async #search() {
    const { item } = this;
    const from = this.#from;
    const asked = new URLSearchParams({ k: MOST });
    if (from) asked.set("id", from.id);
    if (this.#others) asked.set("other_artists", "true");
    const held = this.contains(document.activeElement);
    const waiting = make("p", { role: "status", tabindex: -1 }, t("state.working"));
    this.replaceChildren(waiting);
    if (held) waiting.focus();
    let shown;
    try {
      const found = await json(`v1/similar?${asked}`, { method: "POST", body: from ? null : body(item) });
      shown = [found.results.length ? this.#table(found.results) : make("p", {}, t("similar.none"))];
    } catch (error) {
      const english = { lang: "en", dir: "auto" };
      shown = [make("p", english, error.message), error.hint && make("p", english, error.hint)];
    }
    const title = make("p", { tabindex: -1 }, ...named("similar.to", from ? nameOf(from) : item.path));
    this.replaceChildren(title, this.#choices(), ...shown.filter(Boolean));
    if (held) title.focus();
  }

  #choices() {
    const box = make("input", { type: "checkbox", checked: this.#others });
    box.addEventListener("change", () => {
      this.#others = box.checked;
      this.#search();
    });
    const back = make("button.plain", { onclick: () => this.#go(null) }, ...named("similar.back", this.item.path));
    return make("p.row", {}, make("label", {}, box, t("similar.others")), this.#from && back);
  }

  #go(row) {
    this.#from = row;
    this.#search();
  }

  #table(rows) {
    const heads = ["similar.song", "genre", "similar.score"].map((key) => make("th", { scope: "col" }, t(key)));
    const caption = t("similar.found", { n: rows.length });
    return make(
      "div.wide",
      { tabindex: 0, role: "group", "aria-label": caption },
      make(
        "table",
        {},
        make("caption", {}, caption),
        make("thead", {}, make("tr", {}, ...heads)),
        make("tbody", {}, ...rows.map((row) => this.#row(row))),
      ),
    );
  }

  #row(row) {
    const name = nameOf(row);
    const more = { onclick: () => this.#go(row), "aria-label": t("similar.more.file", { name }) };
    return make(
      "tr",
      {},
      make(
        "th",
        { scope: "row" },
        make("bdi", {}, name),
        row.length_s != null && make("span.quiet", {}, ` ${clock(row.length_s)}`),
        name !== row.input && make("div.quiet", {}, make("bdi", { dir: "ltr" }, row.input)),
        !row.exists && make("div.quiet", {}, t("similar.gone")),
        make("div", {}, make("button.plain", more, t("similar.more"))),
      ),
      make("td", {}, row.label ? genre(row.label) : ""),
      make("td", {}, make("span", { dir: "ltr" }, number(row.score, { minimumFractionDigits: 2, maximumFractionDigits: 2 }))),
    );
  }
}

const nameOf = (row) => (row.title ? [row.artist, row.title].filter(Boolean).join(" – ") : row.input);

// A sentence with a name in it, which may run in the other direction.
function named(key, name) {
  const [before, after] = t(key, { name: "\0" }).split("\0");
  return [before, make("bdi", {}, name), after];
}

customElements.define("genre-similar", Similar);
