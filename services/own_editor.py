"""A host's own text of one episode as its editor shows it: what is kept, said, and to be done. Reads only."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from sqlalchemy import select

from extensions import db
from models import ConfigStatus, EpisodeGuide, EpisodeTweetConfig, Podcast, Post, PostStatus, SocialConnection, User
from services import outbox, tweet_text
from services.coming_texts import SOME_LINK, SOME_VIDEO, as_far_as_it_goes, as_sent
from services.coverage import Purse
from services.errors import Invalid
from services.evidence import Evidence, evidence_of
from services.hosts import HostView
from services.logins import PLATFORM
from services.money import dollars
from services.needs import fix_for
from services.prices import Prices
from services.registry import get_services
from services.tweet_text import LIMIT
from services.vocabulary import Lamp, Light
from services.writer import facts_of, wants_nothing_else
from services.youtube_reference import watch_url

#: states in which nothing more can be changed here
CLOSED = (ConfigStatus.POSTED, ConfigStatus.REVIEW)
#: of a host who wants to approve what is sent, and nothing to be sent otherwise
SILENCE = "Nothing is sent as long as this is empty and you have approved no draft: you chose that in your voice."
SENDABLE = (ConfigStatus.PENDING, ConfigStatus.FAILED, ConfigStatus.MISSED, ConfigStatus.CANCELLED)
#: whose words are sent while the host's own field is empty
WHOSE = {
    "own": "Your own words.",
    "draft": "Your field is empty, so the draft is sent.",
    "template": "Your field is empty, so your usual text is sent.",
    "podcast": "Your field is empty, so the podcast's usual text is sent.",
    "builtin": "Your field is empty, so Airhorn writes one for you.",
}


@dataclass(frozen=True, slots=True)
class Editor:
    """`typed` is what stands in the field: what is kept, or what was just sent and could not be kept.

    `preview` and `over` are what would be sent, and what of it X would not take. `template` counts while the field is
    empty; `values` are the placeholders'. `stored` is what is kept, where it is not what was typed.
    """

    config_id: int | None
    version: int
    typed: str
    draft: str
    enabled: bool
    include_link: bool
    light: Light
    status: str
    name: str
    username: str
    post_id: int | None
    post_url: str | None
    preview: str
    over: str
    length: int
    trouble: str | None
    source: str
    template: str
    values: dict[str, str]
    evidence: Evidence | None
    fix: str
    #: what X charges
    prices: Prices
    #: sent by hand before the start, so that the start says nothing more
    is_ahead: bool
    #: why the words cannot be changed any more although X has not confirmed them; empty while they can
    fixed: str = ""
    #: the words are fixed, and X has not been asked: switching off still stops it
    can_stop: bool = False
    stored: str | None = None
    needs_link: bool = False
    #: holds what was sent and could not be kept
    is_typed: bool = False
    #: why nothing at all is sent while the field is empty; empty where something is
    silence: str = ""
    #: what pays for it; None while nothing is saved yet
    purse: Purse | None = None
    facts: tweet_text.Facts | None = None

    limit = LIMIT

    def as_sent(self, template: str) -> str:
        """Other words than those in the field, as they would be sent."""
        if self.facts is None:
            return template
        text = as_sent(template, self.facts, include_link=self.include_link)
        return text.replace(watch_url(SOME_VIDEO), SOME_LINK)

    @property
    def is_open(self) -> bool:
        """Whether there is anything to edit still."""
        return self.status not in CLOSED and not self.fixed

    @property
    def news(self) -> str:
        """For somebody who is still writing in an open page: why that is too late. Empty while it is not."""
        if self.is_open:
            return ""
        what = "is out" if self.status == ConfigStatus.POSTED else "is being sent" if self.can_stop else "was sent"
        return f"Your post {what}. What you typed here is kept until you reload."

    @property
    def fingerprint(self) -> str:
        """Differs when the editor has to be shown anew; what its host is told about the state is shown elsewhere."""
        said = (
            self.typed,
            self.draft,
            self.template,
            self.preview,
            self.over,
            self.trouble,
            self.values,
            self.source,
            self.silence,
        )
        can = (self.is_open, self.can_post, self.enabled, self.include_link, self.version, self.needs_link, self.price)
        pays = (self.left, self.shortage_if(has_link=True), self.shortage_if(has_link=False))
        return sha256(repr((said, can, self.fixed, self.can_stop, pays)).encode()).hexdigest()[:16]

    @property
    def can_post(self) -> bool:
        return self.status in SENDABLE

    @property
    def is_silent(self) -> bool:
        """Whether nothing would be sent of what stands here: then there is nothing to show, and nothing to pay."""
        return bool(self.silence) and not self.typed.strip()

    @property
    def whose(self) -> str:
        return WHOSE.get(self.source, "")

    @property
    def has_link(self) -> bool:
        return bool(tweet_text.has_link(self.preview + self.over))

    @property
    def price(self) -> str:
        return dollars(self.prices.post(has_link=self.has_link))

    @property
    def left(self) -> str:
        """What there is to pay it from, where somebody watches that."""
        return self.purse.words if self.purse else ""

    @property
    def shortage(self) -> str:
        return self.shortage_if(has_link=self.has_link)

    def shortage_if(self, *, has_link: bool) -> str:
        """What comes of it that the wallet does not cover the post; empty where it does."""
        return self.purse.trouble(has_link=has_link) if self.purse and self.can_post else ""

    @property
    def price_with_link(self) -> str:
        return dollars(self.prices.post(has_link=True))

    @property
    def price_without_link(self) -> str:
        return dollars(self.prices.post(has_link=False))


def editor_of(
    podcast: Podcast, episode: EpisodeGuide, user: User, video_id: str, hosts: Sequence[HostView], *, prices: Prices
) -> Editor:
    """Of somebody who is on the podcast, also if there is no config yet: then of one as it would be made."""
    view = next((host for host in hosts if host.user_id == user.id), None)
    config = view.config if view else _unsaved(episode, user)
    facts = facts_of(podcast, episode, video_id or SOME_VIDEO)
    template, _ = get_services().writer.template(config, user, podcast, facts, own="")
    editor = Editor(
        version=config.version,
        typed=config.text,
        draft=config.draft,
        enabled=config.enabled,
        include_link=config.include_link,
        status=config.status,
        name=user.name,
        preview="",
        over="",
        length=0,
        trouble=None,
        source="",
        template=template,
        values=shown_values(facts),
        silence=SILENCE if wants_nothing_else(config) and not config.draft.strip() else "",
        prices=prices,
        facts=facts,
        **_about_config(view, user),
        **_about_post(view),
    )
    post = view.post if view else None
    if post is not None and post.text and config.status not in (ConfigStatus.PENDING, *SENDABLE):
        return replace(editor, preview=post.text, length=tweet_text.weighted_length(post.text), source=post.text_source)
    return _previewed(editor, config, user, podcast, facts)


def _unsaved(episode: EpisodeGuide, user: User) -> EpisodeTweetConfig:
    stands = {"enabled": True, "include_link": True, "status": ConfigStatus.PENDING, "version": 0}
    return EpisodeTweetConfig(episode_id=episode.id, user_id=user.id, text="", draft="", **stands)


def _about_config(view: HostView | None, user: User) -> dict[str, Any]:
    if view is None:
        light = Light("Stand by", Lamp.AMBER, "Save once, and this text is yours.")
        return {"config_id": None, "light": light, "username": _username(user)}
    return {"config_id": view.config_id, "light": view.light, "username": view.username, "purse": view.purse}


def _about_post(view: HostView | None) -> dict[str, Any]:
    post = view.post if view else None
    fixed = _fixed(post)
    return {
        "post_id": post.id if post else None,
        "post_url": view.post_url if view else None,
        "evidence": evidence_of(post) if post else None,
        "fix": _fix(view, post),
        "is_ahead": bool(post and outbox.is_ahead(post)),
        "fixed": fixed,
        "can_stop": post is not None and post.status == PostStatus.QUEUED and bool(fixed),
    }


def _fixed(post: Post | None) -> str:
    """Why the words of a post on its way stay as they are; empty for one that waits for something, and for none."""
    if post is None:
        return ""
    if post.status in (PostStatus.SENDING, PostStatus.UNKNOWN):
        return "It was sent to X, so it can no longer be changed here."
    if post.status != PostStatus.QUEUED:
        return ""
    if post.was_reposted:
        return "It is sent again word for word, so the text can no longer be changed."
    return "" if post.cause else "It is on its way to X, so the text can no longer be changed."


def retyped(
    editor: Editor, podcast: Podcast, episode: EpisodeGuide, user: User, video_id: str, **typed: object
) -> Editor:
    """The editor with what was sent and could not be kept: nothing that was typed is lost."""
    changed = replace(editor, **typed)  # type: ignore[arg-type]
    stored = editor.typed if editor.typed != changed.typed else None
    is_typed = stored is not None or editor.include_link != changed.include_link
    config = EpisodeTweetConfig(
        episode_id=episode.id,
        user_id=user.id,
        text=changed.typed,
        draft=changed.draft,
        include_link=changed.include_link,
    )
    facts = facts_of(podcast, episode, video_id or SOME_VIDEO)
    return _previewed(replace(changed, stored=stored, is_typed=is_typed), config, user, podcast, facts)


def _previewed(
    editor: Editor, config: EpisodeTweetConfig, user: User, podcast: Podcast, facts: tweet_text.Facts
) -> Editor:
    if editor.is_silent:
        return editor
    template, source = get_services().writer.template(config, user, podcast, facts, own=config.text)
    try:
        text = tweet_text.render(template, facts, include_link=config.include_link)
    except Invalid as error:
        whole = as_far_as_it_goes(template, facts, include_link=config.include_link)
        fits, over = (part.replace(watch_url(SOME_VIDEO), SOME_LINK) for part in tweet_text.cut_at_limit(whole))
        length = tweet_text.weighted_length(whole)
        return replace(editor, preview=fits, over=over, length=length, trouble=f"{error}.", source=source)
    shown = text.replace(watch_url(SOME_VIDEO), SOME_LINK)
    return replace(editor, preview=shown, over="", length=tweet_text.weighted_length(text), trouble=None, source=source)


def shown_values(facts: tweet_text.Facts) -> dict[str, str]:
    """What each placeholder says, for the preview in the browser."""
    return tweet_text.known_values(facts)


def _username(user: User) -> str:
    query = select(SocialConnection.username).filter_by(user_id=user.id, platform=PLATFORM, is_active=True)
    return db.session.execute(query).scalar_one_or_none() or ""


def _fix(view: HostView | None, post: Post | None) -> str:
    """Which button mends what is in the way; one of needs.FIXES or empty."""
    if view is None or view.light.lamp == Lamp.BLUE:
        return ""
    if view.light.word == "Stand by" or post is None:
        return "connect" if view.needs_x else "edit" if view.text_trouble else ""
    return fix_for(post) if post is not None else ""
