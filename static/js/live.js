// Keeps the parts marked data-live current, and the tab's title and lamp with them. Without it a reload does the same.
"use strict";

(() => {
  const seconds = Number(document.body.dataset.refresh);
  if (!seconds) return;
  let pause = seconds;

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
    if (document.hidden) return;
    const answer = await fetch(location.href, { headers: { Accept: "text/html" }, redirect: "manual" });
    if (answer.type === "opaqueredirect" || answer.status === 404) return location.reload();
    if (answer.ok) adopt(new DOMParser().parseFromString(await answer.text(), "text/html"));
  }

  const next = () => setTimeout(() => refresh().catch(() => {}).finally(next), pause * 1000);
  document.addEventListener("visibilitychange", () => refresh().catch(() => {}));
  next();
})();
