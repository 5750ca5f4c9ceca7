// What views show of rows: the verdict, the evidence in its place, a row in full.

const EXAMPLES = 2;

const verdictMark = (accepted) =>
  el("span", { class: `verdict ${accepted ? "ok" : "bad"}`, text: accepted ? "✓ accepted" : "✗ rejected" });

const rowLink = (graph, place, text) =>
  el("button", {
    type: "button",
    class: "quiet small",
    text,
    onclick: () => go({ view: "samples", type: graph.type.key, row: graph.rows[place].id }),
  });

const instructionOf = (row) => row.turns.find(([role]) => role === "user")?.[1] ?? "";

/** Rows that hold a label, or two: some accepted and some rejected ones, and the way to all of them. */
function examples(graph, node, other = -1) {
  const rows = rowsWith(graph, node, other);
  return [true, false].flatMap((accepted) => {
    const own = rows.filter((row) => row.ok === accepted);
    if (!own.length) return [];
    const all = {
      view: "samples",
      type: graph.type.key,
      node: graph.key[node],
      with: other < 0 ? "" : graph.key[other],
      outcome: accepted ? "accepted" : "rejected",
    };
    return [
      el(
        "section",
        { class: "examples", data: { outcome: all.outcome } },
        el("h3", { text: `${accepted ? "Accepted" : "Rejected"} rows on this page (${number(own.length)})` }),
        ...own.slice(0, EXAMPLES).map((row) => example(graph, row)),
        own.length > EXAMPLES
          ? el("button", {
              type: "button",
              class: "quiet small all-rows",
              text: `All ${own.length} in Samples`,
              onclick: () => go(all),
            })
          : null,
      ),
    ];
  });
}

function example(graph, row) {
  const window = row.documents.flatMap((document) => document.evidence.flatMap(({ windows }) => windows))[0];
  const failed = row.gates.filter(([, status]) => status === "fail");
  return el(
    "div",
    { class: "example" },
    el("p", {}, said(shorten(instructionOf(row), 240))),
    window ? evidence(window) : null,
    ...failed.map(gateLine),
    el("p", { class: "row" }, verdictMark(row.ok), rowLink(graph, graph.rows.indexOf(row), "Open")),
  );
}

const gateLine = ([name, , reason, detail]) =>
  el(
    "p",
    { class: "why", title: about.reasons[reason] || null },
    said([words(name), words(reason), detail].filter(Boolean).join(" · ")),
  );

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

/** A row in full. */
function rowInFull({ type, graph, row }) {
  return [
    el(
      "p",
      { class: "row wrap" },
      verdictMark(row.ok),
      ...[type.name, words(row.paradigm), row.split, row.bucket ? `bucket ${number(row.bucket)}` : ""]
        .filter(Boolean)
        .map((text) => el("span", { class: "tag" }, said(text))),
    ),
    ...row.gates.filter(([, status]) => status === "fail").map(gateLine),
    ...pathPart(type, graph, row),
    ...row.turns.flatMap((turn, place) => turnPart(row, turn, place)),
    ...answerPart(row),
    ...alternativesPart(row),
    el("h2", { text: `${row.documents.length === 1 ? "Document" : "Documents"} and evidence` }),
    ...row.documents.map((document) => documentPart(row, document)),
    el("h2", { text: "Gates" }),
    el("ul", { class: "gates" }, ...row.gates.map(gate)),
    el("h2", { text: "Made" }),
    madePart(row),
  ];
}

function pathPart(type, graph, row) {
  const [first] = row.path;
  const through = graph && typeof first === "number" ? pathsThrough(graph, first) : [];
  const place = through.findIndex((path) => path.row === graph.rows.indexOf(row));
  return [
    el("h2", { text: "Path" }),
    el(
      "ol",
      { class: "steps across" },
      ...row.path.map((step, number) => el("li", {}, stepButton(type, graph, step, String(number + 1)))),
    ),
    row.attributes.length
      ? el(
          "p",
          { class: "row wrap attributes" },
          "drawn once: ",
          ...row.attributes.map((step) => stepButton(type, graph, step, "")),
        )
      : null,
    place < 0
      ? null
      : el("button", {
          type: "button",
          class: "quiet small walk",
          text: "Walk it in the graph",
          onclick: () => go({ view: "graph", type: type.key, node: graph.key[first], path: place + 1, step: 1 }),
        }),
  ];
}

/** A step is a label of the graph, or a field and a text that the graph no longer has. */
function stepButton(type, graph, step, place) {
  const bead = place ? el("b", { text: place }) : null;
  if (typeof step !== "number")
    return el(
      "span",
      { class: "label", title: "not a label of this graph" },
      bead,
      said(`${words(step[0])}: ${step[1]}`),
    );
  return el(
    "button",
    {
      type: "button",
      class: "label",
      title: words(about.fields[graph.field[step]]),
      onclick: () => go({ view: "graph", type: type.key, node: graph.key[step] }),
    },
    bead,
    icon(graph.field[step]),
    said(shorten(graph.name[step], 80)),
  );
}

const ROLES = { user: "Instruction", assistant: "Response", system: "System" };

