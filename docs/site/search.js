// The search of the manual: titles and headings, in the browser alone.
(() => {
  const form = document.querySelector(".search"), input = form.querySelector("input"), list = form.querySelector("ul");
  let index, chosen = -1;
  form.hidden = false;
  const load = () => (index ??= fetch("search.json").then((r) => r.json()));
  const show = (hits) => {
    chosen = -1;
    list.replaceChildren(...hits.map((h) => {
      const a = Object.assign(document.createElement("a"), { href: h.u, textContent: h.t });
      if (h.i) a.append(Object.assign(document.createElement("small"), { textContent: h.i }));
      const li = document.createElement("li");
      li.append(a);
      return li;
    }));
  };
  input.addEventListener("focus", load);
  input.addEventListener("input", async () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    if (!words.length) return show([]);
    const hits = (await load()).filter((h) => words.every((w) => (h.t + " " + (h.i ?? "")).toLowerCase().includes(w)));
    hits.sort((a, b) => !!a.i - !!b.i || a.t.toLowerCase().indexOf(words[0]) - b.t.toLowerCase().indexOf(words[0]));
    show(hits.slice(0, 12));
  });
  form.addEventListener("keydown", (e) => {
    const links = [...list.querySelectorAll("a")];
    if (e.key === "Escape") { input.value = ""; show([]); }
    if (e.key === "ArrowDown" || e.key === "ArrowUp") {
      e.preventDefault();
      chosen = (chosen + (e.key === "ArrowDown" ? 1 : links.length - 1) + links.length) % (links.length || 1);
      links.forEach((a, i) => a.classList.toggle("chosen", i === chosen));
    }
    if (e.key === "Enter") { e.preventDefault(); (links[chosen] ?? links[0])?.click(); }
  });
  form.addEventListener("submit", (e) => e.preventDefault());
  document.addEventListener("keydown", (e) => {
    if (e.key === "/" && !/INPUT|TEXTAREA/.test(document.activeElement.tagName)) { e.preventDefault(); input.focus(); }
  });
})();
