"""Drafts in the background: when one is wished for, that it is written once, and what is found in the night."""

import threading
from datetime import timedelta

import pytest
from flask import current_app
from sqlalchemy import delete, select
from sqlalchemy.exc import OperationalError

from extensions import db
from models import DraftStatus, DraftWish, EpisodeGuide, EpisodeTweetConfig, PodcastMember
from sandbox.standin import Fault
from services import draft_job, draft_wishes, episodes
from services.draft_job import DraftJob
from services.drafting import DraftService
from services.errors import NotFound
from tests.study import a_study


@pytest.fixture
def study(make_app, ai, youtube, x):
    yield from a_study(make_app, ai, youtube, x)


@pytest.fixture
def job(study):
    """Runs the job so many seconds later, and answers how many questions that took."""
    from_here = DraftJob(study.drafts)

    def run(**later):
        study.now += timedelta(**later)
        before = len(study.ai.asked("POST"))
        from_here.run(study.now)
        db.session.rollback()
        return len(study.ai.asked("POST")) - before

    return run


def _app():
    return current_app._get_current_object()


def wishes(**where):
    found = db.session.execute(select(DraftWish).filter_by(**where).order_by(DraftWish.id)).scalars().all()
    db.session.expunge_all()
    db.session.rollback()
    return found


def test_hosts_of_a_new_episode_get_drafts_once_it_has_been_quiet(study, job):
    assert job() == 0
    assert job(seconds=31) == 2
    assert study.config("ada").draft != study.config("bo").draft != ""
    assert job(seconds=60) == 0
    assert study.is_settled()


def test_a_change_puts_the_draft_off_and_a_later_one_asks_again(study, job):
    job()
    study.change(EpisodeGuide, study.episode, title="Why stacks shrink")
    assert job(seconds=20) == 0
    assert job(seconds=20) == 0
    assert job(seconds=20) == 2
    study.change(EpisodeGuide, study.episode, title="Why trees fall")
    job(seconds=20)
    assert job(seconds=31) == 2
    assert "trees" in study.config("ada").draft


@pytest.mark.parametrize("away", [timedelta(days=15), timedelta(hours=-1)])
def test_what_starts_much_later_or_has_started_is_left_alone(study, job, away):
    study.change(EpisodeGuide, study.episode, scheduled_at=study.now + away)
    job()
    assert job(seconds=31) == 0


def test_who_wrote_his_own_words_or_is_off_is_left_alone(study, job):
    study.change(EpisodeTweetConfig, study.config("ada").id, text="My own")
    study.change(EpisodeTweetConfig, study.config("bo").id, enabled=False)
    job()
    assert job(seconds=31) == 0


def test_a_batch_says_how_far_it_is(study, job):
    batch = draft_wishes.wish_for_all(study.episode, study.as_host(), study.now)
    asked = draft_wishes.progress(batch)
    assert (asked.asked, asked.done, asked.is_over) == (2, 0, False)
    db.session.rollback()
    # Written at the same moment they may be alike: then one is asked for again.
    assert job() in (2, 3)
    over = draft_wishes.progress(batch)
    assert (over.asked, over.done, over.by_ai, over.is_over) == (2, 2, 2, True)


def test_a_batch_takes_along_what_was_wished_for_already(study, job):
    job()
    batch = draft_wishes.wish_for_all(study.episode, study.as_host(), study.now)
    assert len(wishes(ended_at=None)) == 2
    assert job() == 2
    assert draft_wishes.progress(batch).done == 2


def test_drafts_of_no_episode_cannot_be_asked_for(study):
    with pytest.raises(NotFound):
        draft_wishes.wish_for_all(10_000, study.as_host(), study.now)


def test_a_wish_is_taken_by_one_of_many(study):
    draft_wishes.wish_for_all(study.episode, study.as_host(), study.now)
    app, taken, start = _app(), [], threading.Barrier(8)

    def take():
        with app.app_context():
            start.wait()
            taken.append(draft_wishes.claim(study.now))

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(taken) == 8
    assert len({wish.id for wish in taken if wish}) == len([wish for wish in taken if wish]) == 2


def test_a_wish_whose_worker_died_is_taken_by_another_and_given_up_at_last(study, job):
    draft_wishes.wish_for_all(study.episode, study.as_host(), study.now)
    dead = draft_wishes.claim(study.now)
    assert job() == 1
    study.now += timedelta(seconds=61)
    assert job() == 1
    assert not draft_wishes.end(dead, "ai", study.now)
    assert [wish.outcome for wish in wishes()] == ["ai", "ai"]


def test_after_too_many_deaths_a_wish_ends(study, job):
    draft_wishes.wish_for_all(study.episode, study.as_host(), study.now)
    for _ in range(3):
        assert None not in (draft_wishes.claim(study.now), draft_wishes.claim(study.now))
        study.now += timedelta(seconds=61)
    assert job() == 0
    assert {wish.outcome for wish in wishes()} == {"gave_up"}


