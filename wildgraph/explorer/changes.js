// One document type in two runs: both graphs as one picture, coloured by what changed, and the list of labels.

const CHANGE_SORTS = {
  change: (graph) => (left, right) => Math.abs(moved(graph, right)) - Math.abs(moved(graph, left)) || left - right,
  name: (graph) => SORTS.name(graph),
  here: (graph) => (left, right) => partOf(graph, 0, right) - partOf(graph, 0, left) || left - right,
  there: (graph) => (left, right) => partOf(graph, 1, right) - partOf(graph, 1, left) || left - right,
};

/** The share of one side's records that hold a label. */
function partOf(graph, side, node) {
  const total = comparedType(graph.type.key).records[side];
  return total ? graph.sides.records[side][node] / total : 0;
}

const moved = (graph, node) => partOf(graph, 0, node) - partOf(graph, 1, node);

const shownKinds = () =>
  new Set(state.kinds === "" ? CHANGES.keys() : state.kinds.split(".").filter(Boolean).map(Number));

function showChanges(graph) {
  hostStage($("view-compare"), graph);
  readFilters(graph);
  const kinds = shownKinds();
  graph.change.forEach((kind, node) => {
    if (!kinds.has(kind)) scene.visible[node] = 0;
  });
  [scene.shade, scene.ramp] = [graph.change, CHANGE];
  showKinds(graph, kinds);
  showChips(graph);
  const selected = scene.chosen >= 0;
  $("change-list").hidden = selected;
  $("change-selection").hidden = !selected;
  if (selected) showChangeOf(graph);
  else listChanges(graph);
  turnPanel($("compare-panel"), $("change-selection"), selected);
  showCaption(graph);
  settle(graph);
}

function showKinds(graph, kinds) {
  const { types } = about.compare;
  if ($("compare-type").options.length !== types.length) {
    fill(
      $("compare-type"),
      ...types.map((type) => el("option", { value: type.key, text: tame(shorten(type.name, 60)) })),
    );
  }
  $("compare-type").value = state.type;
  if ($("compare-find").value !== state.find) $("compare-find").value = state.find;
  const focused = document.activeElement?.closest?.("#kinds .field")?.dataset.kind;
  fill(
    $("kinds"),
    ...CHANGES.map((name, kind) => {
      const box = el("i", { class: "swatch" });
      box.style.setProperty("background", styled(CHANGE[kind]));
      return el(
        "label",
        { class: "field", data: { kind: String(kind) } },
        el("input", {
          type: "checkbox",
          checked: kinds.has(kind),
          onchange: (event) => toggleKind(kind, event.target.checked),
        }),
        box,
        name,
        el("span", { class: "count", text: number(graph.change.filter((given) => given === kind).length) }),
      );
    }),
  );
  if (focused !== undefined) $("kinds").children[Number(focused)]?.firstChild.focus();
}

function toggleKind(kind, shown) {
  const kinds = shownKinds();
  if (shown) kinds.add(kind);
  else kinds.delete(kind);
  const all = CHANGES.every((_, each) => kinds.has(each));
  return go({ kinds: all ? "" : [...kinds].sort().join(".") || "." }, { replace: true });
}

function listChanges(graph) {
  const nodes = [];
  for (let node = 0; node < graph.size; node++)
    if (scene.visible[node] && (!scene.found || scene.found.has(node))) nodes.push(node);
  const sort = state.sort in CHANGE_SORTS ? state.sort : "change";
  nodes.sort(CHANGE_SORTS[sort](graph));
  fill(
    $("change-head"),
    el(
      "tr",
      {},
      ...[
        ["name", "Label"],
        ["here", "Here"],
        ["there", "There"],
        ["change", "Change"],
      ].map(([key, name]) =>
        el(
          "th",
          { scope: "col", "aria-sort": sort === key ? (key === "name" ? "ascending" : "descending") : null },
          el("button", { type: "button", text: name, onclick: () => go({ sort: key }, { replace: true }) }),
        ),
      ),
    ),
  );
  fill(
    $("change-body"),
    ...nodes.slice(0, rowsShown).map((node) => {
      const by = 100 * moved(graph, node);
      return el(
        "tr",
        {},
        el("td", {}, labelButton(graph, node)),
        el("td", { text: percent(partOf(graph, 0, node)) }),
        el("td", { text: percent(partOf(graph, 1, node)) }),
        el("td", {}, graph.change[node] === 2 ? "·" : trend(by, Math.abs(by).toFixed(1))),
      );
    }),
  );
  $("change-count").textContent =
    `${number(nodes.length)} of ${plural(graph.size, "label")} of both runs, in percent of the records.`;
  const left = nodes.length - rowsShown;
  $("change-more").hidden = left <= 0;
  $("change-more").textContent = `Show ${number(Math.min(left, ROWS_AT_ONCE))} more of ${number(left)}`;
}

