// Colours and shapes. A field is told apart by both, so that colour is never the only sign.

// Blue to yellow, ordered also for colour-blind readers and in grey print.
const RAMP = ["#0b2a5b", "#1f5284", "#3f7b93", "#6aa18d", "#a5bb70", "#e3cf4e"];
const RAMP_INK = ["#ffffff", "#ffffff", "#ffffff", "#14171b", "#14171b", "#14171b"];

// What became of a label between two runs, by the style sheet's names: from only in this run to only in the other one.
const CHANGE = ["change-0", "change-1", "change-2", "change-3", "change-4"];

/** A ramp's colour for the canvas, where names of the style sheet mean nothing. */
const painted = (paints, colour) => (colour.startsWith("#") ? colour : paints[colour]);

/** A ramp's colour for an element. */
const styled = (colour) => (colour.startsWith("#") ? colour : `var(--${colour})`);

const OTHER = 6; // the slot of all fields beyond the six with most labels

const polygon = (count, turn, stretch = 1) =>
  Array.from({ length: count }, (_, corner) => {
    const angle = turn + (2 * Math.PI * corner) / count;
    return [stretch * Math.cos(angle), stretch * Math.sin(angle)];
  });

const PLUS = [
  [-0.38, -1],
  [0.38, -1],
  [0.38, -0.38],
  [1, -0.38],
  [1, 0.38],
  [0.38, 0.38],
  [0.38, 1],
  [-0.38, 1],
  [-0.38, 0.38],
  [-1, 0.38],
  [-1, -0.38],
  [-0.38, -0.38],
];

// By slot, in units of the radius; null is a circle.
const SHAPES = [
  null,
  polygon(4, Math.PI / 4, 1.18),
  polygon(4, 0, 1.25),
  polygon(3, -Math.PI / 2, 1.25),
  polygon(3, Math.PI / 2, 1.25),
  PLUS,
  polygon(6, 0, 1.0),
];

let slots = [];

/** Gives the six fields with most labels a colour of their own, in the order of the field table. */
function assignSlots() {
  const order = about.fields
    .map((_, field) => field)
    .sort((left, right) => about.fieldSizes[right] - about.fieldSizes[left] || left - right);
  const own = new Set(order.slice(0, 6));
  let next = 0;
  slots = about.fields.map((_, field) => (own.has(field) ? next++ : OTHER));
}

const dark = () => document.documentElement.dataset.theme === "dark";

/** The style sheet's colours, for the canvas: `colours().ink` is `--ink`. */
function colours() {
  const style = getComputedStyle(document.documentElement);
  return new Proxy({}, { get: (_, name) => style.getPropertyValue(`--${name}`) });
}

/** Adds a field's shape to a canvas path. */
function trace(context, slot, x, y, radius) {
  const corners = SHAPES[slot];
  if (!corners) {
    context.moveTo(x + radius, y);
    context.arc(x, y, radius, 0, 2 * Math.PI);
    return;
  }
  corners.forEach(([right, down], corner) => {
    if (corner) context.lineTo(x + right * radius, y + down * radius);
    else context.moveTo(x + right * radius, y + down * radius);
  });
  // closePath() takes Chromium longer the more there is in the path: with 5,000 shapes, half of the frame.
  const [[right, down]] = corners;
  context.lineTo(x + right * radius, y + down * radius);
}

/** A field's sign for lists and legends. */
function icon(field) {
  const slot = slots[field];
  const corners = SHAPES[slot];
  const shape = corners
    ? svg("path", {
        d: `M${corners.map(([right, down]) => `${(6 * right).toFixed(2)} ${(6 * down).toFixed(2)}`).join("L")}Z`,
      })
    : svg("circle", { r: 6 });
  return svg("svg", { viewBox: "-8 -8 16 16", class: `icon slot-${slot}`, "aria-hidden": "true" }, shape);
}

/** Bins for counts up to `most`: upper bounds that grow by a factor, and for each its colour, spread over the whole ramp. */
function countBins(most) {
  const factor = Math.max(2, Math.ceil(most ** (1 / 5) - 1e-9));
  const bounds = [1];
  while (bounds.at(-1) < most) bounds.push(bounds.at(-1) * factor);
  return bounds.map((bound, bin) => ({
    bound,
    colour: bounds.length === 1 ? 5 : Math.round((5 * bin) / (bounds.length - 1)),
  }));
}

/** The colour of a share of 1: the good end of the ramp is drawn out, where acceptance rates lie. */
function shareColour(part) {
  const bin = [0.5, 0.7, 0.8, 0.9, 1].findIndex((bound) => part < bound);
  return bin < 0 ? 5 : bin;
}
