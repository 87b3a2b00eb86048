// Fills in the time zone that this browser has, where nobody has chosen one yet.
"use strict";

for (const field of document.querySelectorAll("[data-guess-zone]")) {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const isKnown = field.tagName !== "SELECT" || [...field.options].some((option) => option.value === zone);
  if (zone && isKnown) field.value = zone;
}
