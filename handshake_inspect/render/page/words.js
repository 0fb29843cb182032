"use strict";
/* The data of the page, and how values are spelled. */
const DATA = JSON.parse(document.getElementById("data").textContent);
const WORDS = DATA.words;
const COLUMNS = DATA.columns;
const COUNT = COLUMNS.id.length;
const word = (place) => (place === null ? null : WORDS[place]);

/* Nanoseconds with three figures and a unit, as the terminal's report spells them. */
function duration(ns) {
  if (ns === null) return "-";
  if (ns === 0) return "0 s";
  if (ns < 0) return "-" + duration(-ns);
  for (const [unit, name] of [[1, "ns"], [1e3, "us"], [1e6, "ms"], [1e9, "s"]]) {
    const value = ns / unit;
    if (value < 999.5 && !(name === "s" && value >= 59.95)) return `${figures(value, unit)} ${name}`;
    if (name === "s") break;
  }
  /* Bytes in decimal units. */
function size(bytes) {
  if (bytes < 1000) return `${bytes} B`;
  const [unit, name] = bytes < 999500 ? [1e3, "kB"] : bytes < 999.5e6 ? [1e6, "MB"] : [1e9, "GB"];
  return `${figures(bytes / unit, unit)} ${name}`;
}
const seconds = Math.round(ns / 1e9);
  for (const [large, name, small, smaller] of [[86400, "d", 3600, "h"], [3600, "h", 60, "min"], [60, "min", 1, "s"]]) {
    if (seconds < large) continue;
    const rest = Math.floor((seconds % large) / small);
    return `${Math.floor(seconds / large)} ${name}` + (rest ? ` ${rest} ${smaller}` : "");
  }
  return `${seconds} s`;
}
const figures = (value, unit) => (unit === 1 ? String(value) : value < 9.995 ? value.toFixed(2) : value < 99.95 ? value.toFixed(1) : value.toFixed(0));
/* Bytes in decimal units. */
function size(bytes) {
  if (bytes < 1000) return `${bytes} B`;
  const [unit, name] = bytes < 999500 ? [1e3, "kB"] : bytes < 999.5e6 ? [1e6, "MB"] : [1e9, "GB"];
  return `${figures(bytes / unit, unit)} ${name}`;
}
const seconds = (ns) => (ns / 1e9).toFixed(6);
const grouped = (number) => number.toLocaleString("en");
const counted = (number, noun) => `${grouped(number)} ${noun}${number === 1 ? "" : "s"}`;
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

/* An element with attributes and children; text is always a text node, never markup. */
function make(name, attributes = {}, ...children) {
  return filled(document.createElement(name), attributes, children);
}
function draw(name, attributes = {}, ...children) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}
function filled(element, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) if (value !== null) element.setAttribute(key, value);
  element.append(...children.filter((child) => child !== null).map((child) => (typeof child === "number" ? String(child) : child)));
  return element;
}
