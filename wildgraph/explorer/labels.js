// The list of labels: all that the picture shows, in words and numbers.

const ROWS_AT_ONCE = 200;
let rowsShown = ROWS_AT_ONCE;

const SORTS = {
  name: (graph) => (left, right) =>
    graph.searched[left] < graph.searched[right] ? -1 : graph.searched[left] > graph.searched[right] ? 1 : left - right,
  records: (graph) => (left, right) => graph.records[right] - graph.records[left] || left - right,
  paths: (graph) => (left, right) =>
    graph.used[right] - graph.used[left] || graph.records[right] - graph.records[left] || left - right,
  accepted: (graph) => (left, right) =>
    acceptance(graph, right) - acceptance(graph, left) || graph.used[right] - graph.used[left] || left - right,
};

const acceptance = (graph, node) => (graph.used[node] ? graph.accepted[node] / graph.used[node] : -1);

/** Labels that pass the filters and the search, chips among them, in the chosen order. */
function listed() {
  const { graph, visible, found } = scene;
  const nodes = [];
  for (let node = 0; node < graph.size; node++) if (visible[node] && (!found || found.has(node))) nodes.push(node);
  return nodes.sort((SORTS[state.sort] || SORTS.records)(graph));
}

function showList() {
  const { graph } = scene;
  const nodes = listed();
  const sampled = graph.type.rows > 0;
  const heads = [
    ["name", "Label"],
    ["records", "Records"],
    ...(sampled
      ? [
          ["paths", "Paths"],
          ["accepted", "Accepted"],
        ]
      : []),
  ];
  fill(
    $("list-head"),
    el(
      "tr",
      {},
      ...heads.map(([key, name]) =>
        el(
          "th",
          { scope: "col", "aria-sort": state.sort === key ? (key === "name" ? "ascending" : "descending") : null },
          el("button", { type: "button", text: name, onclick: () => go({ sort: key }, { replace: true }) }),
        ),
      ),
    ),
  );
  fill($("list-body"), ...nodes.slice(0, rowsShown).map((node) => listRow(graph, node, sampled)));
  $("list-count").textContent =
    nodes.length === graph.size
      ? `All ${plural(graph.size, "label")} of this document type.`
      : `${number(nodes.length)} of ${plural(graph.size, "label")}.`;
  const left = nodes.length - rowsShown;
  $("list-more").hidden = left <= 0;
  $("list-more").textContent = `Show ${number(Math.min(left, ROWS_AT_ONCE))} more of ${number(left)}`;
}

function listRow(graph, node, sampled) {
  return el(
    "tr",
    {},
    el("td", {}, labelButton(graph, node)),
    el("td", { text: number(graph.records[node]) }),
    sampled ? el("td", { text: number(graph.used[node]) }) : null,
    sampled ? el("td", { text: graph.used[node] ? share(graph.accepted[node], graph.used[node]) : "–" }) : null,
  );
}

/** A label as a button that selects it: sign, name, field. */
function labelButton(graph, node) {
  return el(
    "button",
    { type: "button", class: "label", data: { node: graph.key[node] }, onclick: () => choose(node, { follow: true }) },
    shaded(icon(graph.field[node]), node),
    el(
      "span",
      {},
      said(shorten(graph.name[node], 120)),
      " ",
      el("small", { text: words(about.fields[graph.field[node]]) }),
    ),
  );
}
