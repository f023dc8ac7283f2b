// Listen to this genre: playlists by region; a preview is loaded when it is asked for, and its host is named before.

import { json } from "./api.js";
import { genre, make, t } from "./i18n.js";

// Fill the part of a card with playlists for some genres.
export async function find(details, labels) {
  const waiting = make("p", { role: "status" }, t("state.working"));
  details.append(waiting);
  try {
    const found = await Promise.all(labels.map((label) => json(`v1/playlists?${new URLSearchParams({ genre: label })}`)));
    waiting.replaceWith(...found.flatMap((one, index) => shown(one, labels.length > 1 && labels[index])));
  } catch (error) {
    waiting.replaceWith(make("p", { lang: "en", dir: "auto" }, error.message));
  }
}

function shown({ items, notes, regions }, label) {
  const language = document.documentElement.lang;
  const groups = regions.map(({ name, title }) => {
    const some = items.filter((item) => item.region === name);
    const region = title[language] ?? title.en ?? name;
    return some.length && make("section", {}, make("h4", {}, label ? `${genre(label)} · ${region}` : region), make("ul.playlists", {}, ...some.map(entry)));
  });
  return [...groups, ...notes.map((note) => make("p.quiet", { lang: "en", dir: "auto" }, note))].filter(Boolean);
}

function entry({ title, url, embed }) {
  const address = /^https?:\/\//.test(url) ? url : null;
  const link = make("a", { href: address, target: "_blank", rel: "noopener noreferrer" }, make("bdi", {}, title));
  if (!embed) return make("li", {}, link);
  const item = make("li", {}, link, " ");
  const button = make("button.plain", { onclick: () => load(item, button, title, embed) }, t("playlists.preview", { host: embed.host }));
  item.append(button);
  return item;
}

function load(item, button, title, { kind, url, host }) {
  const name = t("playlists.player", { title });
  // YouTube plays only where it is told which site shows it; nothing but the origin is.
  const player =
    kind === "audio"
      ? make("audio", { controls: true, src: url, "aria-label": name, tabindex: 0 })
      : make("iframe.player", {
          src: url,
          title: name,
          allow: "autoplay; encrypted-media",
          referrerpolicy: "strict-origin-when-cross-origin",
          sandbox: "allow-scripts allow-same-origin allow-popups",
        });
  button.replaceWith(make("span.quiet", {}, t("playlists.talks", { host })));
  item.append(player);
  player.focus();
}
