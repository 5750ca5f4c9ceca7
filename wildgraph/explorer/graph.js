// The graph view: filters, chips, picture and panel, kept in step.

let fittedFor = null;
let selectionFor = "";

async function showGraph() {
  const types = graphTypes();
  if (!types.length) throw new Error("There is no task graph on this page: no document type had enough records.");
  const graph = await graphOf(state.type);
  hostStage($("view-graph"), graph);
  readFilters(graph);
  showControls(graph, types);
  showChips(graph);
  const selected = scene.chosen >= 0;
  $("label-list").hidden = selected;
  $("selection").hidden = !selected;
  if (scene.other >= 0) showTogether();
  else if (selected) showSelection();
  else showList();
  turnPanel($("panel"), $("selection"), selected);
  showCaption(graph);
  settle(graph);
}

/** Puts the picture into one of the two views that show it. A canvas keeps what is painted on it when it moves. */
function hostStage(view, graph) {
  const bench = view.querySelector(".workbench") ?? view;
  const stage = $("canvas-box").parentElement;
  if (stage.parentElement !== bench) bench.insertBefore(stage, bench.querySelector(".panel"));
  if (scene.graph === graph) return;
  scene.graph = graph;
  scene.hover = -1;
  rowsShown = ROWS_AT_ONCE;
}

/** A new subject is read from its beginning. */
function turnPanel(panel, selection, selected) {
  const subject = `${state.view} ${state.type} ${state.node} ${state.with}`;
  if (selectionFor !== subject) {
    panel.scrollTop = 0;
    if (selected && following) selection.scrollIntoView({ block: "start" }); // on a phone the list is long
  }
  selectionFor = subject;
}

/** From the address to what is painted. */
function readFilters(graph) {
  const on = shownFields();
  scene.visible = new Uint8Array(graph.size);
  for (let node = 0; node < graph.size; node++)
    scene.visible[node] = on.has(graph.field[node]) && graph.support[node] >= state.support ? 1 : 0;
  const asked = state.find.trim().toLowerCase();
  scene.found = null;
  if (asked) {
    scene.found = new Set();
    graph.searched.forEach((name, node) => name.includes(asked) && scene.found.add(node));
  }
  scene.chosen = graph.key.indexOf(state.node);
  scene.other = scene.chosen < 0 || state.with === state.node ? -1 : graph.key.indexOf(state.with);
  scene.near = new Map(
    scene.chosen < 0 ? [] : occursWith(graph, scene.chosen).map(({ other, frequency }) => [other, frequency]),
  );
  const through = scene.chosen < 0 ? [] : pathsThrough(graph, scene.chosen, scene.other);
  scene.path = state.path && through.length ? through[Math.min(state.path, through.length) - 1].steps : [];
  scene.step = Math.min(state.step, scene.path.length);
  scene.shade = shading(graph);
  scene.ramp = RAMP;
}

const shownFields = () =>
  new Set(state.fields === "" ? about.fields.keys() : state.fields.split(".").filter(Boolean).map(Number));

function shading(graph) {
  if (state.colour === "coverage") {
    const bins = countBins(mostUsed(graph));
    return graph.used.map((times) => (times ? bins.find(({ bound }) => times <= bound).colour : -1));
  }
  if (state.colour === "acceptance")
    return graph.used.map((times, node) => (times ? shareColour(graph.accepted[node] / times) : -1));
  return null;
}

const mostUsed = (graph) => graph.used.reduce((most, times) => Math.max(most, times), 1);

function showControls(graph, types) {
  if ($("type").options.length !== types.length) {
    fill($("type"), ...types.map((type) => el("option", { value: type.key, text: tame(shorten(type.name, 60)) })));
  }
  $("type").value = state.type;
  $("type-facts").textContent = `${plural(graph.type.records, "record")} of ${plural(graph.type.users, "user")}`;
  if ($("find").value !== state.find) $("find").value = state.find;
  const on = shownFields();
  const counts = about.fields.map(() => 0);
  graph.field.forEach((field) => (counts[field] += 1));
  const boxes = about.fields.map((name, field) => {
    if (!counts[field]) return null;
    const box = el("input", {
      type: "checkbox",
      checked: on.has(field),
      onchange: (event) => toggleField(field, event.target.checked),
    });
    return el(
      "label",
      { class: "field", data: { field: name } },
      box,
      icon(field),
      said(words(name)),
      el("span", { class: "count", text: number(counts[field]) }),
    );
  });
  const focused = document.activeElement?.closest?.(".field")?.dataset.field;
  fill($("fields"), ...boxes);
  if (focused !== undefined)
    [...$("fields").children].find((label) => label.dataset.field === focused)?.firstChild.focus();
  const supports = [...graph.support].sort((left, right) => left - right);
  const slider = $("support");
  slider.min = graph.type.minSupport;
  slider.max = Math.max(graph.type.minSupport + 1, supports[Math.floor(supports.length * 0.9)] || 1); // beyond, one step would hide most
  slider.value = Math.max(state.support, graph.type.minSupport);
  $("support-value").textContent = plural(Math.max(state.support, graph.type.minSupport), "user");
  for (const input of $("colours").querySelectorAll("input")) {
    input.checked = input.value === state.colour;
    input.disabled = input.value !== "field" && !graph.type.rows;
  }
  fill($("legend"), legend(graph));
}

