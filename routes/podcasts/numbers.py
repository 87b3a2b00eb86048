"""A podcast's numbers: overview, its hosts side by side, trends. For all of its people; its money for its admins."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from routes.access import require_podcast_access, require_podcast_admin
from routes.limits import limited
from routes.signed_in import actor
from services import (
    host_table,
    kept_numbers,
    metrics_switch,
    number_cards,
    periods,
    trend_charts,
)
from services.access import Access
from services.errors import Invalid
from services.number_words import PERIODS, days
from services.periods import Kind, Span

PAGE = "/<int:podcast_id>/numbers"
#: endpoint, label, and the period that is shown where none is asked for
PAGES = (
    ("numbers", "Overview", Kind.MONTH),
    ("numbers_hosts", "Hosts", Kind.MONTH),
    ("numbers_trends", "Trends", Kind.ALL),
)
Found = Callable[[Access, Kind, datetime], dict[str, Any]]


def add_to(bp: Blueprint) -> None:
    bp.add_url_rule(PAGE, view_func=numbers)
    bp.add_url_rule(f"{PAGE}/hosts", view_func=numbers_hosts)
    bp.add_url_rule(f"{PAGE}/trends", view_func=numbers_trends)
    bp.add_url_rule(f"{PAGE}/reads", view_func=switch_reads, methods=["POST"])


@require_podcast_access
def numbers(access: Access) -> ResponseReturnValue:
    return _answer("numbers", access, _overview)


@require_podcast_access
def numbers_hosts(access: Access) -> ResponseReturnValue:
    return _answer("numbers_hosts", access, _hosts)


@require_podcast_access
def numbers_trends(access: Access) -> ResponseReturnValue:
    return _answer("numbers_trends", access, _trends)


@limited("10/minute")
@require_podcast_admin
def switch_reads(access: Access) -> ResponseReturnValue:
    """Whether it is read at X what came of posts; anything but "on" is off."""
    is_on = request.form.get("reads") == "on"
    flash(metrics_switch.switch(access.podcast.id, actor(), datetime.now(UTC), is_on=is_on))
    return redirect(url_for(".edit", podcast_id=access.podcast.id, _anchor="reads"))


def _answer(name: str, access: Access, found: Found) -> ResponseReturnValue:
    """What cannot be understood is said, and nothing is shown for it."""
    values: dict[str, Any] = {}
    kind, why, asked = None, "", _asked(name)
    try:
        kind = periods.kind_of(asked.get("period") or _usual(name))
        values = found(access, kind, datetime.now(UTC))
    except Invalid as error:
        why, asked = str(error), {}
    page = render_template(
        f"podcasts/{name}.html",
        access=access,
        podcast=access.podcast,
        why=why,
        pages=[(f"podcasts.{one}", label, _address(one, access, **_period(asked))) for one, label, _ in PAGES],
        choices=[(one, PERIODS[one].label, _address(name, access, **asked | {"period": one})) for one in Kind],
        kind=kind,
        **values,
    )
    return page, 422 if why else 200


def _usual(name: str) -> Kind:
    return next(kind for one, _, kind in PAGES if one == name)


def _asked(name: str) -> dict[str, str]:
    """What stands in the address and means something to the page."""
    known = ("period", "sort", "order") if name == "numbers_hosts" else ("period",)
    return {one: value for one in known if (value := request.args.get(one, ""))}


def _period(asked: dict[str, str]) -> dict[str, str]:
    """What one page hands on to another."""
    return {"period": asked["period"]} if "period" in asked else {}


def _address(name: str, access: Access, **values: Any) -> str:
    return url_for(f".{name}", podcast_id=access.podcast.id, **values)


def _span(access: Access, span: Span) -> dict[str, Any]:
    """The days in words, and what the page of posts is asked by for the same ones."""
    until = {"podcast": access.podcast.id, "until": span.last.isoformat()}
    return {"days": days(span), "filter": until | ({"since": span.first.isoformat()} if span.first else {})}


def _overview(access: Access, kind: Kind, now: datetime) -> dict[str, Any]:
    overview = kept_numbers.overview(access, kind, now)
    weeks = kept_numbers.sparklines(access, now)
    return _span(access, overview.period.current) | {
        "overview": overview,
        "has_any": number_cards.has_any(overview, weeks),
        "cards": number_cards.cards(overview, weeks, money=access.is_admin),
        "speed": number_cards.speed(overview, weeks),
        "stretches": list(number_cards.stretches(overview)),
        "before_days": days(overview.period.previous) if overview.period.previous else "",
        "so_far": PERIODS[kind].so_far,
        "before": PERIODS[kind].before,
        "insights": kept_numbers.insights(access, overview, now),
    }


def _hosts(access: Access, kind: Kind, now: datetime) -> dict[str, Any]:
    money = access.is_admin
    sorting = host_table.sorting(request.args.get("sort", ""), request.args.get("order", ""), money=money)
    span = periods.period(kind, now, access.podcast.timezone).current
    found = kept_numbers.breakdown(access, span, sort=sorting.column, descending=sorting.is_falling)
    return _span(access, span) | {
        "heads": [(head, _sorted_address(access, head)) for head in host_table.heads(sorting, money=money)],
        "rows": [(row, host_table.cells(row, money=money)) for row in found.rows],
        "average": host_table.average(found, money=money),
    }


def _sorted_address(access: Access, head: host_table.Head) -> str:
    period = _period(_asked("numbers_hosts"))
    return _address("numbers_hosts", access, **period, sort=head.next.column, order=head.next.order)


def _trends(access: Access, kind: Kind, now: datetime) -> dict[str, Any]:
    span = periods.period(kind, now, access.podcast.timezone).current
    texts = kept_numbers.texts(access, span)
    return _span(access, span) | {
        "latency": trend_charts.latency(kept_numbers.latency(access, now)),
        "reach": trend_charts.host_reach(kept_numbers.breakdown(access, span).rows),
        "hours": trend_charts.hours(kept_numbers.by_hour(access, span)),
        "words": trend_charts.pair(texts.own_or_drafted, "Own words", "Drafts"),
        "links": trend_charts.pair(texts.link_or_none, "Posts with a link", "Posts without a link"),
    }
