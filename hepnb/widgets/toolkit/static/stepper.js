// A row of numbered steps: a tab list whose tabs also say what has been chosen in each.
function render({ model, el }) {
  const list = document.createElement("div");
  list.className = "hepnb-stepper";
  list.setAttribute("role", "tablist");
  list.setAttribute("data-lm-suppress-shortcuts", "true");
  el.append(list);

  const tabs = [];
  const choose = (index, focus) => {
    const count = tabs.length;
    const next = (index + count) % count;
    model.set("selected", next);
    model.save_changes();
    if (focus) tabs[next].focus();
  };
  const onKey = (event) => {
    const here = model.get("selected");
    const jump = {
      ArrowRight: here + 1, ArrowDown: here + 1, ArrowLeft: here - 1, ArrowUp: here - 1,
      Home: 0, End: tabs.length - 1,
    }[event.key];
    if (jump === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    choose(jump, true);
  };
  list.addEventListener("keydown", onKey);

  const make = (index) => {
    const tab = document.createElement("button");
    tab.type = "button";
    tab.className = "hepnb-step";
    tab.setAttribute("role", "tab");
    for (const part of ["number", "title", "note"]) {
      const span = document.createElement("span");
      span.className = `hepnb-step-${part}`;
      if (part === "number") span.setAttribute("aria-hidden", "true");
      tab.append(span);
    }
    tab.addEventListener("click", () => choose(index, false));
    return tab;
  };
  const draw = () => {
    const steps = model.get("steps");
    const selected = model.get("selected");
    list.setAttribute("aria-label", model.get("label"));
    while (tabs.length > steps.length) tabs.pop().remove();
    while (tabs.length < steps.length) {
      tabs.push(make(tabs.length));
      list.append(tabs[tabs.length - 1]);
    }
    steps.forEach((step, index) => {
      const tab = tabs[index];
      const [number, title, note] = tab.children;
      number.textContent = step.done ? "✓" : String(index + 1);
      title.textContent = step.title;
      note.textContent = step.note || " ";
      tab.title = step.stale || step.note || step.title;
      tab.classList.toggle("hepnb-step-stale", Boolean(step.stale));
      tab.classList.toggle("hepnb-step-done", Boolean(step.done));
      tab.setAttribute("aria-label", `${index + 1} ${step.title}${step.note ? ": " + step.note : ""}${step.stale ? ". " + step.stale : ""}`);
      tab.setAttribute("aria-selected", String(index === selected));
      tab.tabIndex = index === selected ? 0 : -1;
    });
  };
  model.on("change:steps change:selected change:label", draw);
  draw();
  return () => model.off("change:steps change:selected change:label", draw);
}

export default { render };