def test_a_busy_provider_is_waited_for_and_then_done_without(study, job):
    job()
    study.ai.always = "429"
    assert job(seconds=31) == 2
    assert job(seconds=5) == 0
    assert {wish.ended_at for wish in wishes()} == {None}
    job(seconds=30)
    job(seconds=30)
    assert {wish.outcome for wish in wishes()} == {"builtin"}
    assert study.config().draft


def test_what_nobody_knows_the_price_of_is_charged_in_the_night(study):
    study.ai.faults.append(Fault(hang_up="after"))
    study.draft()
    row = study.rows()[0]
    assert draft_job.settle_lost(study.now + timedelta(minutes=59)) == 0
    db.session.rollback()
    assert draft_job.settle_lost(study.now + timedelta(hours=2)) == 1
    assert study.rows()[0].cost == row.cap
    assert study.is_settled()


def test_the_last_twenty_drafts_are_kept(study):
    study.ai.always = "401"
    for _ in range(13):
        study.draft(wish="other")
    draft_job.clean(study.now)
    db.session.commit()
    kept = study.rows()
    assert len(kept) == 20
    assert kept[-1].status == DraftStatus.ACCEPTED


def test_what_was_held_for_a_draft_that_went_with_its_episode_is_settled_at_night(study, job):
    study.ai.tricks.append("odd")
    study.draft()
    balance, held = study.stands()
    assert held > 0
    episodes.delete_episode(db.session.get_one(EpisodeGuide, study.episode), study.as_host(), study.now)
    study.now += timedelta(days=1)
    draft_job.settle_lost(study.now)
    assert study.stands() == (balance - held, 0)


def test_who_left_or_is_off_costs_nothing_when_all_are_written_for(study):
    db.session.execute(delete(PodcastMember).where(PodcastMember.user_id == study.ids["bo"]))
    db.session.commit()
    draft_wishes.wish_for_all(study.episode, study.as_host(), study.now)
    assert [wish.config_id for wish in wishes()] == [study.config("ada").id]


# What was paid once


class Stumbling(DraftService):
    """Its answer comes and is paid, and then the database fails."""

    def _judge(self, *_):
        raise OperationalError("UPDATE drafts", {}, Exception("server closed the connection"))


def stumbling(study):
    return DraftJob(Stumbling(study.drafts._ai, study.drafts._writer))


@pytest.mark.logs_errors
def test_an_answer_that_was_paid_and_could_not_be_stored_is_not_asked_for_again(study, job):
    draft_wishes.wish_for_all(study.episode, study.as_host("bo"), study.now)
    stumbling(study).work(study.now)
    db.session.rollback()
    assert len(study.ai.billed) == 2
    assert [wish.ended_at for wish in wishes()] == [None, None]
    assert job(minutes=5) == 0
    assert [wish.outcome for wish in wishes()] == ["builtin", "builtin"]
    assert [(row.status, row.reason) for row in study.rows()] == [("unknown", "ai_interrupted"), ("accepted", None)]
    assert study.config().draft
    assert study.is_settled()


def test_a_draft_that_was_stored_by_who_died_then_ends_its_wish(study, job):
    draft_wishes.wish_for_all(study.episode, study.as_host("bo"), study.now)
    wish = draft_wishes.claim(study.now)
    study.drafts.draft(wish.config_id, wish.kind, study.as_host("bo"), study.now)
    assert job(seconds=61) == 1
    assert {wish.outcome for wish in wishes()} == {"ai"}
    assert len(study.ai.billed) == 2


def test_a_paid_answer_that_nobody_waits_for_any_more_is_no_draft_being_written(study):
    with pytest.raises(OperationalError):
        Stumbling(study.drafts._ai, study.drafts._writer).draft(study.config().id, "new", study.as_host(), study.now)
    db.session.rollback()
    draft_job.settle_lost(study.now + timedelta(hours=2))
    (row,) = study.rows()
    assert (row.status, row.reason) == ("unknown", "ai_interrupted")
    assert row.cost > 0
    assert study.is_settled()


def test_a_batch_costs_what_was_said_whatever_changes_meanwhile(study, job):
    caps = {study.ids[host]: study.told(host) for host in ("ada", "bo")}
    draft_wishes.wish_for_all(study.episode, study.as_host(), study.now, caps=caps)
    study.change(EpisodeGuide, study.episode, notes="Long notes. " * 250)
    study.voice("ada", tone="dry " * 100)
    study.ai.always = "name"
    job()
    assert {wish.ended_at for wish in wishes()} != {None}
    for host in ("ada", "bo"):
        assert 0 < sum(row.cost for row in study.rows(host)) <= caps[study.ids[host]]
    assert study.is_settled()


def test_who_is_in_no_batch_because_nobody_said_what_he_costs_gets_no_wish(study):
    draft_wishes.wish_for_all(study.episode, study.as_host(), study.now, caps={study.ids["bo"]: 1_000})
    assert [(wish.config_id, wish.cap) for wish in wishes()] == [(study.config("bo").id, 1_000)]