function toggleField(field, shown) {
  const on = shownFields();
  if (shown) on.add(field);
  else on.delete(field);
  setFields(on);
}

function setFields(on) {
  const all = about.fields.every((_, field) => on.has(field));
  return go({ fields: all ? "" : [...on].sort((left, right) => left - right).join(".") || "." }, { replace: true });
}

function legend(graph) {
  if (state.colour === "field")
    return graph.type.rows
      ? null
      : el("p", { class: "lead", text: "No rows were sampled from this type: only fields to colour by." });
  const coverage = state.colour === "coverage";
  const most = mostUsed(graph);
  const bins = coverage
    ? countBins(most).map(({ bound, colour }, bin, all) => [
        colour,
        range(bin ? all[bin - 1].bound + 1 : 1, Math.min(bound, most)),
      ])
    : [];
  const shares = ["below 50 %", "50–69 %", "70–79 %", "80–89 %", "90–99 %", "all"].map((name, colour) => [
    colour,
    name,
  ]);
  return el(
    "div",
    {},
    el("p", {
      class: "lead",
      text: coverage ? "How many sampled rows use it" : "Share of its rows that passed every gate",
    }),
    el(
      "ul",
      { class: "swatches" },
      ...[[-1, coverage ? "none" : "no row"], ...(coverage ? bins : shares)].map(([colour, name]) =>
        swatch(colour, name),
      ),
    ),
  );
}

const range = (low, high) => (low >= high ? number(high) : `${number(low)}–${number(high)}`);

function swatch(colour, name) {
  const box = el("i", { class: "swatch" });
  if (colour >= 0) box.style.setProperty("background", RAMP[colour]);
  return el("li", {}, box, name);
}

function showChips(graph) {
  const { path, chosen, other, near, found } = scene;
  // The chips of a path come first, in its order: on a phone the others are out of sight.
  const step = (node) => (path.includes(node) ? path.indexOf(node) : path.length);
  const chips = graph.chips.filter((node) => scene.visible[node]).sort((left, right) => step(left) - step(right));
  const lit = (node) =>
    [chosen, other].includes(node) ||
    (path.length ? path.includes(node) : other < 0 && (near.has(node) || found?.has(node)));
  $("chips").hidden = !chips.length;
  fill(
    $("chips"),
    el("span", {
      class: "chips-name",
      text: "In many records",
      title:
        "Labels of more than 15 % of the records would tie everything together; they stand here instead of in the picture.",
    }),
    ...chips.map((node) =>
      el(
        "button",
        {
          type: "button",
          class: lit(node) ? "chip lit" : "chip",
          "aria-pressed": String(node === chosen),
          data: { node: graph.key[node] },
          onclick: () => choose(node === chosen ? -1 : node),
        },
        path.includes(node)
          ? el("b", { class: "bead", text: String(step(node) + 1) })
          : shaded(icon(graph.field[node]), node),
        said(shorten(graph.name[node], 40)),
        el("small", { text: share(graph.records[node], graph.type.records) }),
      ),
    ),
  );
}

function shaded(sign, node) {
  if (scene.shade) {
    sign.classList.add("shaded");
    sign.style.setProperty("fill", scene.shade[node] < 0 ? "none" : styled(scene.ramp[scene.shade[node]]));
  }
  return sign;
}

function showCaption(graph) {
  const drawn = [];
  for (let node = 0; node < graph.size; node++) if (scene.visible[node] && inPicture(node)) drawn.push(node);
  const edges = graph.backbone.filter(
    (edge) => scene.visible[graph.sources[edge]] && scene.visible[graph.targets[edge]],
  ).length;
  const loose = graph.islands.find((island) => !island[3].length)?.[4] ?? 0;
  const tied = graph.islands.length - (loose ? 1 : 0);
  const parts = [
    `${number(drawn.length)} of ${plural(graph.size, "label")}`,
    `${number(edges)} of ${plural(graph.edgeCount, "edge")} (${graph.edgesPerLabel} strongest a label)`,
    plural(tied, "island"),
    ...(loose ? [`${number(loose)} tied to none (dashed)`] : []),
  ];
  $("caption").textContent = parts.join(" · ");
  $("canvas").setAttribute("aria-label", `Task graph of ${tame(graph.type.name)}: ${parts.join(", ")}.`);
}

