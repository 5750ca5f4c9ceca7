// The sampled rows: a list to filter, and one row in full.

const SAMPLES_AT_ONCE = 100;
let listedFor = "";

async function showSamples() {
  const types = about.types.filter((type) => type.shown && (!state.type || type.key === state.type));
  const graphsOrRows = await Promise.all(
    types.map(async (type) => ({
      type,
      graph: type.nodes === undefined ? null : await graphOf(type.key),
      rows: (await block(`rows-${type.key}`)).rows,
    })),
  );
  const all = graphsOrRows.flatMap(({ type, graph, rows }) => rows.map((row) => ({ type, graph, row })));
  showSampleFilters(all);
  const asked = state.find.trim().toLowerCase();
  const found = all.filter(
    ({ row }) =>
      (!state.paradigm || row.paradigm === state.paradigm) &&
      (!state.outcome || row.ok === (state.outcome === "accepted")) &&
      (!asked || row.turns.some(([, text]) => text.toLowerCase().includes(asked))),
  );
  const named = found.find(({ row }) => row.id === state.row);
  const chosen = named || found[0] || null; // beside the list there is room for a row even before one is chosen
  listSamples(found, chosen, all.length);
  $("view-samples").classList.toggle("reading", named !== undefined);
  fill(
    $("sample"),
    ...(chosen
      ? sampleDetail(chosen)
      : [el("p", { class: "message", text: all.length ? "No row passes these filters." : emptyReason() })]),
  );
  $("sample").scrollTop = 0;
}

const emptyReason = () =>
  about.publish
    ? "This page was made for publishing: it holds no rows."
    : about.rows
      ? "No rows of this document type are on this page."
      : "No rows were sampled yet.";

function showSampleFilters(all) {
  const option = (value, text, chosen) => el("option", { value, text: tame(text), selected: value === chosen });
  fill(
    $("sample-type"),
    option("", "all", state.type),
    ...about.types
      .filter((type) => type.shown)
      .map((type) => option(type.key, `${shorten(type.name, 60)} (${type.shown})`, state.type)),
  );
  const paradigms = [...new Set([...all.map(({ row }) => row.paradigm), state.paradigm].filter(Boolean))].sort();
  fill(
    $("sample-paradigm"),
    option("", "all", state.paradigm),
    ...paradigms.map((name) => option(name, shorten(name, 40), state.paradigm)),
  );
  $("sample-type").value = state.type;
  $("sample-paradigm").value = state.paradigm;
  $("sample-outcome").value = state.outcome;
  if ($("sample-find").value !== state.find) $("sample-find").value = state.find;
}

function listSamples(found, chosen, total) {
  const all = state.type ? typeOf(state.type).rows : about.rows;
  $("sample-count").textContent =
    (found.length < total ? `${number(found.length)} of ${plural(total, "row")}.` : `${plural(total, "row")}.`) +
    (total < all ? ` ${number(all)} were sampled; a part of them is on this page.` : "");
  // The first rows, and the chosen one wherever it stands.
  const shown = found.slice(0, SAMPLES_AT_ONCE);
  if (chosen && !shown.includes(chosen)) shown.push(chosen);
  fill(
    $("sample-list"),
    ...shown.map((sample) =>
      el(
        "li",
        {},
        el(
          "button",
          {
            type: "button",
            "aria-current": sample === chosen ? "true" : null,
            onclick: () => go({ row: sample.row.id }),
            data: { row: sample.row.id },
          },
          el("span", { class: "line" }, said(shorten(instructionOf(sample.row), 150))),
          el(
            "small",
            {},
            verdictMark(sample.row.ok),
            said(shorten(sample.type.name, 40)),
            " · ",
            said(words(sample.row.paradigm)),
          ),
        ),
      ),
    ),
    shown.length < found.length
      ? el("li", {
          class: "lead",
          text: `${number(found.length - shown.length)} more: narrow the filters to see them.`,
        })
      : null,
  );
  const place = `${state.type} ${state.paradigm} ${state.outcome} ${state.find}`;
  if (listedFor !== place) $("sample-list").scrollTop = 0;
  listedFor = place;
}

function sampleDetail({ type, graph, row }) {
  const total = row.tokens.reduce((sum, count) => sum + count, 0);
  return [
    el("button", { type: "button", class: "quiet small back", text: "← All rows", onclick: () => go({ row: "" }) }),
    el(
      "p",
      { class: "row wrap" },
      verdictMark(row.ok),
      el("span", { class: "tag" }, said(type.name)),
      el("span", { class: "tag" }, said(words(row.paradigm))),
      el("span", { class: "tag", text: row.split }),
    ),
    el("h2", { text: "Path" }),
    el(
      "ol",
      { class: "steps across" },
      ...row.path.map((step, place) => stepItem(type, graph, step, String(place + 1))),
    ),
    row.attributes.length
      ? el(
          "p",
          { class: "row wrap attributes" },
          "drawn once: ",
          ...row.attributes.map((step) => stepButton(type, graph, step, "")),
        )
      : null,
    ...row.turns.flatMap(([role, text], place) => turn(row, role, text, place)),
    row.answer === null ? null : el("h2", { text: "Answer to check" }),
    row.answer === null ? null : el("p", { class: "text", dir: "auto", text: row.answer }),
    el("h2", { text: `${row.documents.length === 1 ? "Document" : "Documents"} and evidence` }),
    ...row.documents.map(documentPart),
    el("h2", { text: "Gates" }),
    el("ul", { class: "gates" }, ...row.gates.map(gate)),
    el("h2", { text: "Made" }),
    el(
      "dl",
      { class: "facts" },
      ...[
        ["row", row.id],
        [
          "length",
          `${number(total)} ${row.estimated ? "tokens, estimated" : "tokens"}: documents ${number(row.tokens[0])}, instruction ${number(row.tokens[1])}, response ${number(row.tokens[2])}`,
        ],
        ["language", row.language],
        ["engine", row.engine],
        ["seed", String(row.seed)],
      ].flatMap(([name, value]) => [el("dt", { text: name }), el("dd", {}, said(value))]),
    ),
  ];
}

function turn(row, role, text, place) {
  const several = row.turns.length > 2;
  const name = role === "user" ? "Instruction" : role === "assistant" ? "Response" : role;
  return [
    el("h2", { text: several ? `${name} · turn ${place + 1}` : name }),
    el("p", { class: `text ${role === "user" ? "asked" : ""}`, dir: "auto", text }),
  ];
}

const stepItem = (...step) => el("li", {}, stepButton(...step));

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

function documentPart({ id, role, licence, windows }) {
  return el(
    "section",
    { class: "document" },
    el("h3", {}, said(id), " ", el("small", {}, said(`${role} · licence ${licence}`))),
    ...(windows.length
      ? windows.map((window) =>
          el("div", {}, evidence(window), el("p", { class: "lead", text: `from character ${number(window.at)}` })),
        )
      : [el("p", { class: "lead", text: "No evidence is quoted from it." })]),
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

function startSamples() {
  const set = (name) => (event) => go({ [name]: event.target.value, row: "" }, { replace: true });
  $("sample-type").addEventListener("change", set("type"));
  $("sample-paradigm").addEventListener("change", set("paradigm"));
  $("sample-outcome").addEventListener("change", set("outcome"));
  $("sample-find").addEventListener("input", afterwards(set("find"), 120));
}
