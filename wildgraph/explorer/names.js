// Names in the picture: none covers another one, and what matters most comes first.

const LABEL_FONT = "12px system-ui, sans-serif";
const STRONG_FONT = "600 12.5px system-ui, sans-serif";
const LINE = 15;
const LABELS_TRIED = 400; // names, most frequent first, for which room is looked for
const NODES_KEPT_CLEAR = 600; // with more nodes than these, names may cover them
const widths = new Map();

/** Names that do not cover one another: island titles, then what matters most. */
function paintNames(context, paints, lit) {
  const { graph, visible } = scene;
  const taken = new Boxes();
  taken.add([frame.width - 56, frame.height - 146, frame.width, frame.height]); // the zoom buttons
  context.textBaseline = "middle";
  context.lineJoin = "round";
  const write = (text, x, y, font, colour, halo) => {
    context.font = font;
    context.strokeStyle = halo;
    context.lineWidth = 3.5;
    context.strokeText(text, x, y);
    context.fillStyle = colour;
    context.fillText(text, x, y);
  };
  const drawn = graph.ranked.filter(
    (node) => visible[node] && inPicture(node) && (!lit || lit.has(node) || node === scene.hover) && inFrame(node),
  );
  if (drawn.length <= NODES_KEPT_CLEAR) {
    for (const node of drawn) {
      const [x, y, radius] = [screenX(nodeX(node)), screenY(nodeY(node)), radiusOf(node)];
      taken.add([x - radius, y - radius, x + radius, y + radius]);
    }
  }
  const beads = paintBeads(context, paints, taken);
  if (!lit || lit === scene.found) paintTitles(context, paints, taken, write);
  const first = [scene.hover, scene.chosen, scene.other, ...beads].filter((node) => drawn.includes(node));
  // In a crowd of small discs the titles speak; the labels' own names come with zooming in.
  const named = (node) =>
    lit || graph.size <= NODES_KEPT_CLEAR || graph.islands[graph.island[node]][2] * camera.scale > 75;
  let tries = LABELS_TRIED;
  for (const node of new Set([...first, ...drawn.filter(named)])) {
    if (--tries < 0) break;
    const strong = node === scene.chosen || node === scene.other || node === scene.hover || beads.has(node);
    const font = strong ? STRONG_FONT : LABEL_FONT;
    const text = graph.shown[node];
    const width = widthOf(context, text, font);
    const [x, y, gap] = [screenX(nodeX(node)), screenY(nodeY(node)), (beads.has(node) ? beadOf(node) : radiusOf(node)) + 4];
    const spots = [
      [x + gap, y],
      [x - gap - width, y],
      [x - width / 2, y + gap + 6],
      [x - width / 2, y - gap - 6],
    ];
    const spot =
      spots.find(([left, middle]) => taken.free([left, middle - LINE / 2, left + width, middle + LINE / 2], frame)) ||
      (strong && !beads.has(node) ? spots[0] : null);
    if (!spot) continue;
    taken.add([spot[0] - 2, spot[1] - LINE / 2, spot[0] + width + 2, spot[1] + LINE / 2]);
    write(text, ...spot, font, paints.ink, paints.sunk);
  }
}

function inFrame(node) {
  const [x, y] = [screenX(nodeX(node)), screenY(nodeY(node))];
  return x > -20 && y > -20 && x < frame.width + 20 && y < frame.height + 20;
}

/** An island's title stands above its disc: both names where there is room, one or its
 * beginning where it is crowded, none over another title. */
function paintTitles(context, paints, taken, write) {
  const { graph } = scene;
  graph.islands.forEach((island) => {
    const [names, size] = [island[3].map((node) => graph.shown[node]), island[2] * camera.scale];
    if (!names.length || size < 16) return;
    const [x, y] = [screenX(discX(island)), screenY(discY(island)) - size - 9];
    const choices = [names.join(" · "), names[0], shorten(names[0], Math.max(9, Math.floor(size / 4)))];
    for (const text of choices) {
      const width = widthOf(context, text, STRONG_FONT);
      if (width > 2.6 * size + 40) continue;
      const left = Math.min(Math.max(x - width / 2, 6), Math.max(6, frame.width - width - 6));
      if (Math.abs(left + width / 2 - x) > size) continue; // pushed away from a disc that is mostly outside
      const box = [left - 4, y - 9, left + width + 4, y + 9];
      if (!taken.free(box, frame)) continue;
      taken.add(box);
      write(text, left, y, STRONG_FONT, paints.faint, paints.ground);
      return;
    }
  });
}

/** A bead hides the shape below it, however far the picture is zoomed in. */
const beadOf = (node) => Math.max(9.5, 1.25 * radiusOf(node) + 1);

/** Numbers the steps of the path that are in the picture. */
function paintBeads(context, paints, taken) {
  const beads = new Set();
  context.font = "700 11px system-ui, sans-serif";
  scene.path.forEach((node, step) => {
    if (!inPicture(node)) return;
    const [x, y] = [screenX(nodeX(node)), screenY(nodeY(node))];
    beads.add(node);
    const radius = beadOf(node);
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.fillStyle = paints.accent;
    context.fill();
    context.fillStyle = paints.ground;
    context.textAlign = "center";
    context.fillText(String(step + 1), x, y + 0.5);
    context.textAlign = "left";
    taken.add([x - radius, y - radius, x + radius, y + radius]);
  });
  return beads;
}

function widthOf(context, text, font) {
  const key = `${font}${text}`;
  if (!widths.has(key)) {
    context.font = font;
    widths.set(key, context.measureText(text).width);
  }
  return widths.get(key);
}

/** Rectangles on the screen, found by the cells of a grid that they touch. */
class Boxes {
  constructor() {
    this.cells = new Map();
  }

  *touched([left, top, right, bottom]) {
    for (let x = Math.floor(left / 64); x <= Math.floor(right / 64); x++) {
      for (let y = Math.floor(top / 32); y <= Math.floor(bottom / 32); y++) yield x * 4096 + y;
    }
  }

  add(box) {
    for (const cell of this.touched(box)) {
      if (!this.cells.has(cell)) this.cells.set(cell, []);
      this.cells.get(cell).push(box);
    }
  }

  /** Whether the rectangle is inside the frame and covers none of those added. */
  free(box, { width, height }) {
    if (box[0] < 2 || box[1] < 2 || box[2] > width - 2 || box[3] > height - 2) return false;
    for (const cell of this.touched(box)) {
      for (const other of this.cells.get(cell) || []) {
        if (box[0] < other[2] && box[2] > other[0] && box[1] < other[3] && box[3] > other[1]) return false;
      }
    }
    return true;
  }
}
