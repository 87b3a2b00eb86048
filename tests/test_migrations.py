"""The migrations: equal to the models on both engines, and up and down with rows in the tables."""

import re
import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import flask_migrate
import pytest
from alembic.script import ScriptDirectory
from flask import Flask
from sqlalchemy import inspect, text
from sqlalchemy.exc import DBAPIError, IntegrityError, StatementError

from app import create_app
from benchmarks.scratch import execute, with_database
from extensions import db
from models import (
    AuditEvent,
    Broadcast,
    Dismissal,
    Draft,
    DraftStatus,
    DraftWish,
    EntryKind,
    EpisodeGuide,
    EpisodeTweetConfig,
    FiguresVersion,
    HostWeek,
    Installation,
    JobRun,
    LinkPurpose,
    Notice,
    NoticeAddress,
    NoticeNetwork,
    NoticeSending,
    OAuthFlow,
    OneTimeLink,
    Podcast,
    PodcastMember,
    Post,
    PostAttempt,
    PostEvent,
    PostSnapshot,
    PushSubscription,
    QuotaDay,
    RecoveryCode,
    Rehearsal,
    SendGate,
    SignInThrottle,
    SocialConnection,
    TokenRevocation,
    User,
    UserSession,
    Voice,
    Wallet,
    WalletEntry,
    WalletOwner,
    WorkerLease,
    YouTubeChannel,
)
from tests import processes
from tests.conftest import settings_for

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
SCRIPTS = ScriptDirectory(str(Path(__file__).parent.parent / "migrations"))
REVISIONS = [script.revision for script in reversed(list(SCRIPTS.walk_revisions()))]


def schema(engine_name: str) -> set[str]:
    """Everything the database itself says of its tables, columns, constraints and indexes."""
    if engine_name == "sqlite":
        rows = db.session.execute(
            text("SELECT sql FROM sqlite_master WHERE type IN ('table', 'index') AND sql <> ''")
        ).scalars()
        found = {line for sql in rows for line in _lines(sql)}
    else:
        queries = (
            "SELECT table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable || ' ' ||"
            " coalesce(column_default, '') || ' ' || coalesce(character_maximum_length::text, '')"
            " FROM information_schema.columns WHERE table_schema = 'public'",
            "SELECT conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE connamespace = 'public'::regnamespace",
            "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'",
        )
        found = {row for query in queries for row in db.session.execute(text(query)).scalars()}
    db.session.rollback()
    return {line for line in found if "alembic_version" not in line}


def _lines(sql: str) -> list[str]:
    """A CREATE statement as its parts, each with the table's name: the order of constraints does not matter."""
    flat = re.sub(r"\s+", " ", sql).replace('"', "")
    head, _, body = flat.partition("(")
    if not head.startswith("CREATE TABLE"):
        return [flat]
    parts, depth = [""], 0
    for character in body[: body.rindex(")")]:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return [f"{head.strip()}: {part.strip()}" for part in parts]


@pytest.fixture
def bare_app(database_url: str, tmp_path: Path) -> Iterator[Flask]:
    app = create_app(settings_for(database_url, tmp_path))
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()


def test_the_migrated_schema_equals_the_models(bare_app: Flask, engine_name: str) -> None:
    migrated = schema(engine_name)
    db.drop_all()
    db.create_all()
    assert migrated == schema(engine_name)


def fill() -> None:
    """A row in every table, tied together by every foreign key."""
    user = User(email="ada@example.com", name="Ada")
    podcast = Podcast(slug="deep-dive", name="Deep Dive", youtube_channel_id="UC" + "a" * 22)
    db.session.add_all([user, podcast])
    db.session.flush()
    episode = EpisodeGuide(podcast_id=podcast.id, title="Queues", scheduled_at=NOW, guests=["Bo"])
    connection = SocialConnection(user_id=user.id, platform_user_id="1", username="ada", access_token=b"sealed")
    db.session.add_all([PodcastMember(podcast_id=podcast.id, user_id=user.id), episode, connection])
    db.session.flush()
    config = EpisodeTweetConfig(episode_id=episode.id, user_id=user.id)
    broadcast = Broadcast(video_id="v" * 11, podcast_id=podcast.id, episode_id=episode.id)
    db.session.add_all([config, broadcast])
    db.session.flush()
    ties = {"config_id": config.id, "podcast_id": podcast.id, "episode_id": episode.id, "broadcast_id": broadcast.id}
    post = Post(key="live:v:1", text="We are live", user_id=user.id, connection_id=connection.id, not_after=NOW, **ties)
    db.session.add(post)
    db.session.flush()
    db.session.add_all(
        [
            PostAttempt(post_id=post.id, token="t", number=1, started_at=NOW),
            PostEvent(post_id=post.id, at=NOW, status="queued", user_id=user.id),
            YouTubeChannel(id="UC" + "a" * 22),
            QuotaDay(day=date(2026, 11, 24)),
            SendGate(key="x", until=NOW, cause="x_credits"),
            WorkerLease(name="looker", holder="me", expires_at=NOW),
            JobRun(process="me", job="check", started_at=NOW, seen_at=NOW),
        ]
    )
    fill_people(user, podcast, episode)
    fill_watching(user, podcast)
    fill_money(user, podcast)
    fill_drafts(user, config)
    fill_numbers(user, podcast, post)
    db.session.commit()


