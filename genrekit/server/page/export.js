// The results as files: CSV and JSON Lines with the rows of the command line, and a playlist.

const FACTS = ["input", "label", "score", "model", "error", "note", "familiar"];
const KEYS = ["bytes", "sha256", "model_sha256", "sound_key"];

export function download(blob, name) {
  const address = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

// Saves what the queue found, in the order of the files.
export async function save(format, items) {
  const text = { csv, jsonl, m3u8 }[format];
  const type = { csv: "text/csv", jsonl: "application/x-ndjson", m3u8: "audio/x-mpegurl" }[format];
  download(new Blob(await text(items), { type }), `genres.${format}`);
}

async function rowsOf(item) {
  if (item.text) return (await item.text.text()).split("\n").filter(Boolean).map((line) => JSON.parse(line));
  const row = item.row ?? { label: null, score: null, model: "", error: item.failure?.message ?? "", labels: [], scores: [] };
  return [{ ...row, input: item.path }];
}

async function jsonl(items) {
  const parts = [];
  for (const item of items) {
    if (item.text) parts.push(item.text);
    else for (const row of await rowsOf(item)) parts.push(`${JSON.stringify(row)}\n`);
  }
  return parts;
}

async function csv(items) {
  const rows = (await Promise.all(items.map(rowsOf))).flat();
  const most = Math.max(0, ...rows.slice(0, 1e5).map((row) => row.scores?.length ?? 0));
  const places = Array.from({ length: most }, (_, index) => index);
  const head = [...FACTS, ...places.flatMap((index) => [`label_${index + 1}`, `score_${index + 1}`]), ...KEYS];
  const line = (row) => [
    ...FACTS.map((name) => row[name]),
    ...places.flatMap((index) => [row.scores?.[index]?.label, row.scores?.[index]?.score]),
    ...KEYS.map((name) => row[name]),
  ];
  return [head, ...rows.map(line)].map((cells) => `${cells.map(cell).join(",")}\r\n`);
}

function cell(value) {
  const text = value == null ? "" : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

// https://en.wikipedia.org/wiki/M3U; a name cannot hold a line end there.
async function m3u8(items) {
  const songs = items.filter((item) => item.row && !item.row.error && item.kind !== "image");
  return ["#EXTM3U\n", ...songs.map(({ path, row }) => {
    const name = path.replace(/[\r\n]/g, " ");
    return `#EXTINF:-1,${name.split("/").pop()}\n#EXTGENRE:${row.labels.join(", ")}\n${name}\n`;
  })];
}
