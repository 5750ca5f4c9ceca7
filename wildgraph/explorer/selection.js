// The panel of a chosen label: what it occurs with, the paths through it, rows made from them.

const COMPANY = 8;
let wholeCompany = ""; // the label whose neighbours are all shown

function showSelection() {
  const { graph, chosen } = scene;
  const through = pathsThrough(graph, chosen);
  const field = graph.field[chosen];
  fill(
    $("selection"),
    el("button", {
      type: "button",
      class: "quiet small",
      id: "selection-close",
      text: "← All labels",
      onclick: () => choose(-1),
    }),
    el("p", { class: "kind" }, icon(field), said(words(about.fields[field]))),
    el("h2", {}, said(graph.name[chosen])),
    facts(graph, chosen),
    graph.island[chosen] < 0
      ? el("p", {
          class: "note",
          text: "In so many records that it would tie everything together: it stands beside the picture, not in it.",
        })
      : null,
    through.length ? walker(graph, through, "Paths through it") : null,
    company(graph, chosen),
    ...examples(graph, chosen),
  );
}

function facts(graph, node) {
  const { records } = graph.type;
  const found = [
    ["records", `${number(graph.records[node])} of ${number(records)}, ${share(graph.records[node], records)}`],
    ["users", number(graph.support[node])],
  ];
  if (graph.type.rows) {
    found.push(["sampled rows", number(graph.used[node])]);
    if (graph.used[node])
      found.push(["accepted", `${number(graph.accepted[node])}, ${share(graph.accepted[node], graph.used[node])}`]);
  }
  return el(
    "dl",
    { class: "facts tight" },
    ...found.flatMap(([name, value]) => [el("dt", { text: name }), el("dd", { text: value })]),
  );
}

function company(graph, node) {
  const with_ = occursWith(graph, node);
  const total = graph.neighbours[node].length;
  if (!with_.length) return el("p", { class: "lead", text: "Occurs with no other label often enough to be shown." });
  const whole = wholeCompany === graph.key[node];
  const shown = whole ? with_ : with_.slice(0, COMPANY);
  const showAll = () => {
    wholeCompany = graph.key[node];
    showSelection();
  };
  const rows = shown.map(({ other, frequency, lift }) =>
    el(
      "tr",
      { class: scene.visible[other] ? "" : "hidden-label" },
      el("td", {}, labelButton(graph, other)),
      el(
        "td",
        {},
        el("button", {
          type: "button",
          class: "count-link",
          text: number(frequency),
          title: "Show the two together",
          "aria-label": `${number(frequency)} records: show the two together`,
          onclick: () => choose(node, { other, follow: true }),
        }),
      ),
      el("td", { text: `×${lift.toFixed(1)}` }),
    ),
  );
  const head = el("tr", {}, ...["Label", "Records", "Lift"].map((name) => el("th", { scope: "col", text: name })));
  return el(
    "section",
    { id: "company" },
    el("h3", { text: "Occurs with" }),
    el("p", {
      class: "lead",
      text: `By lift: how much more often than by chance. A number of records opens the two together.${with_.length < total ? ` ${with_.length} of ${number(total)}.` : ""}`,
    }),
    el("table", { class: "list" }, el("thead", {}, head), el("tbody", {}, ...rows)),
    shown.length < with_.length
      ? el("button", { type: "button", class: "quiet small", text: `All ${with_.length}`, onclick: showAll })
      : null,
  );
}
