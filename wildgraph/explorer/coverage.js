// Which labels of which field were used by sampled rows, per document type.

function showCoverage() {
  const types = graphTypes();
  const sampled = about.rows > 0;
  $("coverage-lead").textContent = sampled
    ? "Part of a field's labels that at least one sampled row uses, and how many labels that is of how many. A cell opens the graph, filtered to its field."
    : "How many labels each field has. No rows were sampled yet. A cell opens the graph, filtered to its field.";
  const most = Math.max(1, ...types.flatMap((type) => type.coverage.map(([total]) => total)));
  const head = el(
    "tr",
    {},
    el("td", {}),
    ...about.fields.map((name, field) => el("th", { scope: "col" }, icon(field), said(words(name)))),
  );
  // Types that no row was drawn of stand below the others: where documents are few they are most of the table.
  const ordered = [...types.filter((type) => !sampled || type.rows), ...types.filter((type) => sampled && !type.rows)];
  const rows = ordered.map((type) =>
    el(
      "tr",
      { data: { type: type.key } },
      el(
        "th",
        { scope: "row" },
        said(shorten(type.name, 60)),
        el("small", { text: sampled ? plural(type.rows, "row") : plural(type.records, "record") }),
      ),
      ...type.coverage.map(([total, used], field) =>
        cell(type, field, total, used, sampled ? used / total : total / most, sampled),
      ),
    ),
  );
  fill($("heat"), el("thead", {}, head), el("tbody", {}, ...rows));
  fill($("coverage-legend"), sampled ? rampLegend() : null);
}

function cell(type, field, total, used, part, sampled) {
  if (!total) return el("td", { class: "empty", text: "·", title: "no label of this field" });
  const bin = part >= 1 ? 5 : Math.floor(part * 6);
  const button = el(
    "button",
    {
      type: "button",
      data: { field: about.fields[field] },
      "aria-label": sampled
        ? `${tame(type.name)}, ${words(about.fields[field])}: ${used} of ${total} labels used`
        : `${plural(total, "label")}`,
      onclick: () =>
        go({ view: "graph", type: type.key, fields: String(field), colour: sampled ? "coverage" : "field" }),
    },
    el("b", { text: sampled ? String(Math.round(100 * part)) : number(total) }),
    sampled ? el("small", { text: `${number(used)}/${number(total)}` }) : null,
  );
  if (part) {
    button.style.setProperty("background", RAMP[bin]);
    button.style.setProperty("color", RAMP_INK[bin]);
  } else {
    button.classList.add("untouched");
  }
  return el("td", {}, button);
}

function rampLegend() {
  const bound = (bin) => Math.round((100 * bin) / 6);
  return el(
    "ul",
    { class: "swatches wide" },
    ...RAMP.map((_, bin) => swatch(bin, `${Math.max(1, bound(bin))}–${bound(bin + 1)} %`)),
  );
}