const percent = (part) => (part ? (100 * part).toFixed(part < 0.0995 ? 1 : 0) : "–");

function showChangeOf(graph) {
  const node = scene.chosen;
  const type = comparedType(state.type);
  const { records, used, accepted } = graph.sides;
  const row = (name, ...values) => el("tr", {}, el("th", { scope: "row", text: name }), ...cells(...values));
  const sides = [0, 1];
  fill(
    $("change-selection"),
    el("button", {
      type: "button",
      class: "quiet small",
      id: "change-close",
      text: "← All labels",
      onclick: () => choose(-1),
    }),
    el("p", { class: "kind" }, icon(graph.field[node]), said(words(about.fields[graph.field[node]]))),
    el("h2", {}, said(graph.name[node])),
    el("p", { class: "row" }, el("b", { class: `kind-${graph.change[node]}`, text: CHANGES[graph.change[node]] })),
    el(
      "table",
      { class: "list sides" },
      heads("", about.title, about.compare.title),
      el(
        "tbody",
        {},
        row("records", ...sides.map((side) => number(records[side][node]))),
        row("of the type's", ...sides.map((side) => share(records[side][node], type.records[side]))),
        row("sampled rows", ...sides.map((side) => number(used[side][node]))),
        row("accepted", ...sides.map((side) => share(accepted[side][node], used[side][node]))),
      ),
    ),
    changedCompany(graph, node),
    type.own !== null && records[0][node]
      ? el("button", {
          type: "button",
          class: "quiet small",
          id: "change-open",
          text: "Its paths and rows in this run",
          onclick: () => go({ view: "graph", type: type.own, node: graph.key[node] }),
        })
      : null,
  );
}

/** What the label occurs with, by how differently often: in percent of the label's own records on either side. */
function changedCompany(graph, node) {
  const own = [0, 1].map((side) => graph.sides.records[side][node]);
  const found = graph.neighbours[node]
    .map(([other, , edge]) => {
      const parts = [0, 1].map((side) => (own[side] ? graph.sides.frequency[side][edge] / own[side] : 0));
      return { other, parts, by: parts[0] - parts[1] };
    })
    .sort((left, right) => Math.abs(right.by) - Math.abs(left.by) || left.other - right.other)
    .slice(0, LIFT_LIMIT);
  if (!found.length) return null;
  return el(
    "section",
    { id: "changed-company" },
    el("h3", { text: "Occurs with" }),
    el("p", {
      class: "lead",
      text:
        "In percent of the label's own records here and there, the largest difference first. " +
        "– is none, or too few users to be in the graph.",
    }),
    el(
      "table",
      { class: "list" },
      heads("Label", "Here", "There", "Change"),
      el(
        "tbody",
        {},
        ...found.map(({ other, parts, by }) =>
          el(
            "tr",
            {},
            el("td", {}, labelButton(graph, other)),
            ...cells(percent(parts[0]), percent(parts[1]), trend(Math.round(100 * by))),
          ),
        ),
      ),
    ),
  );
}

function startCompare() {
  $("compare-back").addEventListener("click", () => go({ type: "", node: "", with: "", find: "", kinds: "" }));
  $("compare-type").addEventListener("change", (event) =>
    go({ type: event.target.value, node: "", with: "", find: "" }),
  );
  $("compare-find").addEventListener(
    "input",
    afterwards((event) => go({ find: event.target.value, node: "", with: "" }, { replace: true }), 80),
  );
  $("change-more").addEventListener("click", () => {
    rowsShown += ROWS_AT_ONCE;
    listChanges(scene.graph);
  });
}
