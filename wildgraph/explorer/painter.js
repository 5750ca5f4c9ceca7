// Paints one graph on the canvas. Nothing is laid out here: every point comes from Python.
//
// What a browser likes: lines of width exactly 1 with their weight as opacity, and everything of one colour in one path.

/** What to paint; the graph view fills it in. */
const scene = {
  graph: null,
  visible: null, // Uint8Array: passes the filters
  chosen: -1,
  other: -1, // the second one of two chosen labels
  near: new Map(), // neighbour -> frequency, of the chosen label
  found: null, // Set of labels that match the search, or null
  path: [],
  step: 0, // of the path, counted from 1; 0 is all of it
  hover: -1,
  shade: null, // node -> ramp bin, -1 for hollow; null colours by field
  ramp: RAMP,
};

let asked = 0;

/** Paints once before the next frame, however often it is asked for. The canvas says `data-moving` until it has come to rest. */
function repaint() {
  if (!asked) asked = requestAnimationFrame(paint);
  $("canvas").dataset.moving = "";
}

// On an upright screen the picture lies on its side: it is laid out wider than high.
const nodeX = (node) => (frame.upright ? scene.graph.y[node] : scene.graph.x[node]);
const nodeY = (node) => (frame.upright ? scene.graph.x[node] : scene.graph.y[node]);
const discX = (island) => (frame.upright ? island[1] : island[0]);
const discY = (island) => (frame.upright ? island[0] : island[1]);

const inPicture = (node) => scene.graph.island[node] >= 0;

function radiusOf(node) {
  const zoom = Math.min(1.5, Math.max(0.55, Math.sqrt(camera.scale)));
  return (2.6 + 7.5 * Math.sqrt(scene.graph.records[node] / scene.graph.widestShown)) * zoom;
}

/** The rectangle around nodes, or around all discs. */
function boxAround(nodes) {
  const box = [Infinity, Infinity, -Infinity, -Infinity];
  const add = (x, y, rim) => {
    box[0] = Math.min(box[0], x - rim);
    box[1] = Math.min(box[1], y - rim);
    box[2] = Math.max(box[2], x + rim);
    box[3] = Math.max(box[3], y + rim);
  };
  if (nodes) nodes.filter(inPicture).forEach((node) => add(nodeX(node), nodeY(node), 24));
  else scene.graph.islands.forEach((island) => add(discX(island), discY(island), island[2]));
  return box[0] === Infinity ? [-100, -100, 100, 100] : box;
}

/** Fits the canvas to its box; true when its size changed. */
function resize(canvas) {
  const ratio = Math.min(3, devicePixelRatio || 1);
  const { clientWidth, clientHeight } = canvas.parentElement;
  if (!clientWidth) return false; // in a view that is hidden
  if (canvas.width === Math.round(clientWidth * ratio) && canvas.height === Math.round(clientHeight * ratio))
    return false;
  canvas.width = Math.round(clientWidth * ratio);
  canvas.height = Math.round(clientHeight * ratio);
  frame.width = clientWidth;
  frame.height = clientHeight;
  frame.upright = clientHeight > clientWidth * 1.15;
  return true;
}

/** The label under a point, the nearest within reach of a finger, or -1. */
function nodeAt(x, y) {
  let best = -1;
  let nearest = Infinity;
  for (let node = 0; node < scene.graph.size; node++) {
    if (!scene.visible[node] || !inPicture(node)) continue;
    const distance = Math.hypot(screenX(nodeX(node)) - x, screenY(nodeY(node)) - y) - radiusOf(node);
    if (distance < 12 && distance < nearest) [best, nearest] = [node, distance];
  }
  return best;
}

/** The two labels of the painted line under a point, or null. Lines of the chosen label come first, as they lie above. */
function edgeAt(x, y) {
  const { graph, visible, chosen } = scene;
  let best = null;
  let nearest = 6;
  const look = (from, to) => {
    if (!visible[from] || !visible[to] || !inPicture(from) || !inPicture(to)) return;
    const [left, top, right, bottom] = [nodeX(from), nodeY(from), nodeX(to), nodeY(to)].map((value, place) =>
      place % 2 ? screenY(value) : screenX(value),
    );
    const [across, down] = [right - left, bottom - top];
    const part = ((x - left) * across + (y - top) * down) / (across * across + down * down || 1);
    if (part < 0 || part > 1) return;
    const distance = Math.hypot(left + part * across - x, top + part * down - y);
    if (distance < nearest) [best, nearest] = [[from, to], distance];
  };
  if (chosen >= 0) for (const other of scene.near.keys()) look(chosen, other);
  if (!best) for (const edge of graph.backbone) look(graph.sources[edge], graph.targets[edge]);
  return best;
}

function paint() {
  asked = 0;
  const canvas = $("canvas");
  if (!glide) delete canvas.dataset.moving;
  const { graph } = scene;
  if (!graph || !frame.width) return;
  const context = canvas.getContext("2d");
  const ratio = canvas.width / frame.width;
  const paints = colours();
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.fillStyle = paints.ground;
  context.fillRect(0, 0, frame.width, frame.height);
  const lit = litNodes();
  paintDiscs(context, paints);
  paintEdges(context, paints, lit);
  paintPath(context, paints);
  paintNodes(context, paints, lit);
  paintNames(context, paints, lit);
}

/** The labels that stay bright, or null when all do. */
function litNodes() {
  if (scene.path.length) return new Set([...scene.path, ...(scene.chosen >= 0 ? [scene.chosen] : [])]);
  if (scene.other >= 0) return new Set([scene.chosen, scene.other]);
  if (scene.chosen >= 0) return new Set([scene.chosen, ...scene.near.keys()]);
  return scene.found;
}