def fill_people(user: User, podcast: Podcast, episode: EpisodeGuide) -> None:
    """What signing in and rehearsing leave behind."""
    session = UserSession(token_hash="t", user_id=user.id, created_at=NOW, seen_at=NOW, confirmed_at=NOW)
    link = {"podcast_id": podcast.id, "made_by": user.id, "created_at": NOW, "expires_at": NOW}
    db.session.add(session)
    db.session.flush()
    db.session.add_all(
        [
            OAuthFlow(state_hash="s", session_id=session.id, verifier=b"sealed"),
            OneTimeLink(token_hash="l", purpose=LinkPurpose.INVITATION, email="bo@example.com", **link),
            RecoveryCode(user_id=user.id, code_hash="c"),
            SignInThrottle(key="everybody", last_at=NOW),
            TokenRevocation(token=b"sealed", owner="x:1:refresh", next_try_at=NOW),
            Rehearsal(podcast_id=podcast.id, episode_id=episode.id, actor_id=user.id, at=NOW),
            AuditEvent(at=NOW, kind="signed_in", actor_id=user.id),
        ]
    )


def fill_watching(user: User, podcast: Podcast) -> None:
    """What being told, and telling others, leaves behind."""
    notice = Notice(key="posted:1", kind="posted", title="Out", user_id=user.id, podcast_id=podcast.id, at=NOW)
    address = NoticeAddress(user_id=user.id, network=NoticeNetwork.EMAIL, address=b"sealed", created_at=NOW)
    db.session.add_all([notice, address])
    db.session.flush()
    db.session.add_all(
        [
            NoticeSending(notice_id=notice.id, address_id=address.id, not_before=NOW),
            PushSubscription(channel_id="UC" + "a" * 22, path="p" * 43, secret=b"sealed"),
            Installation(id=1, instance_id="i" * 32),
        ]
    )


def fill_money(user: User, podcast: Podcast) -> None:
    """What was spent; the prices are there from the beginning."""
    wallet = Wallet(owner=WalletOwner.HOST, podcast_id=podcast.id, user_id=user.id, balance=5, is_limited=True)
    db.session.add_all([wallet, Wallet(owner=WalletOwner.PODCAST, podcast_id=podcast.id)])
    db.session.flush()
    sums = {"amount": 5, "held": 0, "cost": 0, "balance_after": 5, "held_after": 0}
    entry = {"wallet_id": wallet.id, "podcast_id": podcast.id, "kind": EntryKind.TOP_UP, "key": "k", "at": NOW}
    db.session.add(WalletEntry(**entry, **sums))


def fill_drafts(user: User, config: EpisodeTweetConfig) -> None:
    """What was written for a host, and what is still to be."""
    asked = {"config_id": config.id, "asked_by": user.id}
    draft = Draft(made_at=NOW, writer="builtin", status=DraftStatus.ACCEPTED, cost=0, **asked)
    wish = DraftWish(asked_at=NOW, not_before=NOW, batch="b", **asked)
    db.session.add_all([Voice(user_id=user.id, examples=["On air"]), draft, wish])


def fill_numbers(user: User, podcast: Podcast, post: Post) -> None:
    """What came of posts, and what somebody does not want to see any more."""
    week = HostWeek(podcast_id=podcast.id, user_id=user.id, week=date(2026, 11, 23), made_at=NOW)
    dismissed = {"podcast_id": podcast.id, "item": "failed:1", "made_at": NOW, "actor_id": user.id}
    counted = FiguresVersion(podcast_id=podcast.id, version=1)
    db.session.add_all([PostSnapshot(post_id=post.id, step=1, at=NOW), week, counted])
    db.session.add_all([Dismissal(**dismissed), Dismissal(user_id=user.id, **dismissed)])


