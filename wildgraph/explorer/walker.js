// Paths, one at a time, and one path step by step. `state.path` and `state.step` count from 1; 0 shows none, or all of it.

/** A list of paths to turn over. */
function walker(graph, through, title) {
  const now = Math.min(state.path, through.length);
  const path = through[Math.max(now, 1) - 1];
  const turn = (sign, name, what, by) =>
    el("button", { type: "button", class: "quiet", "aria-label": name, text: sign, onclick: () => walk(what, by) });
  return el(
    "section",
    { id: "walker" },
    el("h3", { text: title }),
    el(
      "p",
      { class: "row turn" },
      turn("◀", "Previous path", "path", -1),
      el("span", {
        id: "path-place",
        "aria-live": "polite",
        text: now ? `${now} of ${through.length}` : plural(through.length, "path"),
      }),
      turn("▶", "Next path", "path", 1),
      now
        ? el("button", {
            type: "button",
            class: "quiet small",
            text: "Hide",
            onclick: () => go({ path: 0, step: 0 }, { replace: true }),
          })
        : null,
    ),
    now
      ? el("ol", { class: "steps way" }, ...path.steps.flatMap((node, place) => stepOf(graph, path, node, place)))
      : null,
    now
      ? el(
          "p",
          { class: "row turn" },
          turn("‹", "Step back", "step", -1),
          el("span", {
            id: "step-place",
            "aria-live": "polite",
            text: scene.step ? `step ${scene.step} of ${path.steps.length}` : "step by step",
          }),
          turn("›", "Step on", "step", 1),
        )
      : null,
    now
      ? el(
          "p",
          { class: "row outcome" },
          verdictMark(path.accepted),
          path.row >= 0
            ? rowLink(graph, path.row, "Open its row")
            : el("small", { text: about.publish ? "" : "its row is not on this page" }),
        )
      : null,
  );
}

/** A step of the path, and what ties it to the one before. */
function stepOf(graph, path, node, place) {
  const { step } = scene;
  const before = place ? path.steps[place - 1] : -1;
  const ahead = step && place >= step ? "ahead" : "";
  const here = node === scene.chosen || node === scene.other ? "here" : "";
  const shown = [
    before < 0 ? null : el("li", { class: `tie ${ahead}`, text: tie(graph, before, node) }),
    el(
      "li",
      {
        class: `${here} ${ahead}`,
        "aria-current": step === place + 1 ? "step" : null,
      },
      el(
        "button",
        { type: "button", class: "label", onclick: () => go({ step: place + 1 }, { replace: true }) },
        el("b", { text: String(place + 1) }),
        icon(graph.field[node]),
        said(shorten(graph.name[node], 80)),
      ),
      step === place + 1 ? stepFacts(graph, node) : null,
    ),
  ];
  return shown.filter(Boolean);
}

function tie(graph, before, node) {
  const frequency = together(graph, before, node);
  return frequency
    ? `${plural(frequency, "record")} together, ×${liftOf(graph, before, node, frequency).toFixed(1)}`
    : "no edge on this page";
}

const stepFacts = (graph, node) =>
  el(
    "p",
    { class: "row wrap step-facts" },
    el("small", {
      text: [
        words(about.fields[graph.field[node]]),
        plural(graph.records[node], "record"),
        plural(graph.support[node], "user"),
      ].join(" · "),
    }),
    node === scene.chosen
      ? null
      : el("button", {
          type: "button",
          class: "quiet small",
          text: "Show this label",
          onclick: () => choose(node, { follow: true }),
        }),
  );

/** To the next path or step, or back; paths go round, steps end. */
function walk(what, by) {
  if (state.view !== "graph" || scene.chosen < 0) return;
  const through = pathsThrough(scene.graph, scene.chosen, scene.other);
  if (!through.length) return;
  const now = Math.min(state.path, through.length);
  if (what === "path" || !now) {
    const next = now ? ((now - 1 + by + through.length) % through.length) + 1 : by > 0 ? 1 : through.length;
    go({ path: next, step: what === "step" ? 1 : 0 }, { replace: true });
    return;
  }
  const last = through[now - 1].steps.length;
  go({ step: Math.min(last, Math.max(0, scene.step + by)) }, { replace: true });
}
