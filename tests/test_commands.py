"""The commands: what they make, what they print, and one line on stderr for everything that cannot be."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event, func, select

from extensions import db
from models import (
    Broadcast,
    ConfigStatus,
    EpisodeGuide,
    EpisodeTweetConfig,
    JobRun,
    Podcast,
    PodcastMember,
    Post,
    PostStatus,
    SocialConnection,
    User,
    YouTubeChannel,
)

NOW = datetime(2030, 1, 31, 20, tzinfo=UTC)
VIDEO = "dQw4w9WgXcQ"
WRITTEN = (User, Podcast, PodcastMember, EpisodeGuide, EpisodeTweetConfig, Broadcast, YouTubeChannel, SocialConnection)


@pytest.fixture
def run(app, runner):
    """Runs a command with --json and answers its document."""

    def run(*args, **options):
        result = runner.invoke(args=[*args, "--json"], **options)
        assert result.exit_code == 0, result.output
        assert result.stderr == ""
        return json.loads(result.stdout)

    return run


@pytest.fixture
def refused(app, runner):
    """Runs a command that must end with one line and exit 1 and write nothing; answers the line."""

    def refused(*args, **options):
        before = rows()
        result = runner.invoke(args=list(args), **options)
        assert (result.exit_code, result.stdout) == (1, ""), result.output
        assert len(result.stderr.splitlines()) == 1
        assert result.stderr.startswith("Error: ")
        assert "Traceback" not in result.stderr
        assert rows() == before
        return result.stderr.removeprefix("Error: ").strip()

    return refused


@pytest.fixture
def show(run):
    """Ada's podcast, with Bo on it."""
    run("users", "create", "ada@example.com", "--name", "Ada")
    run("users", "create", "bo@example.com", "--name", "Bo")
    run("podcasts", "create", "Deep Dive", "--owner", "ada@example.com")
    run("podcasts", "add-host", "deep-dive", "bo@example.com")


@pytest.fixture
def episode(run, show):
    return run("episodes", "create", "deep-dive", "Queues", "--at", "2030-01-31T20:00Z")


def rows():
    found = [db.session.execute(select(func.count()).select_from(table)).scalar_one() for table in WRITTEN]
    db.session.rollback()
    return found


def connect(email, *, trouble=None):
    user = db.session.execute(select(User).filter_by(email=email)).scalar_one()
    connection = SocialConnection(
        user_id=user.id, platform_user_id=f"9{user.id}", username=user.name, access_token=b"sealed", trouble=trouble
    )
    db.session.add(connection)
    db.session.commit()


def post_for(email, status, **values):
    """A post in the outbox, and its config's status as the outbox would have it."""
    config = db.session.execute(select(EpisodeTweetConfig).join(User).where(User.email == email)).scalar_one()
    values = {"key": f"live:{config.id}", "text": "Words", "not_after": NOW + timedelta(minutes=30)} | values
    db.session.add(
        Post(config_id=config.id, episode_id=config.episode_id, user_id=config.user_id, status=status, **values)
    )
    config.status = ConfigStatus.POSTING if status in ("queued", "sending", "unknown") else status
    db.session.commit()


# People


def test_a_user_is_made_with_his_address_in_lower_case(run):
    made = run("users", "create", "Ada@Example.com", "--name", "Ada", "--admin", "--never-repost")
    assert made == {
        "id": made["id"],
        "email": "ada@example.com",
        "name": "Ada",
        "admin": True,
        "never_repost": True,
        "active": True,
        "has_password": False,
    }


def test_a_password_comes_in_on_stdin_and_is_kept_hashed(run):
    assert run("users", "create", "a@x.de", "--name", "A", "--password-stdin", input="long enough it is\n")[
        "has_password"
    ]
    stored = db.session.execute(select(User.password_hash)).scalar_one()
    assert stored.startswith("$argon2id$")


@pytest.mark.parametrize("typed", ["", "\n", "short\n", "x" * 2000, b"\xff\xfe long enough but no text\n"])
def test_a_password_that_will_not_do_is_refused(refused, typed):
    assert "assword" in refused("users", "create", "a@x.de", "--name", "A", "--password-stdin", input=typed)


