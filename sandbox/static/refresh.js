// Keeps the page current without a reload. A part in which somebody is typing is left alone.
"use strict";

function busy(part) {
  if (part.contains(document.activeElement) && document.activeElement !== document.body) return true;
  return [...part.querySelectorAll("input:not([type=hidden])")].some((field) => field.value !== field.defaultValue);
}

async function refresh() {
  if (document.hidden) return;
  const answer = await fetch("/", { headers: { Accept: "text/html" } });
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  const parts = document.querySelectorAll("[data-live]");
  const news = fresh.querySelectorAll("[data-live]");
  parts.forEach((part, n) => {
    if (news[n] && !busy(part) && part.innerHTML !== news[n].innerHTML) part.replaceChildren(...news[n].childNodes);
  });
  document.title = fresh.title;
}

setInterval(() => refresh().catch(() => {}), 1500);
