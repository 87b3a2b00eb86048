"""Whose words a post has, and what becomes of them: template and facts to the final text. Stores nothing."""

from sqlalchemy import select

from extensions import db
from models import EpisodeGuide, EpisodeTweetConfig, Podcast, User
from services import tweet_text
from services.content_atomizer import ContentAtomizer
from services.youtube_reference import watch_url


class Writer:
    """Writes the final text of a host for an episode."""

    def __init__(self, atomizer: ContentAtomizer) -> None:
        self._atomizer = atomizer

    def compose(
        self, config: EpisodeTweetConfig, user: User, podcast: Podcast, episode: EpisodeGuide, video_id: str
    ) -> tuple[str, str]:
        """Host's text, else draft, else the host's template, else the podcast's, else the built-in writer's."""
        facts = tweet_text.Facts(
            show=podcast.name,
            title=episode.title,
            number=episode.number,
            guests=tuple(episode.guests),
            url=watch_url(video_id) if video_id else episode.link or None,
        )
        template, source = tweet_text.choose(
            config.text,
            config.draft,
            user.default_text,
            podcast.default_text,
            self._built_in(facts, config),
        )
        return tweet_text.render(template, facts, include_link=config.include_link), source

    def _built_in(self, facts: tweet_text.Facts, config: EpisodeTweetConfig) -> str:
        """The built-in writer's text for one host of an episode: no two hosts say the same."""
        session = db.session()
        # All hosts of an episode are written for together; asked host by host, that is one query, not one each.
        written: dict[int, str] = session.info.setdefault("written", {}).get((config.episode_id, facts), {})
        if config.id not in written:
            query = select(EpisodeTweetConfig.id).where(EpisodeTweetConfig.episode_id == config.episode_id)
            ids = list(session.execute(query.order_by(EpisodeTweetConfig.id)).scalars())
            texts = self._atomizer.generate_for(facts, [f"{config.episode_id}:{id}" for id in ids])
            written = dict(zip(ids, texts, strict=True))
            session.info["written"] = {(config.episode_id, facts): written}
        return written[config.id]
