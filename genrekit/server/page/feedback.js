// Corrections: consent, "Right?" on a card, and the deletion of an upload by its receipt.

import { call, json } from "./api.js";
import { genre, make, percent, t } from "./i18n.js";

const at = (id) => document.getElementById(id);

export function begin() {
  at("consent").hidden = at("uploads").hidden = false;
  at("receipt-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    at("deleted").textContent = await forget(at("receipt").value.trim());
    at("receipt").focus();
  });
}

// What is asked on a card, or what came of it; a card that is drawn again shows the same.
export function ask(place, item, model) {
  const draw = (focus) => {
    place.replaceChildren(...(item.said || !model ? [] : [question(item, model, draw)]), ...answered(item, draw));
    if (focus) (place.querySelector("[role=status]") ?? place).focus?.();
  };
  draw();
}

function question(item, model, draw) {
  const name = `right-${item.number}`;
  const labels = item.row.labels;
  const wrong = make("p.bad", { role: "alert", hidden: true });
  const send = async (said) => {
    try {
      const { receipt } = await json("v1/feedback", {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ id: item.row.id, ...said }),
      });
      item.said = true;
      item.receipt = receipt;
      draw(true);
    } catch (error) {
      wrong.textContent = error.message || t("problem.unreachable");
      wrong.hidden = false;
    }
  };
  const choice = make(
    "select",
    { id: name, multiple: model.multilabel, size: model.multilabel ? 5 : null },
    !model.multilabel && make("option", { value: "" }, t("right.choose")),
    ...model.labels.filter((label) => model.multilabel || !labels.includes(label)).map((label) => make("option", { value: label }, genre(label))),
  );
  const chosen = () => [...choice.selectedOptions].map((option) => option.value).filter(Boolean);
  return make(
    "div.row.right",
    { role: "group", "aria-label": t("right.of", { name: item.path }) },
    make("span", {}, t("right")),
    labels.length > 0 && make("button", { onclick: () => send({ verdict: "right" }) }, t("right.yes")),
    make("label", { for: name }, t("right.no"), choice),
    make("button", { onclick: () => (chosen().length ? send({ verdict: "wrong", labels: chosen() }) : choice.focus()) }, t("right.send")),
    make("button.plain", { onclick: () => send({ verdict: "unsure" }) }, t("right.unsure")),
    wrong,
  );
}

function answered(item, draw) {
  const receipt = item.receipt ?? item.row.receipt;
  const parts = [];
  if (item.said) parts.push(t("right.thanks"));
  if (item.forgotten) parts.push(item.forgotten);
  const shown = parts.length ? [make("p.quiet", { role: "status", tabindex: -1 }, parts.join(" "))] : [];
  if (receipt && !item.forgotten) {
    shown.push(
      make(
        "p.quiet.row",
        {},
        make("span", {}, t("receipt"), " ", make("code", { translate: "no", dir: "ltr" }, receipt)),
        make(
          "button.plain",
          {
            "aria-label": t("receipt.delete.of", { name: item.path }),
            onclick: async () => {
              item.forgotten = await forget(receipt);
              item.said = true;
              draw(true);
            },
          },
          t("receipt.delete"),
        ),
      ),
    );
  }
  return shown;
}

async function forget(receipt) {
  try {
    const { status } = await call(`v1/uploads/${encodeURIComponent(receipt)}`, { method: "DELETE" });
    return t(status === 202 ? "receipt.later" : "receipt.deleted");
  } catch (error) {
    return t(error.status === 404 ? "receipt.unknown" : "problem.unreachable");
  }
}

// What corrections changed, in the window of a model.
export function changes({ count, uploaders, frozen_test: frozen, corrections_test: own }) {
  const moved = (key, duel) =>
    duel && make("p", {}, t(key, { before: percent(duel.champion), after: percent(duel.challenger), n: duel.n }));
  return make(
    "div",
    {},
    make("p", {}, t("changes.count", { n: count }), " ", t("changes.uploaders", { n: uploaders })),
    moved("changes.frozen", frozen),
    moved("changes.own", own),
  );
}
