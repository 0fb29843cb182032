"use strict";
/* The table of connections, and the dialog that shows one. */
const PAGE = 50;
const SEVERITIES = ["error", "warning", "note"];
const byId = (id) => document.getElementById(id);

const text = (value) => value ?? "-";
const endState = (side) => (place) => text(word(COLUMNS.ends[place][side][1]));
const sent = (side) => (place) => COLUMNS.ends[place][side][4];
const FIELDS = [
  { title: "id", value: (place) => COLUMNS.id[place], number: true },
  { title: "client", value: (place) => word(COLUMNS.client[place]), long: true },
  { title: "server", value: (place) => word(COLUMNS.server[place]), long: true },
  { title: "opening", value: (place) => word(COLUMNS.opening[place]) },
  { title: "closing", value: (place) => word(COLUMNS.closing[place]) },
  { title: "closed first", value: (place) => text(word(COLUMNS.first[place])) },
  { title: "client ends", value: endState(0), state: true },
  { title: "server ends", value: endState(1), state: true },
  { title: "worst finding", value: (place) => COLUMNS.rank[place], cell: worstCell },
  { title: "handshake", value: (place) => COLUMNS.handshake[place], show: duration, number: true },
  { title: "starts", value: (place) => COLUMNS.start[place], show: (ns) => `${(ns / 1e9).toFixed(3)} s`, number: true },
  { title: "duration", value: (place) => COLUMNS.duration[place], show: duration, number: true },
  { title: "client sent", value: sent(0), show: size, number: true },
  { title: "server sent", value: sent(1), show: size, number: true },
];

const found = {};
const collator = new Intl.Collator("en", { numeric: true });
const state = { sort: 0, down: false, page: 0, chosen: [] };

function worstFinding(place) {
  const rank = COLUMNS.rank[place];
  return rank < SEVERITIES.length ? COLUMNS.findings[place].find((finding) => word(finding[1]) === SEVERITIES[rank]) : null;
}

function worstCell(place) {
  const worst = worstFinding(place);
  if (!worst) return make("td", {}, "-");
  const more = COLUMNS.findings[place].length - 1;
  return make("td", {}, make("span", { class: `severity ${word(worst[1])}` }, word(worst[0])), more ? ` +${more}` : "");
}

/* What the search looks in, in lower case. */
function searched(place) {
  if (!(place in found)) {
    const words = [`#${COLUMNS.id[place]}`, ...FIELDS.slice(1, 8).map((field) => field.value(place)),
      ...COLUMNS.ends[place].map((end) => word(end[0])), ...COLUMNS.findings[place].map((finding) => word(finding[0]))];
    found[place] = words.join(" ").toLowerCase();
  }
  return found[place];
}

function compare(field) {
  return (one, two) => {
    const a = field.value(one), b = field.value(two);
    if (a === b) return 0;
    if (a === null) return 1;
    if (b === null) return -1;
    return typeof a === "number" ? a - b : collator.compare(a, b);
  };
}

function choose() {
  const form = byId("filters").elements;
  const words = form.text.value.toLowerCase().split(/\s+/).filter(Boolean);
  const wanted = [];
  for (let place = 0; place < COUNT; place++) {
    if (form.opening.value && word(COLUMNS.opening[place]) !== form.opening.value) continue;
    if (form.closing.value && word(COLUMNS.closing[place]) !== form.closing.value) continue;
    if (form.finding.value && !COLUMNS.findings[place].some((finding) => word(finding[0]) === form.finding.value)) continue;
    if (words.length && !words.every((part) => searched(place).includes(part))) continue;
    wanted.push(place);
  }
  const order = compare(FIELDS[state.sort]);
  const unknown = (place) => FIELDS[state.sort].value(place) === null;
  wanted.sort((a, b) => (state.down && !unknown(a) && !unknown(b) ? order(b, a) : order(a, b)) || a - b);
  state.chosen = wanted;
  state.page = 0;
  show();
}

function show() {
  const pages = Math.max(1, Math.ceil(state.chosen.length / PAGE));
  const first = state.page * PAGE;
  byId("rows").replaceChildren(...state.chosen.slice(first, first + PAGE).map(rowOf));
  const all = counted(COUNT, "connection");
  byId("count").textContent = state.chosen.length === COUNT ? all : `${grouped(state.chosen.length)} of ${all}`;
  byId("page").textContent = `page ${grouped(state.page + 1)} of ${grouped(pages)}`;
  byId("before").disabled = state.page === 0;
  byId("after").disabled = state.page + 1 >= pages;
  byId("before").parentElement.hidden = pages === 1;
}

function rowOf(place) {
  const id = COLUMNS.id[place];
  const cells = FIELDS.map((field, number) => {
    if (number === 0) return make("td", { class: "number" }, make("button", { type: "button", "aria-label": `Show connection ${id}` }, `#${id}`));
    if (field.cell) return field.cell(place);
    const value = field.value(place);
    const shown = field.show ? field.show(value) : value;
    if (field.state && shown !== "-") return make("td", {}, swatch(shown), shown);
    return make("td", { class: field.number ? "number" : field.long ? "long" : null, title: field.long ? shown : null }, shown);
  });
  const row = make("tr", { "data-id": id }, ...cells);
  row.addEventListener("click", () => getSelection().isCollapsed && open(id));
  return row;
}

