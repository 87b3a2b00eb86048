// While somebody writes: the counter, the preview and the price, by the rules the server sends by. Saves nothing.
"use strict";

(() => {
  const { LIMIT, compose, hasLink } = window.Airhorn;
  const SOME_VIDEO = "https://www.youtube.com/watch?v=dQw4w9WgXcQ";
  const SOME_LINK = "https://www.youtube.com/watch?v=…";

  let isUnsaved = () => false;

  function edit() {
    const form = document.getElementById("editor");
    isUnsaved = () => false;
    if (!form) return;
    const field = form.elements.text;
    const values = JSON.parse(form.dataset.values);
    const part = (name) => form.querySelector(`[data-${name}]`);
    const first = field.value;
    let isSent = false;

    const show = (text) => text.replaceAll(SOME_VIDEO, SOME_LINK);

    function update() {
      const includeLink = form.elements.link.value !== "off";
      const own = field.value.trim() !== "";
      // Where a host wants to approve what is sent, an empty field sends nothing.
      const isSilent = "silent" in form.dataset && !own;
      const made = compose(own ? field.value : isSilent ? "" : form.dataset.template, values, { includeLink });
      const preview = part("preview");
      preview.textContent = show(made.text);
      if (made.over) {
        const mark = document.createElement("mark");
        mark.textContent = show(made.over);
        preview.append(mark);
      }
      part("length").textContent = made.length;
      part("ring").setAttribute("stroke-dasharray", `${Math.min(made.length, LIMIT)} ${LIMIT}`);
      part("counter").classList.toggle("over", made.length > LIMIT);
      part("counter").classList.toggle("near", made.length > LIMIT - 20 && made.length <= LIMIT);
      part("problem").textContent = made.trouble;
      const linked = hasLink(made.text + made.over);
      part("link-card").hidden = !linked;
      part("price").textContent = linked ? form.dataset.priceWith : form.dataset.priceWithout;
      part("shortage").textContent = linked ? form.dataset.shortWith : form.dataset.shortWithout;
      part("whose").hidden = own || field.value !== first;
      for (const unsaid of document.querySelectorAll("[data-if-empty]")) unsaid.hidden = own;
      for (const sent of form.querySelectorAll("[data-if-sent]")) sent.hidden = isSilent;
    }

    form.addEventListener("input", update);
    form.addEventListener("submit", () => { isSent = true; });
    // Other words in the field, and those that stood there on the button that undoes it.
    const undo = part("undo");
    function put(words, isUndone) {
      undo.querySelector("button").value = field.value;
      undo.hidden = isUndone;
      field.value = words;
      update();
      field.focus();
    }
    for (const button of document.querySelectorAll("[data-use]")) {
      button.addEventListener("click", (event) => {
        event.preventDefault();
        put(button.value, false); // with its placeholders, which the page shows filled in
      });
    }
    undo.querySelector("button").addEventListener("click", (event) => {
      event.preventDefault();
      put(event.currentTarget.value, true);
    });
    // A small form beside this one takes along what stands here: the page that comes shows it again.
    for (const other of document.querySelectorAll("form[data-carries]")) {
      other.addEventListener("formdata", ({ formData }) => {
        for (const name of ["text", "link", "version"]) formData.set(name, form.elements[name].value);
        isSent = true;
      });
    }
    const isKept = Boolean(form.closest("[data-unsaved]")); // it came along from another page and is saved nowhere
    isUnsaved = () => !isSent && (isKept || field.value !== first);
    if (field.value !== field.defaultValue) update(); // the browser put back what was typed before
  }

  window.addEventListener("beforeunload", (event) => {
    if (isUnsaved()) event.preventDefault();
  });
  document.addEventListener("exchanged", edit); // another part is in the place of the one that was open
  edit();
})();
