// Starts the page and shows the view that the address names. `body[data-ready]` holds its name once it is there.

const SHOW = {
  overview: showOverview,
  graph: showGraph,
  coverage: showCoverage,
  samples: showSamples,
  compare: showCompare,
};

let rendering = 0;
let viewed = "";

async function render() {
  rendering += 1;
  const mine = rendering;
  const { view } = state;
  delete document.body.dataset.ready;
  for (const name of VIEWS) $(`view-${name}`).hidden = name !== view;
  for (const link of document.querySelectorAll("nav a")) {
    if (link.dataset.view === view) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.body.dataset.view = view;
  $("trouble").hidden = true;
  try {
    await SHOW[view]();
  } catch (error) {
    $("trouble").textContent = error.message;
    $("trouble").hidden = false;
    if (mine === rendering) $(`view-${view}`).hidden = true;
  }
  if (mine !== rendering) return; // something newer is on its way
  if (viewed !== view) scrollTo(0, 0);
  viewed = view;
  document.body.dataset.ready = view;
}

function startTheme() {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const set = (theme) => {
    document.documentElement.dataset.theme = theme;
    $("theme").textContent = theme === "dark" ? "Light" : "Dark";
    repaint();
  };
  $("theme").addEventListener("click", () => set(dark() ? "light" : "dark"));
  system.addEventListener("change", () => set(system.matches ? "dark" : "light"));
  set(system.matches ? "dark" : "light");
}

/** Reads the overview block and shows the view that the address names. */
async function takeOver() {
  about = await block("overview");
  $("run-title").textContent = about.title;
  $("compare-link").hidden = !about.compare;
  assignSlots();
  readAddress();
  await render();
}

async function start() {
  startTheme();
  startGraph();
  startSamples();
  startCompare();
  addEventListener("popstate", () => {
    if (!about) return; // the data is still being inflated; the address is read when it is there
    readAddress();
    render();
  });
  addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
    const box = $({ graph: "find", samples: "sample-find", compare: "compare-find" }[state.view]);
    if (!box?.checkVisibility() || event.target.closest("input, select")) return;
    event.preventDefault();
    box.focus();
  });
  try {
    await takeOver();
  } catch (error) {
    $("trouble").textContent = error.message;
    $("trouble").hidden = false;
  }
}

start();
