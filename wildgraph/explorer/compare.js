// Two runs side by side. This one is "here", the other one "there"; ▲ and ▼ say what this one has more and less of.

const CHANGES = ["only here", "more here", "about the same", "more there", "only there"];

async function showCompare() {
  const union = state.type ? await unionOf(state.type) : null;
  $("compare-summary").hidden = union !== null;
  $("compare-bench").hidden = union === null;
  if (union) showChanges(union);
  else showBothRuns();
}

function showBothRuns() {
  const { title, rows, tokens, funnel, reasons, types } = about.compare;
  $("compare-title").textContent = `${about.title} and ${title}`;
  $("compare-lead").textContent = `Each pair of numbers is ${about.title} first, then ${title}.`;
  const sum = (name, side) => types.reduce((total, type) => total + type[name][side], 0);
  const both = (name) => [0, 1].map((side) => sum(name, side));
  fill(
    $("compare-tiles"),
    ...[
      [types.map((type) => type.nodes), "document types"],
      [both("records"), "records in graphs"],
      [both("nodes"), "labels, by type"],
      [rows.map(([, accepted]) => accepted), "rows accepted"],
      tokens.every((value) => value !== null) ? [tokens, "tokens of the middle row"] : null,
    ]
      .filter(Boolean)
      .map(([values, name], place) =>
        tileOfTwo(place ? values : [0, 1].map((side) => values.filter((nodes) => nodes[side] > 0).length), name),
      ),
  );
  fill(
    $("compare-key"),
    ...CHANGES.map((name, kind) => {
      const box = el("i", { class: "swatch" });
      box.style.setProperty("background", styled(CHANGE[kind]));
      return el("li", {}, box, name);
    }),
  );
  fill($("compare-types"), ...typesTable(types));
  $("compare-funnel-section").hidden = !funnel.length;
  fill($("compare-funnel"), ...funnelTable(funnel));
  $("compare-reasons-section").hidden = !reasons.length;
  fill($("compare-reasons"), ...reasonsTable(reasons));
}

const tileOfTwo = ([here, there], name) =>
  el(
    "div",
    { class: "tile" },
    el("strong", {}, `${number(here)} `, el("i", { text: number(there) })),
    el("span", {}, name, " ", trend(here - there)),
  );

/** ▲ or ▼ and how much, or nothing. */
function trend(by, text = number(Math.abs(by))) {
  if (!by) return el("span", { class: "trend", text: "=" });
  return el("span", { class: `trend ${by > 0 ? "up" : "down"}`, text: `${by > 0 ? "▲" : "▼"} ${text}` });
}

const heads = (...names) =>
  el("thead", {}, el("tr", {}, ...names.map((name) => el("th", { scope: "col" }, said(shorten(name, 40))))));

const cells = (...values) => values.map((value) => el("td", {}, value));

function typesTable(types) {
  const moved = ({ changes }) => 1 - changes[2] / Math.max(1, changes.reduce((sum, count) => sum + count, 0));
  const alone = ({ nodes }) => (nodes.every((count) => count > 0) ? 0 : 1);
  const order = [...types].sort((left, right) => alone(left) - alone(right) || moved(right) - moved(left));
  const rows = order.map((type) =>
    el(
      "tr",
      { data: { type: type.key } },
      el(
        "th",
        { scope: "row" },
        el(
          "button",
          { type: "button", class: "open-type", onclick: () => go({ type: type.key }) },
          said(shorten(type.name, 60)),
        ),
        type.nodes.every((count) => count > 0)
          ? null
          : el("small", { text: type.nodes[0] ? "in this run alone" : "in the other run alone" }),
      ),
      ...cells(
        twoNumbers(type.records),
        twoNumbers(type.nodes),
        twoNumbers(type.edges),
        changeBar(type.changes),
        twoShares(type.accepted, type.rows),
      ),
    ),
  );
  return [
    heads("Document type", "Records", "Labels", "Edges", "What changed", "Rows accepted"),
    el("tbody", {}, ...rows),
  ];
}

const twoNumbers = ([here, there]) =>
  el(
    "span",
    { class: "two" },
    el("b", { text: number(here) }),
    " ",
    el("span", { text: number(there) }),
    " ",
    trend(here - there),
  );

function twoShares(parts, wholes) {
  const shown = [0, 1].map((side) => share(parts[side], wholes[side]));
  const rates = wholes.every(Boolean) ? parts[0] / wholes[0] - parts[1] / wholes[1] : 0;
  return el(
    "span",
    { class: "two" },
    el("b", { text: shown[0] }),
    " ",
    el("span", { text: shown[1] }),
    " ",
    wholes.every(Boolean) ? trend(Math.round(100 * rates), `${Math.abs(Math.round(100 * rates))} pt`) : null,
  );
}

/** How many labels changed how, as a bar whose pieces have names and numbers. */
function changeBar(changes) {
  const bar = el("span", {
    class: "change-bar",
    role: "img",
    "aria-label": changes.map((count, kind) => `${count} ${CHANGES[kind]}`).join(", "),
    title: changes.map((count, kind) => `${number(count)} ${CHANGES[kind]}`).join("\n"),
  });
  changes.forEach((count, kind) => {
    if (!count) return;
    const piece = el("i");
    piece.style.setProperty("flex-grow", String(count));
    piece.style.setProperty("background", styled(CHANGE[kind]));
    bar.append(piece);
  });
  return bar;
}

function funnelTable(funnel) {
  const rows = funnel.map(([stage, ...sides]) => {
    const rates = sides.map((side) => (side && side[0] ? side[1] / side[0] : null));
    const apart = rates.every((rate) => rate !== null) ? Math.round(100 * (rates[0] - rates[1])) : 0;
    return el(
      "tr",
      { data: { stage } },
      el("th", { scope: "row" }, said(words(stage))),
      ...cells(
        ...sides.map((side) =>
          side
            ? el("span", {}, el("b", { text: number(side[1]) }), ` of ${number(side[0])} · ${share(side[1], side[0])}`)
            : "–",
        ),
        trend(apart, `${Math.abs(apart)} pt`),
      ),
    );
  });
  return [heads("Stage", about.title, about.compare.title, "Share that passed"), el("tbody", {}, ...rows)];
}

function reasonsTable(reasons) {
  const rows = reasons.map(([stage, kind, reason, here, there]) =>
    el(
      "tr",
      { title: about.reasons[reason] || null },
      el("th", { scope: "row" }, said(words(reason)), el("small", {}, said(`${words(stage)} · ${words(kind)}`))),
      ...cells(number(here), number(there), trend(here - there)),
    ),
  );
  return [heads("Reason", about.title, about.compare.title, "Change"), el("tbody", {}, ...rows)];
}