def test_one_mailbox_is_one_user(run, refused):
    run("users", "create", "ada@example.com", "--name", "Ada")
    assert "already a user" in refused("users", "create", "ADA@example.com", "--name", "Other")


@pytest.mark.parametrize("email, name", [("ada", "Ada"), ("a@x.de", ""), ("a@x.de", "x" * 300), ("a@x.de", "a\nb")])
def test_a_user_that_cannot_be_is_refused(refused, email, name):
    refused("users", "create", email, "--name", name)


# Podcasts


def test_podcasts_with_the_same_name_get_different_slugs(run, show):
    again = [run("podcasts", "create", "Deep  DIVE", "--owner", "ada@example.com")["slug"] for _ in range(2)]
    assert again == ["deep-dive-2", "deep-dive-3"]


def test_the_owner_is_the_first_admin(run, show):
    members = db.session.execute(select(User.name, PodcastMember.role).join(PodcastMember.user)).all()
    assert sorted(members) == [("Ada", "admin"), ("Bo", "contributor")]


def test_the_channel_is_asked_about_and_kept_as_its_id(run, show, youtube):
    channel = youtube.add_channel("Deep Dive", handle="deepdive")
    made = run("podcasts", "create", "Other", "--owner", "ada@example.com", "--channel", "@deepdive")
    assert made["channel"] == channel
    assert run("podcasts", "set", "deep-dive", "--channel", channel)["channel"] == channel
    row = db.session.get(YouTubeChannel, channel)
    assert row.title == "Deep Dive"


@pytest.mark.parametrize("channel", ["@nobodyhere", "UC" + "0" * 22, "https://example.com/@deepdive", "", "deep dive"])
def test_a_channel_that_does_not_exist_is_refused(refused, show, youtube, channel):
    refused("podcasts", "create", "Other", "--owner", "ada@example.com", "--channel", channel)
    refused("podcasts", "set", "deep-dive", "--channel", channel)


def test_settings_change_one_by_one(run, show):
    changed = run("podcasts", "set", "deep-dive", "--title-filter", "Dive", "--no-auto-create")
    assert (changed["title_filter"], changed["auto_create"]) == ("Dive", False)
    changed = run("podcasts", "set", "deep-dive", "--no-title-filter")
    assert (changed["title_filter"], changed["auto_create"]) == (None, False)
    assert run("podcasts", "set", "deep-dive", "--auto-create")["auto_create"]


@pytest.mark.parametrize(
    "args",
    [
        ("create", "x" * 300, "--owner", "ada@example.com"),
        ("create", " ", "--owner", "ada@example.com"),
        ("create", "Show", "--owner", "nobody@example.com"),
        ("create", "Show", "--owner", "nonsense\0"),
        ("create", "Show", "--owner", "ada@example.com", "--timezone", "Europe/Berlni"),
        ("create", "Show", "--owner", "ada@example.com", "--timezone", ""),
        ("set", "no-such-show", "--auto-create"),
        ("set", "nul\0", "--auto-create"),
        ("set", "deep-dive", "--title-filter", "x" * 101),
        ("set", "deep-dive", "--title-filter", ""),
        ("add-host", "deep-dive", "nobody@example.com"),
        ("add-host", "no-such-show", "ada@example.com"),
        ("add-host", "deep-dive", "bo@example.com"),
        ("add-host", "deep-dive", "ada@example.com", "--role", "king"),
        ("remove-host", "deep-dive", "nobody@example.com"),
        ("remove-host", "no-such-show", "bo@example.com"),
    ],
)
def test_a_podcast_that_cannot_be_is_refused(refused, show, args):
    refused("podcasts", *args)


@pytest.mark.parametrize(
    "args", [("set", "deep-dive"), ("set", "deep-dive", "--title-filter", "a", "--no-title-filter")]
)
def test_misused_options_exit_with_2(runner, show, args):
    assert runner.invoke(args=["podcasts", *args]).exit_code == 2


