"use strict";
/* One connection as a ladder: two lifelines, the segments that change or prove a state, the states beside them. */
const LADDER = { width: 1040, left: 310, right: 730, bar: 12, top: 64, row: 62, slope: 12, line: 16 };
const SIDES = ["client", "server"];
const CHECKS = {
  "syn-ack acknowledges syn": ["server", "ACK", "client's SYN"],
  "ack acknowledges syn-ack": ["client", "ACK", "server's SYN"],
  "ack continues from syn": ["client", "SEQ", "client's SYN"],
  "client fin acknowledged": ["server", "ACK", "client's FIN"],
  "server fin acknowledged": ["client", "ACK", "server's FIN"],
};
const CERTAIN = {
  observed: "observed: the endpoint itself sent the segment that makes this step",
  confirmed: "confirmed: it received the segment, and a later one of its own proves that",
  inferred: "inferred: the segment passed the capture point; nothing later proves that it arrived",
  assumed: "assumed: no segment shows it",
};

/* The connection at a place of the columns, as an object with words. */
function connectionAt(place) {
  const ends = COLUMNS.ends[place].map(([address, state, isn, segments, bytes, again, steps]) => ({
    address: word(address), state: word(state), isn, segments, bytes, again,
    steps: steps.map(([from, to, event, frame, time, certainty, by]) => ({
      from: word(from), to: word(to), event: word(event), frame, time, certainty: word(certainty), by,
    })),
  }));
  return {
    place, id: COLUMNS.id[place], client: word(COLUMNS.client[place]), server: word(COLUMNS.server[place]), ends,
    opening: word(COLUMNS.opening[place]), certainty: word(COLUMNS.certainty[place]), closing: word(COLUMNS.closing[place]),
    first: word(COLUMNS.first[place]), start: COLUMNS.start[place], duration: COLUMNS.duration[place],
    handshake: COLUMNS.handshake[place], guessed: COLUMNS.guessed[place] === 1, incarnation: COLUMNS.incarnation[place],
    checks: COLUMNS.checks[place].map(([name, frame, expected, seen, ok]) => ({ name: word(name), frame, expected, seen, ok })),
    findings: COLUMNS.findings[place].map(([id, severity, text, frames]) => ({ id: word(id), severity: word(severity), text: word(text), frames })),
    waits: COLUMNS.waits[place].map(([holder, least, most, end]) => ({ holder: word(holder), least, most, end: word(end) })),
  };
}

function orderOf(frame) {
  const [one, two] = String(frame).split(":");
  return two === undefined ? Number(one) : Number(one) * 2 ** 40 + Number(two);
}

/* The rungs in order: what one frame did to both ends, and what it acknowledges. */
function rungsOf(connection) {
  const rungs = new Map();
  const at = (frame, time, key) => {
    if (!rungs.has(key)) rungs.set(key, { frame, time, sender: null, carries: [], changes: [[], []], checks: [] });
    return rungs.get(key);
  };
  connection.ends.forEach((end, side) => end.steps.forEach((step, number) => {
    const rung = at(step.frame, step.time, step.frame === null ? `${side} ${number}` : String(step.frame));
    rung.changes[side].push(step);
    const [verb, ...what] = step.event.split(" ");
    if (verb !== "snd" && verb !== "rcv") return;
    rung.sender = verb === "snd" ? side : 1 - side;
    if (!rung.carries.includes(what.join(" "))) rung.carries.push(what.join(" "));
  }));
  for (const check of connection.checks) {
    const rung = at(check.frame, null, String(check.frame));
    if (rung.sender === null) rung.sender = SIDES.indexOf(CHECKS[check.name][0]);
    rung.checks.push(check);
  }
  const ordered = [...rungs.values()].filter((rung) => rung.frame !== null).sort((a, b) => orderOf(a.frame) - orderOf(b.frame));
  // A step without a frame (a timer) stands before the next step of its own end, or after all that is not later.
  for (const rung of [...rungs.values()].filter((one) => one.frame === null).reverse()) {
    const side = rung.changes[0].length ? 0 : 1;
    const steps = connection.ends[side].steps;
    const next = steps[steps.indexOf(rung.changes[side][0]) + 1];
    const later = (other) => (next ? other.changes[side].includes(next) : other.time !== null && other.time > rung.time);
    const place = ordered.findIndex(later);
    ordered.splice(place < 0 ? ordered.length : place, 0, rung);
  }
  return ordered;
}

