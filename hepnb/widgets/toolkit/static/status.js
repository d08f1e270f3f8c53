// Words that a screen reader announces when they change: the live region itself must stay on the page.
function render({ model, el }) {
  const region = document.createElement("div");
  region.className = "hepnb-status";
  region.setAttribute("role", "status");
  el.append(region);
  const show = () => { region.innerHTML = model.get("html"); };
  const judge = () => { region.classList.toggle("hepnb-dim", model.get("dim")); };
  model.on("change:html", show);
  model.on("change:dim", judge);
  show();
  judge();
  return () => {
    model.off("change:html", show);
    model.off("change:dim", judge);
  };
}

export default { render };
