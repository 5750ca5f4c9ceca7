// The panel of a chosen label: what it occurs with, the paths through it, rows made from them.

const EXAMPLES = 3;
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
    company(graph, chosen),
    through.length ? walker(graph, chosen, through) : null,
    ...examples(graph, through),
  );
}

function pathsThrough(graph, node) {
  return graph.paths.filter((path) => path.steps.includes(node));
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
      el("td", { text: number(frequency) }),
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
      text: `By lift: how much more often than by chance.${with_.length < total ? ` ${with_.length} of ${number(total)}.` : ""}`,
    }),
    el("table", { class: "list" }, el("thead", {}, head), el("tbody", {}, ...rows)),
    shown.length < with_.length
      ? el("button", { type: "button", class: "quiet small", text: `All ${with_.length}`, onclick: showAll })
      : null,
  );
}

/** Paths through the label, one at a time. `state.path` counts from 1; 0 shows none in the picture. */
function walker(graph, node, through) {
  const now = Math.min(state.path, through.length);
  const turn = (step) => () =>
    go(
      { path: ((Math.max(now, step > 0 ? 0 : 1) - 1 + step + through.length) % through.length) + 1 },
      { replace: true },
    );
  const path = through[Math.max(now, 1) - 1];
  const steps = path.steps.map((step, place) =>
    el(
      "li",
      { class: step === node ? "here" : "" },
      el(
        "button",
        { type: "button", class: "label", onclick: () => choose(step, { follow: true }) },
        el("b", { text: String(place + 1) }),
        icon(graph.field[step]),
        said(shorten(graph.name[step], 80)),
      ),
    ),
  );
  return el(
    "section",
    { id: "walker" },
    el("h3", { text: "Paths through it" }),
    el(
      "p",
      { class: "row turn" },
      el("button", { type: "button", class: "quiet", "aria-label": "Previous path", text: "◀", onclick: turn(-1) }),
      el("span", {
        id: "path-place",
        "aria-live": "polite",
        text: now ? `${now} of ${through.length}` : plural(through.length, "path"),
      }),
      el("button", { type: "button", class: "quiet", "aria-label": "Next path", text: "▶", onclick: turn(1) }),
      now
        ? el("button", {
            type: "button",
            class: "quiet small",
            text: "Hide",
            onclick: () => go({ path: 0 }, { replace: true }),
          })
        : null,
    ),
    now ? el("ol", { class: "steps" }, ...steps) : null,
    now
      ? el(
          "p",
          { class: "row" },
          verdictMark(path.accepted),
          path.row >= 0
            ? rowLink(graph, path.row, "Open its row")
            : el("small", { text: "its row is not on this page" }),
        )
      : null,
  );
}

const verdictMark = (accepted) =>
  el("span", { class: `verdict ${accepted ? "ok" : "bad"}`, text: accepted ? "✓ accepted" : "✗ rejected" });

const rowLink = (graph, place, text) =>
  el("button", {
    type: "button",
    class: "quiet small",
    text,
    onclick: () => go({ view: "samples", type: graph.type.key, row: graph.rows[place].id }),
  });

function examples(graph, through) {
  const rows = through.filter((path) => path.row >= 0).slice(0, EXAMPLES);
  if (!rows.length) return [];
  return [
    el("h3", { text: "Rows" }),
    ...rows.map(({ row: place, accepted }) => {
      const row = graph.rows[place];
      const window = row.documents.flatMap((document) => document.windows)[0];
      return el(
        "div",
        { class: "example" },
        el("p", {}, said(shorten(instructionOf(row), 240))),
        window ? evidence(window) : null,
        el("p", { class: "row" }, verdictMark(accepted), rowLink(graph, place, "Open")),
      );
    }),
  ];
}

const instructionOf = (row) => row.turns.find(([role]) => role === "user")?.[1] ?? "";

/** Evidence in its context; the pieces were cut in Python, where offsets count code points. */
const evidence = ({ parts, found }) =>
  el(
    "blockquote",
    {
      class: found ? "window" : "window alone",
      dir: "auto",
      title: found ? null : "The document's text is not on this page; this is the quotation itself.",
    },
    ...parts.map((part, place) => (place % 2 ? el("mark", { text: part }) : part)),
  );
