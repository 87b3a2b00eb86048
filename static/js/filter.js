// Says of every title whether the filter would let it through, while it is typed. The server says the same after a look-up.
"use strict";

(() => {
  // What letter case means to the server, which folds ß to ss and leaves the dotless ı alone.
  const folded = (text) => Array.from(text, (c) => (c === "ı" ? c : c.toLowerCase().toUpperCase().toLowerCase())).join("");

  for (const field of document.querySelectorAll("[data-filter]")) {
    const list = document.getElementById(field.dataset.filter);
    const onOff = list && document.getElementById(list.dataset.switch);
    if (!onOff) continue;
    const judge = () => {
      const wanted = onOff.checked ? folded(field.value).trim() : "";
      for (const row of list.children) {
        const [title, tag] = row.children;
        const fits = folded(title.textContent).includes(wanted);
        tag.textContent = fits ? "would match" : "would not match";
        tag.classList.toggle("not", !fits);
      }
    };
    field.addEventListener("input", () => {
      if (field.value.trim()) onOff.checked = true;
      judge();
    });
    onOff.addEventListener("change", judge);
  }
})();
