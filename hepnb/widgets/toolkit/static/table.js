// A virtualised table or tree: only the rows in view have nodes. Searching, sorting and folding stay on the page;
// edits go to the kernel one message at a time, the latest value of each cell winning.

const ROW = 24;
const SPARE = 8;
const EDITORS = "input:not([type=color]), select, button";
const WIDTHS = { check: 30, button: 30, number: 84, slider: 150, spark: 92, color: 44, select: 116 };
const ICONS = {
  folder: "M1.5 3.5h4.2l1.5 1.7h7.3v7.8h-13z",
  file: "M3.5 1.5h6l3 3v10h-9z M9.5 1.5v3h3",
  tree: "M3 2.5v10.5h4 M3 7.5h4 M3 2.5h4 M9 1h5v3h-5z M9 6h5v3h-5z M9 11.5h5v3h-5z",
  histogram: "M1 14.5h14 M2.5 14v-4h3.5v4 M6 14v-11h3.5v11 M9.500 14v-7h3.5v7",
  histogram2d: "M2 2h12v12h-12z M2 6h12 M2 10h12 M6 2v12 M10 2v12",
  graph: "M1.500 14.500v-13 M1.500 14.500h13 M3.500 11l3-4 3 2 4.500-6",
  branch: "M4 2v12 M4 8h5c2 0 3-1 3-3v-2",
  other: "M3 8h.01 M8 8h.01 M13 8h.01",
  warning: "M8 2l6.500 12h-13z M8 6.500v3.500 M8 12h.01",
};
const SVG = "http://www.w3.org/2000/svg";

function make(tag, className, attributes = {}) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

function drawing(path, className, box) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", box);
  svg.setAttribute("class", className);
  svg.setAttribute("aria-hidden", "true");
  const line = document.createElementNS(SVG, "path");
  line.setAttribute("d", path);
  svg.append(line);
  return svg;
}

const sparks = new WeakMap();
function sparkPath(values) {
  let path = sparks.get(values);
  if (path === undefined) {
    const top = Math.max(...values, 1e-300);
    path = values.map((v, i) => (v > 0 ? `M${i} 16v${(-15 * v / top - 1).toFixed(1)}h.86V16z` : "")).join("");
    sparks.set(values, path);
  }
  return path;
}

function format(value, column) {
  if (value === null || value === undefined) return "";
  if (typeof value !== "number") return String(value);
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return value.toLocaleString("en-US");
  const text = value.toPrecision(column.digits ?? 4);
  return text.includes("e") ? text.replace(/\.?0+e/, "e") : text.replace(/\.?0+$/, (m) => (text.includes(".") ? "" : m));
}

const indices = new WeakMap();
function indexOf(rows) {
  let index = indices.get(rows);
  if (!index) {
    index = new Map(rows.map((row) => [row.id, row]));
    indices.set(rows, index);
  }
  return index;
}

function applyCells(model, message) {
  if (message.type !== "cells") return;
  const index = indexOf(model.get("rows"));
  for (const [id, cells] of Object.entries(message.cells)) Object.assign(index.get(id) ?? {}, cells);
}

// Also without a view: one opened later must find the present values.
function initialize({ model }) {
  const apply = (message) => applyCells(model, message);
  model.on("msg:custom", apply);
  return () => model.off("msg:custom", apply);
}

