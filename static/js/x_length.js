// How long X says a text is: the same rules, step by step, as services/x_length.py, which explains them.
"use strict";

(() => {
  const { ACCENTS, DOMAIN_CHAR, EMOJI, TAIL, TCO, TLDS } = window.AirhornData;

  const LIMIT = 280;
  const URL_LENGTH = 23;

  const LONGEST_URL = 4096;
  const LONGEST_TCO_SLUG = 40;
  const NOT_BEFORE_BARE_HOST = "-_./";
  const TONES = /[\u{1F3FB}-\u{1F3FF}]/gu;

  const domainChar = new RegExp(`^${DOMAIN_CHAR}$`, "u");
  const asciiLabel = new RegExp(`^[-a-z0-9${ACCENTS}]$`, "iu");
  const tailOf = new RegExp(`^${TAIL}`, "iu");
  const tcoOf = new RegExp(TCO, "iu");
  const preceding = /^[^A-Za-z0-9@\uFF20$#\uFF03\uFFFE\uFEFF\uFFFF]$/u;
  const goesOn = /^[0-9a-zA-Z@+-]$/;

  const tlds = new Map(TLDS.split("|").map((word, rank) => [word, rank]));
  const tldStarts = new Set();
  for (const word of tlds.keys()) {
    const letters = [...word];
    for (let size = 1; size <= letters.length; size += 1) tldStarts.add(letters.slice(0, size).join(""));
  }
  const emoji = new Set(EMOJI.split(" "));
  const emojiSize = new Map();
  for (const sequence of emoji) {
    const letters = [...sequence];
    const firsts = letters[0] === "T" ? [..."\u{1F3FB}\u{1F3FC}\u{1F3FD}\u{1F3FE}\u{1F3FF}"] : [letters[0]];
    for (const first of firsts) emojiSize.set(first, Math.max(letters.length, emojiSize.get(first) || 0));
  }

  function weightedLength(typed) {
    const text = typed.replace(/\r\n?/g, "\n").normalize("NFC");
    const letters = [...text];
    const urls = urlSpans(letters);
    if (/^[\0-\x7f]*$/.test(text)) {
      return letters.length + [...urls.values()].reduce((sum, size) => sum + URL_LENGTH - size, 0);
    }
    const pictures = emojiSizes(letters);
    let weight = 0;
    for (let at = 0; at < letters.length; ) {
      if (urls.has(at)) {
        weight += URL_LENGTH;
        at += urls.get(at);
      } else if (pictures.has(at)) {
        weight += 2;
        at += pictures.get(at);
      } else {
        weight += weightOf(letters[at].codePointAt(0));
        at += 1;
      }
    }
    return weight;
  }

  function weightOf(code) {
    const light = code <= 4351 || (code >= 8192 && code <= 8205) || (code >= 8208 && code <= 8223) || (code >= 8242 && code <= 8247);
    return light ? 1 : 2;
  }

  function isEmoji(sequence) {
    return emoji.has(sequence) || emoji.has(sequence.replace(TONES, "T"));
  }

  function emojiSizes(letters) {
    const sizes = new Map();
    for (let at = 0; at < letters.length; ) {
      let size = emojiSize.get(letters[at]) || 0;
      while (size && !isEmoji(letters.slice(at, at + size).join(""))) size -= 1;
      size = Math.min(size, letters.length - at);
      if (size) sizes.set(at, size);
      at += size || 1;
    }
    return sizes;
  }

  // Start -> number of characters (code points) of everything that X makes a link of.
  function urlSpans(letters) {
    const spans = new Map();
    let taken = 0;
    for (const run of runs(letters)) {
      while (taken < run.end) {
        const found = run.find(taken);
        if (!found) break;
        const [start, domainStart, domainEnd] = found;
        const tail = tailOf.exec(letters.slice(domainEnd).join(""));
        const end = domainEnd + [...tail[0]].length;
        taken = end;
        for (const [first, size] of accepted(letters, start, domainStart, domainEnd, end, tail[1])) spans.set(first, size);
      }
    }
    return spans;
  }

  function* runs(letters) {
    const fits = (letter) => domainChar.test(letter) || letter === "-" || letter === "_" || letter === ".";
    for (let at = 0; at < letters.length; ) {
      let end = at;
      while (end < letters.length && fits(letters[end])) end += 1;
      if (end > at && letters.slice(at, end).includes(".")) yield new Run(letters, at, end);
      at = end > at ? end : at + 1;
    }
  }

  function* accepted(letters, start, domainStart, domainEnd, end, path) {
    const domain = letters.slice(domainStart, domainEnd);
    const hostLength = idnaLength(domain.join(""));
    if (hostLength === null) return;
    const withProtocol = end - start + (domainStart > start ? 0 : "https://".length);
    if (withProtocol + hostLength - domain.length > LONGEST_URL) return;
    if (domainStart > start) {
      yield* shortened(letters, start, end);
    } else if (start === 0 || !NOT_BEFORE_BARE_HOST.includes(letters[start - 1])) {
      const pieces = [...latinParts(domain)];
      for (const [index, [first, last]] of pieces.entries()) {
        const rest = path && index === pieces.length - 1 ? end - domainEnd : 0;
        yield [domainStart + first, last - first + rest];
      }
    }
  }

  function* shortened(letters, start, end) {
    const tco = tcoOf.exec(letters.slice(start, end).join(""));
    if (!tco) yield [start, end - start];
    else if (tco[1].length <= LONGEST_TCO_SLUG) yield [start, tco[0].length];
  }

  function* latinParts(domain) {
    let floor = 0;
    const bounds = labelsOf(domain, 0, domain.length);
    const ends = bounds.map((bound) => bound[1]);
    let index = 0;
    while (index < bounds.length - 1) {
      const start = latinStart(domain, Math.max(bounds[index][0], floor), bounds[index][1]);
      let end = null;
      while (index < bounds.length - 1 && start !== null) {
        index += 1;
        end = tldEnd(domain, bounds[index][0]) ?? end;
        if (latinStart(domain, bounds[index][0], bounds[index][1]) !== bounds[index][0]) break;
      }
      if (start === null) {
        index += 1;
      } else if (end !== null) {
        yield [start, end];
        floor = end;
        index = firstAtLeast(ends, end);
      }
    }
  }

  function latinStart(domain, first, last) {
    let at = last;
    while (at > first && asciiLabel.test(domain[at - 1])) at -= 1;
    return at < last ? at : null;
  }

  function labelsOf(letters, start, end) {
    const bounds = [];
    let from = start;
    for (let at = start; at <= end; at += 1) {
      if (at === end || letters[at] === ".") {
        bounds.push([from, at]);
        from = at + 1;
      }
    }
    return bounds;
  }

  function firstAtLeast(sorted, value) {
    const index = sorted.findIndex((one) => one >= value);
    return index < 0 ? sorted.length : index;
  }

  function tldEnd(letters, start) {
    let best = null;
    let word = "";
    for (let end = start + 1; end <= letters.length; end += 1) {
      word += letters[end - 1].toLowerCase();
      if (!tldStarts.has(word)) break;
      const next = letters[end];
      if (tlds.has(word) && !(next !== undefined && goesOn.test(next)) && (best === null || tlds.get(word) < best[0])) {
        best = [tlds.get(word), end];
      }
    }
    if (best !== null) return best[1];
    const punycode = /^xn--[-0-9a-z]+/iu.exec(letters.slice(start).join(""));
    return punycode ? start + [...punycode[0]].length : null;
  }

  // Letters every one of which may stand in a host name, and where host names in them can end.
  class Run {
    constructor(letters, start, end) {
      this.letters = letters;
      this.start = start;
      this.end = end;
      this.labels = labelsOf(letters, start, end);
      this.ends = this.labels.map((label) => label[1]);
      this.underscores = this.labels.map(([first, last]) => {
        const at = letters.slice(first, last).lastIndexOf("_");
        return at < 0 ? -1 : first + at;
      });
      this.tlds = this.labels.map(([first]) => tldEnd(letters, first));
      this.reach = this.labels.map(() => null);
      for (let index = this.labels.length - 1; index >= 0; index -= 1) this.reach[index] = this.hostEnd(index, this.labels[index][0]);
    }

    hostEnd(index, start) {
      const last = this.ends[index];
      if (index + 1 === this.labels.length || start >= last || !domainChar.test(this.letters[start])) return null;
      if (!domainChar.test(this.letters[last - 1])) return null;
      const farther = this.reach[index + 1];
      return farther === null && this.underscores[index] < start ? this.tlds[index + 1] : farther;
    }

    find(taken) {
      const withProtocol = this.withProtocol(taken);
      if (withProtocol) return withProtocol;
      for (let before = Math.max(taken, this.start - 1, 0); before < this.end - 1; before += 1) {
        if (mayPrecede(this.letters, before)) {
          const end = this.hostAt(before + 1);
          if (end !== null) return [before + 1, before + 1, end];
        }
        if (before === 0) {
          const end = this.hostAt(0);
          if (end !== null) return [0, 0, end];
        }
      }
      return null;
    }

    withProtocol(taken) {
      const end = this.reach[0];
      if (end === null || taken > this.start) return null;
      const from = Math.max(taken, this.start - "https://".length);
      const protocol = /https?:\/\/$/iu.exec(this.letters.slice(from, this.start).join(""));
      if (!protocol) return null;
      const start = this.start - [...protocol[0]].length;
      return start === 0 || (start > taken && mayPrecede(this.letters, start - 1)) ? [start, this.start, end] : null;
    }

    hostAt(start) {
      return start < this.start ? null : this.hostEnd(firstAtLeast(this.ends, start), start);
    }
  }

  function mayPrecede(letters, at) {
    return at < letters.length && preceding.test(letters[at]);
  }

  // How long a host name is as IDNA 2003 writes it; null if it cannot be written.
  function idnaLength(domain) {
    let total = 0;
    const labels = domain.split(/[.\u3002\uFF0E\uFF61]/u);
    for (const label of labels) {
      const size = labelLength(label);
      if (size === null) return null;
      total += size;
    }
    return total + labels.length - 1;
  }

  function labelLength(label) {
    let plain = label;
    if (!/^[\0-\x7f]*$/.test(label)) {
      plain = prepared(label);
      if (plain === null) return null;
    }
    let size = plain.length;
    if (!/^[\0-\x7f]*$/.test(plain)) {
      if (/^xn--/i.test(plain)) return null;
      const written = punycode([...plain].map((letter) => letter.codePointAt(0)));
      size = written === null ? null : "xn--".length + written;
    }
    return size !== null && size > 0 && size < 64 ? size : null;
  }

  const NOTHING = /[\u00ad\u034f\u1806\u180b-\u180d\u200b-\u200d\u2060\ufe00-\ufe0f\ufeff]/gu;
  const PROHIBITED = /[\u00a0\u1680\u2000-\u200f\u2028-\u202f\u205f-\u2063\u206a-\u206f\u2ff0-\u2ffb\u3000\u0340\u0341\u06dd\u070f\u180e\ufff9-\uffff\u0080-\u009f\ue000-\uf8ff\ufdd0-\ufdef\ud800-\udfff\u{1d173}-\u{1d17a}\u{e0001}\u{e0020}-\u{e007f}\u{f0000}-\u{10ffff}]/u;
  const RIGHT_TO_LEFT = /[\u05be\u05c0\u05c3\u05d0-\u05ea\u05f0-\u05f4\u061b\u061f\u0621-\u063a\u0640-\u064a\u066d-\u066f\u0671-\u06d5\u06dd\u06e5\u06e6\u06fa-\u06fe\u0700-\u070d\u0710\u0712-\u072c\u0780-\u07a5\u07b1\ufb1d\ufb1f-\ufb28\ufb2a-\ufb36\ufb38-\ufb3c\ufb3e\ufb40\ufb41\ufb43\ufb44\ufb46-\ufbb1\ufbd3-\ufd3d\ufd50-\ufd8f\ufd92-\ufdc7\ufdf0-\ufdfc\ufe70-\ufe74\ufe76-\ufefc]/u;
  const LEFT_TO_RIGHT = /[\p{Lu}\p{Ll}\p{Lt}\p{Lm}\p{Lo}\p{Nl}]/u;

  function prepared(label) {
    const text = label.replace(NOTHING, "").toLowerCase().replace(/ß/g, "ss").replace(/ς/g, "σ").normalize("NFKC").toLowerCase().normalize("NFKC");
    if (PROHIBITED.test(text)) return null;
    const letters = [...text];
    if (letters.some((letter) => RIGHT_TO_LEFT.test(letter))) {
      if (letters.some((letter) => !RIGHT_TO_LEFT.test(letter) && LEFT_TO_RIGHT.test(letter))) return null;
      if (!RIGHT_TO_LEFT.test(letters[0]) || !RIGHT_TO_LEFT.test(letters[letters.length - 1])) return null;
    }
    return text;
  }

  // The length of RFC 3492's encoding.
  function punycode(codes) {
    const basic = codes.filter((code) => code < 128).length;
    let size = basic ? basic + 1 : 0;
    let [n, delta, bias, handled] = [128, 0, 72, basic];
    while (handled < codes.length) {
      const next = Math.min(...codes.filter((code) => code >= n));
      delta += (next - n) * (handled + 1);
      n = next;
      for (const code of codes) {
        if (code < n) delta += 1;
        if (code !== n) continue;
        let q = delta;
        for (let k = 36; ; k += 36) {
          size += 1;
          const t = k <= bias ? 1 : k >= bias + 26 ? 26 : k - bias;
          if (q < t) break;
          q = Math.floor((q - t) / (36 - t));
        }
        bias = adapted(delta, handled + 1, handled === basic);
        delta = 0;
        handled += 1;
      }
      delta += 1;
      n += 1;
    }
    return size;
  }

  function adapted(delta, points, isFirst) {
    let value = Math.floor(delta / (isFirst ? 700 : 2));
    value += Math.floor(value / points);
    let k = 0;
    for (; value > 455; k += 36) value = Math.floor(value / 35);
    return k + Math.floor((36 * value) / (value + 38));
  }

  window.Airhorn = { LIMIT, URL_LENGTH, urlSpans, weightedLength };
})();