def test_the_last_admin_stays(run, refused, show):
    assert "only admin" in refused("podcasts", "remove-host", "deep-dive", "ada@example.com")
    run("podcasts", "remove-host", "deep-dive", "bo@example.com")
    run("podcasts", "add-host", "deep-dive", "bo@example.com", "--role", "admin")
    assert run("podcasts", "remove-host", "deep-dive", "ada@example.com")["email"] == "ada@example.com"


def test_what_a_removed_host_has_waiting_is_cancelled(run, episode):
    podcast_id = db.session.execute(select(Podcast.id)).scalar_one()
    post_for("bo@example.com", PostStatus.QUEUED, podcast_id=podcast_id)
    run("podcasts", "remove-host", "deep-dive", "bo@example.com")
    assert db.session.execute(select(Post.status, Post.cause)).one() == ("cancelled", "member_gone")


# Episodes


def test_an_episode_has_a_text_for_every_host(run, show):
    made = run("episodes", "create", "deep-dive", "Queues", "--number", "7", "--guest", "Cy", "--guest", "Di")
    assert (made["number"], made["guests"], made["scheduled_at"]) == (7, ["Cy", "Di"], None)
    assert [row["email"] for row in run("tweets", "list", "deep-dive", str(made["id"]))] == [
        "ada@example.com",
        "bo@example.com",
    ]


def test_the_planned_time_is_an_instant(run, show):
    made = run("episodes", "create", "deep-dive", "Queues", "--at", "2030-02-01T07:00+11:00")
    assert made["scheduled_at"] == "2030-01-31T20:00:00+00:00"


@pytest.mark.parametrize("video", [VIDEO, f"https://youtu.be/{VIDEO}?t=1", f"https://m.youtube.com/live/{VIDEO}"])
def test_a_named_video_is_asked_about_at_the_next_look(run, show, video):
    assert run("episodes", "create", "deep-dive", "Queues", "--video", video)["video_id"] == VIDEO
    found = db.session.execute(select(Broadcast)).scalar_one()
    assert (found.video_id, found.state, found.first_signal) == (VIDEO, "new", "episode")
    assert found.next_look_at is not None


def test_a_video_that_is_known_stays_as_it_is(run, show):
    db.session.add(Broadcast(video_id=VIDEO, state="live", first_signal="uploads", channel_id="UC" + "a" * 22))
    db.session.commit()
    run("episodes", "create", "deep-dive", "Queues", "--video", VIDEO)
    assert db.session.execute(select(Broadcast.state, Broadcast.first_signal)).one() == ("live", "uploads")


def test_a_time_without_its_zone_is_refused_with_the_way_to_write_it(refused, show):
    line = refused("episodes", "create", "deep-dive", "Queues", "--at", "2030-01-31T20:00")
    assert "2030-01-31T20:00+01:00" in line


@pytest.mark.parametrize(
    "args",
    [
        ("no-such-show", "Queues"),
        ("deep-dive", ""),
        ("deep-dive", "x" * 201),
        ("deep-dive", "tab\tinside"),
        ("deep-dive", "Queues", "--at", "tomorrow"),
        ("deep-dive", "Queues", "--at", "2030-02-30T20:00Z"),
        ("deep-dive", "Queues", "--at", "9999-12-31T23:59-12:00"),
        ("deep-dive", "Queues", "--video", "https://example.com/watch?v=dQw4w9WgXcQ"),
        ("deep-dive", "Queues", "--video", ""),
        ("deep-dive", "Queues", "--number", "seven"),
        ("deep-dive", "Queues", "--number", "-1"),
        ("deep-dive", "Queues", "--number", "9" * 30),
        ("deep-dive", "Queues", "--guest", "x" * 300),
        ("deep-dive", "Queues", *["--guest", "Cy"] * 21),
    ],
)
def test_an_episode_that_cannot_be_is_refused(refused, show, args):
    refused("episodes", "create", *args)


# Texts


