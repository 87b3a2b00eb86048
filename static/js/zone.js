// Fields for a time zone: fills in the one that this browser has, where nobody has chosen one yet, and takes away what
// stands there as soon as somebody types, so that all zones are offered and not only those like it.
"use strict";

for (const field of document.querySelectorAll("[list=zones]")) {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const isKnown = [...field.list.options].some((option) => option.value === zone);
  if ("guessZone" in field.dataset && isKnown) field.value = zone;
  field.addEventListener("focus", () => field.select());
}