def test_every_table_is_covered_by_these_tests(bare_app: Flask) -> None:
    fill()
    empty = [t for t in db.metadata.tables if not db.session.execute(text(f"SELECT count(*) FROM {t}")).scalar()]
    assert not empty


@pytest.mark.slow
def test_every_revision_goes_down_and_up_again_with_rows_in_the_tables(bare_app: Flask) -> None:
    fill()
    db.session.remove()
    for revision in reversed(REVISIONS):
        below = SCRIPTS.get_revision(revision).down_revision or "base"
        flask_migrate.downgrade(revision=below)
        flask_migrate.upgrade(revision=revision)
        flask_migrate.downgrade(revision=below)
    assert set(inspect(db.engine).get_table_names()) <= {"alembic_version"}
    flask_migrate.upgrade()
    assert db.session.execute(text("SELECT count(*) FROM posts")).scalar() == 0


@pytest.mark.slow
def test_newest_counts_and_links_of_posts_move_to_the_posts_and_back(bare_app: Flask) -> None:
    fill()
    db.session.execute(text("UPDATE posts SET text = 'Come over to example.com'"))
    db.session.commit()
    db.session.remove()
    counts = "impressions = 90, likes = 5, reposts = 4, replies = 3, quotes = 2, bookmarks = 1"
    flask_migrate.downgrade(revision="0007")
    db.session.execute(text(f"UPDATE post_snapshots SET step = 0, {counts}"))
    db.session.commit()
    newest = text("SELECT impressions, engagements, has_link, counted_at IS NOT NULL FROM posts")
    rows = text("SELECT step, impressions, likes FROM post_snapshots")
    for _ in range(2):
        flask_migrate.upgrade(revision="0008")
        assert db.session.execute(newest).one() == (90, 15, True, True)
        assert db.session.execute(rows).all() == []
        db.session.remove()
        flask_migrate.downgrade(revision="0007")
        assert db.session.execute(rows).one() == (0, 90, 15)
        db.session.remove()


@pytest.mark.slow
@pytest.mark.parametrize(("day", "kept"), [(1, (90, 15, 0)), (3, (7, 2, 1))])
def test_counts_that_were_written_the_old_way_meanwhile_are_not_in_the_way_back(
    bare_app: Flask, day: int, kept: tuple[int, ...]
) -> None:
    fill()
    counted = "impressions = 90, engagements = 15, counted_at = '2026-11-02 00:00:00+00:00'"
    db.session.execute(text(f"UPDATE posts SET {counted}"))
    at = f"at = '2026-11-{day:02} 00:00:00+00:00'"
    db.session.execute(text(f"UPDATE post_snapshots SET step = 0, impressions = 7, likes = 2, reposts = 1, {at}"))
    db.session.commit()
    db.session.remove()
    flask_migrate.downgrade(revision="0007")
    assert db.session.execute(text("SELECT impressions, likes, reposts FROM post_snapshots")).one() == kept
    db.session.remove()
    flask_migrate.upgrade(revision="0008")


DELETIONS: list[tuple[type, dict[type, int]]] = [
    (User, {Post: 1, PostEvent: 1, SocialConnection: 0, EpisodeTweetConfig: 0, PodcastMember: 0, UserSession: 0}),
    (User, {Wallet: 2, WalletEntry: 1, HostWeek: 0, Dismissal: 1, PostSnapshot: 1}),
    (Podcast, {Post: 1, EpisodeGuide: 0, EpisodeTweetConfig: 0, Broadcast: 1, Wallet: 2, WalletEntry: 1}),
    (EpisodeGuide, {Post: 1, EpisodeTweetConfig: 0, Broadcast: 1, Draft: 0, DraftWish: 0, Voice: 1}),
    (Post, {PostAttempt: 0, PostEvent: 0, PostSnapshot: 0, HostWeek: 1}),
]


@pytest.mark.parametrize(("model", "left"), DELETIONS, ids=lambda value: getattr(value, "__name__", ""))
def test_deleting_what_has_history_works_and_keeps_the_history(
    bare_app: Flask, model: type[Any], left: dict[type[Any], int]
) -> None:
    fill()
    db.session.execute(db.delete(model))
    db.session.commit()
    assert {table: len(db.session.execute(db.select(table)).all()) for table in left} == left


