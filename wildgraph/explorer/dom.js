// Elements, text and numbers. All text from logs and documents becomes a text node: nothing here parses markup.

const SVG = "http://www.w3.org/2000/svg";

const $ = (id) => document.getElementById(id);

/** An element. Properties: `class`, `text`, `on…` listeners, `data` (dataset), anything else is an attribute. */
function el(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "class") node.className = value;
    else if (name === "text") node.textContent = value;
    else if (name === "data") Object.assign(node.dataset, value);
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

function svg(tag, attributes = {}, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

/** Text from outside, kept from changing the direction of what stands around it. */
const said = (text, properties = {}) => el("bdi", { ...properties, text });

const fill = (node, ...children) =>
  node.replaceChildren(...children.filter((child) => child !== null && child !== undefined));

const number = (value) => value.toLocaleString("en");

const share = (part, whole) => (whole ? `${Math.round((100 * part) / whole)} %` : "–");

const plural = (count, one, many = `${one}s`) => `${number(count)} ${count === 1 ? one : many}`;

const words = (name) => name.replaceAll("_", " ");

const shorten = (text, limit) => {
  const letters = [...text.slice(0, 2 * limit)];
  return letters.length <= limit && text.length <= 2 * limit
    ? text
    : `${letters
        .slice(0, limit - 1)
        .join("")
        .trimEnd()}…`;
};

// Direction marks and control characters would reorder or hide neighbouring text on a canvas, which has no isolation.
const tame = (text) =>
  text.replace(/[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g, " ").trim();

/** Like `setTimeout` after the last call of a series. */
function afterwards(action, delay) {
  let timer = 0;
  return (...values) => {
    clearTimeout(timer);
    timer = setTimeout(() => action(...values), delay);
  };
}
