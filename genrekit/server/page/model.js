// The models: what each knows, how good it is, its card, its curves and its confusion matrix.

import { json, call } from "./api.js";
import { draw, genre, list, make, number, percent, t } from "./i18n.js";

const english = { lang: "en", dir: "ltr" };
const NUMBERS = ["accuracy", "macro_f1", "top_3_accuracy", "expected_calibration_error", "log_loss"];

export async function openModels(dialog, models, name) {
  const body = make("div");
  const choice = make(
    "select",
    { id: "model-shown", onchange: (event) => show(body, models.get(event.target.value)) },
    ...[...models.keys()].map((key) => make("option", { value: key }, key)),
  );
  choice.value = name;
  dialog.replaceChildren(
    make(
      "header",
      {},
      make("h2", { id: "models-title" }, t("model.about")),
      make("button", { onclick: () => dialog.close() }, t("close")),
    ),
    make("label", {}, `${t("model")} `, choice),
    body,
  );
  dialog.showModal();
  await show(body, models.get(name));
}

async function show(body, model) {
  const at = `v1/models/${encodeURIComponent(model.name)}`;
  body.replaceChildren(
    make("h3", {}, make("bdi", {}, model.name)),
    make("p", {}, t("knows", { n: model.labels.length }), " ", t(`reads.${model.modality}`)),
    make("p", {}, list(model.labels.map(genre))),
    ...(model.metrics ? [numbers(model)] : [make("p", {}, t("model.unmeasured"))]),
    part("model.card", async () => [make("div", english, ...markdown(await (await call(`${at}/card`, { accept: "text/markdown" })).text()))]),
    model.metrics && part("model.confusion", async () => [confusion(await json(`${at}/confusion`))]),
    part("model.history", async () => {
      const { corrections, ...rest } = await json(`${at}/history`);
      if (!corrections) return history(rest);
      return [(await import("./feedback.js")).changes(corrections), ...history(rest)];
    }),
  );
}

function part(key, load) {
  const details = make("details", {}, make("summary", {}, t(key)));
  details.addEventListener(
    "toggle",
    async () => {
      const waiting = make("p", { role: "status" }, t("state.working"));
      details.append(waiting);
      try {
        waiting.replaceWith(...(await load()));
      } catch (error) {
        waiting.replaceWith(make("p", { lang: "en", dir: "auto" }, error.message));
      }
    },
    { once: true },
  );
  return details;
}

function table(caption, heads, rows, attributes = {}) {
  return make(
    "div.wide",
    { tabindex: 0, role: "group", "aria-label": caption },
    make(
      "table",
      { class: attributes.class },
      attributes.plain ? null : make("caption", {}, caption),
      make("thead", {}, make("tr", {}, ...heads.map((head) => make("th", { scope: "col" }, head)))),
      make("tbody", {}, ...rows.map(([head, ...cells]) => make("tr", {}, make("th", { scope: "row" }, head), ...cells.map((cell) => (cell instanceof HTMLTableCellElement ? cell : make("td", {}, cell)))))),
    ),
  );
}

function numbers(model) {
  const write = (name, value) => (name === "log_loss" ? number(value, { maximumFractionDigits: 2 }) : percent(value));
  const rows = NUMBERS.filter((name) => model.metrics[name]).map((name) => {
    const { value, low, high } = model.metrics[name];
    const interval = low == null ? "" : t("range", { low: write(name, low), high: write(name, high) });
    return [t(`measure.${name}`), write(name, value), interval];
  });
  return make(
    "div",
    {},
    table(t("model.numbers"), [t("measure"), t("value"), t("interval")], rows),
    model.inflated && make("p.warn", {}, t("model.inflated")),
    model.split && make("p.quiet", english, model.split),
  );
}

function confusion({ labels, confusion: counts }) {
  const rows = counts.map((row, index) => {
    const total = row.reduce((sum, n) => sum + n, 0) || 1;
    return [
      genre(labels[index]),
      ...row.map((n, column) => {
        const cell = make(`td.heat${column === index ? ".right" : ""}`, {}, number(n));
        cell.style.setProperty("--part", Math.round((n / total) * 100));
        return cell;
      }),
    ];
  });
  return table(t("confusion.caption"), [t("confusion.corner"), ...labels.map(genre)], rows, { class: "confusion" });
}

