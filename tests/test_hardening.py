"""Every route and each parameter, with what nobody should send: nothing fails on it, nothing is overwritten by it."""

from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
from sqlalchemy import select
from werkzeug.datastructures import MultiDict

from extensions import Base, db, limiter
from models import Broadcast, User
from tests.browser import Browser

READING = ("GET", "HEAD")
#: what signs out, ends or takes away is tried elsewhere: afterwards there is nothing left to try with
ENDINGS = (
    "sign_out",
    "delete",
    "archive",
    "remove",
    "revoke",
    "end_",
    "leave",
    "off",
    "disconnect",
    "sessions",
    "close",
)
HUGE = str(2**63)
#: values of ids in an address
IDS = (
    "0",
    "-1",
    "1e3",
    "1.5",
    HUGE,
    "9" * 4000,
    "0x1",
    "١",
    "1%00",
    "%ff",
    "1'--",
    "null",
    "[]",
    "..",
    "1;drop table users",
)
NAMES = (
    *(
        "q",
        "search",
        "page",
        "before",
        "after",
        "older",
        "newer",
        "order_by",
        "sort",
        "state",
        "next",
        "id",
        "host",
        "user",
    ),
    *(
        "code",
        "error",
        "kind",
        "who",
        "by",
        "month",
        "theme",
        "token",
        "date",
        "podcast_id",
        "limit",
        "offset",
        "tab",
        "since",
    ),
)
INJECTIONS = (
    *(
        "'",
        '"',
        "' OR '1'='1",
        "' OR 1=1--",
        '" OR ""="',
        "1; DROP TABLE users",
        "1); DELETE FROM posts;--",
        "\\'; SELECT 1;--",
    ),
    *(
        "' UNION SELECT password_hash FROM users--",
        "1 AND SLEEP(5)",
        "'||(SELECT 1)||'",
        "pg_sleep(5)",
        "name desc; select 1",
    ),
    *(
        "%27%20OR%201=1",
        "admin'/*",
        "*/",
        "%",
        "_",
        "\\",
        "%%%s%d",
        "$1",
        ":a",
        "?",
        "{0}",
        "{{7*7}}",
        "${7*7}",
        "<%= 7 %>",
    ),
)
ODD = (
    *INJECTIONS,
    "",
    " ",
    "\0",
    "a\0b",
    HUGE,
    "-1",
    "NaN",
    "inf",
    "1e999",
    "[]",
    '{"a":1}',
    "\ufeff",
    "\u202e",
    "😀" * 300,
    "x" * 2000,
)
#: what somebody might add to a form to get more than it gives
SWITCHES = ("is_admin", "admin", "is_active", "enabled", "never_repost", "confirmed")
ADDED_IDS = ("podcast_id", "user_id", "account_id", "connection_id", "member_id", "owner_id", "actor_id", "id")
TEXTS = ("dedupe_key", "key", "password_hash", "slug", "status", "state", "x_post_id", "remote_id", "platform_user_id")
ADDED = {
    **dict.fromkeys(SWITCHES, "1"),
    **dict.fromkeys(ADDED_IDS, "2"),
    **dict.fromkeys(TEXTS, "x"),
    "role": "admin",
    "version": "999",
    "created_at": "2020-01-01",
}
#: columns that no form of a host may reach by their name, whatever else it does
GUARDED = {
    "users": ("is_admin", "is_active", "password_hash", "email"),
    "podcasts": ("slug", "created_at"),
    "podcast_members": ("podcast_id", "user_id", "role", "joined_at"),
    "social_connections": ("user_id", "platform_user_id", "platform", "is_active"),
    "posts": ("key", "user_id", "podcast_id", "connection_id", "remote_id"),
    "episode_guides": ("podcast_id", "created_at"),
    "episode_tweet_configs": ("user_id", "episode_id", "status"),
}


@pytest.fixture
def engine_name():
    return "sqlite"


@pytest.fixture
def show(cast):
    """A podcast with everything that an address can name. Returns values for the variables of addresses."""
    podcast = cast.show(hosts=("ada", "bo"))
    podcast_id, channel = podcast.id, podcast.youtube_channel_id
    episode = cast.episode(podcast, at=datetime.now(UTC) + timedelta(days=1))
    db.session.add(Broadcast(video_id="0" * 11, channel_id=channel, verdict="unmatched", podcast_id=podcast_id))
    values = {"podcast_id": podcast_id, "episode_id": episode.id}
    db.session.commit()
    return values


@pytest.fixture
def browser(app, cast, show):
    """Ada, who runs the server too: nothing is refused to her before its parameters are looked at."""
    user = db.session.execute(select(User).filter_by(email="ada@example.com")).scalar_one()
    user.is_admin = True
    db.session.commit()
    browser = Browser(app)
    browser.let_in(user)
    return browser


