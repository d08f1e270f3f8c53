// Errors, progress, code: what every panel has below its picture.

function element(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text) node.textContent = text;
  return node;
}

function button(label, className) {
  const node = element("button", className, label);
  node.type = "button";
  return node;
}

// ipywidgets gives its sliders a label to see, but none that a screen reader finds; and on what is not a text box
// JupyterLab takes the arrow keys, Enter and letters for its own shortcuts.
const KEYS = ".noUi-handle, button, select, input[type=checkbox], input[type=radio], input[type=range], [role=tab]";
function attend(panel, label) {
  panel.setAttribute("role", "group");
  panel.setAttribute("aria-label", label);
  for (const control of panel.querySelectorAll(`:is(${KEYS}):not([data-lm-suppress-shortcuts])`)) {
    control.setAttribute("data-lm-suppress-shortcuts", "true");
  }
  for (const handle of panel.querySelectorAll(".noUi-handle")) {
    const name = handle.closest(".jupyter-widgets")?.querySelector(".widget-label")?.textContent;
    const two = handle.closest(".noUi-target")?.querySelectorAll(".noUi-handle").length > 1;
    const end = two ? { lower: " from", upper: " to" }[handle.className.match(/noUi-handle-(lower|upper)/)?.[1]] ?? "" : "";
    // A slider that serves several quantities is renamed.
    if (name && handle.getAttribute("aria-label") !== name + end) handle.setAttribute("aria-label", name + end);
  }
}

