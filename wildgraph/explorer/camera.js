// Where the picture is looked at from, and the hands that move it: mouse, fingers, keys.

const camera = { x: 0, y: 0, scale: 1 }; // centre in picture units, pixels per unit
const frame = { width: 0, height: 0, upright: false, moved: false };

const SCALES = [0.02, 8];
let glide = 0;

const clampScale = (scale) => Math.min(SCALES[1], Math.max(SCALES[0], scale));

/** Shows a rectangle of the picture, `[left, top, right, bottom]`, with room for names around it. */
function look(box, { soft = false, closest = 2.2 } = {}) {
  const [left, top, right, bottom] = box;
  const side = Math.min(70, frame.width * 0.09);
  const scale = Math.min(
    closest,
    (frame.width - 2 * side) / Math.max(1, right - left),
    (frame.height - 84) / Math.max(1, bottom - top),
  );
  travel({ x: (left + right) / 2, y: (top + bottom) / 2, scale: clampScale(scale) }, soft);
}

function travel(goal, soft) {
  stop();
  if (!soft || matchMedia("(prefers-reduced-motion: reduce)").matches) {
    Object.assign(camera, goal);
    repaint();
    return;
  }
  const from = { ...camera };
  const began = performance.now();
  const step = (now) => {
    const part = Math.min(1, Math.max(0, (now - began) / 260));
    const eased = 1 - (1 - part) ** 3;
    camera.x = from.x + (goal.x - from.x) * eased;
    camera.y = from.y + (goal.y - from.y) * eased;
    camera.scale = from.scale * (goal.scale / from.scale) ** eased;
    if (part === 1) Object.assign(camera, goal); // rounding would leave it a hair beside the goal
    glide = part < 1 ? requestAnimationFrame(step) : 0;
    repaint();
  };
  glide = requestAnimationFrame(step);
  repaint();
}

/** Ends a movement where it is. */
function stop() {
  if (!glide) return;
  cancelAnimationFrame(glide);
  glide = 0;
  repaint();
}

const screenX = (x) => (x - camera.x) * camera.scale + frame.width / 2;
const screenY = (y) => (y - camera.y) * camera.scale + frame.height / 2;

/** Zooms so that the point of the picture under (x, y) stays there. */
function zoomAt(x, y, factor) {
  const scale = clampScale(camera.scale * factor);
  const right = x - frame.width / 2;
  const down = y - frame.height / 2;
  camera.x += right / camera.scale - right / scale;
  camera.y += down / camera.scale - down / scale;
  camera.scale = scale;
  frame.moved = true;
  repaint();
}

function pan(right, down) {
  camera.x -= right / camera.scale;
  camera.y -= down / camera.scale;
  frame.moved = true;
  repaint();
}

/** Listens to the canvas; `picked(x, y)` is a click or tap, `hovered(x, y)` a mouse at rest. */
function takeHold(canvas, { picked, hovered, cleared, reset, walk }) {
  const fingers = new Map();
  let travelled = 0;
  const place = (event) => [event.offsetX, event.offsetY];

  canvas.addEventListener("pointerdown", (event) => {
    stop();
    canvas.setPointerCapture(event.pointerId);
    if (!fingers.size) travelled = 0;
    fingers.set(event.pointerId, place(event));
  });
  canvas.addEventListener("pointermove", (event) => {
    const before = fingers.get(event.pointerId);
    const now = place(event);
    if (!before) {
      hovered(...now);
      return;
    }
    const others = [...fingers].filter(([id]) => id !== event.pointerId).map(([, point]) => point);
    fingers.set(event.pointerId, now);
    travelled += Math.hypot(now[0] - before[0], now[1] - before[1]);
    if (!others.length) {
      if (travelled > 4) pan(now[0] - before[0], now[1] - before[1]);
      return;
    }
    const [other] = others;
    const apart = (point) => Math.max(1, Math.hypot(point[0] - other[0], point[1] - other[1]));
    travelled += 10; // two fingers never pick
    pan((now[0] - before[0]) / 2, (now[1] - before[1]) / 2);
    zoomAt((now[0] + other[0]) / 2, (now[1] + other[1]) / 2, apart(now) / apart(before));
  });
  canvas.addEventListener("pointerup", (event) => {
    if (fingers.delete(event.pointerId) && travelled <= 4) picked(...place(event));
  });
  canvas.addEventListener("pointercancel", (event) => fingers.delete(event.pointerId));
  canvas.addEventListener("pointerleave", () => hovered(-1e6, -1e6));
  canvas.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      stop();
      const lines = event.deltaMode === 1 ? 20 : 1;
      zoomAt(event.offsetX, event.offsetY, Math.exp(-event.deltaY * lines * (event.ctrlKey ? 0.01 : 0.0016)));
    },
    { passive: false },
  );
  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const keys = {
      ArrowLeft: () => pan(60, 0),
      ArrowRight: () => pan(-60, 0),
      ArrowUp: () => pan(0, 60),
      ArrowDown: () => pan(0, -60),
      "+": () => zoomAt(frame.width / 2, frame.height / 2, 1.3),
      "=": () => zoomAt(frame.width / 2, frame.height / 2, 1.3),
      "-": () => zoomAt(frame.width / 2, frame.height / 2, 1 / 1.3),
      0: reset,
      Escape: cleared,
      ".": () => walk("step", 1),
      ",": () => walk("step", -1),
      n: () => walk("path", 1),
      p: () => walk("path", -1),
    };
    if (!keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  });
}