def test_a_host_writes_his_own_words(run, episode):
    answer = run("tweets", "set", "deep-dive", str(episode["id"]), "bo@example.com", "--text", "Hello", "--no-link")
    assert answer["email"] == "bo@example.com"
    assert answer["message"]
    ada, bo = run("tweets", "list", "deep-dive", str(episode["id"]))
    assert (bo["text"], bo["enabled"]) == ("Hello", True)
    assert ada["text"] != "Hello"


def test_a_text_is_listed_with_the_words_of_the_pages_and_with_its_link(run, runner, episode):
    run("tweets", "set", "deep-dive", str(episode["id"]), "bo@example.com", "--text", "Hello {url}")
    connect("bo@example.com")
    ada, bo = run("tweets", "list", "deep-dive", str(episode["id"]))
    assert (ada["state"], bo["state"]) == ("Stand by", "Ready")
    assert bo["text"] == "Hello https://www.youtube.com/watch?v=…"
    printed = runner.invoke(args=["tweets", "list", "deep-dive", str(episode["id"])]).stdout.splitlines()[1]
    assert printed == "bo@example.com  Ready  'Hello https://www.youtube.com/watch?v=…'"
    run("tweets", "set", "deep-dive", str(episode["id"]), "bo@example.com", "--off")
    assert run("tweets", "list", "deep-dive", str(episode["id"]))[1]["state"] == "Off"


def test_a_host_who_joined_later_can_write_too(run, episode):
    run("users", "create", "cy@example.com", "--name", "Cy")
    run("podcasts", "add-host", "deep-dive", "cy@example.com")
    run("tweets", "set", "deep-dive", str(episode["id"]), "cy@example.com", "--off")
    assert [row["enabled"] for row in run("tweets", "list", "deep-dive", str(episode["id"]))] == [True, True, False]


def test_what_is_missing_is_said_and_who_is_off_misses_nothing(run, episode):
    run("tweets", "set", "deep-dive", str(episode["id"]), "bo@example.com", "--off")
    ada, bo = run("tweets", "list", "deep-dive", str(episode["id"]))
    assert (ada["status"], ada["enabled"], bo["status"], bo["enabled"]) == ("pending", True, "pending", False)
    assert "No X account is connected." in ada["error"]
    assert bo["error"] is None


def test_a_connection_in_trouble_says_so_and_a_good_one_says_nothing(run, episode):
    connect("ada@example.com", trouble="x_auth")
    connect("bo@example.com")
    ada, bo = run("tweets", "list", "deep-dive", str(episode["id"]))
    assert "no longer accepts" in ada["error"]
    assert bo["error"] is None


def test_a_removed_host_stays_on_the_list_with_the_reason(run, episode):
    run("podcasts", "remove-host", "deep-dive", "bo@example.com")
    assert "No longer on this podcast" in run("tweets", "list", "deep-dive", str(episode["id"]))[1]["error"]


def test_posts_show_their_address_or_why_there_is_none(run, episode):
    post_for("ada@example.com", PostStatus.POSTED, username="ada", remote_id="17", text="Sent")
    post_for("bo@example.com", PostStatus.FAILED, cause="x_text_refused", detail="Too rude.")
    ada, bo = run("tweets", "list", "deep-dive", str(episode["id"]))
    assert (ada["status"], ada["text"], ada["error"]) == ("posted", "Sent", None)
    assert ada["post_url"] == "https://x.com/ada/status/17"
    assert (bo["status"], bo["post_url"]) == ("failed", None)
    assert "X refused this text. Too rude." in bo["error"]


def test_the_newest_post_is_the_one_that_counts(run, episode):
    post_for("ada@example.com", PostStatus.FAILED, cause="x_text_refused", key="first")
    post_for("ada@example.com", PostStatus.POSTED, username="ada", remote_id="18", key="second", text="Second")
    ada, _ = run("tweets", "list", "deep-dive", str(episode["id"]))
    assert (ada["status"], ada["text"]) == ("posted", "Second")