def routes(app):
    return sorted(app.url_map.iter_rules(), key=lambda rule: rule.endpoint)


def built(app, rule, values):
    """The address of a rule with these values, 1 for what is not named."""
    return app.url_map.bind("localhost").build(
        rule.endpoint, {n: values.get(n, 1) for n in rule.arguments}, method=min(rule.methods)
    )


@pytest.mark.slow
def test_no_id_in_an_address_breaks_a_page(app, browser, show):
    tried = 0
    for rule in routes(app):
        for name in sorted(rule.arguments - {"filename"}):
            if not rule.methods & set(READING):
                continue
            path = built(app, rule, show | {name: 4711471})
            for odd in IDS:
                answer = browser.get(path.replace("4711471", odd))
                assert answer.status_code in (200, 302, 308, 400, 403, 404), (path, odd)
                tried += 1
    assert tried >= 2 * len(IDS)


@pytest.mark.slow
def test_no_parameter_breaks_a_page(app, browser, show):
    pages = [built(app, rule, show) for rule in routes(app) if "GET" in rule.methods and rule.endpoint != "static"]
    assert len(pages) >= 5
    for path in pages:
        for turn in range(15):  # each name gets other values on each page
            limiter.reset()
            given = [(name, ODD[(at * 7 + turn * 3) % len(ODD)]) for at, name in enumerate(NAMES)]
            answer = browser.get(f"{path}?" + "&".join(f"{name}={quote(odd)}" for name, odd in given))
            assert answer.status_code in (200, 302, 303, 400, 403, 404, 409, 410, 422, 503), (path, given)


@pytest.mark.parametrize(
    "query",
    [
        "%ff=%fe&q=%ff%c0%80",
        "q[]=1&q[a]=2&q[][]=3",
        "&".join("q=1&page=2&next=/" for _ in range(500)),
        "=&&==&a",
        "%",
        "q=%u0041",
        "q",
    ],
)
def test_no_query_breaks_a_page(app, browser, show, query):
    for rule in routes(app):
        if "GET" in rule.methods and rule.endpoint != "static":
            assert (
                browser.get(f"{built(app, rule, show)}?{query}").status_code < 500 or rule.endpoint == "health.readyz"
            )


def fields_of(app):
    """The names of the fields in all our forms, as their classes and templates have them."""
    names = set()
    for name, template in (
        (n, app.jinja_env.loader.get_source(app.jinja_env, n)[0]) for n in app.jinja_env.list_templates()
    ):
        if not name.startswith(("bootstrap", "base/")):
            names |= {part.partition('"')[0] for part in template.split(' name="')[1:]}
    return (
        sorted(name for name in names if name.isidentifier())
        + list(NAMES)
        + ["text", "title", "name", "email", "password"]
    )


@pytest.mark.slow
@pytest.mark.parametrize("odd", ["\0", HUGE, "-1", "'", "x" * 1200, "\ud83d", "[]", "\u202e<b>"], ids=ascii)
def test_no_field_breaks_what_takes_a_form(app, browser, show, odd):
    names, tried, token = dict.fromkeys(fields_of(app)), 0, browser.token("/")
    for rule in routes(app):
        if "POST" not in rule.methods or any(end in rule.endpoint for end in ENDINGS):
            continue
        path = built(app, rule, show)
        for values in ([odd], [odd, "1", odd]):
            form = MultiDict([(name, value.encode("utf-8", "replace")) for name in names for value in values][:190])
            form["csrf_token"] = token
            answer = browser.ask("POST", path, data=form)
            assert answer.status_code < 500, (path, odd)
            tried += 1
    assert tried >= 2


def guarded():
    """The guarded columns of every row."""
    found = {}
    for table, columns in GUARDED.items():
        known = Base.metadata.tables[table]
        chosen = [known.c[name] for name in ("id", *columns) if name in known.c]
        found[table] = {row.id: tuple(row) for row in db.session.execute(select(*chosen))}
    db.session.rollback()
    return found


@pytest.mark.slow
def test_fields_that_a_form_does_not_have_change_nothing(app, cast, show):
    bo = db.session.execute(select(User).filter_by(email="bo@example.com")).scalar_one()
    browser = Browser(app)
    browser.let_in(bo)
    before, tried = guarded(), 0
    for rule in routes(app):
        if "POST" not in rule.methods or any(end in rule.endpoint for end in ENDINGS):
            continue
        browser.ask("POST", built(app, rule, show), data=ADDED | {"csrf_token": browser.token("/")})
        after = guarded()
        for table, rows in before.items():
            changed = {key: row for key, row in after[table].items() if key in rows and row != rows[key]}
            assert not changed, (rule.endpoint, table, changed)
        tried += 1
    assert tried >= 1
