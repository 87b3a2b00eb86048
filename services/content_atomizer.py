"""The built-in writer: a text for each host of an episode that can be posted as it is. Calls nobody, knows no table.

X asks that several accounts do not post the same words, so every host of one episode gets a different text. What comes
back is a template of tweet_text: title and link are filled in when the stream starts.
"""

import hashlib
import re
from collections.abc import Sequence

from services.tweet_text import Facts

#: Each says the same thing in its own way and order. No text claims what the facts do not say (time of day, topic).
_PLAIN = (
    "We are live with {show}: {title}\n{url}",
    "{title}. On air now at {show}, on YouTube: {url}",
    "{show} is on air.\n\nToday: {title}\n\n{url}",
    "Live now: {title}\n{url}",
    "I'm on air. Listen in if you have the time.\n\n{title}\n{url}",
    "Microphones are open: {title}\nCome by and listen: {url}",
    "Just started streaming. {title}\nJoin whenever you like: {url}",
    "{title}\n\nWe have gone live, and the chat is open. {url}",
    "If you are free right now, keep us company: {title} {url}",
    "A new episode, as it is being made: {title}\n\nWatch it happen: {url}",
    "The stream is up.\n{title}\n{url}",
    "Recording {show} in front of everyone today. {title}\nSee you there: {url}",
    "{title}, live and as it comes. Questions go in the chat: {url}",
    "Right now on YouTube: {title}\n\nIt is {show}, and you can be part of it. {url}",
)
_NUMBERED = (
    "Episode {number} of {show} is live: {title}\n{url}",
    "Number {number} is on air. {title}\n\n{url}",
    "{show}, episode {number}, has just begun.\n\n{title}\n{url}",
    "On to episode {number}, live and unedited: {title}\n{url}",
)
_WITH_GUEST = (
    "Live with {guest}: {title}\n{url}",
    "In conversation with {guest} at this moment. {title}\nWatch along: {url}",
    "Talking to {guest} right now on {show}.\n\n{title} {url}",
    "{title}\n\nOur conversation with {guest} has begun, come and join us: {url}",
    "Joined by {guest}, live on YouTube. {title}\n{url}",
    "Good company today: {guest}.\n{title}\n\nThe stream is on: {url}",
)
_NUMBERED_WITH_GUEST = (
    "{show} {number}, live with {guest}: {title}\n{url}",
    "Episode {number} has started, together with {guest}. {title} {url}",
)
#: For more hosts than texts: what stands before each round of repeats.
_OPENINGS = ("Hello, everyone. ", "Here we go. ", "A quick note. ", "We have started. ", "Tuning in? ")


class ContentAtomizer:
    """Writes the text of a host who has none. Same facts and seed, same text; needs no answer from anywhere."""

    def generate(self, facts: Facts, *, seed: str) -> str:
        """A template for one host; `seed` tells the hosts apart. Two may get the same: generate_for rules it out."""
        return self.generate_for(facts, [seed])[0]

    def generate_for(self, facts: Facts, seeds: Sequence[str]) -> list[str]:
        """A template for each host, no two the same. A host who is added at the end changes nobody else's."""
        texts = _fitting(facts)
        taken: set[int] = set()
        given = []
        for count, seed in enumerate(seeds):
            round_number, place = divmod(count, len(texts))
            if place == 0:
                taken.clear()
            choice = _choice(facts, seed, len(texts))
            while choice in taken:
                choice = (choice + 1) % len(texts)
            taken.add(choice)
            given.append(_opening(round_number) + texts[choice])
        return given


def _opening(round_number: int) -> str:
    """Nothing for the first round of hosts; then something different for each."""
    if round_number == 0:
        return ""
    repeats, index = divmod(round_number - 1, len(_OPENINGS))
    return _OPENINGS[index] * (repeats + 1)


def _choice(facts: Facts, seed: str, count: int) -> int:
    """The same everywhere and always, unlike hash(); by episode too, so that no host says the same every week."""
    episode = f"{seed}\0{facts.show}\0{facts.number}\0{facts.title}".encode("utf-8", "replace")
    return int.from_bytes(hashlib.sha256(episode).digest()[:8], "big") % count


def _fitting(facts: Facts) -> list[str]:
    """The texts whose placeholders all have a value; what the title says already is not said again."""
    title = facts.title.casefold()
    numbered = facts.number is not None and not re.search(rf"(?<!\d){re.escape(str(facts.number))}(?!\d)", title)
    guests = [guest for guest in facts.guests if guest.strip()]
    with_guest = bool(guests) and not any(guest.strip().casefold() in title for guest in guests)
    texts = list(_PLAIN)
    if numbered:
        texts += _NUMBERED
    if with_guest:
        texts += _WITH_GUEST
    if numbered and with_guest:
        texts += _NUMBERED_WITH_GUEST
    return texts
