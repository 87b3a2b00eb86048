"""All posts that somebody may see, with filters, and the same as a table for other programs."""

from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, current_app, redirect, render_template, request, stream_with_context, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from routes.limits import limited
from services import explorer, explorer_filters, explorer_table
from services.causes import explain
from services.errors import Invalid
from services.explorer_filters import Viewer, Wanted
from services.vocabulary import SUM_WORDS, light_of_post

bp = Blueprint("explorer", __name__, url_prefix="/posts")

#: (name, label, values with their words) of each filter that is a list
Choices = list[tuple[str, str, list[tuple[str, str]]]]


@bp.get("")
def index() -> ResponseReturnValue:
    """What is no filter is said, and nothing is shown for it. A form sends what is empty along: an address has none."""
    found, wanted, why = None, explorer_filters.typed(request.args), ""
    if not all(request.args.values()):
        return redirect(_address("index", wanted))
    try:
        explorer_filters.asked(request.args)
        found = explorer.find(_viewer(), wanted, request.args.get("after", "")[: explorer_filters.LONGEST_AFTER])
    except Invalid as error:
        why = str(error)
    choices = _choices(wanted)
    return render_template(
        "explorer/index.html",
        found=found,
        wanted=wanted,
        why=why,
        choices=choices,
        chosen=_chosen(wanted, choices),
        lights=SUM_WORDS,
        light_of_post=light_of_post,
        explain=explain,
        now=datetime.now(UTC),
        newer=_address("index", wanted),
        older=_address("index", wanted, after=found.after) if found and found.after else "",
        tables=[(name, _address(f"as_{name}", wanted)) for name in ("csv", "json")],
    ), 422 if why else 200


@bp.get("/posts.csv")
@limited("10/minute")
def as_csv() -> ResponseReturnValue:
    return _table(explorer_table.as_csv, "text/csv; charset=utf-8", "posts.csv")


@bp.get("/posts.json")
@limited("10/minute")
def as_json() -> ResponseReturnValue:
    return _table(explorer_table.as_json, "application/json", "posts.json")


def _table(written: explorer_table.Written, kind: str, name: str) -> Response:
    lines = explorer.every_line(_viewer(), explorer_filters.asked(request.args))
    outward = current_app.jinja_env.filters["outward"]
    answer = Response(stream_with_context(written(lines, outward)), content_type=kind)
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def _viewer() -> Viewer:
    return Viewer(current_user.id, current_user.is_admin, current_user.timezone)


def _address(name: str, wanted: Wanted, **more: Any) -> str:
    values: dict[str, Any] = {**more, **wanted.kept}
    return url_for(f".{name}", **values)


def _choices(wanted: Wanted) -> Choices:
    viewer = _viewer()
    own = [(str(id), name) for id, name in explorer.podcasts_of(viewer)]
    hosts = [(str(id), name) for id, name in explorer.hosts_of(viewer)]
    return [
        ("podcast", "Podcast", own),
        ("host", "Host", hosts),
        ("status", "State", list(explorer_filters.STATUSES.items())),
        ("trigger", "Sent by", list(explorer_filters.TRIGGERS.items())),
        ("kind", "Words", list(explorer_filters.KINDS.items())),
        ("link", "Link", list(explorer_filters.LINKS.items())),
        (
            "cause",
            "Reason",
            [(code, explorer_filters.CAUSE_WORDS[code]) for code in explorer.causes_of(viewer, wanted)],
        ),
        ("sort", "Order", list(explorer_filters.SORTS.items())),
    ]


def _chosen(wanted: Wanted, choices: Choices) -> list[str]:
    """In words, what was chosen: shown while the form is folded away."""
    words = [words for name, _, values in choices for value, words in values if value == getattr(wanted, name)]
    return words + [f"{label} {day}" for label, day in (("from", wanted.since), ("to", wanted.until)) if day]
