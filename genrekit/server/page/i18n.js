// Words of the page: one JSON file per language, plural forms, numbers, times, names of genres.

export const languages = document.documentElement.dataset.languages.split(" ");
let words = {};
let language = "en";

export function preferred() {
  const wanted = [stored("language"), ...navigator.languages.map((tag) => tag.split("-")[0])];
  return wanted.find((tag) => languages.includes(tag)) ?? "en";
}

export async function speak(tag) {
  const response = await fetch(`page/${tag}.json`);
  if (!response.ok) throw new Error(`page/${tag}.json: ${response.status}`);
  words = await response.json();
  language = tag;
  document.documentElement.lang = tag;
  document.documentElement.dir = words["direction"];
  translate(document);
  document.dispatchEvent(new Event("language"));
}

export function translate(root) {
  for (const element of root.querySelectorAll("[data-text]")) element.textContent = t(element.dataset.text);
  for (const element of root.querySelectorAll("[data-label]"))
    element.setAttribute("aria-label", t(element.dataset.label));
}

// The text of a key; {n} chooses the plural form, and numbers are written as the language writes them.
export function t(key, values = {}) {
  let text = words[key] ?? key;
  if (typeof text === "object") text = text[new Intl.PluralRules(language).select(values.n)] ?? text.other;
  return text.replace(/\{(\w+)\}/g, (whole, name) => {
    const value = values[name];
    return typeof value === "number" ? number(value) : (value ?? whole);
  });
}

export const number = (value, options) => new Intl.NumberFormat(language, options).format(value);
export const percent = (value) => number(value, { style: "percent" });
export const list = (items, type = "conjunction") => new Intl.ListFormat(language, { type }).format(items);
export const nameOf = (tag) => new Intl.DisplayNames([tag], { type: "language" }).of(tag);
export const genre = (label) => words[`genre.${label}`] ?? label;
export const bytes = (value) =>
  number(value < 1e6 ? value / 1e3 : value / 1e6, {
    style: "unit",
    unit: value < 1e6 ? "kilobyte" : "megabyte",
    maximumFractionDigits: 1,
  });

export function clock(seconds) {
  const whole = Math.round(seconds);
  const two = (value) => number(value, { minimumIntegerDigits: 2 });
  return `${number(Math.floor(whole / 60))}:${two(whole % 60)}`;
}

export function stored(name) {
  try {
    return localStorage.getItem(`genrekit.${name}`);
  } catch {
    return null;
  }
}

export function store(name, value) {
  try {
    localStorage.setItem(`genrekit.${name}`, value);
  } catch {
    // A browser that keeps nothing asks again next time.
  }
}

// An element with attributes and children; text stays text.
export function make(name, attributes = {}, ...children) {
  const [tag, ...classes] = name.split(".");
  const element = document.createElement(tag);
  if (classes.length) element.className = classes.join(" ");
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== false && value != null) element.setAttribute(key, value);
  }
  element.append(...children.flat().filter((child) => child != null && child !== false));
  return element;
}

const SVG = "http://www.w3.org/2000/svg";
export function draw(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}
