"""The forms of a podcast and its episodes. What is checked, and the sentences, are the services'."""

from typing import Any

from flask_wtf import FlaskForm
from wtforms import BooleanField, DateTimeLocalField, Field, HiddenField, StringField

from models import EpisodeGuide, Podcast
from routes.checked import Checked, checked
from services import episodes, podcast_settings, podcasts, youtube_settings
from services.causes import explain
from services.checks import HIGHEST_ID, zone_name
from services.errors import Outcome
from services.local_time import LocalTime, instant_of, written
from services.youtube_reference import LONGEST, watch_url


class LocalTimeField(StringField):  # type: ignore[misc]  # wtforms is not typed
    """Keeps what was typed, also where it is no time."""

    widget = DateTimeLocalField.widget


class PodcastForm(FlaskForm):  # type: ignore[misc]
    """A new podcast."""

    name = checked("Name", podcasts.podcast_name, maxlength=podcasts.LONGEST_NAME)
    timezone = checked("Time zone", zone_name, list="zones", autocomplete="off")
    channel = StringField("YouTube channel", render_kw={"maxlength": LONGEST, "autocomplete": "off"})


class SettingsForm(FlaskForm):  # type: ignore[misc]
    """What the admins of a podcast can change. `version` tells a stale form."""

    name = checked("Name", podcasts.podcast_name, maxlength=podcasts.LONGEST_NAME)
    timezone = checked("Time zone", zone_name, list="zones", autocomplete="off")
    language = checked("Language", podcast_settings.language_tag, maxlength=16, list="languages")
    default_text = checked("Text for hosts who wrote none", podcast_settings.default_words, lines=True, rows=4)
    version = HiddenField()

    def wanted(self) -> podcast_settings.Wanted:
        values = {name: self[name].value for name in podcast_settings.FIELDS}
        return podcast_settings.Wanted(**values, version=self.version.data or "")


class DeleteForm(FlaskForm):  # type: ignore[misc]
    """The name typed, so that nobody deletes a podcast by accident."""

    typed = StringField("Name of the podcast", render_kw={"autocomplete": "off"})


class EpisodeForm(FlaskForm):  # type: ignore[misc]
    """One episode, new or changed. `planned` is its start as it is stored."""

    title = checked("Title", episodes.episode_title, maxlength=episodes.LONGEST_TITLE)
    number = checked("Number", episodes.number_of, optional=True, inputmode="numeric", maxlength=9)
    at = LocalTimeField("Planned start")
    guests = checked("Guests", episodes.guest_lines, lines=True, rows=2)
    video = checked("YouTube video", episodes.video_of, optional=True, maxlength=LONGEST, autocomplete="off")
    link = checked("Link", episodes.episode_link, optional=True, maxlength=episodes.LONGEST_LINK, inputmode="url")
    notes = checked("Notes", episodes.episode_notes, lines=True, rows=4)
    version = HiddenField()

    def __init__(self, zone: str, *, planned: Any = None, **arguments: Any) -> None:
        self._zone, self._planned = zone, planned
        super().__init__(**arguments)

    def validate_at(self, field: Field) -> None:
        Checked(lambda text: instant_of(text, self._zone, before=self._planned), optional=True)(self, field)

    @property
    def remark(self) -> str:
        """What is to be said about the clock that day."""
        at: LocalTime | None = self.at.value
        return at.remark if at else ""

    @property
    def seen_version(self) -> int:
        """The version that this form was made from; -1 for what is none."""
        text = self.version.data or ""
        number = int(text) if text.isascii() and text.isdigit() and len(text) < 11 else -1
        return number if number <= HIGHEST_ID else -1

    def plan(self) -> episodes.Plan:
        return episodes.Plan(
            title=self.title.value,
            number=self.number.value,
            guests=self.guests.value,
            notes=self.notes.value,
            link=self.link.value or "",
            scheduled_at=self.at.value.at if self.at.value else None,
            video_id=self.video.value,
        )


def of_episode(episode: EpisodeGuide, zone: str) -> dict[str, str]:
    """What stands in the fields for an episode."""
    return {
        "title": episode.title,
        "number": "" if episode.number is None else str(episode.number),
        "at": written(episode.scheduled_at, zone) if episode.scheduled_at else "",
        "guests": "\n".join(episode.guests),
        "video": watch_url(episode.video_id) if episode.video_id else "",
        "link": episode.link,
        "notes": episode.notes,
        "version": str(episode.version),
    }


def of_settings(podcast: Podcast) -> dict[str, str]:
    """What stands in the fields for a podcast."""
    values = {name: str(getattr(podcast, name)) for name in podcast_settings.FIELDS}
    return values | {"version": podcast_settings.version_of(podcast)}


class YouTubeForm(FlaskForm):  # type: ignore[misc]
    """What a podcast watches. `seen` is the channel that was shown for what stands in `channel`."""

    channel = StringField("Channel to watch", render_kw={"maxlength": LONGEST, "autocomplete": "off"})
    title_filter = checked("Title filter", youtube_settings.filter_text, maxlength=podcasts.LONGEST_FILTER)
    title_filter_on = BooleanField("Only streams with these words in their title")
    announce_premieres = BooleanField("Announce premieres too")
    auto_create_episodes = BooleanField("Announce streams that nobody planned")
    is_first = BooleanField("Watch this podcast’s starts first")
    seen = HiddenField()
    version = HiddenField()

    @property
    def reference(self) -> str:
        return (self.channel.data or "").strip()

    def wanted(self) -> youtube_settings.Wanted:
        switches = {name: bool(self[name].data) for name in youtube_settings.SWITCHES if name != "title_filter"}
        return youtube_settings.Wanted(
            reference=self.reference,
            seen=self.seen.data or "",
            version=self.version.data or "",
            title_filter=self.title_filter.value,
            **switches,
        )


def of_youtube(podcast: Podcast) -> dict[str, Any]:
    """What stands in the fields for a podcast."""
    values = {name: getattr(podcast, name) for name in youtube_settings.SWITCHES}
    return values | {"version": youtube_settings.version_of(podcast)}


def complain(field: Field, error: Exception) -> None:
    """Puts what went wrong beside a field, in words for people."""
    sentence = explain(error.cause) if isinstance(error, Outcome) else str(error)
    field.errors = [*field.errors, sentence]


def saved_meanwhile(form: FlaskForm, stored: dict[str, Any]) -> list[tuple[str, str]]:
    """Label and stored text of every field that differs from what was typed, after a stale save.

    The form takes the new version along: saving once more puts what was typed in its place, knowingly.
    """
    typed = {name: form[name].data for name in stored if name != "version"}
    form["version"].data = stored["version"]
    return [
        (form[name].label.text, _shown(stored[name]))
        for name, value in typed.items()
        if (value or "") != (stored[name] or "")
    ]


def _shown(value: Any) -> str:
    return ("on" if value else "off") if isinstance(value, bool) else str(value or "(empty)")