/* `SYN,ACK  SEQ 5000  ACK 1001`: as far as the report knows the numbers. */
function labelOf(connection, rung) {
  const carried = rung.carries.map((what) => (what.startsWith("ACK of") ? "ACK" : what));
  if (rung.checks.some((check) => check.name === "syn-ack acknowledges syn")) carried.push("SYN,ACK");
  const parts = [...new Set(carried)].filter((what) => !carried.includes("SYN,ACK") || !["SYN", "ACK"].includes(what)).sort().reverse();
  let label = parts.length ? parts.join(",") : "ACK";
  const end = connection.ends[rung.sender];
  const fin = connection.checks.find((check) => check.name === `${SIDES[rung.sender]} fin acknowledged`);
  const follows = rung.checks.find((check) => CHECKS[check.name][1] === "SEQ");
  if (parts.some((what) => what === "SYN" || what === "SYN,ACK") && end.isn !== null) label += `  SEQ ${end.isn}`;
  else if (parts.includes("FIN") && fin) label += `  SEQ ${(fin.expected - 1 + 2 ** 32) % 2 ** 32}`;
  else if (follows) label += `  SEQ ${follows.seen}`;
  const acked = rung.checks.find((check) => CHECKS[check.name][1] === "ACK");
  if (!acked) return label;
  return label === "ACK" ? `ACK ${acked.seen}` : `${label}  ACK ${acked.seen}`;
}

/* `ACK 1001 = client's SYN 1000 + 1` in one line, or what was expected in two. */
function arithmetic(check) {
  const [, field, number] = CHECKS[check.name];
  const sum = `${number} ${(check.expected - 1 + 2 ** 32) % 2 ** 32} + 1`;
  if (check.seen === check.expected) return [`\u2713 ${field} ${check.seen} = ${sum}`];
  if (check.ok) return [`\u2713 ${field} ${check.seen} =`, `${sum} + ${(check.seen - check.expected + 2 ** 32) % 2 ** 32} of data`];
  return [`\u2717 ${field} ${check.seen}, expected ${check.expected} =`, sum];
}

function ladder(connection) {
  const rungs = rungsOf(connection);
  const { width, left, right, bar, top, row, line } = LADDER;
  let height = top;
  for (const rung of rungs) {
    rung.y = height;
    rung.lines = rung.checks.flatMap((check) => arithmetic(check).map((text) => ({ text, ok: check.ok })));
    const most = Math.max(rung.lines.length, rung.changes[0].length, rung.changes[1].length, 1);
    height += row + (most - 1) * line;
  }
  const lowest = connection.ends.map((_, side) => placeSteps(connection, rungs, side));
  height = Math.max(height, ...lowest.map((y) => y + 40)) + 8;
  const svg = draw("svg", { class: "ladder", viewBox: `0 0 ${width} ${height + 8}`, role: "img",
    "aria-label": `Ladder of connection ${connection.id}: ${counted(rungs.length, "step")}; the table below has the same steps in words` });
  svg.append(
    draw("text", { x: left - bar, y: 22, class: "end", "text-anchor": "end" }, `client ${connection.ends[0].address}`),
    draw("text", { x: right + bar, y: 22, class: "end" }, `server ${connection.ends[1].address}`),
  );
  SIDES.forEach((_, side) => svg.append(lifeline(connection, side, height)));
  rungs.forEach((rung) => svg.append(rungGroup(connection, rung)));
  return svg;
}

/* Give each step of one end its height, and return the lowest.  An end takes its steps in its own order: a segment that
   crossed another arrives after what was sent meanwhile, so its arrow is steep. */
function placeSteps(connection, rungs, side) {
  const { slope, line } = LADDER;
  const rungOf = new Map(rungs.flatMap((rung) => rung.changes[side].map((step) => [step, rung])));
  let last = -Infinity;
  for (const step of connection.ends[side].steps) {
    const rung = rungOf.get(step);
    const here = rung.y + (rung.sender === 1 - side ? slope : 0);
    const crossed = last > here && rung.changes[side][0] === step;
    step.y = last = Math.max(here, last + (crossed ? 2 * line + 6 : line));
    if (rung.changes[side][0] === step && rung.sender === 1 - side) rung.tip = step.y;
  }
  return last;
}

