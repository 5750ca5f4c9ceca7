// What is shown is written in the address, so that Back works and a copied link opens the same view.

const VIEWS = ["overview", "graph", "coverage", "samples", "compare"];

const DEFAULTS = {
  type: "",
  node: "",
  with: "", // a second label: what is shown is the two together
  path: 0,
  step: 0, // of the path, counted from 1; 0 shows it whole
  fields: "",
  support: 1,
  colour: "field",
  find: "",
  sort: "records",
  row: "",
  paradigm: "",
  outcome: "",
  kinds: "", // of the comparison: which changes are shown
};

let state = { view: "overview", ...DEFAULTS };
let lastType = "";

function readAddress() {
  const [view, query] = location.hash.slice(1).split(/\?(.*)/s);
  const wanted = new URLSearchParams(query || "");
  const next = { view: VIEWS.includes(view) ? view : "overview" };
  for (const [name, standard] of Object.entries(DEFAULTS)) {
    const text = wanted.get(name);
    next[name] = text === null ? standard : typeof standard === "number" ? Math.max(0, parseInt(text, 10) || 0) : text;
  }
  if (next.view === "compare") {
    if (!about.compare) next.view = "overview";
    if (!comparedType(next.type)) next.type = "";
    state = next;
    return;
  }
  // A type that this page does not have is as good as none; the graph view needs one.
  if (!typeOf(next.type)) next.type = "";
  if (next.view === "graph" && (!next.type || typeOf(next.type).nodes === undefined)) {
    next.type = graphTypes().some((type) => type.key === lastType) ? lastType : (graphTypes()[0]?.key ?? "");
  }
  if (!["field", "coverage", "acceptance"].includes(next.colour)) next.colour = "field";
  if (next.view === "graph") lastType = next.type;
  state = next;
}

function address(next) {
  const query = new URLSearchParams();
  for (const [name, standard] of Object.entries(DEFAULTS)) {
    if (next[name] !== standard) query.set(name, next[name]);
  }
  const text = query.toString();
  return `#${next.view}${text ? `?${text}` : ""}`;
}

/** Show something else. A step that Back should undo is pushed, a filter being turned replaces the entry. */
function go(changes, { replace = false } = {}) {
  const leaving = changes.view && changes.view !== state.view;
  const next = { ...(leaving ? DEFAULTS : {}), ...(leaving ? {} : state), ...changes };
  history[replace ? "replaceState" : "pushState"](null, "", address(next));
  readAddress();
  return render();
}
