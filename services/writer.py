"""Whose words a post has, and what becomes of them: template and facts to the final text. Stores nothing."""

from collections.abc import Collection

from sqlalchemy import select

from extensions import db
from models import EpisodeGuide, EpisodeTweetConfig, Podcast, User, Voice
from models import Unapproved as WithoutApproval
from services import tweet_text
from services.coming_texts import as_sent
from services.content_atomizer import ContentAtomizer
from services.errors import Unapproved
from services.youtube_reference import watch_url

#: how many wordings are gone through before the first comes again
WORDINGS = 24


class Writer:
    """Writes the final text of a host for an episode."""

    def __init__(self, atomizer: ContentAtomizer) -> None:
        self._atomizer = atomizer

    def compose(
        self, config: EpisodeTweetConfig, user: User, podcast: Podcast, episode: EpisodeGuide, video_id: str
    ) -> tuple[str, str]:
        """Host's text, else draft, else the host's template, else the podcast's, else the built-in writer's.

        Raises Invalid; Unapproved where the host wants nothing sent that he did not approve.
        """
        if is_silent(config):
            raise Unapproved("You have not approved a draft, and chose that nothing is sent without")
        facts = facts_of(podcast, episode, video_id)
        template, source = self.template(config, user, podcast, facts, own=config.text)
        return tweet_text.render(template, facts, include_link=config.include_link), source

    def wording(
        self, config: EpisodeTweetConfig, user: User, podcast: Podcast, episode: EpisodeGuide, video_id: str
    ) -> tuple[str, str]:
        """What a post that is not sent any more would have said, as far as it goes, and whose words; empty for silence.

        Never raises Invalid: what could not be sent is told as well.
        """
        if is_silent(config):
            return "", ""
        facts = facts_of(podcast, episode, video_id)
        template, source = self.template(config, user, podcast, facts, own=config.text)
        return as_sent(template, facts, include_link=config.include_link), source

    def template(
        self, config: EpisodeTweetConfig, user: User, podcast: Podcast, facts: tweet_text.Facts, *, own: str
    ) -> tuple[str, str]:
        """The words that count if the host's own are `own`, and whose they are."""
        built_in = self._built_in(facts, config)
        return tweet_text.choose(own, config.draft, user.default_text, podcast.default_text, built_in)

    def next_draft(self, facts: tweet_text.Facts, seed: str, current: str, taken: Collection[str]) -> str:
        """A wording that follows `current` and that nobody else has: each asking gives another."""
        ahead = self.wordings(facts, seed, current)
        return next((text for text in ahead if text != current and text not in taken), ahead[0])

    def wordings(self, facts: tweet_text.Facts, seed: str, current: str) -> list[str]:
        """All wordings for a host, beginning with the one after `current`, which comes last."""
        texts = self._atomizer.generate_for(facts, [f"{seed}:{n}" for n in range(WORDINGS)])
        start = texts.index(current) + 1 if current in texts else 0
        return [*texts[start:], *texts[:start]]

    def drafts(self, facts: tweet_text.Facts, seeds: Collection[str]) -> list[str]:
        """One for each, no two the same."""
        return self._atomizer.generate_for(facts, list(seeds))

    def _built_in(self, facts: tweet_text.Facts, config: EpisodeTweetConfig) -> str:
        """The built-in writer's text for one host of an episode: no two hosts say the same."""
        session = db.session()
        # All hosts of an episode are written for together; asked host by host, that is one query, not one each.
        written: dict[int, str] = session.info.setdefault("written", {}).get((config.episode_id, facts), {})
        if config.user_id not in written:
            query = select(EpisodeTweetConfig.user_id).where(EpisodeTweetConfig.episode_id == config.episode_id)
            ids = list(session.execute(query.order_by(EpisodeTweetConfig.id)).scalars())
            if config.user_id not in ids:
                ids.append(config.user_id)  # who joined later and whose config is not made yet comes last
            texts = self._atomizer.generate_for(facts, [f"{config.episode_id}:{id}" for id in ids])
            written = dict(zip(ids, texts, strict=True))
            session.info["written"] = {(config.episode_id, facts): written}
        return written[config.user_id]


def is_silent(config: EpisodeTweetConfig) -> bool:
    """Whether nothing is sent for a host because he approved nothing."""
    return not config.text.strip() and not config.draft.strip() and wants_nothing_else(config)


def wants_nothing_else(config: EpisodeTweetConfig) -> bool:
    """Whether a host wants to approve drafts, and nothing to be sent otherwise. Asked once for all of an episode."""
    session = db.session()
    transaction = session.get_transaction()
    before, known = session.info.get("silent", (None, {}))
    if before is None or before is not transaction:
        known = {}  # in another transaction the answer may be another
        session.info["silent"] = transaction, known
    if config.episode_id not in known:
        query = select(Voice.user_id).join(EpisodeTweetConfig, EpisodeTweetConfig.user_id == Voice.user_id)
        strict = Voice.needs_approval, Voice.unapproved == WithoutApproval.NOTHING
        query = query.where(EpisodeTweetConfig.episode_id == config.episode_id, *strict)
        known[config.episode_id] = set(session.execute(query).scalars())
    return config.user_id in known[config.episode_id]


def facts_of(podcast: Podcast, episode: EpisodeGuide, video_id: str) -> tweet_text.Facts:
    """What is known of an episode when its posts are written. `video_id` may be empty."""
    return tweet_text.Facts(
        show=podcast.name,
        title=episode.title,
        number=episode.number,
        guests=tuple(episode.guests),
        url=watch_url(video_id) if video_id else episode.link or None,
    )