function render({ model, el }) {
  const box = element("div", "hepnb-chrome");

  const error = element("div", "hepnb-error");
  error.setAttribute("role", "alert");
  const words = element("span", "hepnb-error-words");
  const more = element("pre", "hepnb-error-more");
  const details = element("details");
  const trace = element("pre");
  details.append(element("summary", "", "Traceback"), trace);
  error.append(words, more, details);

  const state = element("div", "hepnb-state");
  state.setAttribute("role", "status");

  const progress = element("div", "hepnb-progress");
  const bar = element("div", "hepnb-bar");
  bar.setAttribute("role", "progressbar");
  bar.setAttribute("aria-label", "Progress");
  bar.setAttribute("aria-valuemin", "0");
  bar.setAttribute("aria-valuemax", "100");
  const filled = element("div", "hepnb-bar-filled");
  bar.append(filled);
  const note = element("span", "hepnb-note");
  const cancel = button("Cancel", "hepnb-small-button");
  cancel.onclick = () => model.send({ type: "cancel" });
  progress.append(bar, note, cancel);

  const code = element("div", "hepnb-code");
  const head = element("div", "hepnb-code-head");
  const fold = button("", "hepnb-fold");
  const take = element("div", "hepnb-take");
  const said = element("span", "hepnb-note");
  said.setAttribute("role", "status");
  const variable = element("input", "hepnb-variable");
  variable.type = "text";
  variable.spellcheck = false;
  variable.value = model.get("variable");
  variable.setAttribute("aria-label", "Name of the variable");
  variable.setAttribute("data-lm-suppress-shortcuts", "true");
  const keep = button("Keep as", "hepnb-small-button");
  keep.title = "Put what is shown into the notebook, as a variable of this name";
  const keeping = element("span", "hepnb-take-group");
  keeping.append(keep, variable);
  const saving = element("span", "hepnb-take-group");
  saving.append(element("span", "hepnb-note", "Save picture"));
  for (const format of ["pdf", "png", "svg"]) {
    const save = button(format.toUpperCase(), "hepnb-small-button");
    save.setAttribute("aria-label", `Save the picture as ${format.toUpperCase()}`);
    save.title = "Into the folder of the notebook";
    save.onclick = () => model.send({ type: "save", format });
    saving.append(save);
  }
  const insert = button("Insert as cell", "hepnb-small-button");
  insert.title = "Put the code into a new cell below";
  const copy = button("Copy", "hepnb-small-button");
  copy.setAttribute("aria-label", "Copy the code");
  const coding = element("span", "hepnb-take-group");
  coding.append(insert, copy);
  take.append(said, keeping, saving, coding);
  const pane = element("pre", "hepnb-code-text");
  pane.tabIndex = 0;
  pane.setAttribute("aria-label", "Python that reproduces this panel");
  pane.setAttribute("data-lm-suppress-shortcuts", "true");
  fold.append(element("span", "hepnb-caret", "▸"), document.createTextNode(model.get("code_title")));
  head.append(fold, take);
  code.append(head, pane);
  box.append(error, state, progress, code);
  el.append(box);

  fold.onclick = () => {
    model.set("code_open", !model.get("code_open"));
    model.save_changes();
  };
  // Several views of one panel hear every answer: only the one whose button was pressed acts.
  const ask = (pressed, message) => {
    pressed.disabled = true;
    model.send(message);
    setTimeout(() => { pressed.disabled = false; }, 1500);
  };
  copy.onclick = () => ask(copy, { type: "copy" });
  insert.onclick = () => ask(insert, { type: "insert" });
  keep.onclick = () => model.send({ type: "keep", name: variable.value });
  variable.onkeydown = (event) => { if (event.key === "Enter") keep.click(); };
  const copied = async (text) => {
    try {
      await navigator.clipboard.writeText(text);
      return "Copied";
    } catch {
      // Without clipboard access (http, an old browser): the selection way.
      const area = element("textarea");
      area.value = text;
      document.body.append(area);
      area.select();
      const done = document.execCommand("copy");
      area.remove();
      return done ? "Copied" : "Select below";
    }
  };
  let quiet = null;
  const say = (text) => {
    said.textContent = text;
    clearTimeout(quiet);
    quiet = setTimeout(() => { said.textContent = ""; }, 8000);
  };
  const received = async (content) => {
    if (content.type === "said") say(content.words);
    if (content.type === "insert" && insert.disabled) {
      // hepnb's extension of JupyterLab listens, and says by `preventDefault` that there is a new cell.
      const asked = new CustomEvent("hepnb:insert-cell", { bubbles: true, cancelable: true, detail: { code: content.code } });
      const inserted = !el.dispatchEvent(asked);
      insert.disabled = false;
      say(inserted ? "inserted below" : `${await copied(content.code)}: paste it into a cell`);
    }
    if (content.type !== "copy" || !copy.disabled) return;
    copy.textContent = await copied(content.code);
    setTimeout(() => { copy.textContent = "Copy"; copy.disabled = false; }, 1200);
  };

  const update = () => {
    const message = model.get("error");
    error.style.display = message ? "" : "none";
    // The lines after the first show a place in an expression, with a caret below it.
    const [first, ...rest] = message.split("\n");
    if (words.textContent !== first) words.textContent = first;
    more.textContent = rest.join("\n");
    more.style.display = rest.length ? "" : "none";
    trace.textContent = model.get("details");
    details.style.display = model.get("details") ? "" : "none";
    if (state.textContent !== model.get("state")) state.textContent = model.get("state");
    const fraction = model.get("progress");
    progress.style.display = fraction < 0 ? "none" : "";
    const percent = Math.round(100 * Math.min(1, Math.max(0, fraction)));
    filled.style.width = `${percent}%`;
    bar.setAttribute("aria-valuenow", String(percent));
    note.textContent = model.get("note");
    cancel.style.display = model.get("cancellable") ? "" : "none";
    const open = model.get("code_open");
    code.classList.toggle("hepnb-open", open);
    fold.setAttribute("aria-expanded", String(open));
    pane.style.display = open ? "" : "none";
    pane.textContent = model.get("code");
    saving.style.display = model.get("formats").length ? "" : "none";
    keeping.style.display = model.get("variable") ? "" : "none";
  };
  let watcher = null;
  requestAnimationFrame(() => {  // only now is the element in its panel
    const panel = el.closest(".hepnb-panel");
    if (!panel) return;
    attend(panel, model.get("label"));
    let soon = null;  // a slider's readout changes the page with every step: not while it is dragged
    watcher = new MutationObserver(() => {
      clearTimeout(soon);
      soon = setTimeout(() => attend(panel, model.get("label")), 200);
    });
    watcher.observe(panel, { childList: true, subtree: true });
  });
  update();
  model.on("change", update);
  model.on("msg:custom", received);
  return () => {
    watcher?.disconnect();
    model.off("change", update);
    model.off("msg:custom", received);
  };
}

export default { render };
