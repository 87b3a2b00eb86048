// Keeps the parts marked data-live current, and the tab's title and lamp with them; counts ages and clocks between
// answers. What somebody is filling in is never touched; where it is too late for it, a line says so. Without it a
// reload does the same.
"use strict";

(() => {
  const seconds = Number(document.body.dataset.refresh);
  if (!seconds) return;
  // The answer to a form stands at the form's address, which cannot be read.
  const address = document.body.dataset.address || location.pathname + location.search;
  let pause = seconds;
  let tag = "";
  let asking = false;

  // A part with a field: only what was typed or chosen, and not saved, is in the way of exchanging it.
  const isUnsaved = (part) => "unsaved" in part.dataset || [...part.querySelectorAll("input, textarea")].some(
    (field) => field.type !== "hidden" && (field.value !== field.defaultValue || field.checked !== field.defaultChecked));

  function tell(part, words) {
    if (!words || part.querySelector("[data-told]")) return;
    const line = document.createElement("p");
    line.className = "notice amber told";
    line.dataset.told = "";
    line.setAttribute("role", "status");
    const link = document.createElement("a");
    link.href = address;
    link.textContent = "Load the page again";
    line.append(`${words} `, link);
    part.prepend(line);
  }

  // Each answers whether the part now is as it should be.
  function exchangeWhole(part, news) {
    if (part.dataset.is === news.dataset.is) return true;
    if (isUnsaved(part)) {
      tell(part, news.dataset.news);
      return false;
    }
    const had = part.contains(document.activeElement) ? document.activeElement : null;
    part.replaceWith(news);
    if (had) focusAgain(news, had);
    news.dispatchEvent(new CustomEvent("exchanged", { bubbles: true }));
    return true;
  }

  // The field, button or link that is in the place of the one that had the focus; where there is none, the part.
  function focusAgain(part, had) {
    const says = (one) => (one.tagName === "TEXTAREA" ? "" : one.type === "radio" ? one.value : one.textContent);
    const isSame = (one) => one.tagName === had.tagName && one.id === had.id && one.name === had.name && says(one) === says(had);
    const field = [...part.querySelectorAll("a, button, input, select, textarea")].find(isSame) || part;
    field.focus({ preventScroll: true });
    if (field.tagName !== "TEXTAREA") return;
    field.setSelectionRange(had.selectionStart, had.selectionEnd, had.selectionDirection);
    field.scrollTop = had.scrollTop;
  }

  function exchange(part, news) {
    if (part.innerHTML === news.innerHTML) return true;
    if (part !== document.body && part.contains(document.activeElement)) return false;
    part.replaceChildren(...news.childNodes);
    return true;
  }

  function adopt(fresh) {
    let isWhole = true;
    for (const part of document.querySelectorAll("[data-live]")) {
      const news = fresh.querySelector(`[data-live="${part.dataset.live}"]`);
      if (news && !("is" in part.dataset ? exchangeWhole : exchange)(part, news)) isWhole = false;
    }
    if (document.title !== fresh.title) document.title = fresh.title;
    const icon = document.querySelector("link[rel=icon]");
    const lamp = fresh.querySelector("link[rel=icon]");
    if (icon && lamp && icon.getAttribute("href") !== lamp.getAttribute("href")) icon.replaceWith(lamp);
    pause = Number(fresh.body.dataset.refresh) || seconds;
    return isWhole;
  }

  async function refresh() {
    if (document.hidden || asking) return;
    asking = true;
    try {
      const headers = { Accept: "text/html" };
      if (tag) headers["If-None-Match"] = tag;
      const answer = await fetch(address, { headers, redirect: "manual", cache: "no-store" });
      if (answer.type === "opaqueredirect" || answer.status === 404) return location.reload();
      if (!answer.ok) return; // 304: nothing has happened; anything else: asked again
      // Who is in the middle of something is shown the rest the next time.
      const isWhole = adopt(new DOMParser().parseFromString(await answer.text(), "text/html"));
      tag = isWhole ? answer.headers.get("ETag") || "" : "";
    } finally {
      asking = false;
    }
  }

  // "12 s", as the server writes it
  function rough(value) {
    const units = [[86400, "d"], [3600, "h"], [60, "min"]];
    for (const [size, unit] of units) {
      if (value >= 2 * size || (unit === "min" && value >= 90)) return `${Math.floor(value / size)}\u00a0${unit}`;
    }
    return `${Math.floor(value)}\u00a0s`;
  }

  const written = {
    age: (passed) => (passed < 1 ? "just now" : `${rough(passed)}\u00a0ago`),
    distance: (passed) => {
      if (Math.abs(passed) < 30) return "now";
      return passed < 0 ? `in\u00a0${rough(-passed)}` : `${rough(passed)}\u00a0ago`;
    },
    span: (passed) => {
      const whole = Math.max(0, Math.floor(passed));
      return [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60].map((n) => String(n).padStart(2, "0")).join(":");
    },
  };

  function tick() {
    if (document.hidden) return;
    for (const part of document.querySelectorAll("[data-tick]")) {
      const write = written[part.dataset.tickAs];
      const words = write && write((Date.now() - Date.parse(part.dataset.tick)) / 1000);
      if (words && part.textContent !== words) part.textContent = words;
    }
  }

  const next = () => setTimeout(() => refresh().catch(() => {}).finally(next), pause * 1000);
  document.addEventListener("visibilitychange", () => refresh().catch(() => {}));
  setInterval(tick, 1000);
  next();
})();