function turnPart(row, [role, text, train], place) {
  const several = row.turns.length > 2;
  const name = ROLES[role] ?? role;
  return [
    el(
      "h2",
      { data: { turn: place + 1 } },
      several ? `${name} · turn ${place + 1}` : name,
      several && role === "assistant" && !train ? el("small", { text: " not trained on" }) : null,
    ),
    el("p", { class: `text ${role === "assistant" ? "" : "asked"}`, dir: "auto", text }),
  ];
}

function answerPart(row) {
  if (row.answer === null && !row.checkers.length && row.passRate === null) return [];
  return [
    el("h2", { text: "Checked by program" }),
    row.answer === null ? null : el("p", { class: "text", dir: "auto", text: row.answer }),
    el(
      "ul",
      { class: "checkers" },
      ...row.checkers.map(([name, args]) =>
        el("li", {}, said(words(name)), args === "{}" ? null : el("code", {}, said(args))),
      ),
    ),
    row.passRate === null
      ? null
      : el("p", { class: "lead", text: `The trainee's own answers pass in ${share(row.passRate, 1)} of the tries.` }),
  ];
}

const MADE = {
  no_document: "answered without the documents",
  wrong_document: "answered from another document",
  constraint_broken: "a constraint or fact broken",
  answer_withheld: "an answer that the document no longer holds",
  worst_of_several: "the worst of several, by the judge",
};

function alternativesPart(row) {
  if (!row.alternatives.length) return [];
  return [
    el("h2", { text: "Worse answers, for preference data" }),
    ...row.alternatives.map(({ made, text, matched, margin, engine, detail }) =>
      el(
        "section",
        { class: "alternative" },
        el(
          "p",
          { class: "row wrap" },
          el("span", { class: "verdict bad", text: "✗ rejected answer" }),
          ...[
            MADE[made] ?? words(made),
            matched ? "length and form match" : "length or form differs",
            margin === null ? "" : `margin ${margin.toFixed(2)}`,
            engine,
          ]
            .filter(Boolean)
            .map((part) => el("span", { class: "tag" }, said(part))),
        ),
        detail ? el("p", { class: "why" }, said(detail)) : null,
        el("p", { class: "text worse", dir: "auto", text }),
      ),
    ),
    row.more ? el("p", { class: "lead", text: `${number(row.more)} more are not on this page.` }) : null,
  ];
}

function documentPart(row, { id, title, role, licence, length, evidence: taken, places }) {
  const several = new Set(row.documents.flatMap((document) => document.evidence.map(({ turn }) => turn))).size > 1;
  return el(
    "section",
    { class: `document ${role}` },
    el("h3", {}, said(title || id), title && title !== id ? el("small", {}, " ", said(id)) : null),
    el(
      "p",
      { class: "row wrap" },
      ...[
        role,
        `licence ${licence}`,
        length === null ? "text not on this page" : plural(length, "character"),
      ].map((part) => el("span", { class: "tag" }, said(part))),
    ),
    length ? whereabouts(places) : null,
    ...(taken.length
      ? taken.flatMap(({ turn, windows }) => [
          several ? el("p", { class: "for-turn", text: `For turn ${turn + 1}` }) : null,
          ...windows.map((window) =>
            el("div", {}, evidence(window), el("p", { class: "lead", text: `from character ${number(window.at)}` })),
          ),
        ])
      : [el("p", { class: "lead", text: "No evidence is quoted from it." })]),
  );
}

/** Where in the document the evidence stands, from its beginning at the left to its end at the right. */
function whereabouts(places) {
  const marks = places.map(([from, to]) => {
    const mark = el("i");
    mark.style.setProperty("left", `${100 * from}%`);
    mark.style.setProperty("width", `${100 * (to - from)}%`);
    return mark;
  });
  const where = places.map(([from]) => `${Math.round(100 * from)} %`).join(", ");
  return el(
    "div",
    {
      class: "whereabouts",
      role: "img",
      "aria-label": places.length ? `Evidence at ${where} of the document` : "No evidence",
    },
    ...marks,
  );
}

function gate([name, status, reason, detail]) {
  const sign = { pass: "✓", fail: "✗" }[status] || "–";
  const why = status === "fail" ? about.reasons[reason] || words(reason) : reason;
  return el(
    "li",
    { class: status },
    el("b", {
      class: `verdict ${status === "pass" ? "ok" : status === "fail" ? "bad" : "open"}`,
      text: `${sign} ${words(status)}`,
    }),
    said(words(name)),
    why || detail ? el("small", {}, said([why, detail].filter(Boolean).join(" — "))) : null,
  );
}

function madePart(row) {
  const total = row.tokens.reduce((sum, count) => sum + count, 0);
  const [documents, instruction, response] = row.tokens.map(number);
  const kind = row.estimated ? "tokens, estimated" : "tokens";
  return el(
    "dl",
    { class: "facts" },
    ...[
      ["row", row.id],
      ["length", `${number(total)} ${kind}: documents ${documents}, instruction ${instruction}, response ${response}`],
      ["language", row.language],
      ["engine", row.engine],
      ["seed", String(row.seed)],
      ...(row.twin ? [["answerable twin", row.twin]] : []),
    ].flatMap(([name, value]) => [el("dt", { text: name }), el("dd", {}, said(value))]),
  );
}
