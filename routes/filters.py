"""How pages write instants and ages, and what all of them know."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import Flask, g, request
from flask_login import current_user

from config import Settings
from services.causes import explain
from services.checks import places
from services.durations import duration
from services.last_check import LastCheck, last_check
from services.money import dollars

THEMES = ("system", "light", "dark")
#: what the head of every page leads to
MENU = (
    ("dashboard.home", "Home"),
    ("podcasts.index", "Podcasts"),
    ("explorer.index", "Posts"),
    ("connections.show", "Connections"),
    ("profile.show", "Profile"),
    ("admin.people", "Admin"),
)
#: name, label and endpoint of what is in a podcast
TABS = (
    ("episodes", "Episodes", "podcasts.show"),
    ("hosts", "Hosts", "podcasts.hosts"),
    ("attention", "Attention", "podcasts.attention"),
    ("numbers", "Numbers", "podcasts.numbers"),
    ("spend", "Spend", "podcasts.spend"),
    ("youtube", "YouTube", "podcasts.youtube"),
    ("settings", "Settings", "podcasts.edit"),
)


def init_app(app: Flask) -> None:
    settings: Settings = app.config["SETTINGS"]
    every = timedelta(seconds=settings.live_check_interval_seconds)

    @app.context_processor
    def known() -> dict[str, Any]:
        """For every page. Nothing here asks the database: error pages are made without one."""
        return {
            "sandbox_url": settings.sandbox_url,
            "theme": chosen_theme(),
            "themes": THEMES,
            "checked": checked,
            "now": datetime.now(UTC),
            "menu": MENU,
            "tabs_of_podcast": TABS,
            "endpoints": app.view_functions,
            "unread": unread,
            "zones": places,
        }

    @app.template_filter()
    def outward(url: str) -> str:
        """Addresses at YouTube and X. In a rehearsal they lead to the stand-ins: nothing of it exists out there."""
        if not url.startswith(("https://", "http://")):
            return ""  # such as javascript: no form takes it, and no page leads to it either
        if settings.sandbox_url is None:
            return url
        return settings.sandbox_url + in_the_rehearsal(url)

    def checked(now: datetime) -> LastCheck:
        return last_check(now, every)

    for filter_ in (clock, clock_of, hour, seconds_of, place, age, lasting, span, iso, distance, explained, dollars):
        app.add_template_filter(filter_)


def in_the_rehearsal(url: str) -> str:
    """Where the stand-ins show the same: a stream has a page of its own, a post its place in the control room."""
    if "/watch?v=" in url:
        return url.removeprefix("https://www.youtube.com")
    post = url.rpartition("/status/")[2] if url.startswith("https://x.com/") else ""
    return f"/#post-{post}" if post.isdecimal() else "/"


def unread() -> int:
    """How many notices are new to whoever is signed in; known since he was found. Error pages may know nobody."""
    found = g.get("signed_in")
    return found.unread if found is not None else 0


def chosen_theme() -> str:
    theme = request.cookies.get("theme", "system")
    return theme if theme in THEMES else "system"


def clock_of(moment: datetime, zone: str) -> str:
    """ "Tue 24 Nov, 20:00 Sydney": the last part of the zone's name is the place."""
    local = moment.astimezone(ZoneInfo(zone))
    return f"{local:%a} {local.day} {local:%b, %H:%M} {place(zone)}"


def clock(moment: datetime, zone: str) -> str:
    """ "Tue 24 Nov, 20:00 Sydney · 10:00 yours": in the podcast's zone, and in the reader's where it differs."""
    local, mine = moment.astimezone(ZoneInfo(zone)), moment.astimezone(ZoneInfo(current_user.timezone))
    if local.utcoffset() == mine.utcoffset():
        return clock_of(moment, zone)
    day = "" if local.date() == mine.date() else f"{mine:%a} "
    return f"{clock_of(moment, zone)} · {day}{mine:%H:%M} yours"


def hour(moment: datetime, zone: str) -> str:
    """ "20:00 Sydney · 10:00 yours": of an instant that is so near that nobody asks for its day."""
    local, mine = moment.astimezone(ZoneInfo(zone)), moment.astimezone(ZoneInfo(current_user.timezone))
    same = local.utcoffset() == mine.utcoffset()
    return f"{local:%H:%M} {place(zone)}" + ("" if same else f" · {mine:%H:%M} yours")


def seconds_of(moment: datetime, zone: str) -> str:
    """ "20:00:04" in the zone; what stands around it names the zone."""
    return f"{moment.astimezone(ZoneInfo(zone)):%H:%M:%S}"


def explained(cause: str) -> str:
    return explain(cause)


def place(zone: str) -> str:
    return zone.rpartition("/")[2].replace("_", " ")


def iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")


def age(moment: datetime, now: datetime) -> str:
    """ "12 s ago"; a clock that was set back reads as now."""
    seconds = (now - moment).total_seconds()
    return "just now" if seconds < 1 else f"{_rough(seconds)}\N{NO-BREAK SPACE}ago"


def distance(moment: datetime, now: datetime) -> str:
    """ "in 12 min", or how long ago it should have been."""
    seconds = (moment - now).total_seconds()
    if abs(seconds) < 30:
        return "now"
    return f"in\N{NO-BREAK SPACE}{_rough(seconds)}" if seconds > 0 else f"{_rough(-seconds)}\N{NO-BREAK SPACE}ago"


def _rough(seconds: float) -> str:
    """ "12 s" or "3 d", never torn apart at the end of a line."""
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size or (unit == "min" and seconds >= 90):
            return f"{int(seconds // size)}\N{NO-BREAK SPACE}{unit}"
    return f"{int(seconds)}\N{NO-BREAK SPACE}s"


def lasting(length: timedelta | float) -> str:
    """ "3 min 20 s", never torn apart at the end of a line; a number is of seconds."""
    return duration(length).replace(" ", "\N{NO-BREAK SPACE}")


def span(seconds: float) -> str:
    """ "00:03:12": how long something has been going on, as a clock that goes on."""
    whole = max(0, int(seconds))
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}"
