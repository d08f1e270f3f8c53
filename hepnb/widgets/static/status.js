// Words that a screen reader announces when they change: the live region itself must stay on the page.
function render({ model, el }) {
  const region = document.createElement("div");
  region.className = "hepnb-status";
  region.setAttribute("role", "status");
  el.append(region);
  const show = () => { region.innerHTML = model.get("html"); };
  model.on("change:html", show);
  show();
  return () => model.off("change:html", show);
}

export default { render };