function paintDiscs(context, paints) {
  for (const tied of [true, false]) {
    context.beginPath();
    scene.graph.islands.forEach((island) => {
      if (island[3].length > 0 !== tied) return;
      const radius = island[2] * camera.scale;
      context.moveTo(screenX(discX(island)) + radius, screenY(discY(island)));
      context.arc(screenX(discX(island)), screenY(discY(island)), radius, 0, 2 * Math.PI);
    });
    if (tied) {
      context.fillStyle = paints.sunk;
      context.fill();
    }
    context.setLineDash(tied ? [] : [3, 4]);
    context.strokeStyle = paints["strong-line"];
    context.lineWidth = 1;
    context.stroke();
  }
  context.setLineDash([]);
}

function paintEdges(context, paints, lit) {
  const { graph, visible } = scene;
  context.lineWidth = 1;
  context.strokeStyle = paints.faint;
  const line = (from, to) => {
    context.moveTo(screenX(nodeX(from)), screenY(nodeY(from)));
    context.lineTo(screenX(nodeX(to)), screenY(nodeY(to)));
  };
  // Backbone in three weights, what crosses between islands fainter; all of it fainter still while something is lit.
  const weights = [[], [], [], []];
  graph.backbone.forEach((edge, place) => {
    const [from, to] = [graph.sources[edge], graph.targets[edge]];
    if (!visible[from] || !visible[to]) return;
    const crossing = graph.island[from] !== graph.island[to];
    weights[crossing ? 3 : graph.score[place] >= 45 ? 2 : graph.score[place] >= 22 ? 1 : 0].push(edge);
  });
  const quiet = Math.min(1, 900 / Math.max(1, graph.backbone.length)) ** 0.35;
  [0.2, 0.34, 0.52, 0.1].forEach((opacity, weight) => {
    context.globalAlpha = opacity * quiet * (lit ? 0.3 : 1);
    context.beginPath();
    weights[weight].forEach((edge) => line(graph.sources[edge], graph.targets[edge]));
    context.stroke();
  });
  if (scene.other >= 0 && !scene.path.length) {
    context.globalAlpha = 1;
    paintWay(context, paints, [scene.chosen, scene.other].filter(inPicture));
  } else if (scene.chosen >= 0 && inPicture(scene.chosen) && !scene.path.length) {
    context.globalAlpha = 0.75;
    context.beginPath();
    for (const other of scene.near.keys()) if (inPicture(other) && visible[other]) line(scene.chosen, other);
    context.stroke();
  }
  context.globalAlpha = 1;
}

/** The path; what lies beyond the step that is shown is only hinted at. */
function paintPath(context, paints) {
  const walked = scene.step ? scene.path.slice(0, scene.step) : scene.path;
  if (walked.length < scene.path.length) {
    context.beginPath();
    scene.path
      .filter(inPicture)
      .forEach((node, step) => context[step ? "lineTo" : "moveTo"](screenX(nodeX(node)), screenY(nodeY(node))));
    context.setLineDash([2, 5]);
    context.strokeStyle = paints.accent;
    context.stroke();
    context.setLineDash([]);
  }
  paintWay(context, paints, walked.filter(inPicture));
}

function paintWay(context, paints, steps) {
  if (steps.length < 2) return;
  context.beginPath();
  steps.forEach((node, step) => context[step ? "lineTo" : "moveTo"](screenX(nodeX(node)), screenY(nodeY(node))));
  context.lineJoin = "round";
  context.lineCap = "round";
  for (const [colour, width] of [
    [paints.ground, 6],
    [paints.accent, 2.5],
  ]) {
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.stroke();
  }
  context.lineWidth = 1;
}

function paintNodes(context, paints, lit) {
  const { graph, visible, shade } = scene;
  const groups = new Map(); // "brightness colour" -> nodes; a colour is a ramp bin, -1 for hollow, or a field's slot
  for (let node = 0; node < graph.size; node++) {
    if (!visible[node] || !inPicture(node)) continue;
    const key = `${lit && !lit.has(node) ? "dim" : "lit"} ${shade ? shade[node] : slots[graph.field[node]]}`;
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(node);
  }
  // Dim ones first, so that they never cover what is lit.
  for (const key of [...groups.keys()].sort()) {
    const [brightness, colour] = key.split(" ");
    context.globalAlpha = brightness === "dim" ? 0.2 : 1;
    context.beginPath();
    groups
      .get(key)
      .forEach((node) =>
        trace(context, slots[graph.field[node]], screenX(nodeX(node)), screenY(nodeY(node)), radiusOf(node)),
      );
    context.fillStyle = !shade ? paints[`slot-${colour}`] : colour === "-1" ? paints.ground : painted(paints, scene.ramp[colour]);
    context.fill();
    // The ramp's ends are too near to one of the grounds to stand without an outline.
    context.strokeStyle = shade ? paints.faint : paints.ground;
    context.lineWidth = shade ? 1 : 0.75;
    context.stroke();
  }
  context.globalAlpha = 1;
  for (const [node, rim] of [
    [scene.chosen, 4.5],
    [scene.other, 4.5],
    [scene.step ? scene.path[scene.step - 1] : -1, 8],
    [scene.hover, 3],
  ]) {
    if (node < 0 || !inPicture(node) || !visible[node]) continue;
    context.beginPath();
    context.arc(screenX(nodeX(node)), screenY(nodeY(node)), radiusOf(node) + rim, 0, 2 * Math.PI);
    context.strokeStyle = paints.ink;
    context.lineWidth = 1.5;
    context.stroke();
  }
}
