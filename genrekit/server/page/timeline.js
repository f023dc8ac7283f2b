// The genre over time: pieces with colours and patterns; a click, Enter or the table beneath seeks the player.

import { clock, draw, genre, make, percent, t } from "./i18n.js";

const PATTERNS = 5;
let serial = 0;

class Timeline extends HTMLElement {
  // windows: {start_s, end_s, label, score}; player: an audio element.
  show(windows, player) {
    const pieces = joined(windows);
    const end = pieces.at(-1).end_s;
    const labels = [...new Set(pieces.map((piece) => piece.label))];
    const id = `pattern-${++serial}`;
    const seek = (piece) => {
      player.currentTime = piece.start_s;
      player.play().catch(() => {});
    };
    const svg = draw("svg", { role: "group" });
    svg.setAttribute("aria-label", t("timeline"));
    svg.append(draw("defs", {}, ...labels.map((label, index) => pattern(id, index))));
    const shapes = pieces.map((piece, index) => {
      const shape = draw("rect", {
        x: `${(piece.start_s / end) * 100}%`,
        y: 2,
        width: `${((piece.end_s - piece.start_s) / end) * 100}%`,
        height: 36,
        fill: `url(#${id}-${labels.indexOf(piece.label)})`,
        role: "button",
        tabindex: index ? -1 : 0,
        "aria-label": t("timeline.piece", words(piece)),
      });
      shape.append(draw("title", {}));
      shape.firstChild.textContent = t("timeline.piece", words(piece));
      shape.addEventListener("click", () => seek(piece));
      shape.addEventListener("keydown", (event) => {
        const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
        if (step) move(shapes, index, step);
        else if (event.key === "Enter" || event.key === " ") seek(piece);
        else return;
        event.preventDefault();
      });
      return shape;
    });
    const head = draw("line", { class: "playhead", x1: 0, x2: 0, y1: 0, y2: 40 });
    svg.append(...shapes, head);
    player.addEventListener("timeupdate", () => {
      const at = `${Math.min(1, player.currentTime / end) * 100}%`;
      head.setAttribute("x1", at);
      head.setAttribute("x2", at);
    });
    this.replaceChildren(
      make("div.strip", { dir: "ltr" }, svg, make("div.scale", {}, ...[0, end].map((s) => make("span", {}, clock(s))))),
      make("ul.legend", {}, ...labels.map((label, index) => make("li", {}, swatch(id, index), genre(label)))),
      make("details", {}, make("summary", {}, t("timeline.table")), table(pieces, seek)),
    );
  }
}

// Windows of one label that follow each other are one piece; where windows overlap, the later one begins.
export function joined(windows) {
  const pieces = [];
  windows.forEach((window, index) => {
    const end_s = windows[index + 1]?.start_s ?? window.end_s;
    const last = pieces.at(-1);
    if (last?.label === window.label) {
      last.end_s = end_s;
      last.scores.push(window.score);
    } else pieces.push({ start_s: window.start_s, end_s, label: window.label, scores: [window.score] });
  });
  return pieces;
}

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
const words = (piece) => ({
  genre: genre(piece.label),
  from: clock(piece.start_s),
  to: clock(piece.end_s),
  percent: percent(mean(piece.scores)),
});

function move(shapes, from, step) {
  const to = Math.min(shapes.length - 1, Math.max(0, from + step));
  shapes[from].setAttribute("tabindex", -1);
  shapes[to].setAttribute("tabindex", 0);
  shapes[to].focus();
}

export function pattern(id, index) {
  const marks = [
    [],
    [draw("path", { d: "M0 12 12 0" })],
    [draw("path", { d: "M0 6H12" })],
    [draw("path", { d: "M0 0 12 12M0 12 12 0" })],
    [draw("circle", { cx: 6, cy: 6, r: 2 })],
  ][index % PATTERNS];
  return draw(
    "pattern",
    { id: `${id}-${index}`, width: 12, height: 12, patternUnits: "userSpaceOnUse", class: `genre g${index % 8}` },
    draw("rect", { width: 12, height: 12 }),
    ...marks,
  );
}

export const swatch = (id, index) =>
  draw("svg", { class: "swatch", viewBox: "0 0 24 16", "aria-hidden": "true" }, draw("rect", {
    width: 24,
    height: 16,
    fill: `url(#${id}-${index})`,
  }));

function table(pieces, seek) {
  return make(
    "table",
    {},
    make("thead", {}, make("tr", {}, ...["from", "to", "genre", "score"].map((key) => make("th", { scope: "col" }, t(key))))),
    make("tbody", {}, ...pieces.map((piece) => {
      const { genre, from, to, percent } = words(piece);
      const button = make("button.plain", { onclick: () => seek(piece), "aria-label": t("timeline.seek", { from }) }, from);
      return make("tr", {}, make("td", {}, button), make("td", {}, to), make("td", {}, genre), make("td", {}, percent));
    })),
  );
}

customElements.define("genre-timeline", Timeline);
