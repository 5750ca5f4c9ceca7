// The panel of two labels and the line between them: how often they meet, and what was made of both.

function showTogether() {
  const { graph, chosen, other } = scene;
  const through = pathsThrough(graph, chosen, other);
  fill(
    $("selection"),
    el("button", {
      type: "button",
      class: "quiet small",
      id: "selection-close",
      text: "← One label",
      onclick: () => choose(chosen),
    }),
    el("h2", { text: "Two labels together" }),
    el("div", { class: "ends" }, labelButton(graph, chosen), labelButton(graph, other)),
    meetings(graph, chosen, other),
    through.length
      ? walker(graph, through, "Paths that hold both")
      : el("p", { class: "lead", text: graph.type.rows ? "No sampled path on this page holds both." : "" }),
    ...examples(graph, chosen, other),
  );
}

function meetings(graph, one, other) {
  const frequency = together(graph, one, other);
  if (!frequency) {
    return el("p", {
      class: "note",
      text:
        graph.frequency.length < graph.edgeCount
          ? "Their edge is not on this page, which left out weak ones."
          : "No record holds both, or too few users asked for both: the graph has no such edge.",
    });
  }
  const chance = (graph.records[one] * graph.records[other]) / Math.max(graph.type.records, graph.widest);
  const found = [
    ["records with both", number(frequency)],
    ["by chance", chance < 10 ? chance.toFixed(1) : number(Math.round(chance))],
    ["lift", `×${liftOf(graph, one, other, frequency).toFixed(1)}`],
    ["of the first", share(frequency, graph.records[one])],
    ["of the second", share(frequency, graph.records[other])],
  ];
  return el(
    "dl",
    { class: "facts tight" },
    ...found.flatMap(([name, value]) => [el("dt", { text: name }), el("dd", { text: value })]),
  );
}
