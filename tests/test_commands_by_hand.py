"""The commands for what a person decides: now, there, again, matched; and what changes about a person."""

import json

from flask.testing import FlaskCliRunner

from extensions import db
from models import Broadcast
from sandbox.standin import Fault
from services.passwords import verify_password
from services.users import find_user
from tests.cast import Cast, ago


def run(runner: FlaskCliRunner, *arguments: str, given: str = "") -> dict[str, object]:
    db.session.commit()
    done = runner.invoke(args=[*arguments, "--json"], input=given)
    assert done.exit_code == 0, done.output
    found: dict[str, object] = json.loads(done.stdout)
    return found


def refused(runner: FlaskCliRunner, *arguments: str) -> str:
    db.session.commit()
    done = runner.invoke(args=list(arguments))
    assert (done.exit_code, done.stdout) == (1, "")
    return done.stderr


def test_post_now_sends_and_shows_the_post(cast: Cast, runner: FlaskCliRunner) -> None:
    episode = str(cast.episode(cast.show(hosts=("ada",)), video_id="abcdefghijk").id)
    row = run(runner, "tweets", "post-now", "deep-dive", episode, "ada@example.com")
    assert (row["status"], len(cast.timeline("ada"))) == ("posted", 1)
    assert str(row["post_url"]).startswith("https://x.com/ada/status/")
    again = refused(runner, "tweets", "post-now", "deep-dive", episode, "ada@example.com")
    assert again == "Error: This post is already out.\n"


def test_what_is_not_in_review_cannot_be_resolved(cast: Cast, runner: FlaskCliRunner) -> None:
    episode = str(cast.episode(cast.show(hosts=("ada",)), video_id="abcdefghijk").id)
    said = refused(runner, "tweets", "resolve", "deep-dive", episode, "ada@example.com", "there")
    assert said == "Error: Nothing was sent for this host yet.\n"
    cast.x.faults = [Fault(method="POST", path="/2/tweets", hang_up="after")]
    run(runner, "tweets", "post-now", "deep-dive", episode, "ada@example.com")
    said = refused(runner, "tweets", "resolve", "deep-dive", episode, "ada@example.com", "there")
    assert "was decided a moment ago" in said


def test_an_unmatched_stream_is_matched_and_announced(cast: Cast, runner: FlaskCliRunner) -> None:
    show = cast.show(hosts=("ada",), auto_create_episodes=False)
    episode = str(cast.episode(show, at=ago(days=-3)).id)
    video = cast.go_live(show, "Surprise", at=ago(seconds=5))
    cast.check()
    run(runner, "podcasts", "match", "deep-dive", video, episode)
    cast.check()
    assert len(cast.timeline("ada")) == 1
    assert "no such stream" in refused(runner, "podcasts", "match", "deep-dive", "zzzzzzzzzzz", episode)
    assert db.session.execute(db.select(Broadcast.episode_id)).scalar_one() == int(episode)


def test_a_person_gets_a_password_strict_mode_and_is_switched_off_and_on(cast: Cast, runner: FlaskCliRunner) -> None:
    cast.user("ada")
    changed = run(
        runner,
        "users",
        "set",
        "ada@example.com",
        "--password-stdin",
        "--never-repost",
        "--off",
        given="correct horse battery\n",
    )
    assert (changed["never_repost"], changed["has_password"], changed["active"]) == (True, True, False)
    assert verify_password(find_user("ada@example.com").password_hash, "correct horse battery")
    assert run(runner, "users", "set", "ada@example.com", "--on", "--may-repost")["active"] is True


def test_a_batch_runs_many_commands_and_stops_at_the_first_mistake(runner: FlaskCliRunner) -> None:
    lines = [["users", "create", f"{name}@example.com", "--name", name, "--json"] for name in ("ada", "bo")]
    done = runner.invoke(args=["batch"], input="\n".join(json.dumps(line) for line in lines))
    assert [json.loads(line)["email"] for line in done.stdout.splitlines()] == ["ada@example.com", "bo@example.com"]
    wrong = runner.invoke(args=["batch"], input=json.dumps(lines[0]) + "\n" + json.dumps(lines[1]))
    assert (wrong.exit_code, wrong.stdout) == (1, "")
    assert "already a user" in wrong.stderr
    assert "JSON list" in runner.invoke(args=["batch"], input="users create\n").stderr