@pytest.mark.slow
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE posts SET status = 'lost'",
        "UPDATE post_attempts SET outcome = 'perhaps'",
        "UPDATE episode_tweet_configs SET status = 'sent'",
        "UPDATE broadcasts SET state = 'on'",
        "UPDATE podcast_members SET role = 'owner'",
        "INSERT INTO post_attempts (post_id, token, number, started_at)"
        " SELECT post_id, 'u', 2, started_at FROM post_attempts",
        "INSERT INTO posts (key, text, not_after) SELECT key, text, not_after FROM posts",
        "INSERT INTO social_connections (user_id, platform_user_id, username, access_token)"
        " SELECT user_id, '2', 'bo', access_token FROM social_connections",
        "INSERT INTO episode_tweet_configs (episode_id, user_id) SELECT episode_id, user_id FROM episode_tweet_configs",
        "UPDATE wallets SET balance = -1 WHERE is_limited",
        "UPDATE wallets SET held = balance + 1 WHERE is_limited",
        "UPDATE wallets SET held = -1",
        "UPDATE drafts SET cost = cap + 1",
        "UPDATE drafts SET rating = 0",
        "INSERT INTO draft_wishes (config_id, asked_at, not_before) SELECT config_id, asked_at, not_before"
        " FROM draft_wishes",
        "INSERT INTO post_snapshots (post_id, step, at) SELECT post_id, step, at FROM post_snapshots",
        "INSERT INTO dismissals (podcast_id, item, made_at) SELECT podcast_id, item, made_at FROM dismissals",
        "INSERT INTO dismissals (podcast_id, user_id, item, made_at)"
        " SELECT podcast_id, user_id, item, made_at FROM dismissals WHERE user_id IS NOT NULL",
        "INSERT INTO wallets (owner, podcast_id) SELECT 'podcast', podcast_id FROM wallets",
        "INSERT INTO wallets (owner, podcast_id, user_id) SELECT 'host', podcast_id, user_id FROM wallets",
    ],
)
def test_the_database_itself_refuses_what_must_not_be(bare_app: Flask, statement: str) -> None:
    fill()
    with pytest.raises(IntegrityError):
        db.session.execute(text(statement))
    db.session.rollback()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_events SET kind = 'nothing'",
        "DELETE FROM audit_events",
        "UPDATE wallet_entries SET amount = 6",
        "DELETE FROM wallet_entries",
    ],
)
def test_what_was_written_down_is_never_changed(bare_app: Flask, statement: str) -> None:
    fill()
    with pytest.raises(DBAPIError, match="append-only"):
        db.session.execute(text(statement))
    db.session.rollback()


def test_a_second_attempt_is_allowed_once_the_first_was_definitely_refused(bare_app: Flask) -> None:
    fill()
    again = "INSERT INTO post_attempts (post_id, token, number, started_at) SELECT post_id, 'u', 2, started_at"
    db.session.execute(text("UPDATE post_attempts SET outcome = 'not_accepted'"))
    db.session.execute(text(f"{again} FROM post_attempts"))
    db.session.commit()


def test_an_instant_without_a_zone_is_refused(bare_app: Flask) -> None:
    db.session.add(WorkerLease(name="looker", holder="me", expires_at=datetime(2026, 1, 1)))
    with pytest.raises(StatementError, match="needs its zone"):
        db.session.flush()
    db.session.rollback()


@pytest.mark.slow
def test_several_machines_that_migrate_at_once_all_succeed(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    uri, name = request.getfixturevalue("postgres"), f"empty{uuid.uuid4().hex}"
    execute(uri, f"CREATE DATABASE {name}")
    settings = settings_for(with_database(uri, name), tmp_path)
    logs = [tmp_path / f"{number}.log" for number in range(3)]
    started = [processes.start(settings, "flask", "db", "upgrade", log=log) for log in logs]
    codes = [process.wait(60) for process in started]
    execute(uri, f"DROP DATABASE {name} WITH (FORCE)")
    assert codes == [0, 0, 0], "".join(log.read_text() for log in logs)


@pytest.mark.slow
def test_a_database_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    settings = settings_for("postgresql://nobody@127.0.0.1:1/nothing", tmp_path)
    log = tmp_path / "upgrade.log"
    assert processes.start(settings, "flask", "db", "upgrade", log=log).wait(60) == 1
    assert log.read_text().startswith("Error: The database cannot be reached")
    assert len(log.read_text().splitlines()) == 1