function swatch(name) {
  const mark = make("span", { class: "swatch", "aria-hidden": "true" });
  mark.style.background = `var(--${name})`;
  return mark;
}

function sortBy(number) {
  state.down = state.sort === number ? !state.down : false;
  state.sort = number;
  titles();
  choose();
}

function titles() {
  [...byId("titles").children].forEach((title, number) => {
    title.setAttribute("aria-sort", number === state.sort ? (state.down ? "descending" : "ascending") : "none");
  });
}

/* The hash names the connection that is open, so that links, Back and a copied address work. */
function open(id) {
  if (location.hash === `#connection-${id}`) followHash();
  else location.hash = `connection-${id}`;
}

function followHash() {
  const match = /^#connection-(\d+)$/.exec(location.hash);
  const place = match ? COLUMNS.id.indexOf(Number(match[1])) : -1;
  const dialog = byId("one");
  if (place < 0) return dialog.open && dialog.close();
  fill(connectionAt(place));
  if (!dialog.open) dialog.showModal();
  dialog.scrollTop = 0;
}

function fill(connection) {
  const { opening, closing, certainty, first, handshake } = connection;
  const again = connection.incarnation > 1 ? `, connection ${connection.incarnation} on this 4-tuple` : "";
  byId("one-title").textContent = `#${connection.id} ${connection.client} \u2192 ${connection.server}`;
  const sentences = [
    `Opening: ${opening} (${certainty})` + (handshake === null ? "" : ` in ${duration(handshake)}`) + again + (connection.guessed ? "; the roles are guessed" : ""),
    `Closing: ${closing}` + (first ? `, the ${first} first` : "") + `; it lasted ${duration(connection.duration)}`,
    ...connection.ends.map((end, side) => `${SIDES[side]} ${end.address}: ends in ${end.state ?? "no known state"}; ${counted(end.segments, "segment")}, ${counted(end.bytes, "byte")}`
      + (end.again ? `, ${grouped(end.again)} sent again` : "")),
    ...connection.waits.map((wait) => `TIME_WAIT of the ${wait.holder}: at least ${duration(wait.least)}, at most ${duration(wait.most)} (${wait.end})`),
  ];
  const findings = connection.findings.map((finding) => make("li", {}, make("span", { class: `severity ${finding.severity}` }, finding.id), ` ${finding.text}`));
  byId("one-body").replaceChildren(
    findings.length ? make("ul", { class: "one-findings" }, ...findings) : make("p", { class: "quiet" }, "Nothing wrong was found."),
    ...sentences.map((sentence) => make("div", { class: "quiet" }, sentence)),
    make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Ladder" }, ladder(connection)),
    make("p", { class: "quiet" }, "A full dot is a state that was observed or confirmed; an empty one was inferred or assumed. Segments that change no state are left out."),
    stepsTable(connection),
  );
  const shown = state.chosen.indexOf(connection.place);
  const neighbour = (step) => state.chosen[shown + step];
  for (const [button, step] of [["older", -1], ["newer", 1]]) {
    const place = shown < 0 ? undefined : neighbour(step);
    byId(button).disabled = place === undefined;
    byId(button).onclick = () => open(COLUMNS.id[place]);
  }
}

/* The dialog gives the focus back to what opened it; the page's place must not jump. */
function closed() {
  if (location.hash.startsWith("#connection-")) history.replaceState(null, "", location.pathname + location.search);
  const id = byId("one-title").textContent.slice(1).split(" ")[0];
  document.querySelector(`#rows tr[data-id="${CSS.escape(id)}"] button`)?.focus({ preventScroll: true });
}

function begin() {
  FIELDS.forEach((field, number) => {
    const button = make("button", { type: "button" }, field.title);
    button.addEventListener("click", () => sortBy(number));
    byId("titles").append(make("th", { scope: "col", class: field.number ? "number" : null }, button));
  });
  titles();
  const form = byId("filters");
  const offers = { opening: COLUMNS.opening, closing: COLUMNS.closing, finding: COLUMNS.findings.flat().map((finding) => finding[0]) };
  for (const [name, places] of Object.entries(offers)) {
    form.elements[name].append(...[...new Set(places)].map(word).sort().map((value) => make("option", { value }, value)));
  }
  let waiting = 0;
  form.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(choose, 80); });
  form.addEventListener("change", choose);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(choose));
  byId("before").addEventListener("click", () => { state.page--; show(); });
  byId("after").addEventListener("click", () => { state.page++; show(); });
  byId("close").addEventListener("click", () => byId("one").close());
  byId("one").addEventListener("close", closed);
  byId("one").addEventListener("click", (event) => event.target === byId("one") && byId("one").close());
  document.querySelectorAll("a[data-finding]").forEach((link) => link.addEventListener("click", () => {
    form.reset();
    setTimeout(() => { form.elements.finding.value = link.dataset.finding; choose(); });
  }));
  addEventListener("hashchange", followHash);
  choose();
  drawCharts();
  followHash();
}
begin();
