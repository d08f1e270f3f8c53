// Shows PNG frames as they come. Nothing is computed here.

// Not a blob's URL: the browser would fetch it through another process, which takes longer than base64.
function dataUrl(frame) {
  const bytes = new Uint8Array(frame.buffer, frame.byteOffset, frame.byteLength);
  let text = "";
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return "data:image/png;base64," + btoa(text);
}

function render({ model, el }) {
  const box = document.createElement("div");
  box.className = "hepnb-figure";
  const img = document.createElement("img");
  img.draggable = false;
  img.decoding = "sync";
  const meter = document.createElement("div");
  meter.className = "hepnb-meter";
  meter.setAttribute("aria-hidden", "true");
  const stale = document.createElement("div");
  stale.className = "hepnb-stale-words";
  stale.setAttribute("role", "status");
  box.append(img, meter, stale);
  el.append(box);

  let asked = 0;
  const recent = [];

  const show = () => {
    const frame = model.get("frame");
    if (!frame || !frame.byteLength) return;
    img.onload = () => {
      if (model.get("show_latency")) measure();
    };
    img.src = dataUrl(frame);
  };
  const size = () => {
    img.width = model.get("width");
    img.height = model.get("height");
  };
  const describe = () => { img.alt = model.get("alt"); };
  const judge = () => {
    const words = model.get("stale");
    box.classList.toggle("hepnb-stale", Boolean(words));
    stale.textContent = words;
  };

  // From the last input event inside the panel to the load of the picture it caused.
  const mark = () => { if (!asked) asked = performance.now(); };
  const measure = () => {
    const kernel = model.get("_kernel_ms").toFixed(1);
    if (asked) recent.push(performance.now() - asked);
    asked = 0;
    while (recent.length > 60) recent.shift();
    const middle = [...recent].sort((a, b) => a - b)[recent.length >> 1];
    const page = middle === undefined ? "" : ` · page ${middle.toFixed(0)} ms`;
    meter.textContent = `kernel ${kernel} ms${page}`;
  };
  let panel = null;
  const watch = () => {
    const on = model.get("show_latency");
    meter.style.display = on ? "" : "none";
    panel?.removeEventListener("input", mark, true);
    panel?.removeEventListener("pointermove", markDrag, true);
    panel?.removeEventListener("keydown", mark, true);
    panel = null;
    if (!on) return;
    panel = el.closest(".hepnb-panel") ?? el.closest(".jp-OutputArea") ?? el;
    panel.addEventListener("input", mark, true);
    panel.addEventListener("pointermove", markDrag, true);
    panel.addEventListener("keydown", mark, true);
  };
  const markDrag = (event) => { if (event.buttons) mark(); };

  size();
  describe();
  judge();
  show();
  requestAnimationFrame(watch);  // only now is the element in its panel
  const handlers = {
    "change:frame": show, "change:alt": describe, "change:width": size, "change:height": size,
    "change:show_latency": watch, "change:stale": judge,
  };
  for (const [name, handler] of Object.entries(handlers)) model.on(name, handler);
  return () => {
    for (const [name, handler] of Object.entries(handlers)) model.off(name, handler);
    panel?.removeEventListener("input", mark, true);
    panel?.removeEventListener("pointermove", markDrag, true);
    panel?.removeEventListener("keydown", mark, true);
  };
}

export default { render };
