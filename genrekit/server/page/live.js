// Live sound: sends the microphone to the server in pieces, and shows the genre.

import { clock, draw, genre, make, number, percent, t } from "./i18n.js";
import { joined, pattern, swatch } from "./timeline.js";

const WAITING_BYTES = 1e6;
const SHOWN_S = 120;
const FLOOR_DB = -60;
let now = null;

const short = (seconds) => number(seconds, { maximumFractionDigits: 1 });

// Starts in a panel; a second call while it listens does nothing.
export async function listen(panel, model) {
  if (now) return;
  now = new Listening(panel);
  try {
    await now.start(model);
  } catch (error) {
    now.end();
    now.fail(reason(error));
    now = null;
  }
}

// Why there is no microphone, in the words of the user.
function reason(error) {
  if (error.name === "NotAllowedError" || error.name === "SecurityError") return t("live.refused");
  if (error.name === "NotFoundError" || error.name === "NotReadableError") return t("live.none");
  return error.message;
}

class Listening {
  #windows = [];
  #labels = [];
  #lost = 0;

  constructor(panel) {
    this.now = make("p.verdict", {}, t("live.waiting"));
    this.bars = make("ol.bars");
    this.level = make("meter", { min: FLOOR_DB, max: 0, low: -45, high: -3, optimum: -12, value: FLOOR_DB, "aria-label": t("live.level") });
    this.strip = draw("svg", { role: "img", "aria-label": t("timeline") });
    this.legend = make("ul.legend");
    this.facts = make("p.quiet");
    this.changes = make("ol.changes");
    this.stop = make("button.main", { onclick: () => this.finish() }, t("live.stop"));
    panel.replaceChildren(
      make("header.row", {}, make("h2", { tabindex: -1 }, t("live.title")), this.stop),
      this.level,
      this.now,
      this.bars,
      make("div.strip", { dir: "ltr" }, this.strip),
      this.legend,
      this.facts,
      make("div", { role: "log", "aria-label": t("live.changes") }, this.changes),
    );
    panel.hidden = false;
    panel.querySelector("h2").focus();
  }

  async start(model) {
    if (!navigator.mediaDevices) throw new Error(t("live.insecure"));
    const plain = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
    this.microphone = await navigator.mediaDevices.getUserMedia({ audio: { ...plain, channelCount: 1 } });
    this.context = new AudioContext();
    await this.context.audioWorklet.addModule("page/worklet.js");
    await this.context.resume();
    const address = new URL("v1/stream", document.baseURI);
    address.protocol = address.protocol.replace("http", "ws");
    address.hash = "";
    this.socket = new WebSocket(address, "genrekit.v1");
    this.socket.addEventListener("message", ({ data }) => this.hear(JSON.parse(data)));
    this.socket.addEventListener("close", () => this.close());
    await new Promise((done, fail) => {
      this.socket.addEventListener("open", done, { once: true });
      this.socket.addEventListener("error", () => fail(new Error(t("problem.unreachable"))), { once: true });
    });
    const first = { type: "start", encoding: "f32le", sample_rate: this.context.sampleRate, ...(model && { model }) };
    this.socket.send(JSON.stringify(first));
    const node = new AudioWorkletNode(this.context, "forward", { numberOfOutputs: 0 });
    node.port.onmessage = ({ data }) => this.send(data);
    this.context.createMediaStreamSource(this.microphone).connect(node);
  }

  send(samples) {
    const power = samples.reduce((sum, value) => sum + value * value, 0) / samples.length;
    this.level.value = Math.max(FLOOR_DB, 10 * Math.log10(power + 1e-12));
    if (this.socket.readyState !== WebSocket.OPEN) return;
    if (this.socket.bufferedAmount < WAITING_BYTES) this.socket.send(samples);
    else this.#lost += samples.length / this.context.sampleRate;
  }

  hear(event) {
    if (event.type === "window") this.window(event);
    else if (event.type === "silence") this.now.textContent = t("live.silence");
    else if (event.type === "change") this.note(event.at_s, genre(event.to));
    else if (event.type === "error") this.fail(event.detail, { lang: "en", dir: "auto" });
    else if (event.type === "final") this.final(event);
  }

  window(event) {
    const [[label]] = event.smooth;
    if (!this.#windows.length) this.note(event.start_s, genre(label));
    this.now.replaceChildren(make("strong", {}, genre(label)));
    this.bars.replaceChildren(
      ...event.smooth.map(([name, score]) => {
        const fill = make("span.fill");
        fill.style.inlineSize = `${score * 100}%`;
        return make("li", {}, make("span.name", {}, genre(name)), make("span.bar", { "aria-hidden": "true" }, fill), make("span.value", {}, percent(score)));
      }),
    );
    const dropped = event.dropped_s + this.#lost;
    const parts = [t("live.lag", { lag: short(event.lag_s) })];
    if (dropped) parts.push(t("live.dropped", { seconds: short(dropped) }));
    if (event.familiar === false) parts.push(t("unfamiliar"));
    this.facts.textContent = parts.join(" ");
    const before = this.#windows.at(-1)?.end_s ?? event.start_s;
    this.#windows.push({ start_s: before, end_s: event.end_s, label, score: event.smooth[0][1] });
    this.draw(event.end_s);
  }

  draw(end_s) {
    this.#windows = this.#windows.filter((window) => window.end_s > end_s - SHOWN_S);
    const place = (seconds) => `${(100 * Math.max(0, seconds - end_s + SHOWN_S)) / SHOWN_S}%`;
    for (const { label } of this.#windows) {
      if (this.#labels.includes(label)) continue;
      const number = this.#labels.push(label) - 1;
      this.strip.append(draw("defs", {}, pattern("live", number)));
      this.legend.append(make("li", {}, swatch("live", number), genre(label)));
    }
    for (const old of this.strip.querySelectorAll(":scope > rect")) old.remove();
    for (const piece of joined(this.#windows)) {
      const start = Math.max(piece.start_s, end_s - SHOWN_S);
      const width = `${(100 * (piece.end_s - start)) / SHOWN_S}%`;
      this.strip.append(draw("rect", { x: place(start), y: 2, width, height: 36, fill: `url(#live-${this.#labels.indexOf(piece.label)})` }));
    }
  }

  note(at_s, text) {
    this.changes.append(make("li", {}, t("live.change", { at: clock(at_s), genre: text })));
  }

  final({ timeline }) {
    this.now.textContent = timeline.length ? t("live.over") : t("live.nothing");
    this.changes.replaceChildren(
      ...timeline.map((piece) => make("li", {}, t("live.piece", { from: clock(piece.start_s), to: clock(piece.end_s), genre: genre(piece.label) }))),
    );
  }

  fail(text, attributes = {}) {
    this.facts.before(make("p.bad", { role: "alert", ...attributes }, text));
    if (!this.#windows.length) this.now.textContent = "";
  }

  finish() {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify({ type: "stop" }));
    else this.close();
  }

  close() {
    this.end();
    if (now === this) now = null;
  }

  end() {
    for (const track of this.microphone?.getTracks() ?? []) track.stop();
    if (this.context && this.context.state !== "closed") this.context.close();
    if (this.socket?.readyState === WebSocket.CONNECTING) this.socket.close();
    this.level.value = FLOOR_DB;
    const held = document.activeElement === this.stop;
    this.stop.remove();
    if (held) document.getElementById("listen").focus();
  }
}
