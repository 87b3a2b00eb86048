// Keeps the parts marked data-live current, and the tab's title and lamp with them; counts ages and clocks between
// answers. What somebody is filling in is never touched. Without it a reload does the same.
"use strict";

(() => {
  const seconds = Number(document.body.dataset.refresh);
  if (!seconds) return;
  // The answer to a form stands at the form's address, which cannot be read.
  const address = document.body.dataset.address || location.pathname + location.search;
  let pause = seconds;
  let tag = "";
  let asking = false;

  function adopt(fresh) {
    const parts = document.querySelectorAll("[data-live]");
    parts.forEach((part) => {
      const news = fresh.querySelector(`[data-live="${part.dataset.live}"]`);
      const inUse = part !== document.body && part.contains(document.activeElement);
      if (news && !inUse && part.innerHTML !== news.innerHTML) part.replaceChildren(...news.childNodes);
    });
    if (document.title !== fresh.title) document.title = fresh.title;
    const icon = document.querySelector("link[rel=icon]");
    const lamp = fresh.querySelector("link[rel=icon]");
    if (icon && lamp && icon.getAttribute("href") !== lamp.getAttribute("href")) icon.replaceWith(lamp);
    pause = Number(fresh.body.dataset.refresh) || seconds;
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
      tag = answer.headers.get("ETag") || "";
      // Who is in the middle of something is shown the rest the next time.
      if (document.activeElement && document.activeElement.closest("[data-live]")) tag = "";
      adopt(new DOMParser().parseFromString(await answer.text(), "text/html"));
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
