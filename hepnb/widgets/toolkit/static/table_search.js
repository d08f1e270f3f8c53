// How a table is searched; it goes to the page in one module with `table.js`.

// Each search gives a function of a row's name, its other text and the names above it: how well it fits (0 is best),
// or Infinity. One term at least has to fit the row itself.
const ABOVE = 5;
function matcher(text) {
  const query = text.trim();
  const regex = query.match(/^\/(.+)\/$/);
  if (regex) {
    try {
      const r = new RegExp(regex[1], "im");
      return (name, rest) => (r.test(`${name}\n${rest}`) ? 0 : Infinity);
    } catch { return () => Infinity; }
  }
  const tests = query.toLowerCase().split(/\s+/).filter(Boolean).map((term) => {
    if (/[*?]/.test(term)) {
      const glob = term.replace(/[.+^${}()|[\]\\]/g, "\\$&").replace(/\*/g, "[^\n]*").replace(/\?/g, "[^\n]");
      const r = new RegExp(`(^|\\s)${glob}($|\\s)`);
      return (name, rest) => (r.test(name) ? 1 : r.test(rest) ? 4 : Infinity);
    }
    return (name, rest, above) => {
      const at = name.indexOf(term);
      if (at === 0) return name.length === term.length ? 0 : 1;
      if (at > 0) return /[^a-z0-9]/.test(name[at - 1]) ? 2 : 3;
      return rest.includes(term) ? 4 : above.includes(term) ? ABOVE : Infinity;
    };
  });
  if (!tests.length) return null;
  return (name, rest, above) => {
    const ranks = tests.map((test) => test(name, rest, above));
    return Math.min(...ranks) < ABOVE ? ranks.reduce((sum, rank) => sum + rank, 0) : Infinity;
  };
}

// Where nothing fits: names that have the letters in this order, those first where they are close together.
function nearly(text) {
  const letters = text.toLowerCase().replace(/\s+/g, "");
  if (!/^[\w.]{3,}$/.test(letters)) return null;
  const r = new RegExp([...letters].map((letter) => `[${letter}]`).join(".*?"));
  return (name) => name.match(r)?.[0].length ?? Infinity;
}
