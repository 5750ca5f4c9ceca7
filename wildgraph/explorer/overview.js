// The landing view: what went in, what came out, what was left out and why, and which graphs there are.

const CLASSES = { filtered: "left out as asked", gated: "failed a quality gate", failed: "could not be processed" };

function showOverview() {
  $("overview-title").textContent = about.title;
  fill($("tiles"), ...tiles());
  $("tiles").hidden = !$("tiles").children.length;
  fill($("notes"), ...about.notes.map((note) => el("p", { class: "note", text: note })));
  $("funnel-section").hidden = !about.funnel.length;
  fill($("funnel"), ...about.funnel.map(stageRow), about.funnel.length ? funnelLegend() : null);
  $("types-section").hidden = !graphTypes().length;
  fill($("cards"), ...graphTypes().map(card));
  $("histograms-section").hidden = !about.rows;
  fill($("histograms"), ...figures());
  $("about-section").hidden = !about.about.length;
  fill($("about"), ...about.about.flatMap(([name, value]) => [el("dt", { text: name }), el("dd", {}, said(value))]));
}

function tiles() {
  const sum = (name) => graphTypes().reduce((total, type) => total + type[name], 0);
  const first = about.funnel[0];
  const found = [
    first ? [number(first.entered), `in at ${first.stage}`] : null,
    ...(graphTypes().length
      ? [
          [number(sum("records")), "records in graphs"],
          [number(graphTypes().length), graphTypes().length === 1 ? "document type" : "document types"],
          [number(sum("nodes")), "labels, by type"],
        ]
      : []),
    about.rows
      ? [
          number(about.accepted),
          about.accepted === about.rows ? "rows accepted" : `of ${number(about.rows)} rows accepted`,
        ]
      : null,
  ];
  return found
    .filter(Boolean)
    .map(([value, name]) => el("div", { class: "tile" }, el("strong", { text: value }), el("span", { text: name })));
}

function stageRow({ stage, entered, passed, drops }) {
  const lost = {};
  for (const [kind, , count] of drops) lost[kind] = (lost[kind] || 0) + count;
  // What neither passed nor was rejected is not there: a stage may merge or multiply items. The bar then shows proportions.
  const whole = Math.max(entered, passed + Object.values(lost).reduce((total, count) => total + count, 0), 1);
  const bar = el("div", { class: "bar-of", "aria-hidden": "true" });
  for (const [kind, count] of [["passed", passed], ...Object.entries(lost)]) {
    if (!count) continue;
    const piece = el("span", { class: `piece ${kind in CLASSES ? kind : kind === "passed" ? kind : "failed"}` });
    piece.style.setProperty("width", `${(100 * count) / whole}%`);
    bar.append(piece);
  }
  return el(
    "div",
    { class: "stage-row", data: { stage } },
    el("h3", { text: stage }),
    el(
      "p",
      { class: "in-out" },
      el("b", { text: number(passed) }),
      ` of ${number(entered)} · ${share(passed, entered)}`,
    ),
    bar,
    drops.length ? el("ul", { class: "drops" }, ...drops.map(drop)) : null,
  );
}

function drop([kind, reason, count]) {
  const known = kind in CLASSES ? kind : "failed";
  return el(
    "li",
    { class: known, title: about.reasons[reason] || reason },
    said(words(reason)),
    el("b", { text: number(count) }),
  );
}

function funnelLegend() {
  const seen = new Set(
    about.funnel.flatMap((stage) => stage.drops.map(([kind]) => (kind in CLASSES ? kind : "failed"))),
  );
  const keys = [["passed", "passed on"], ...Object.entries(CLASSES).filter(([kind]) => seen.has(kind))];
  return el("p", { class: "key" }, ...keys.map(([kind, meaning]) => el("span", { class: kind, text: meaning })));
}

function card(type) {
  const open = () => go({ view: "graph", type: type.key });
  const rows = type.rows
    ? `${number(type.accepted)} of ${plural(type.rows, "row")} accepted`
    : about.rows
      ? "no rows sampled"
      : "";
  return el(
    "button",
    { type: "button", class: "card", onclick: open, data: { type: type.key } },
    thumbnail(type),
    el("strong", {}, said(type.name)),
    el("span", {
      class: "figures-line",
      text: `${plural(type.records, "record")} · ${plural(type.nodes, "label")} · ${plural(type.edges, "edge")}`,
    }),
    el("span", { class: "islands" }, ...type.islands.map((names) => el("span", {}, said(names[0])))),
    el("span", { class: "figures-line", text: [plural(type.islandCount, "island"), rows].filter(Boolean).join(" · ") }),
  );
}

/** The graph in small: its discs and a part of its dots. */
function thumbnail(type) {
  const edges = type.discs.reduce(
    (box, [x, y, radius]) => [
      Math.min(box[0], x - radius),
      Math.min(box[1], y - radius),
      Math.max(box[2], x + radius),
      Math.max(box[3], y + radius),
    ],
    [0, 0, 1, 1],
  );
  const [left, top, width, height] = [edges[0] - 8, edges[1] - 8, edges[2] - edges[0] + 16, edges[3] - edges[1] + 16];
  const dot = Math.max(width / 250, height / 110) * 2.4;
  return svg(
    "svg",
    {
      viewBox: `${left} ${top} ${width} ${height}`,
      class: "thumbnail",
      "aria-hidden": "true",
      preserveAspectRatio: "xMidYMid meet",
    },
    ...type.discs.map(([x, y, radius, loose]) =>
      svg("circle", { cx: x, cy: y, r: radius, class: loose ? "disc loose" : "disc" }),
    ),
    ...type.dots.map(([x, y, field]) =>
      svg("circle", { cx: x, cy: y, r: dot.toFixed(1), class: `slot-${slots[field]}` }),
    ),
  );
}

function figures() {
  const { tokens, estimated, labels, documents, paradigms } = about.histograms;
  return [
    columns("Length of a row", estimated ? "in tokens from … on, estimated" : "in tokens from … on", tokens),
    columns("Labels on a path", "", labels),
    columns("Documents of a row", "", documents),
    columns("Paradigm", "", paradigms),
  ].filter(Boolean);
}

function columns(title, unit, counts) {
  if (!counts.length) return null;
  const most = Math.max(...counts.map(([, count]) => count), 1);
  const bars = counts.map(([name, count]) => {
    const bar = el("span", { class: "column" });
    bar.style.setProperty("height", `${(100 * count) / most}%`);
    return el(
      "li",
      {},
      el("span", { class: "count", text: count ? number(count) : "" }),
      el("span", { class: "well" }, bar),
      said(words(name), { class: "tick" }),
    );
  });
  return el(
    "figure",
    {},
    el("figcaption", {}, el("b", { text: title }), unit ? ` ${unit}` : ""),
    el("ol", { class: "columns" }, ...bars),
  );
}