/* The states of one end as coloured bars, each from the step that begins it to the next. */
function lifeline(connection, side, height) {
  const { left, right, bar, top, line } = LADDER;
  const group = draw("g");
  const x = side ? right : left - bar;
  let state = connection.ends[side].steps[0]?.from ?? connection.ends[side].state ?? "CLOSED";
  let from = top - 28;
  const until = (to) => group.append(draw("rect", { x, y: from, width: bar, height: Math.max(to - from, 0), fill: `var(--${state})` }));
  const labelAt = side ? right + bar + 10 : left - bar - 10;
  const label = (text, y, dim) => draw("text", { x: labelAt, y, class: dim ? "dim" : "", "text-anchor": side ? "start" : "end" }, text);
  const marks = [label(state, from + 10, true)];
  connection.ends[side].steps.forEach((step, number, steps) => {
    const y = step.y;
    const crowded = number + 1 < steps.length && steps[number + 1].y < y + 2 * line;
    until(y);
    from = y;
    state = step.to;
    const unsure = step.certainty === "inferred" || step.certainty === "assumed";
    const dot = draw("circle", { cx: x + bar / 2, cy: y, r: 4.5, class: unsure ? "unsure" : "sure" });
    dot.append(draw("title", {}, CERTAIN[step.certainty] ?? step.certainty));
    if (unsure) dot.setAttribute("stroke", `var(--${state})`);
    else dot.setAttribute("fill", `var(--${state})`);
    marks.push(dot, label(state, y + 4), ...(crowded ? [] : [label(proofOf(step), y + 19, true)]));
  });
  until(height);
  group.append(...marks);
  return group;
}

function proofOf(step) {
  return step.by === null ? step.certainty : `${step.certainty} by frame ${step.by}`;
}

function rungGroup(connection, rung) {
  const { left, right, slope, line } = LADDER;
  const y = rung.y;
  const group = draw("g");
  const when = rung.time === null ? "" : seconds(rung.time - connection.start);
  group.append(draw("text", { x: 4, y: y + 4 }, when), draw("text", { x: 4, y: y + 19, class: "dim" }, rung.frame === null ? "" : `frame ${rung.frame}`));
  const middle = (left + right) / 2;
  if (rung.sender === null) {
    const event = [...new Set(rung.changes.flat().map((step) => step.event))].join(", ");
    group.append(draw("text", { x: middle, y: y + 4, class: "dim", "text-anchor": "middle" }, event));
    return group;
  }
  const [from, to] = rung.sender === 0 ? [left + 2, right - 2] : [right - 2, left + 2];
  const back = rung.sender === 0 ? -9 : 9;
  const tip = rung.tip ?? y + slope;
  const steep = tip - y > 2 * slope;
  const turn = (Math.atan2(tip - y, to - from) * 180) / Math.PI;
  group.append(
    draw("path", { class: "arrow", d: `M${from} ${y}L${to} ${tip}` }),
    draw("path", { class: "head", d: "M0 0l-9 -4.3l0 8.6z", transform: `translate(${to} ${tip}) rotate(${turn})` }),
    draw("text", { x: steep ? from - back * 0.7 : middle, y: steep ? y - 8 : y - 4, class: "halo", "text-anchor": !steep ? "middle" : rung.sender ? "end" : "start" },
      labelOf(connection, rung)),
  );
  rung.lines.forEach(({ text, ok }, place) => {
    group.append(draw("text", { x: middle, y: y + 27 + place * line, class: ok ? "ok halo" : "wrong halo", "text-anchor": "middle" }, text));
  });
  return group;
}

/* The same steps as a table, for those who do not see the ladder, and to copy from. */
function stepsTable(connection) {
  const steps = connection.ends.flatMap((end, side) => {
    let last = -Infinity;
    return end.steps.map((step) => ({ ...step, side, order: (last = Math.max(last, step.time)) }));
  });
  steps.sort((a, b) => a.order - b.order);
  const body = make("tbody", {}, ...steps.map((step) => make("tr", {},
    make("td", { class: "number" }, seconds(step.time - connection.start)), make("td", { class: "number" }, step.frame === null ? "-" : String(step.frame)),
    make("td", {}, SIDES[step.side]), make("td", {}, step.from), make("td", {}, step.to), make("td", {}, step.event),
    make("td", {}, proofOf(step)))));
  const titles = ["seconds", "frame", "end", "from", "to", "event", "certainty"];
  const head = make("tr", {}, ...titles.map((title, place) => make("th", { scope: "col", class: place < 2 ? "number" : null }, title)));
  return make("div", { class: "scroll steps", tabindex: "0", role: "region", "aria-label": "Steps" },
    make("table", {}, make("caption", { class: "unseen" }, "Steps of both ends"), make("thead", {}, head), body));
}