function render({ model, el }) {
  const prefix = `hepnb-table-${Math.random().toString(36).slice(2)}`;  // each model has a module of its own: no counter
  const root = make("div", "hepnb-table");
  const bar = make("div", "hepnb-table-bar");
  const search = make("input", "hepnb-search", { type: "search", "data-lm-suppress-shortcuts": "true", spellcheck: "false" });
  const count = make("span", "hepnb-count", { role: "status" });
  const grid = make("div", "hepnb-grid", { tabindex: "0", "data-lm-suppress-shortcuts": "true" });
  const head = make("div", "hepnb-head", { role: "row" });
  const body = make("div", "hepnb-body", { role: "rowgroup" });
  const nothing = make("div", "hepnb-nothing");
  const chosen = make("button", "hepnb-bar-button", { type: "button", title: "Show only what is selected" });
  const clear = make("button", "hepnb-bar-button", { type: "button", title: "Select nothing" });
  clear.textContent = "Clear";
  chosen.onclick = () => { only = !only; grid.scrollTop = 0; arrange(); };
  clear.onclick = () => { set("selected", []); grid.focus(); };
  bar.append(search, count, chosen, clear);
  grid.append(head, body, nothing);
  root.append(bar, grid);
  el.append(root);

  let rows, index, columns, isTree, parents, shown, position, selected;
  let active = null, anchor = null, touched = null, made = 0, unfiltered = 0, only = false;
  const nodes = new Map();

  const nameColumn = () => columns.find((c) => c.kind === "tree" || !c.kind || c.kind === "text") ?? columns[0];
  const countSelected = () => {
    const many = model.get("multi") && columns.some((c) => c.selects) && selected.size;
    chosen.style.display = clear.style.display = many ? "" : "none";
    chosen.textContent = `${selected.size.toLocaleString("en-US")} selected`;
    chosen.setAttribute("aria-pressed", String(only));
  };
  // What the kernel selected is scrolled to, once.
  let revealed = null;
  const reveal = () => {
    const id = model.get("multi") ? null : [...selected][0] ?? null;
    if (id === revealed || (id !== null && !position.has(id))) return;
    revealed = id;
    const top = position.get(id) * ROW;
    if (top < grid.scrollTop || top + 2 * ROW > grid.scrollTop + grid.clientHeight) {
      grid.scrollTop = Math.max(0, top - 4 * ROW);
    }
  };
  const look = () => { if (only) arrange(); else { paint(); countSelected(); } };
  const labelOf = (row) => {
    const column = nameColumn();
    return String(row[column?.key] ?? row.id);
  };

  // -- what is shown --------------------------------------------------------------------------------------------
  const load = () => {
    rows = model.get("rows");
    index = indexOf(rows);
    columns = model.get("columns").map((column) => ({ kind: "text", label: "", ...column }));
    isTree = columns.some((column) => column.kind === "tree");
    parents = new Map();
    for (const row of rows) if (row.parent) parents.set(row.parent, true);
    selected = new Set(model.get("selected"));
    for (const [, node] of nodes) node.remove();
    nodes.clear();
    wanted.clear();
    layout();
    arrange();
    requestAnimationFrame(reveal);  // only then is there a height to scroll in
  };

  // How well each row fits; rows that do not are left out.
  const ranked = (test) => {
    const own = nameColumn(), above = new Map(), ranks = new Map();
    const others = columns.filter((c) => c !== own && ["text", "select"].includes(c.kind)).map((c) => c.key);
    const restOf = (row) => [...others, "about"].map((key) => row[key] ?? "").join("\n").toLowerCase();
    for (const row of rows) {
      const name = labelOf(row).toLowerCase();
      const path = isTree && row.parent ? above.get(row.parent) ?? "" : "";
      if (isTree) above.set(row.id, `${path}\n${name}`);
      const rank = test(name, restOf(row), path);
      if (rank < Infinity) ranks.set(row.id, rank);
    }
    return ranks;
  };

  const arrange = () => {
    const filter = model.get("filter");
    let test = matcher(filter), near = false;
    let hit = test ? ranked(test) : new Map();
    if (test && !hit.size && nearly(filter)) {
      hit = ranked(nearly(filter));
      near = hit.size > 0;
    }
    if (only && !selected.size) only = false;
    const level = new Map(), open = new Map(), below = new Map(), keep = new Set();
    if (test) for (const row of rows) {
      const inside = row.parent && (keep.has(row.parent));
      if (hit.has(row.id)) {
        const rank = hit.get(row.id);
        for (let p = row.parent; p && !(below.get(p) <= rank); p = index.get(p)?.parent) below.set(p, rank);
      }
      if (hit.has(row.id) || inside) keep.add(row.id);
    }
    shown = [];
    for (const row of rows) {
      const parent = isTree && row.parent ? row.parent : null;
      level.set(row.id, parent ? (level.get(parent) ?? 0) + 1 : 0);
      const visible = !parent || open.get(parent);
      const wanted = (!test || keep.has(row.id) || below.has(row.id)) && (!only || selected.has(row.id));
      open.set(row.id, visible && wanted && (row.expanded || (test && below.has(row.id))));
      if (visible && wanted) shown.push({ row, level: level.get(row.id), open: open.get(row.id) });
    }
    const sort = model.get("sort");
    if (sort && (!isTree || model.get("sort_trees"))) shown = sorted(shown, sort);
    else if (test) {
      const rank = ({ id }) => Math.min(hit.get(id) ?? 1e9, below.get(id) ?? 1e9);
      shown = regrouped(shown, (a, b) => rank(a) - rank(b));
    }
    position = new Map(shown.map((item, i) => [item.row.id, i]));
    if (active !== null && !position.has(active)) active = null;
    const total = rows.length;
    const found = test ? (isTree ? hit.size : shown.length) : total;
    const words = (n) => n.toLocaleString("en-US");
    count.textContent = near ? `${words(found)} near` : found === total ? words(total) : `${words(found)} of ${words(total)}`;
    countSelected();
    nothing.textContent = rows.length ? "No match" : model.get("empty");
    nothing.style.display = shown.length ? "none" : "";
    body.style.height = `${shown.length * ROW}px`;
    if (!test) unfiltered = shown.length;
    const usual = Math.min(model.get("height"), unfiltered * ROW);
    grid.style.minHeight = test ? `${usual + (head.hidden ? 0 : ROW)}px` : "";  // typing must not make the page jump
    grid.style.maxHeight = `${model.get("height") + (head.hidden ? 0 : ROW)}px`;
    grid.setAttribute("aria-rowcount", shown.length + 1);
    paint();
  };

  const sorted = (items, sort) => {
    const name = sort.replace(/^-/, ""), sign = sort[0] === "-" ? -1 : 1;
    const column = columns.find((c) => c.key === name && c.label) ?? {};
    const key = column.sort_by ?? name;
    const value = (row) => (column.sort_abs && typeof row[key] === "number" ? Math.abs(row[key]) : row[key]);
    const text = new Intl.Collator("en", { numeric: true });
    return regrouped(items, (a, b) => {
      const x = value(a), y = value(b);
      if (x === y) return 0;
      if (x === null || x === undefined || x === "") return 1;
      if (y === null || y === undefined || y === "") return -1;
      return sign * (typeof x === "string" || typeof y === "string" ? text.compare(x, y) : x - y);
    });
  };

  // Children stay together, below their parent.
  const regrouped = (items, compare) => {
    const ids = new Set(items.map((item) => item.row.id));
    const below = new Map();
    for (const item of items) {
      const parent = isTree && ids.has(item.row.parent) ? item.row.parent : null;
      if (!below.has(parent)) below.set(parent, []);
      below.get(parent).push(item);
    }
    for (const list of below.values()) list.sort((a, b) => compare(a.row, b.row));
    const flat = (parent) => (below.get(parent) ?? []).flatMap((item) => [item, ...(isTree ? flat(item.row.id) : [])]);
    return flat(null);
  };

  const layout = () => {
    root.style.setProperty("--columns", columns.map((c) => {
      if (c.width) return typeof c.width === "number" ? `${c.width}px` : c.width;
      return WIDTHS[c.kind] ? `${WIDTHS[c.kind]}px` : "minmax(72px, 1fr)";
    }).join(" "));
    grid.setAttribute("role", isTree ? "treegrid" : "grid");
    grid.setAttribute("aria-label", model.get("label"));
    grid.setAttribute("aria-multiselectable", String(model.get("multi")));
    search.setAttribute("aria-label", `Search ${model.get("label")}`);
    search.placeholder = model.get("placeholder");
    bar.style.display = model.get("search") ? "" : "none";
    head.hidden = columns.every((column) => !column.label);
    head.replaceChildren(...columns.map((column) => {
      const sortable = (!isTree || model.get("sort_trees")) && !["spark", "color", "button", "check"].includes(column.kind) && column.label;
      const cell = make("div", `hepnb-cell hepnb-${column.kind}`, { role: "columnheader" });
      if (column.title) cell.title = column.title;
      if (!sortable) { cell.textContent = column.label; return cell; }
      const sort = model.get("sort");
      const direction = sort === column.key ? "ascending" : sort === `-${column.key}` ? "descending" : "none";
      cell.setAttribute("aria-sort", direction);
      const button = make("button", "hepnb-sort", { type: "button" });
      button.textContent = column.label + { ascending: " ▴", descending: " ▾", none: "" }[direction];
      button.onclick = () => {
        set("sort", { none: column.key, ascending: `-${column.key}`, descending: "" }[direction]);
      };
      cell.append(button);
      return cell;
    }));
  };

  const paint = () => {
    const view = grid.clientHeight || model.get("height");
    const first = Math.max(0, Math.floor(grid.scrollTop / ROW) - SPARE);
    const last = Math.min(shown.length, Math.ceil((grid.scrollTop + view) / ROW) + SPARE);
    const wanted = new Set();
    for (let i = first; i < last; i += 1) wanted.add(shown[i].row.id);
    for (const [id, node] of nodes) {
      if (!wanted.has(id) && !node.contains(touched)) { node.remove(); nodes.delete(id); }
    }
    for (let i = first; i < last; i += 1) {
      const id = shown[i].row.id;
      let node = nodes.get(id);
      if (!node) {
        node = makeRow(shown[i].row);
        nodes.set(id, node);
        body.append(node);
      }
      fill(node, shown[i], i);
    }
    const current = active !== null && nodes.has(active) ? nodes.get(active).id : "";
    if (current) grid.setAttribute("aria-activedescendant", current);
    else grid.removeAttribute("aria-activedescendant");
  };

  // -- one row --------------------------------------------------------------------------------------------------
  const makeRow = (row) => {
    const node = make("div", "hepnb-tr", { role: "row", id: `${prefix}-${++made}` });
    node.dataset.id = row.id;
    node.append(...columns.map((column) => {
      const cell = make("div", `hepnb-cell hepnb-${column.kind}`, { role: "gridcell" });
      // A row that heads a group has nothing to edit.
      if (row.group && column.editable) return Object.assign(cell, { change() {} });
      const change = CELLS[column.kind](cell, column, row);
      cell.change = (item) => change?.(item);
      return cell;
    }));
    // One stop of the Tab key for each row; F2 goes through its fields.
    [...node.querySelectorAll(EDITORS)].slice(1).forEach((input) => { input.tabIndex = -1; });
    return node;
  };
  const nextField = (node, from) => {
    const fields = [...(node?.querySelectorAll(EDITORS) ?? [])].filter((input) => !input.disabled);
    const next = fields[(fields.indexOf(from) + 1) % fields.length];
    next?.focus();
    return Boolean(next);
  };

  const fill = (node, item, i) => {
    const { row } = item;
    node.style.transform = `translateY(${i * ROW}px)`;
    node.setAttribute("aria-rowindex", i + 2);
    node.setAttribute("aria-selected", String(selected.has(row.id)));
    node.classList.toggle("hepnb-active", row.id === active);
    node.classList.toggle("hepnb-muted", Boolean(row.muted));
    node.title = row.tooltip ?? "";
    if (isTree) {
      node.setAttribute("aria-level", item.level + 1);
      if (row.expandable) node.setAttribute("aria-expanded", String(Boolean(item.open)));
    }
    for (const cell of node.children) cell.change(item);
  };

  const editable = (column, row) => column.editable !== false && !(row.locked ?? []).includes(column.key);
  const nameOf = (column, row) => `${labelOf(row)} ${column.title ?? (column.label || column.key)}`;
  const limit = (row, bound, otherwise) => (typeof bound === "string" ? row[bound] : bound) ?? otherwise;
  const busy = (input, row, column) => input === touched || pending.get(row.id)?.has(column.key);

  function text(cell, column, row) {
    if (!column.editable) {
      return () => {
        const value = format(row[column.key], column);
        if (cell.textContent !== value) cell.textContent = value;
      };
    }
    const input = make("input", "hepnb-input", { type: "text", spellcheck: "false", "aria-label": nameOf(column, row) });
    const number = column.kind === "number";
    if (number) input.inputMode = "decimal";
    cell.append(input);
    input.onfocus = () => { touched = input; if (number) input.value = row[column.key] ?? ""; input.select(); };
    input.onblur = () => { touched = null; paint(); };
    input.onchange = () => {
      const value = number ? (input.value.trim() === "" ? null : Number(input.value)) : input.value;
      if (number && Number.isNaN(value)) return;
      edit(row, column.key, value);
    };
    input.onkeydown = (event) => {
      if (event.key === "Enter") grid.focus();
      if (event.key === "Escape") { input.value = format(row[column.key], column); grid.focus(); }
      event.stopPropagation();
    };
    return () => {
      input.readOnly = !editable(column, row);
      if (!busy(input, row, column)) input.value = format(row[column.key], column);
    };
  }

  const CELLS = {
    text,
    number: text,
    tree(cell, column, row) {
      const twist = make("span", "hepnb-twist", { "aria-hidden": "true" });
      const icon = drawing(ICONS[row.icon] ?? "", `hepnb-icon hepnb-icon-${row.icon}`, "0 0 16 16");
      // A long name loses its middle: the end stays.
      const name = make("span", "hepnb-name"), tail = make("span", "hepnb-name-tail");
      cell.append(twist, ...(row.icon ? [icon] : []), name, tail);
      twist.onclick = (event) => { event.stopPropagation(); toggle(row); };
      return (item) => {
        cell.style.paddingLeft = `${4 + 14 * item.level}px`;
        twist.textContent = row.expandable ? (item.open ? "▾" : "▸") : "";
        icon.firstChild.setAttribute("d", ICONS[row.icon] ?? "");
        icon.setAttribute("class", `hepnb-icon hepnb-icon-${row.icon}`);
        const text = String(row[column.key]);
        if (name.textContent + tail.textContent !== text) {
          const cut = text.length > 14 ? text.length - 9 : text.length;
          name.textContent = text.slice(0, cut);
          tail.textContent = text.slice(cut);
          cell.setAttribute("aria-label", text);  // two parts would be read as two words
        }
      };
    },
    check(cell, column, row) {
      const input = make("input", "", { type: "checkbox", "aria-label": nameOf(column, row), tabindex: column.selects ? "-1" : "0" });
      cell.append(input);
      input.onchange = () => {
        if (column.selects) choose(row.id, { toggle: true });
        else edit(row, column.key, input.checked);
      };
      input.onclick = (event) => event.stopPropagation();
      return () => {
        input.checked = column.selects ? selected.has(row.id) : Boolean(row[column.key]);
        input.disabled = !editable(column, row);
      };
    },
    slider(cell, column, row) {
      const input = make("input", "hepnb-range", { type: "range", "aria-label": nameOf(column, row) });
      cell.append(input);
      input.oninput = () => edit(row, column.key, Number(input.value));
      input.onpointerdown = () => { touched = input; };
      input.onpointerup = input.onlostpointercapture = input.onblur = () => { if (touched === input) touched = null; };
      input.onkeydown = (event) => event.stopPropagation();
      return () => {
        const low = limit(row, column.min, 0), high = limit(row, column.max, 1);
        input.min = low;
        input.max = high;
        input.step = limit(row, column.step, (high - low) / 400 || "any");
        input.disabled = !editable(column, row);
        if (!busy(input, row, column)) input.value = row[column.key];
        input.setAttribute("aria-valuetext", format(row[column.key], column));
      };
    },
    button(cell, column, row) {
      const button = make("button", "hepnb-cell-button", { type: "button", "aria-label": nameOf(column, row), title: column.title ?? "" });
      button.textContent = column.text ?? "✕";
      button.onclick = (event) => { event.stopPropagation(); edit(row, column.key, true); };
      cell.append(button);
      return () => { button.disabled = !editable(column, row); };
    },
    spark(cell, column, row) {
      let last = null, svg = null;
      return () => {
        const values = row[column.key];
        if (values === undefined) want(row);
        if (values === last) return;
        last = values;
        svg?.remove();
        svg = null;
        if (!Array.isArray(values) || !values.length) return;
        svg = drawing(sparkPath(values), "hepnb-spark-bars", `0 0 ${values.length} 16`);
        svg.setAttribute("preserveAspectRatio", "none");
        cell.append(svg);
      };
    },
    color(cell, column, row) {
      const input = make("input", "", { type: "color", "aria-label": nameOf(column, row) });
      cell.append(input);
      input.onchange = () => edit(row, column.key, input.value);
      return () => {
        input.disabled = !column.editable || !editable(column, row);
        input.value = row[column.key] ?? "#000000";
      };
    },
    select(cell, column, row) {
      const input = make("select", "hepnb-select", { "aria-label": nameOf(column, row) });
      cell.append(input);
      input.onchange = () => edit(row, column.key, input.value);
      input.onkeydown = (event) => event.stopPropagation();
      let last = null;
      return () => {
        const options = row[`${column.key}_options`] ?? column.options ?? [];
        const joined = options.join("\u0001");
        if (joined !== last) {
          last = joined;
          input.replaceChildren(...options.map((option) => new Option(option, option)));
        }
        input.hidden = joined === "";  // nothing to choose: a click is meant for the row
        input.disabled = !editable(column, row);
        if (!busy(input, row, column)) input.value = row[column.key] ?? "";
      };
    },
  };

  // -- to the kernel --------------------------------------------------------------------------------------------
  const set = (name, value) => { model.set(name, value); model.save_changes(); };
  const pending = new Map();
  let inFlight = 0, seq = 0, patience = null;
  const edit = (row, key, value) => {
    row[key] = value;
    if (!pending.has(row.id)) pending.set(row.id, new Map());
    pending.get(row.id).set(key, value);
    paint();
    send();
  };
  const send = () => {
    if (inFlight || !pending.size) return;
    const cells = Object.fromEntries([...pending].map(([id, values]) => [id, Object.fromEntries(values)]));
    pending.clear();
    inFlight = ++seq;
    // The answer can be lost with the kernel: editing must not hang for ever.
    patience = setTimeout(() => { inFlight = 0; send(); }, 5000);
    model.send({ type: "edit", cells, seq });
  };
  let resort = null;
  const received = (message) => {
    if (message.type === "cells") {
      if (Object.values(message.cells).some((cells) => "expanded" in cells || "expandable" in cells)) arrange();
      else paint();
      const sort = model.get("sort").replace(/^-/, "");
      const key = columns.find((c) => c.key === sort && c.label)?.sort_by ?? sort;
      if (sort && Object.values(message.cells).some((cells) => key in cells)) {
        clearTimeout(resort);
        resort = setTimeout(() => { if (!touched) arrange(); }, 400);  // rows must not run away from the hand
      }
    }
    if (message.type === "done" && message.seq === inFlight) {
      clearTimeout(patience);
      inFlight = 0;
      if (pending.size) send(); else paint();
    }
  };
  // Sparks are made only for rows that somebody looks at.
  const wanted = new Set();
  let asking = null;
  const want = (row) => {
    if (wanted.has(row.id)) return;
    wanted.add(row.id);
    clearTimeout(asking);
    asking = setTimeout(() => {
      const ids = [...wanted].filter((id) => nodes.has(id));
      for (const id of wanted) if (!nodes.has(id)) wanted.delete(id);
      if (ids.length) model.send({ type: "want", ids });
    }, 150);
  };
  const toggle = (row, open = !row.expanded) => {
    if (!row.expandable || Boolean(row.expanded) === open) return;
    row.expanded = open;
    model.send({ type: "expand", id: row.id, expanded: open });
    arrange();
  };

  // -- cursor and selection -------------------------------------------------------------------------------------
  const choose = (id, { toggle: flip = false, range = false } = {}) => {
    let next;
    if (range && anchor !== null && position.has(anchor)) {
      const [a, b] = [position.get(anchor), position.get(id)].sort((x, y) => x - y);
      next = new Set(shown.slice(a, b + 1).map((item) => item.row.id));
    } else {
      next = flip ? new Set(selected) : new Set([id]);
      if (flip && !next.delete(id)) next.add(id);
      anchor = id;
    }
    active = revealed = id;
    selected = next;
    look();
    set("selected", rows.filter((row) => next.has(row.id)).map((row) => row.id));
  };
  const go = (i, event) => {
    if (!shown.length) return;
    const to = Math.max(0, Math.min(shown.length - 1, i));
    active = shown[to].row.id;
    const room = grid.clientHeight - (head.hidden ? 0 : ROW);
    if (to * ROW < grid.scrollTop) grid.scrollTop = to * ROW;
    if ((to + 1) * ROW > grid.scrollTop + room) grid.scrollTop = (to + 1) * ROW - room;
    if (event.shiftKey && model.get("multi")) choose(active, { range: true });
    else if (!model.get("multi") && model.get("arrows_choose")) choose(active);
    else paint();
  };
  body.addEventListener("click", (event) => {
    const node = event.target.closest(".hepnb-tr");
    if (!node || event.target.matches("input, select, button")) return;
    const multi = model.get("multi");
    const selects = columns.some((column) => column.selects);
    choose(node.dataset.id, { toggle: multi && (selects || event.ctrlKey || event.metaKey), range: multi && event.shiftKey });
    if (event.detail === 1) toggle(index.get(node.dataset.id));
  });
  body.addEventListener("dblclick", (event) => {
    const node = event.target.closest(".hepnb-tr");
    if (!node || event.target.matches("input, select, button, .hepnb-twist")) return;
    model.send({ type: "activate", id: node.dataset.id });
  });
  body.addEventListener("keydown", (event) => {
    if (event.key !== "F2" || event.target === grid) return;
    if (nextField(event.target.closest(".hepnb-tr"), event.target)) event.preventDefault();
    event.stopPropagation();
  }, true);
  grid.addEventListener("keydown", (event) => {
    if (event.target !== grid) return;
    const at = active === null ? -1 : position.get(active);
    const row = at >= 0 ? shown[at].row : null;
    const page = Math.max(1, Math.floor(grid.clientHeight / ROW) - 2);
    const keys = {
      ArrowDown: () => go(at + 1, event),
      ArrowUp: () => go(at < 0 ? 0 : at - 1, event),
      PageDown: () => go(at + page, event),
      PageUp: () => go(at - page, event),
      Home: () => go(0, event),
      End: () => go(shown.length - 1, event),
      ArrowRight: () => (row?.expandable && !shown[at].open ? toggle(row, true) : go(at + 1, event)),
      ArrowLeft: () => (row?.expandable && shown[at].open ? toggle(row, false) : row?.parent && go(position.get(row.parent), event)),
      " ": () => row && choose(row.id, { toggle: model.get("multi") }),
      Enter: () => {
        if (!row) return;
        if (!selected.has(row.id) && !model.get("multi")) choose(row.id);
        if (row.expandable) toggle(row);
        model.send({ type: "activate", id: row.id });
      },
      F2: () => nextField(nodes.get(active), null),
      "/": () => { search.focus(); search.select(); },
      a: () => {
        if (!model.get("multi") || !(event.ctrlKey || event.metaKey)) return false;
        selected = new Set(shown.map((item) => item.row.id));
        paint();
        return set("selected", [...selected]);
      },
    };
    if (!keys[event.key] || (event.key !== "a" && (event.ctrlKey || event.metaKey))) return;
    if (keys[event.key]() === false) return;
    event.preventDefault();
    event.stopPropagation();
  });
  search.addEventListener("input", () => { set("filter", search.value); });
  search.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && search.value) { search.value = ""; set("filter", ""); }
    if (event.key === "ArrowDown" || event.key === "Enter") { grid.focus(); go(0, event); event.preventDefault(); }
    event.stopPropagation();
  });
  grid.addEventListener("scroll", paint, { passive: true });
  const watcher = new ResizeObserver(paint);
  watcher.observe(grid);

  const judge = () => { root.classList.toggle("hepnb-dim", model.get("dim")); };
  judge();
  const handlers = {
    "change:dim": judge,
    "msg:custom": received,
    "change:rows": load,
    "change:columns": load,
    "change:selected": () => { selected = new Set(model.get("selected")); look(); reveal(); },
    "change:filter": () => {
      if (search.value !== model.get("filter")) search.value = model.get("filter");
      grid.scrollTop = 0;
      arrange();
    },
    "change:sort": () => { layout(); arrange(); },
    "change:height": () => arrange(),
    "change:multi change:label change:search change:placeholder change:empty": () => { layout(); arrange(); },
  };
  for (const [names, handler] of Object.entries(handlers)) {
    for (const name of names.split(" ")) model.on(name, handler);
  }
  search.value = model.get("filter");
  load();
  return () => {
    watcher.disconnect();
    clearTimeout(patience);
    clearTimeout(asking);
    clearTimeout(resort);
    for (const [names, handler] of Object.entries(handlers)) {
      for (const name of names.split(" ")) model.off(name, handler);
    }
  };
}

export default { initialize, render };
