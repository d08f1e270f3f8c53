// A line of text for an expression, with completion of the names it may use.

const SHOWN = 9;

function make(tag, className, attributes = {}) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

function render({ model, el }) {
  const id = `hepnb-box-${Math.random().toString(36).slice(2)}`;  // each model has a module of its own: no counter
  const box = make("div", "hepnb-box");
  const label = make("label", "hepnb-box-label", { for: id });
  const input = make("input", "hepnb-box-input", {
    id, type: "text", role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": `${id}-list`,
    autocomplete: "off", spellcheck: "false", "data-lm-suppress-shortcuts": "true",
  });
  const button = make("button", "hepnb-small-button", { type: "button" });
  const list = make("ul", "hepnb-box-list", { id: `${id}-list`, role: "listbox" });
  box.append(label, input, button);
  el.append(box);

  let options = [], at = -1;

  const close = () => {
    list.remove();
    options = [];
    at = -1;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  };
  const token = () => input.value.slice(0, input.selectionStart).match(/[A-Za-z_][\w.]*$/)?.[0] ?? "";
  const accept = (option) => {
    const end = input.selectionStart, start = end - token().length;
    const insert = option.call ? `${option.name}(` : option.name;
    input.setRangeText(insert, start, end, "end");
    close();
    input.focus();
  };
  const mark = () => {
    [...list.children].forEach((item, i) => item.setAttribute("aria-selected", String(i === at)));
    if (at >= 0) {
      input.setAttribute("aria-activedescendant", list.children[at].id);
      list.children[at].scrollIntoView({ block: "nearest" });
    }
  };
  const suggest = () => {
    const typed = token().toLowerCase();
    if (!typed) return close();
    const functions = model.get("functions");
    const all = [
      ...model.get("names").map((name) => ({ name, doc: "" })),
      ...Object.entries(functions).map(([name, doc]) => ({ name, doc, call: true })),
    ];
    const score = (name) => { const i = name.toLowerCase().indexOf(typed); return i === 0 ? 0 : i > 0 ? 1 : 2; };
    options = all.filter((o) => score(o.name) < 2).sort((a, b) => score(a.name) - score(b.name)).slice(0, SHOWN);
    if (!options.length || (options.length === 1 && options[0].name.toLowerCase() === typed && !options[0].call)) return close();
    at = -1;
    list.replaceChildren(...options.map((option, i) => {
      const item = make("li", "", { role: "option", id: `${id}-${i}` });
      item.append(option.call ? `${option.name}( )` : option.name);
      if (option.doc) { const doc = make("span", "hepnb-box-doc"); doc.textContent = option.doc; item.append(doc); }
      item.onmousedown = (event) => { event.preventDefault(); accept(option); };
      return item;
    }));
    const place = input.getBoundingClientRect();
    Object.assign(list.style, { left: `${place.left}px`, top: `${place.bottom + 2}px`, minWidth: `${Math.min(place.width, 320)}px` });
    if (!list.isConnected) document.body.append(list);
    input.setAttribute("aria-expanded", "true");
    mark();
    return undefined;
  };
  const submit = () => {
    close();
    const text = input.value.trim();
    if (model.get("clear")) {
      if (text) model.send({ type: "submit", text });
    } else if (text !== model.get("value")) {
      model.set("value", text);
      model.save_changes();
    }
  };

  input.addEventListener("input", suggest);
  input.addEventListener("input", () => {
    if (model.get("clear") && !input.value.trim()) model.send({ type: "emptied" });
  });
  input.addEventListener("blur", () => { close(); if (!model.get("clear")) submit(); });
  input.addEventListener("keydown", (event) => {
    event.stopPropagation();
    const open = list.isConnected;
    if (open && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      at = (at + (event.key === "ArrowDown" ? 1 : -1) + options.length) % options.length;
      mark();
    } else if (open && event.key === "Tab") accept(options[Math.max(at, 0)]);
    else if (open && event.key === "Enter" && at >= 0) accept(options[at]);
    else if (event.key === "Enter") submit();
    else if (event.key === "Escape") close();
    else return;
    event.preventDefault();
  });
  button.onclick = submit;

  const update = () => {
    label.textContent = model.get("label");
    label.classList.toggle("hepnb-hidden", model.get("hide_label"));
    input.placeholder = model.get("placeholder");
    input.disabled = model.get("disabled");
    button.textContent = model.get("action");
    button.style.display = model.get("action") ? "" : "none";
    button.setAttribute("aria-label", `${model.get("action")}: ${model.get("label")}`);
  };
  const write = () => { if (input.value !== model.get("value")) input.value = model.get("value"); };
  const received = (message) => { if (message.type === "taken") input.value = ""; };
  update();
  write();
  model.on("change", update);
  model.on("change:value", write);
  model.on("msg:custom", received);
  return () => {
    close();
    model.off("change", update);
    model.off("change:value", write);
    model.off("msg:custom", received);
  };
}

export default { render };