// Lists of epochs, lists of losses and lists of candidates, wherever they are in a history; the rest as facts.
function history(found) {
  const shown = [];
  const facts = [];
  for (const [name, value] of Object.entries(found)) {
    const curves = epochs(value);
    if (curves.length) {
      const measures = [...new Set(curves.flatMap((curve) => Object.keys(curve[0])))].filter((key) => key !== "epoch");
      for (const measure of measures) shown.push(chart(`${name}: ${measure}`, curves.map((curve) => curve.map((epoch) => epoch[measure]))));
    } else if (Array.isArray(value) && value.length > 3 && value.every((one) => typeof one === "number")) {
      shown.push(chart(name, [value]));
    } else if (Array.isArray(value) && value.length && value.every((one) => one && typeof one === "object" && !Array.isArray(one))) {
      const columns = Object.keys(value[0]);
      shown.push(table(name, columns, value.map((one) => columns.map((column) => text(one[column])))));
    } else facts.push([name, text(value)]);
  }
  if (facts.length) shown.push(table(t("facts"), [t("fact"), t("value")], facts));
  return shown.length ? shown : [make("p", {}, t("model.nothing"))];
}

function epochs(value) {
  if (!Array.isArray(value) || !value.length) return [];
  if (value[0] && typeof value[0] === "object" && "epoch" in value[0]) return [value];
  return value.flatMap(epochs);
}

const text = (value) => (typeof value === "number" ? number(value, { maximumFractionDigits: 4 }) : typeof value === "string" ? value : JSON.stringify(value));

function chart(name, lines) {
  const values = lines.flat().filter((value) => typeof value === "number");
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const longest = Math.max(...lines.map((line) => line.length));
  const x = (index) => (index / Math.max(1, longest - 1)) * 600;
  const y = (value) => 150 - ((value - low) / (high - low || 1)) * 140;
  const write = (value) => number(value, { maximumSignificantDigits: 3 });
  const summary = t("chart.summary", { n: longest, first: write(lines[0][0]), last: write(lines[0].at(-1)) });
  const svg = draw(
    "svg",
    { viewBox: "0 -6 600 162", role: "img", "aria-label": `${name}. ${summary}` },
    ...lines.map((line, index) =>
      draw("polyline", { class: `line l${index % 4}`, points: line.map((value, step) => `${x(step).toFixed(1)},${y(value).toFixed(1)}`).join(" ") }),
    ),
  );
  const every = Math.max(1, Math.ceil(longest / 12));
  const steps = Array.from({ length: longest }, (_, index) => index).filter((index) => index % every === 0 || index === longest - 1);
  const rows = steps.map((step) => [number(step + 1), ...lines.map((line) => (line[step] == null ? "" : write(line[step])))]);
  return make(
    "figure",
    {},
    make("figcaption", {}, make("bdi", { translate: "no" }, name), ` · ${summary}`),
    make("div.chart", { dir: "ltr" }, make("span", {}, write(high)), make("span", {}, write(low)), svg),
    make("details", {}, make("summary", {}, t("chart.table")), table(name, [t("epoch"), ...lines.map((_, index) => number(index + 1))], rows)),
  );
}

// The part of Markdown that model cards use: headings, paragraphs, lists, tables, code.
function markdown(source) {
  const found = [];
  const lines = source.split("\n");
  let title = "";
  for (let i = 0; i < lines.length; ) {
    const line = lines[i];
    const take = (test) => {
      const taken = [];
      while (i < lines.length && test(lines[i])) taken.push(lines[i++]);
      return taken;
    };
    if (!line.trim()) i++;
    else if (line.startsWith("```")) {
      i++;
      found.push(make("pre", { tabindex: 0 }, take((one) => !one.startsWith("```")).join("\n")));
      i++;
    } else if (/^#+ /.test(line)) {
      title = line.replace(/^#+ /, "");
      found.push(make(line.startsWith("# ") ? "h4" : "h5", {}, title));
      i++;
    } else if (line.startsWith("|")) {
      const cells = take((one) => one.startsWith("|")).map((one) => one.slice(1, -1).split("|").map((cell) => make("span", {}, ...inline(cell.trim()))));
      const [head, , ...rows] = cells;
      found.push(table(title, head, rows, { plain: true }));
    } else if (/^[-*] /.test(line)) {
      found.push(make("ul", {}, ...take((one) => /^([-*] | {2,}\S)/.test(one)).map((one) => make("li", {}, ...inline(one.replace(/^[-*] /, ""))))));
    } else {
      found.push(make("p", {}, ...inline(take((one) => one.trim() && !/^(```|#+ |\||[-*] )/.test(one)).join(" "))));
    }
  }
  return found;
}

const inline = (line) =>
  line.split(/(`[^`]+`|\*\*[^*]+\*\*)/).map((part) => {
    if (/^`.+`$/.test(part)) return make("code", {}, part.slice(1, -1));
    if (/^\*\*.+\*\*$/.test(part)) return make("strong", {}, part.slice(2, -2));
    return part;
  });
