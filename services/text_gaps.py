"""What happens around a placeholder that has nothing to say: "({number})" must not leave "()" behind. Pure."""

import re

_BRACKETS = {"(": ")", "[": "]", "{": "}", '"': '"', "“": "”", "„": "“", "«": "»", "‘": "’"}
_OPENING = tuple("([{“„«‘")
_SEPARATORS = ",;:|/·•–—-"
_ENDING = "\n.!?)]}" + _SEPARATORS
_SPACED = "|/·•–—-"
_TAIL = 40
#: The words that only announce the value, as people write them before it.
_ANNOUNCING = {
    "number": re.compile(r"(?:\b(?:episode|ep\.?|no\.?)[ ]{0,3})?[#№]?$", re.IGNORECASE),
    "guest": re.compile(r"\b(?:together with|with|w/|feat\.?|ft\.?|featuring|guests?:?)$", re.IGNORECASE),
}


def close_gap(before: str, after: str, name: str, *, first: bool, last: bool) -> str:
    """The literal text left and right of an empty placeholder as one, without what only made sense with its value.

    `first`: nothing stands before these two; otherwise a value does. `last`: nothing or only the link comes after.
    Words are known in English only; in other languages the signs around are tidied and the words stay.
    """
    spaced = name == "url" or before[-1:].isspace() or after[:1].isspace()
    before, after = _without_announcement(before.rstrip(" "), name), after.lstrip(" ")
    if before and _BRACKETS.get(before[-1]) == after[:1]:
        spaced = spaced or before[-2:-1].isspace() or after[1:2].isspace()
        before, after = before[:-1].rstrip(" "), after[1:].lstrip(" ")
    if (first and not before) or before.endswith(("\n", *_OPENING)):
        return before + after.lstrip(" ." + _SEPARATORS)
    if last and not after:
        return before.rstrip(" " + _SEPARATORS) + (" " if spaced else "")
    if after and after[0] in _ENDING:
        before = before.rstrip(" " + _SEPARATORS)
        return before + (" " if after[0] in _SPACED else "") + after
    return before + (" " if spaced else "") + after


def _without_announcement(before: str, name: str) -> str:
    words = _ANNOUNCING.get(name)
    if words is None:
        return before
    head, tail = before[:-_TAIL], before[-_TAIL:]
    return (head + words.sub("", tail, count=1)).rstrip(" ")
