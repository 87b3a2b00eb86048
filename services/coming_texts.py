"""The words that wait for a start, as far as lists need them: whether they can be posted, and with a link. Asks nobody.

The built-in writer's words always can be posted, so a plain title stands for them.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from models import EpisodeGuide, Podcast
from services import tweet_text
from services.errors import Invalid
from services.youtube_reference import watch_url

#: as long as any address of a YouTube video: what the link will take before the video is known
SOME_VIDEO = "dQw4w9WgXcQ"
#: what people see in its place
SOME_LINK = "https://www.youtube.com/watch?v=…"


def as_sent(template: str, facts: tweet_text.Facts, *, include_link: bool) -> str:
    """What would be sent of it, and of what could not be as much as can be said."""
    try:
        return tweet_text.render(template, facts, include_link=include_link)
    except Invalid:
        return as_far_as_it_goes(template, facts, include_link=include_link)


def as_far_as_it_goes(template: str, facts: tweet_text.Facts, *, include_link: bool) -> str:
    try:
        return tweet_text.shortest(template, facts, include_link=include_link)
    except Invalid:
        return template  # an unknown placeholder: shown as it was typed


class Coming(NamedTuple):
    """`trouble`: why it could not be posted. `has_link`: whether X bills it as a post with a link."""

    trouble: str | None
    has_link: bool


class ComingTexts:
    """Asked once for hosts who say the same. `shows` has the podcast of each episode."""

    def __init__(self, shows: Mapping[int, Podcast]) -> None:
        self._shows = shows
        #: by episode id, the host's own words, the draft, the host's usual words, with link
        self._checked: dict[tuple[int, str, str, str, bool], Coming] = {}

    def of(self, row: Any, episode: EpisodeGuide) -> Coming:
        """`row`: text, draft and include_link of a config, and default_text of its host."""
        key = (episode.id, row.text, row.draft, row.default_text, row.include_link)
        if key not in self._checked:
            show = self._shows[episode.podcast_id]
            words, _ = tweet_text.choose(row.text, row.draft, row.default_text, show.default_text, "{title}")
            self._checked[key] = _check(show, episode, words, include_link=row.include_link)
        return self._checked[key]


def _check(show: Podcast, episode: EpisodeGuide, words: str, *, include_link: bool) -> Coming:
    facts = tweet_text.Facts(
        show=show.name,
        title=episode.title,
        number=episode.number,
        guests=tuple(episode.guests),
        url=watch_url(SOME_VIDEO),
    )
    try:
        text = tweet_text.render(words, facts, include_link=include_link)
    except Invalid as error:
        return Coming(f"{error}.", include_link)
    return Coming(None, tweet_text.has_link(text))