/** After the layout of the page: fit the picture when it is new, otherwise bring what was chosen into the frame. */
function settle(graph) {
  // On a phone the picture stays in sight while a path is walked; this changes its size, so it comes first.
  $("canvas-box").closest(".workbench").classList.toggle("walking", scene.path.length > 0);
  const resized = resize($("canvas"));
  const fresh = fittedFor !== graph;
  fittedFor = graph;
  if (fresh || (resized && !frame.moved)) {
    frame.moved = false;
    look(boxAround(null));
  }
  const near = scene.path.slice(Math.max(0, scene.step - 2), scene.step + 1); // the step and its neighbours
  if (scene.step && near.some(inPicture)) look(boxAround(near), { soft: true, closest: 1.6 });
  else if (scene.path.length) frameNodes(scene.path);
  else if (following && scene.other >= 0) frameNodes([scene.chosen, scene.other]);
  else if (following && scene.chosen >= 0) frameNodes([scene.chosen, ...scene.near.keys()], [scene.chosen]);
  following = false;
  repaint();
}

let following = false;

/** Moves only when one of `needed` is outside the frame, and then shows all of `nodes`. */
function frameNodes(nodes, needed = nodes) {
  const outside = needed.filter(inPicture).some((node) => {
    const [x, y] = [screenX(nodeX(node)), screenY(nodeY(node))];
    return x < 24 || y < 24 || x > frame.width - 24 || y > frame.height - 40;
  });
  if (outside) look(boxAround(nodes), { soft: true, closest: Math.max(1.2, camera.scale) });
}

/** Selects a label, or none with -1, or two. With `follow` the picture moves there if need be. */
function choose(node, { follow = false, other = -1 } = {}) {
  following = follow;
  const key = (place) => (place < 0 ? "" : scene.graph.key[place]);
  return go({ node: key(node), with: key(other), path: 0, step: 0 });
}

/** A click: the label there, else the line there, else nothing. */
function pick(x, y) {
  const node = nodeAt(x, y);
  const ends = node < 0 && edgeAt(x, y);
  if (!ends) return choose(node);
  const [one, other] = ends[1] === scene.chosen ? ends.reverse() : ends;
  return choose(one, { other });
}

function startGraph() {
  const canvas = $("canvas");
  const showAll = () => {
    frame.moved = false;
    look(boxAround(null), { soft: true });
  };
  takeHold(canvas, {
    picked: pick,
    hovered: (x, y) => {
      const node = scene.graph ? nodeAt(x, y) : -1;
      canvas.classList.toggle("pointing", node >= 0 || (scene.graph !== null && edgeAt(x, y) !== null));
      if (node === scene.hover) return;
      scene.hover = node;
      repaint();
    },
    cleared: () => choose(scene.other >= 0 ? scene.chosen : -1),
    reset: showAll,
    walk,
  });
  const centre = () => [frame.width / 2, frame.height / 2];
  $("zoom-in").addEventListener("click", () => zoomAt(...centre(), 1.4));
  $("zoom-out").addEventListener("click", () => zoomAt(...centre(), 1 / 1.4));
  $("zoom-fit").addEventListener("click", showAll);
  $("type").addEventListener("change", (event) =>
    go({ ...DEFAULTS, colour: state.colour, sort: state.sort, type: event.target.value }),
  );
  $("find").addEventListener(
    "input",
    afterwards(
      (event) => go({ find: event.target.value, node: "", with: "", path: 0, step: 0 }, { replace: true }),
      80,
    ),
  );
  $("support").addEventListener("input", (event) =>
    go(
      { support: Number(event.target.value) <= scene.graph.type.minSupport ? 1 : Number(event.target.value) },
      { replace: true },
    ),
  );
  $("colours").addEventListener("change", (event) => go({ colour: event.target.value }, { replace: true }));
  $("fields-all").addEventListener("click", () => setFields(new Set(about.fields.keys())));
  $("fields-none").addEventListener("click", () => setFields(new Set()));
  $("list-more").addEventListener("click", () => {
    rowsShown += ROWS_AT_ONCE;
    showList();
  });
  new ResizeObserver(() => {
    if (scene.graph && resize(canvas)) {
      if (!frame.moved) look(boxAround(null));
      repaint();
    }
  }).observe($("canvas-box"));
  // On a phone the filters would push the picture off the screen.
  if (matchMedia("(max-width: 800px)").matches)
    for (const controls of document.querySelectorAll(".controls")) controls.open = false;
}
