// The data blocks of this page, inflated when first asked for.

const blocks = new Map();

/** The content of the script element `data-<name>`. */
function block(name) {
  if (!blocks.has(name)) blocks.set(name, inflate($(`data-${name}`)));
  return blocks.get(name);
}

async function inflate(element) {
  const text = element.textContent;
  if (element.dataset.encoding === "json") return JSON.parse(text);
  if (typeof DecompressionStream === "undefined") {
    throw new Error(
      "This browser is too old for the compressed data of this page. Make the page again with --no-compress.",
    );
  }
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return JSON.parse(await new Response(stream).text());
}

let about = null; // the overview block, there before any view is shown

const typeOf = (key) => about.types.find((type) => type.key === key);

const graphTypes = () => about.types.filter((type) => type.nodes !== undefined);

const graphs = new Map();

/** A graph with its edges unpacked, neighbours by node, and its paths and rows. */
function graphOf(key) {
  if (!graphs.has(key))
    graphs.set(
      key,
      Promise.all([block(`graph-${key}`), block(`rows-${key}`)]).then(([graph, rows]) =>
        unpack(typeOf(key), graph, rows),
      ),
    );
  return graphs.get(key);
}

function unpack(type, { nodes, edges, ...rest }, { paths, rows }) {
  const sources = new Int32Array(edges.target.length);
  const targets = new Int32Array(edges.target.length);
  let place = 0;
  edges.perSource.forEach((count, source) => {
    let target = source; // targets are coded as differences, the first one from its source
    for (let each = 0; each < count; each++) {
      target += edges.target[place];
      sources[place] = source;
      targets[place] = target;
      place += 1;
    }
  });
  const neighbours = nodes.key.map(() => []);
  for (let edge = 0; edge < place; edge++) {
    neighbours[sources[edge]].push([targets[edge], edges.frequency[edge]]);
    neighbours[targets[edge]].push([sources[edge], edges.frequency[edge]]);
  }
  return {
    ...rest,
    ...nodes,
    type,
    size: nodes.key.length,
    ranked: nodes.records
      .map((_, node) => node)
      .sort((left, right) => nodes.records[right] - nodes.records[left] || left - right),
    shown: nodes.name.map((name) => shorten(tame(name), 34)),
    searched: nodes.name.map((name) => name.toLowerCase()),
    sources,
    targets,
    frequency: edges.frequency,
    backbone: edges.backbone,
    score: edges.score,
    neighbours,
    paths: paths.map(([accepted, row, steps]) => ({ accepted: accepted === 1, row, steps })),
    rows,
    widest: nodes.records.reduce((most, count) => Math.max(most, count), 1),
    widestShown: nodes.records.reduce(
      (most, count, node) => (nodes.island[node] < 0 ? most : Math.max(most, count)),
      1,
    ),
  };
}

const LIFT_LIMIT = 30;

/** What a label occurs with, by lift: how many times more often than by chance. */
function occursWith(graph, node) {
  const least = Math.max(2, graph.type.minSupport);
  const total = Math.max(graph.type.records, graph.widest);
  return graph.neighbours[node]
    .filter(([, frequency]) => frequency >= least || graph.neighbours[node].length <= 5)
    .map(([other, frequency]) => ({
      other,
      frequency,
      lift: (frequency * total) / (graph.records[node] * graph.records[other]),
    }))
    .filter(({ lift }) => lift > 1)
    .sort((left, right) => right.lift - left.lift || right.frequency - left.frequency || left.other - right.other)
    .slice(0, LIFT_LIMIT);
}
