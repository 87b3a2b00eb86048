"""Every route, made from the table of who may use it: as each role, with foreign ids, without tokens, too often."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, text
from werkzeug.routing import Rule

from extensions import Base, csrf, db
from models import (
    Broadcast,
    Dismissal,
    Draft,
    LinkPurpose,
    Notice,
    NoticeAddress,
    OneTimeLink,
    PodcastMember,
    Post,
    Role,
    User,
    UserSession,
)
from routes import OPEN
from routes.incoming import FROM_MACHINES
from tests.browser import Browser
from tests.routes_table import ROUTES

READING = frozenset({"GET", "HEAD", "OPTIONS"})
#: who each route is for → whom it refuses
REFUSED = {
    "open": (),
    "anyone": (),
    "member": ("stranger",),
    "admin": ("stranger", "contributor"),
    "site_admin": ("stranger", "contributor", "admin"),
}
#: come back from elsewhere with a state of this session, and can only then change something
CHANGES_ON_GET = frozenset({"connections.callback"})
#: what nobody reads and everybody may: written down for the log, or counted
BOOKKEEPING = frozenset({"audit_events", "sign_in_throttles"})
#: of these, tried last: after them there is nothing left to try with
ENDINGS = ("delete", "sign_out", "archive", "remove", "off", "leave", "sessions")


@pytest.fixture
def engine_name():
    return "sqlite"


@dataclass
class Show:
    """One podcast and everything on it that an address can name."""

    podcast_id: int
    values: dict[str, Any]


@pytest.fixture
def shows(cast):
    """Two podcasts of different people: Ada runs one with Bo, Cy the other with Di; Eve runs the server."""
    cast.user("eve", is_admin=True)
    return [show_of(cast, name, *hosts) for name, *hosts in (("Deep Dive", "ada", "bo"), ("Small Talk", "cy", "di"))]


def show_of(cast, name: str, admin: str, host: str) -> Show:
    podcast = cast.show(name, hosts=(admin, host))
    podcast_id, channel = podcast.id, podcast.youtube_channel_id
    member = db.session.execute(select(PodcastMember).filter_by(podcast_id=podcast_id)).scalars().all()
    member[1].role = Role.CONTRIBUTOR
    at = datetime.now(UTC)
    episode = cast.episode(podcast, at=at + timedelta(days=1))
    broadcast = Broadcast(video_id=f"{podcast_id:011}", channel_id=channel, verdict="unmatched", podcast_id=podcast_id)
    link = OneTimeLink(
        token_hash=f"{podcast_id}",
        purpose=LinkPurpose.INVITATION,
        podcast_id=podcast_id,
        email="x@example.com",
        role=Role.CONTRIBUTOR,
        created_at=at,
        expires_at=at + timedelta(days=1),
    )
    session = UserSession(
        token_hash=f"s{podcast_id}", user_id=member[1].user_id, created_at=at, seen_at=at, confirmed_at=at
    )
    config = cast.config(episode, host)
    post = Post(
        key=f"now:{config.id}:1",
        config_id=config.id,
        podcast_id=podcast_id,
        episode_id=episode.id,
        user_id=config.user_id,
        text="We are live",
        status="review",
        cause="not_found",
        not_after=at,
        unknown_since=at,
    )
    notice = Notice(key="live:1", kind="live", title="Live", link="/", user_id=config.user_id, at=at)
    notice_address = NoticeAddress(user_id=config.user_id, network="slack", address=b"sealed", created_at=at)
    draft = Draft(config_id=config.id, made_at=at, writer="builtin", status="accepted", text="On air {url}", cost=0)
    dismissal = Dismissal(podcast_id=podcast_id, user_id=None, item="channel:none", made_at=at)
    db.session.add_all([broadcast, link, session, post, notice, notice_address, draft, dismissal])
    db.session.flush()
    values = {
        "podcast_id": podcast_id,
        "episode_id": episode.id,
        "post_id": post.id,
        "draft_id": draft.id,
        "dismissal_id": dismissal.id,
        "broadcast_id": broadcast.id,
        "user_id": member[1].user_id,
        "member_id": member[1].id,
        "link_id": link.id,
        "session_id": session.id,
        "token": "t" * 43,
        "notice_id": notice.id,
        "address_id": notice_address.id,
        "network": "discord",
        "filename": "css/airhorn.css",
        "digest": "0" * 12,
        "path": "p" * 43,
    }
    db.session.commit()
    return Show(podcast_id, values)


def rules(app: Flask) -> list[Rule]:
    return sorted(app.url_map.iter_rules(), key=lambda rule: (is_ending(rule.endpoint), rule.endpoint))


def is_ending(endpoint: str) -> bool:
    return any(end in endpoint for end in ENDINGS)


def asked(app: Flask, values: dict[str, Any]) -> list[tuple[str, str, str]]:
    """(endpoint, method, path) of everything there is, with the ids of one show."""
    adapter = app.url_map.bind("localhost")
    return [
        (rule.endpoint, method, adapter.build(rule.endpoint, {n: values[n] for n in rule.arguments}, method=method))
        for rule in rules(app)
        for method in sorted(rule.methods - {"OPTIONS"})
    ]


def everything(leaving: frozenset[str] = BOOKKEEPING) -> dict[str, list[Any]]:
    """All rows of all tables; `seen_at` of sessions aside."""
    rows = {t.name: list(db.session.execute(select(t))) for t in Base.metadata.sorted_tables if t.name not in leaving}
    db.session.rollback()
    return rows


def sign_in(app: Flask, cast, name: str) -> Browser:
    browser = Browser(app)
    browser.let_in(db.session.execute(select(User).filter_by(email=f"{name}@example.com")).scalar_one())
    return browser


#: a page of everybody who is signed in, with the token of forms and little else
LIGHT = "/profile/sessions"

WHO = {"stranger": "cy", "contributor": "bo", "admin": "ada", "site_admin": "eve"}


def test_every_route_has_its_line_in_the_table(app):
    assert {rule.endpoint for rule in app.url_map.iter_rules()} == set(ROUTES)
    assert {endpoint for endpoint, who in ROUTES.items() if who == "open"} == OPEN


def test_every_route_that_changes_something_is_limited(app):
    changing = {rule.endpoint for rule in app.url_map.iter_rules() if rule.methods - READING}
    without = [name for name in sorted(changing) if not hasattr(app.view_functions[name], "limit_rule")]
    without = [name for name in without if name not in FROM_MACHINES]
    assert not without


def test_nobody_gets_in_anywhere_but_through_the_open_doors(app, shows):
    browser = Browser(app)
    for endpoint, method, path in asked(app, shows[0].values):
        if ROUTES[endpoint] == "open":
            continue
        answer = browser.ask(method, path)
        if method in READING:
            assert (answer.status_code, answer.location.partition("?")[0]) == (302, "/sign-in"), (method, path)
        else:
            assert answer.status_code in (400, 401), (method, path)


@pytest.mark.parametrize("role", WHO)
def test_who_may_use_a_route_is_what_the_table_says(app, cast, shows, role):
    browser = sign_in(app, cast, WHO[role])
    for endpoint, method, path in asked(app, shows[0].values):
        if ROUTES[endpoint] == "open" or endpoint == "auth.sign_out":
            continue
        answer = browser.ask(method, path) if method in READING else browser.post(path)
        said = (endpoint, method, path, answer.status_code)
        assert is_ending(endpoint) or not (answer.location or "").startswith("/sign-in"), said
        if role in REFUSED[ROUTES[endpoint]]:
            assert answer.status_code in (403, 404), said
        else:
            assert answer.status_code < 500, said
            assert answer.status_code not in (401, 403), said
        if is_ending(endpoint) and not is_in(browser):
            browser = sign_in(app, cast, WHO[role])


def is_in(browser: Browser) -> bool:
    return browser.get(LIGHT).status_code == 200


def test_the_ids_of_somebody_elses_podcast_lead_nowhere(app, cast, shows):
    browser = sign_in(app, cast, "ada")
    before = everything()
    for endpoint, method, path in asked(app, shows[1].values):
        if ROUTES[endpoint] in ("member", "admin"):
            answer = browser.ask(method, path) if method in READING else browser.post(path)
            assert answer.status_code == 404, (endpoint, method, path)
    assert everything() == before


def test_ids_of_two_podcasts_do_not_mix(app, cast, shows):
    """The podcast is one's own, what hangs on it is another's."""
    browser = sign_in(app, cast, "ada")
    before, tried, adapter = everything(), 0, app.url_map.bind("localhost")
    for rule in rules(app):
        if ROUTES[rule.endpoint] not in ("member", "admin") or len(rule.arguments) < 2:
            continue
        values = shows[1].values | {"podcast_id": shows[0].podcast_id}
        for method in sorted(rule.methods - {"OPTIONS", "HEAD"}):
            path = adapter.build(rule.endpoint, {n: values[n] for n in rule.arguments}, method=method)
            answer = browser.ask(method, path) if method in READING else browser.post(path)
            assert answer.status_code == 404, (rule.endpoint, method, path)
            tried += 1
    assert everything() == before
    assert tried >= 2


@pytest.mark.parametrize("forged", [None, "", "forged", "stale"])
def test_without_the_token_of_a_form_of_ours_nothing_changes(app, cast, shows, forged):
    browser = sign_in(app, cast, "eve")
    if forged == "stale":
        other = sign_in(app, cast, "bo")
        forged = other.token(LIGHT)
    before = everything()
    for endpoint, method, path in asked(app, shows[0].values):
        if method not in READING and endpoint not in FROM_MACHINES:
            answer = browser.ask(method, path, data={} if forged is None else {"csrf_token": forged})
            assert answer.status_code == 400, (endpoint, method, path)
    assert everything() == before
    # What machines send to has no forms; that nothing changes without a signature is tried in test_push_deliveries.py.
    assert csrf._exempt_views == {"routes.websub.callback"}
    assert frozenset({"websub.callback"}) == FROM_MACHINES
    assert not csrf._exempt_blueprints


def test_what_changes_something_is_not_done_by_reading(app, cast, shows):
    browser = sign_in(app, cast, "eve")
    before = everything()
    for rule in rules(app):
        if not rule.methods & READING - {"OPTIONS"}:
            path = app.url_map.bind("localhost").build(
                rule.endpoint, {n: shows[0].values[n] for n in rule.arguments}, method=min(rule.methods - READING)
            )
            assert browser.get(path).status_code == 405, path
            assert browser.ask("HEAD", path).status_code == 405, path
    assert everything() == before


def test_reading_changes_nothing(app, cast, shows):
    browser = sign_in(app, cast, "eve")
    before = everything(frozenset())
    for endpoint, method, path in asked(app, shows[0].values):
        if method in READING and endpoint not in CHANGES_ON_GET:
            assert browser.ask(method, path).status_code in (200, 302, 303, 404, 410, 503), path
    assert everything(frozenset()) == before


def test_too_many_tries_are_refused_for_one_person_only(app, cast, shows):
    """The route with the fewest tries: beyond them 429, and another person is not kept waiting."""
    path = f"/podcasts/{shows[0].podcast_id}/episodes/{shows[0].values['episode_id']}/tweets/generate"
    browser = sign_in(app, cast, "bo")
    statuses = [browser.post(path).status_code for _ in range(6)]
    assert statuses[-1] == 429
    assert 429 not in statuses[:-1]
    other = Browser(app, keep_limits=True)
    other.let_in(db.session.execute(select(User).filter_by(email="ada@example.com")).scalar_one())
    assert other.post(path).status_code != 429


def test_a_raw_id_of_a_deleted_row_is_not_given_out_again(app, cast, shows):
    """What somebody may do is bound to ids: a new podcast must not inherit an old one's."""
    highest = db.session.execute(text("SELECT max(id) FROM podcasts")).scalar()
    db.session.execute(text("DELETE FROM podcasts WHERE id = :id"), {"id": highest})
    db.session.commit()
    assert cast.show("Third", hosts=("ada",)).id > highest
