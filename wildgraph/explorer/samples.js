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
  const all = graphsOrRows.flatMap(({ type, graph, rows }) => {
    const [node, other] = [state.node, state.with].map((key) => (graph && key ? graph.key.indexOf(key) : -1));
    const own = node < 0 ? rows : rowsWith(graph, node, other);
    return own.map((row) => ({ type, graph, row }));
  });
  showSampleFilters(all);
  const asked = state.find.trim().toLowerCase();
  const found = all.filter(
    ({ row }) =>
      (!state.paradigm || row.paradigm === state.paradigm) &&
      passesOutcome(row) &&
      (!asked || spoken(row).some((text) => text.toLowerCase().includes(asked))),
  );
  const named = found.find(({ row }) => row.id === state.row);
  const chosen = named || found[0] || null; // beside the list there is room for a row even before one is chosen
  listSamples(found, chosen, all.length);
  $("view-samples").classList.toggle("reading", named !== undefined);
  fill(
    $("sample"),
    ...(chosen
      ? sampleDetail(found, chosen)
      : [el("p", { class: "message", text: all.length ? "No row passes these filters." : emptyReason() })]),
  );
  $("sample").scrollTop = 0;
}

/** What can be searched for in a row: all that was said, and its documents. */
const spoken = (row) => [
  ...row.turns.map(([, text]) => text),
  ...row.alternatives.map(({ text }) => text),
  ...row.documents.flatMap(({ id, title }) => [id, title]),
  row.answer ?? "",
  row.id,
];

/** An outcome is `accepted`, `rejected`, or `rejected:` and the reason. */
function passesOutcome(row) {
  if (!state.outcome) return true;
  const [outcome, reason] = state.outcome.split(":");
  if (row.ok !== (outcome === "accepted")) return false;
  return !reason || row.gates.some(([, status, given]) => status === "fail" && given === reason);
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
  const reasons = new Map();
  for (const { row } of all)
    for (const [, status, reason] of row.gates)
      if (status === "fail") reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  fill(
    $("sample-outcome"),
    option("", "all"),
    option("accepted", "accepted"),
    option("rejected", "rejected"),
    ...[...reasons]
      .sort()
      .map(([reason, count]) => option(`rejected:${reason}`, `${shorten(words(reason), 40)} (${count})`)),
  );
  $("sample-outcome").value = state.outcome;
  showLabelFilter(all);
  if ($("sample-find").value !== state.find) $("sample-find").value = state.find;
}

/** Rows may be narrowed to those with a label, or two, from the graph; here that can be undone. */
function showLabelFilter(all) {
  const graph = all.find(({ type }) => type.key === state.type)?.graph;
  const nodes = graph ? [state.node, state.with].map((key) => graph.key.indexOf(key)).filter((node) => node >= 0) : [];
  $("sample-label").hidden = !nodes.length;
  if (!nodes.length) return;
  fill(
    $("sample-label"),
    "with ",
    ...nodes.flatMap((node, place) => [place ? " and " : null, said(shorten(graph.name[node], 60))]),
    el("button", {
      type: "button",
      class: "quiet small",
      text: "All labels",
      onclick: () => go({ node: "", with: "", row: "" }),
    }),
  );
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

/** Beside the list: which of the rows found it is, the way to its neighbours, and the row. */
function sampleDetail(found, chosen) {
  const place = found.indexOf(chosen);
  const turn = (sign, name, next) =>
    el("button", {
      type: "button",
      class: "quiet small",
      "aria-label": name,
      text: sign,
      disabled: !next,
      onclick: () => go({ row: next.row.id }, { replace: true }),
    });
  return [
    el(
      "p",
      { class: "row turn" },
      el("button", { type: "button", class: "quiet small back", text: "← All rows", onclick: () => go({ row: "" }) }),
      turn("◀", "Previous row", found[place - 1]),
      el("span", { id: "row-place", text: `${number(place + 1)} of ${number(found.length)}` }),
      turn("▶", "Next row", found[place + 1]),
    ),
    ...rowInFull(chosen),
  ];
}

function startSamples() {
  const set = (name) => (event) => go({ [name]: event.target.value, row: "" }, { replace: true });
  $("sample-type").addEventListener("change", (event) =>
    go({ type: event.target.value, node: "", with: "", row: "" }, { replace: true }),
  );
  $("sample-list").addEventListener("keydown", (event) => {
    const by = { ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling" }[event.key];
    const beside = by && event.target.closest("li")?.[by]?.querySelector("button");
    if (!beside) return;
    event.preventDefault();
    beside.focus();
  });
  $("sample-paradigm").addEventListener("change", set("paradigm"));
  $("sample-outcome").addEventListener("change", set("outcome"));
  $("sample-find").addEventListener("input", afterwards(set("find"), 120));
}
