// The words of a post as they will be sent: the same rules as services/tweet_text.py and services/text_gaps.py, which
// explain them. The values of the placeholders come from the server, cleaned there.
"use strict";

(() => {
  const { LIMIT, urlSpans, weightedLength } = window.Airhorn;

  const PLACEHOLDERS = ["show", "title", "number", "guest", "url"];
  const LONGEST_TEMPLATE = 4000;
  const LONGEST_TITLE = 1000;
  const NEAR = 400;
  const BRACES = /\{\{([^{}\n]*)\}\}|\{([^{}\n]*)\}/gu;
  const LIKE_A_NAME = /^\s*[\p{L}\p{N}_]/u;
  const CASHTAG = /(?<!\S)\$(?=[A-Za-z]{1,6}(?:[._][A-Za-z]{1,2})?(?![A-Za-z0-9]))/u;
  const AFTER_LINK = /^[.,;:!?)\]}"'»”’…]*(?:\s|$)/u;
  const TOUCHES_LINK = /[A-Za-z0-9@＠$#＃_/-]$|\.\S*$/u;
  const REFUSED = /[\p{Cc}\p{Cs}\ufeff\ufdd0-\ufdef\ufffe\uffff\u{1fffe}\u{1ffff}\u{2fffe}\u{2ffff}\u{3fffe}\u{3ffff}\u{4fffe}\u{4ffff}\u{5fffe}\u{5ffff}\u{6fffe}\u{6ffff}\u{7fffe}\u{7ffff}\u{8fffe}\u{8ffff}\u{9fffe}\u{9ffff}\u{afffe}\u{affff}\u{bfffe}\u{bffff}\u{cfffe}\u{cffff}\u{dfffe}\u{dffff}\u{efffe}\u{effff}\u{ffffe}\u{fffff}\u{10fffe}\u{10ffff}]/u;
  const OPENING = ["(", "[", "{", "“", "„", "«", "‘"];
  const BRACKETS = { "(": ")", "[": "]", "{": "}", '"': '"', "“": "”", "„": "“", "«": "»", "‘": "’" };
  const SEPARATORS = ",;:|/·•–—-";
  const ENDING = `\n.!?)]}${SEPARATORS}`;
  const SPACED = "|/·•–—-";
  const WORD = "[\\p{L}\\p{N}_]";
  const EDGE = `(?:(?<!${WORD})(?=${WORD})|(?<=${WORD})(?!${WORD}))`;
  const END = "(?=\\n?$)"; // as the server's $, which also matches before a last line break
  const ANNOUNCING = {
    number: new RegExp(`(?:${EDGE}(?:episode|ep\\.?|no\\.?)[ ]{0,3})?[#№]?${END}`, "iu"),
    guest: new RegExp(`${EDGE}(?:together with|with|w/|feat\\.?|ft\\.?|featuring|guests?:?)${END}`, "iu"),
  };

  class Invalid extends Error {}

  // {text, over, length, trouble}: what is sent, or what there is of it and the part that X would not take.
  function compose(template, values, { includeLink }) {
    let whole = template;
    try {
      const [fill, title] = filler(template, values, includeLink);
      whole = fill("");
      const excess = weightedLength(whole) - LIMIT;
      if (excess > 0) throw new Invalid(`Too long by ${characters(excess)}`);
      const text = longestThatFits(fill, title) || whole;
      if (!text) throw new Invalid("There is nothing to post");
      return { text, over: "", length: weightedLength(text), trouble: "" };
    } catch (error) {
      if (!(error instanceof Invalid)) throw error;
      const [text, over] = cutAtLimit(whole);
      return { text, over, length: weightedLength(whole), trouble: `${error.message}.` };
    }
  }

  function hasLink(text) {
    return urlSpans([...text]).size > 0;
  }

  function cutAtLimit(text) {
    const letters = [...text];
    if (weightedLength(text) <= LIMIT) return [text, ""];
    let [low, high] = [0, Math.min(letters.length, 2 * LIMIT * 23)];
    while (low < high) {
      const middle = Math.floor((low + high + 1) / 2);
      if (weightedLength(letters.slice(0, middle).join("")) <= LIMIT) low = middle;
      else high = middle - 1;
    }
    for (const [start, size] of urlSpans(letters)) if (start < low && low < start + size) low = start;
    return [letters.slice(0, low).join(""), letters.slice(low).join("")];
  }

  function filler(template, known, includeLink) {
    const values = { ...known, url: includeLink ? known.url : "" };
    const parts = partsOf(template);
    const names = parts.filter((_, index) => index % 2);
    if (values.url && !names.includes("url") && !template.includes(values.url)) {
      parts[parts.length - 1] += template.includes("\n") ? "\n" : " ";
      parts.push("url", "");
    }
    return [(title) => fillIn(parts, { ...values, title }), values.title];
  }

  function partsOf(typed) {
    const size = [...typed].length;
    if (size > LONGEST_TEMPLATE) throw new Invalid(`Too long by ${characters(size - LIMIT)}`);
    const template = visible(typed);
    const parts = [];
    let from = 0;
    for (const match of template.matchAll(BRACES)) {
      const [whole, doubled, single] = match;
      if (PLACEHOLDERS.includes(single)) {
        parts.push(template.slice(from, match.index), single);
        from = match.index + whole.length;
      } else if (PLACEHOLDERS.includes(doubled) || (single !== undefined && LIKE_A_NAME.test(single))) {
        const known = PLACEHOLDERS.map((name) => `{${name}}`).join(" ");
        throw new Invalid(`Unknown placeholder ${[...whole].slice(0, 60).join("")}; there are ${known}`);
      }
    }
    return [...parts, template.slice(from)];
  }

  function visible(typed) {
    const text = typed.replace(/\r\n?/g, "\n").replace(/\t/g, " ").normalize("NFC");
    return [...text].filter((letter) => letter === "\n" || !REFUSED.test(letter)).join("");
  }

  function fillIn(parts, values) {
    const pieces = [[parts[0], false]];
    for (let index = 1; index < parts.length; index += 2) {
      const [name, literal] = [parts[index], parts[index + 1]];
      if (values[name]) {
        pieces.push([values[name], name === "url"], [literal, false]);
      } else {
        const before = pieces[pieces.length - 1][0];
        const last = index + 2 >= parts.length || parts[index + 2] === "url";
        pieces[pieces.length - 1] = [closeGap(before, literal, name, pieces.length === 1, last), false];
      }
    }
    return finished(withLinksApart(pieces));
  }

  function withLinksApart(pieces) {
    const texts = pieces.map((piece) => piece[0]);
    let whole = "";
    let near = "";
    pieces.forEach(([piece, isLink], index) => {
      let text = piece;
      if (isLink) {
        const following = texts.slice(index + 1).join("").slice(0, NEAR);
        text = (TOUCHES_LINK.test(near) ? " " : "") + text + (AFTER_LINK.test(following) ? "" : " ");
      }
      whole += text;
      near = (near + text).slice(-NEAR);
    });
    return whole;
  }

  function finished(text) {
    const lines = text.normalize("NFC").split("\n").map((line) => line.trimEnd());
    const whole = lines.join("\n").replace(/\n{3,}/g, "\n\n").trim();
    const [first, ...others] = whole.split(CASHTAG);
    return others.length ? `${first}$${others.join("")}` : first;
  }

  function longestThatFits(fill, title) {
    const letters = [...title];
    if (letters.length <= LONGEST_TITLE) {
      const text = fill(title);
      if (weightedLength(text) <= LIMIT) return text;
    }
    for (const isEnd of [endsAWord, endsALetter]) {
      const ends = [];
      for (let at = 1; at < Math.min(letters.length, LONGEST_TITLE); at += 1) if (isEnd(letters, at)) ends.push(at);
      let [low, high, best] = [0, ends.length, null];
      while (low < high) {
        const middle = Math.floor((low + high) / 2);
        const text = fill(`${letters.slice(0, ends[middle]).join("").replace(/[ ,;:.\-–—|/(&]+$/u, "")}…`);
        if (weightedLength(text) <= LIMIT) [best, low] = [text, middle + 1];
        else high = middle;
      }
      if (best !== null) return best;
    }
    return null;
  }

  function endsAWord(letters, at) {
    const code = letters[at - 1].codePointAt(0);
    const ideographic = (code >= 0x2e80 && code <= 0x9fff) || (code >= 0x20000 && code <= 0x3ffff);
    return letters[at] === " " || (ideographic && endsALetter(letters, at));
  }

  function endsALetter(letters, at) {
    const after = letters[at];
    const belongs = /^[\p{M}\u200c\u200d\u{1f3fb}-\u{1f3ff}\u{1f1e6}-\u{1f1ff}]$/u.test(after);
    return !belongs && !/^[\u200c\u200d]$/u.test(letters[at - 1]);
  }

  // text_gaps.py: what was around a value that is empty

  function closeGap(textBefore, textAfter, name, first, last) {
    let spaced = name === "url" || /\s$/u.test(textBefore) || /^\s/u.test(textAfter);
    let before = withoutAnnouncement(stripEnd(textBefore, " "), name);
    let after = stripStart(textAfter, " ");
    if (before && after && BRACKETS[before.at(-1)] === after[0]) {
      spaced = spaced || /\s$/u.test(before.slice(0, -1)) || /^\s/u.test(after.slice(1));
      before = stripEnd(before.slice(0, -1), " ");
      after = stripStart(after.slice(1), " ");
    }
    if ((first && !before) || before.endsWith("\n") || OPENING.some((sign) => before.endsWith(sign))) {
      return before + stripStart(after, ` .${SEPARATORS}`);
    }
    if (last && !after) return stripEnd(before, ` ${SEPARATORS}`) + (spaced ? " " : "");
    if (after && ENDING.includes(after[0])) {
      return stripEnd(before, ` ${SEPARATORS}`) + (SPACED.includes(after[0]) ? " " : "") + after;
    }
    return before + (spaced ? " " : "") + after;
  }

  function withoutAnnouncement(before, name) {
    const words = ANNOUNCING[name];
    if (!words) return before;
    const letters = [...before];
    const head = letters.slice(0, -40).join("");
    const tail = letters.slice(-40).join("");
    return stripEnd(head + tail.replace(words, ""), " ");
  }

  function stripEnd(text, signs) {
    let end = text.length;
    while (end > 0 && signs.includes(text[end - 1])) end -= 1;
    return text.slice(0, end);
  }

  function stripStart(text, signs) {
    let at = 0;
    while (at < text.length && signs.includes(text[at])) at += 1;
    return text.slice(at);
  }

  function characters(count) {
    return count === 1 ? "1 character" : `${count} characters`;
  }

  Object.assign(window.Airhorn, { compose, cutAtLimit, hasLink });
})();
