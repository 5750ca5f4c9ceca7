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

const unions = new Map();

const comparedType = (key) => about.compare?.types.find((type) => type.key === key);

/** The graphs of both runs as one, for the comparison. */
function unionOf(key) {
  if (!unions.has(key)) {
    const { name, records, users, minSupport } = comparedType(key);
    const least = Math.min(...minSupport.filter((support) => support !== null));
    const type = {
      key,
      name,
      records: records[0] + records[1],
      users: users[0] + users[1],
      minSupport: least,
      rows: 0,
    };
    unions.set(
      key,
      block(`compare-${key}`).then((union) => unpack(type, union, { paths: [], rows: [] })),
    );
  }
  return unions.get(key);
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
    neighbours[sources[edge]].push([targets[edge], edges.frequency[edge], edge]);
    neighbours[targets[edge]].push([sources[edge], edges.frequency[edge], edge]);
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

/** In how many records two labels meet, as far as this page has their edge, or 0. */
const together = (graph, node, other) => graph.neighbours[node].find(([end]) => end === other)?.[1] ?? 0;

/** How many times more often than by chance two labels meet. */
const liftOf = (graph, node, other, frequency) =>
  (frequency * Math.max(graph.type.records, graph.widest)) / (graph.records[node] * graph.records[other]);

/** The paths through a label, or through two. */
const pathsThrough = (graph, node, other = -1) =>
  graph.paths.filter(({ steps }) => steps.includes(node) && (other < 0 || steps.includes(other)));

const holds = (row, node) => row.path.includes(node) || row.attributes.includes(node);

/** The rows on this page whose path or attributes hold a label, or two. */
const rowsWith = (graph, node, other = -1) =>
  graph.rows.filter((row) => holds(row, node) && (other < 0 || holds(row, other)));

const LIFT_LIMIT = 30;

/** What a label occurs with, by lift: how many times more often than by chance. */
function occursWith(graph, node) {
  const least = Math.max(2, graph.type.minSupport);
  return graph.neighbours[node]
    .filter(([, frequency]) => frequency >= least || graph.neighbours[node].length <= 5)
    .map(([other, frequency]) => ({
      other,
      frequency,
      lift: liftOf(graph, node, other, frequency),
    }))
    .filter(({ lift }) => lift > 1)
    .sort((left, right) => right.lift - left.lift || right.frequency - left.frequency || left.other - right.other)
    .slice(0, LIFT_LIMIT);
}