def test_listing_takes_as_many_statements_for_many_hosts_as_for_two(run, episode):
    def statements():
        seen = []
        listen = lambda *args: seen.append(args[2])  # noqa: E731
        event.listen(db.engine, "before_cursor_execute", listen)
        run("tweets", "list", "deep-dive", str(episode["id"]))
        event.remove(db.engine, "before_cursor_execute", listen)
        return len(seen)

    with_two = statements()
    for n in range(20):
        run("users", "create", f"host{n}@example.com", "--name", f"Host {n}")
        run("podcasts", "add-host", "deep-dive", f"host{n}@example.com")
    run("tweets", "set", "deep-dive", str(episode["id"]), "host0@example.com", "--on")
    assert len(run("tweets", "list", "deep-dive", str(episode["id"]))) == 22
    assert statements() <= with_two


@pytest.mark.parametrize("args", [("0",), ("-1",), ("9" * 30,), ("seven",), ("",)])
def test_an_episode_that_is_not_there_is_refused(refused, show, args):
    refused("tweets", "list", "deep-dive", "--", *args)


def test_an_episode_of_another_podcast_is_not_there(run, refused, episode):
    run("podcasts", "create", "Other", "--owner", "ada@example.com")
    refused("tweets", "list", "other", str(episode["id"]))
    refused("tweets", "set", "other", str(episode["id"]), "ada@example.com", "--off")


def test_who_is_no_host_has_no_text(run, refused, episode):
    run("users", "create", "cy@example.com", "--name", "Cy")
    assert "not a host" in refused("tweets", "set", "deep-dive", str(episode["id"]), "cy@example.com", "--off")


def test_without_json_people_read_sentences(runner, episode):
    result = runner.invoke(args=["tweets", "list", "deep-dive", str(episode["id"])])
    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) == 2
    made = runner.invoke(args=["episodes", "create", "deep-dive", "{curly} braces"])
    assert made.stdout.startswith("“{curly} braces” is episode ")


# Connections


def test_x_is_asked_whose_tokens_they_are(run, show, x):
    account = x.add_account("ada_on_x")
    found = run("connections", "import-x", "Ada@example.com", *tokens_of(account))
    assert found == {"email": "ada@example.com", "username": "ada_on_x", "x_user_id": account.id}
    assert run("connections", "reseal") == {"resealed": 1}


def tokens_of(account):
    return "--access-token", account.access_token, "--refresh-token", account.refresh_token


@pytest.mark.parametrize("email", ["nobody@example.com", "nonsense", "nul\0@x.de"])
def test_tokens_for_nobody_are_refused(refused, show, x, email):
    refused("connections", "import-x", email, *tokens_of(x.add_account("ada_on_x")))


@pytest.mark.parametrize("token", ["made-up", "", "two\nlines", "ümlaut", "x" * 10_000])
def test_tokens_that_x_refuses_are_not_kept(refused, show, x, token):
    refused("connections", "import-x", "ada@example.com", "--access-token", token, "--refresh-token", "r")


def test_an_end_without_its_zone_is_refused(refused, show, x):
    tokens = tokens_of(x.add_account("ada_on_x"))
    refused("connections", "import-x", "ada@example.com", *tokens, "--expires-at", "2030-01-31T20:00")


# The machine


def test_a_tick_with_nothing_to_do_says_so(run, youtube, x):
    assert isinstance(run("scheduler", "tick"), dict)
    assert isinstance(run("scheduler", "status"), dict)


def test_a_status_for_people_has_one_thing_a_line_and_no_brackets(app, runner):
    now = datetime.now(UTC)
    db.session.add(JobRun(process="web-1", job="reap", started_at=now, finished_at=now, seen_at=now))
    db.session.commit()
    said = runner.invoke(args=["scheduler", "status"]).stdout
    assert f"  Find interrupted posts (reap) in web-1: ended at {now.isoformat(timespec='seconds')}\n" in said
    assert "outbox: queued 0, sending 0, unknown 0, review 0\n" in said
    assert "unmatched: -\n" in said
    assert not set('{}[]"') & set(said)


@pytest.mark.parametrize("button", ["go-live", "end"])
def test_without_a_sandbox_there_is_nothing_to_press(refused, show, button):
    assert "SANDBOX_URL" in refused("sandbox", button)
