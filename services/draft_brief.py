"""All that is known when one draft is asked for: the episode, the voice, the podcast's rules, the others. Pure."""

import json
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any

from models import EpisodeGuide, Podcast, Voice, WishKind
from services.tweet_text import Facts

#: per cent
USUAL_LIMIT = 60


@dataclass(frozen=True, slots=True)
class HostVoice:
    """How a host wants to sound; the hashtags are the only ones that he is given."""

    tone: str = ""
    use: tuple[str, ...] = ()
    avoid: tuple[str, ...] = ()
    hashtags: tuple[str, ...] = ()
    emoji: bool = True
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Brief:
    """What one draft is written from and judged by.

    `facts.url` is the longest link that the post may have. `others`: the final texts of the other hosts of this
    episode. `current`: the final text that a wish for a shorter or another one starts from. `rejected`: the reason why
    the first try was not used.
    """

    facts: Facts
    host: str
    notes: str = ""
    planned: datetime | None = None
    zone: str = "UTC"
    language: str = "en"
    rules: str = ""
    allowed: tuple[str, ...] = ()
    limit: int = USUAL_LIMIT
    voice: HostVoice = field(default_factory=HostVoice)
    others: tuple[str, ...] = ()
    wish: str = WishKind.NEW
    current: str = ""
    rejected: str = ""

    @property
    def tongue(self) -> str:
        """The language without its country: "pt" of "pt-BR"."""
        return self.language.partition("-")[0].casefold()


def brief_of(podcast: Podcast, episode: EpisodeGuide, facts: Facts, **of_host: Any) -> Brief:
    """What is the same for all hosts of an episode, and what is given of one of them."""
    return Brief(
        facts=facts,
        notes=episode.notes,
        planned=episode.scheduled_at,
        zone=podcast.timezone,
        language=podcast.language,
        rules=podcast.draft_rules,
        allowed=listed(podcast.allowed_words),
        limit=podcast.similarity_limit,
        **of_host,
    )


def host_voice(voice: Voice | None) -> HostVoice:
    """What is stored, as it is used."""
    if voice is None:
        return HostVoice()
    return HostVoice(
        tone=voice.tone,
        use=listed(voice.words_to_use),
        avoid=listed(voice.words_to_avoid),
        hashtags=tuple(tag for tag in voice.hashtags.split() if tag.startswith("#")),
        emoji=voice.emoji,
        examples=tuple(voice.examples),
    )


def listed(lines: str) -> tuple[str, ...]:
    """One entry a line."""
    return tuple(line.strip() for line in lines.splitlines() if line.strip())


def fingerprint(podcast: Podcast, episode: EpisodeGuide) -> str:
    """Another one when a draft would be written from other facts; the video that the link leads to is none of them."""
    at = episode.scheduled_at.isoformat() if episode.scheduled_at else None
    plan = (episode.title, episode.number, list(episode.guests), episode.notes, at)
    return sha256(json.dumps([podcast.name, podcast.language, podcast.draft_rules, plan]).encode()).hexdigest()[:32]
