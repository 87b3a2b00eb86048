"""Hosts and their drafts: chosen, rated, approved or not, and what the start finds."""

from datetime import timedelta

import pytest

from models import Draft, EpisodeTweetConfig
from services import draft_choices
from services.audit import Actor
from services.causes import explain
from services.draft_choices import Settings
from services.errors import Conflict, Invalid, NotFound
from tests.study import a_study


@pytest.fixture
def engine_name():
    return "sqlite"


@pytest.fixture
def study(make_app, ai, youtube, x):
    yield from a_study(make_app, ai, youtube, x)


def panel(study, host="ada"):
    return draft_choices.panel(study.config(host).id)


def test_what_a_host_chose_is_not_replaced_by_the_next_draft(study):
    first = study.draft()
    draft_choices.use(first.draft_id, study.as_host(), study.now)
    assert not study.draft(wish="other").counts
    assert study.config().draft == first.text
    assert [one.is_used for one in panel(study)] == [False, True]


def test_an_approved_draft_counts(study):
    study.voice(needs_approval=True)
    drafted = study.draft()
    assert study.config().draft == ""
    draft_choices.use(drafted.draft_id, study.as_host(), study.now)
    assert study.config().draft == drafted.text


def test_rejected_drafts_and_those_of_others_cannot_be_used(study):
    study.ai.tricks.append("mention")
    study.draft()
    rejected = panel(study)[-1]
    assert (rejected.can_use, rejected.why.startswith("The draft mentions")) == (False, True)
    with pytest.raises(Conflict, match="mentions"):
        draft_choices.use(rejected.id, study.as_host(), study.now)
    with pytest.raises(NotFound):
        draft_choices.use(panel(study)[0].id, study.as_host("bo"), study.now)


def test_a_draft_cannot_be_used_once_the_post_is_on_its_way(study):
    drafted = study.draft()
    study.change(EpisodeTweetConfig, study.config().id, status="posting")
    with pytest.raises(Conflict, match="on its way"):
        draft_choices.use(drafted.draft_id, study.as_host(), study.now)


def test_thumbs_are_kept_with_their_reason(study):
    drafted = study.draft()
    draft_choices.rate(drafted.draft_id, -1, "too loud", study.as_host())
    assert (panel(study)[0].rating, panel(study)[0].rating_reason) == (-1, "too loud")
    with pytest.raises(Invalid):
        draft_choices.rate(drafted.draft_id, 5, "", study.as_host())


def test_a_voice_is_kept_and_what_is_no_hashtag_is_refused(study):
    typed = Settings(tone="dry", hashtags="#queues", examples=["On air", " "], needs_approval=True)
    draft_choices.set_voice(typed, study.as_host(), study.now)
    kept = draft_choices.voice_of(study.ids["ada"])
    assert (kept.tone, kept.hashtags, list(kept.examples), kept.needs_approval) == ("dry", "#queues", ["On air"], True)
    with pytest.raises(Invalid, match="is no hashtag"):
        draft_choices.set_voice(Settings(hashtags="queues"), study.as_host(), study.now)


@pytest.fixture
def show(stage):
    """A show and its episode, which is planned for this moment."""
    show = stage.show("Night Shift", hosts=("ada", "bo"))
    return show, stage.planned(show, at=stage.now)


def test_who_approved_nothing_is_not_posted_for_until_he_does(cast, show, stage):
    podcast, episode = show
    config = cast.config(episode, "ada")
    strict = Settings(needs_approval=True, unapproved="nothing")
    by = Actor(config.user_id)
    draft_choices.set_voice(strict, by, stage.now)
    drafted = cast.services.drafts.draft(config.id, "new", by, stage.now)
    cast.go_live(podcast, at=stage.now)
    stage.check()
    assert stage.outcome(episode, "ada") == ("pending", None)
    assert stage.outcome(episode, "bo")[0] == "posted"
    draft_choices.use(drafted.draft_id, by, stage.now)
    stage.wait(minutes=3)
    stage.check()
    assert stage.outcome(episode, "ada")[0] == "posted"


def test_who_approves_nothing_in_time_has_missed_it_and_is_told_why(cast, show, stage):
    podcast, episode = show
    config = cast.config(episode, "ada")
    by = Actor(config.user_id)
    draft_choices.set_voice(Settings(needs_approval=True, unapproved="nothing"), by, stage.now)
    cast.go_live(podcast, at=stage.now)
    stage.check()
    stage.now += timedelta(minutes=40)
    stage.check()
    assert stage.outcome(episode, "ada") == ("missed", "unapproved")


def test_with_the_usual_text_as_his_choice_the_start_is_announced(cast, show, stage):
    podcast, episode = show
    config = cast.config(episode, "ada")
    by = Actor(config.user_id)
    draft_choices.set_voice(Settings(needs_approval=True), by, stage.now)
    cast.go_live(podcast, at=stage.now)
    stage.check()
    assert stage.outcome(episode, "ada")[0] == "posted"


def test_who_wants_to_approve_from_now_on_has_not_approved_what_counted_before(study):
    study.draft()
    assert study.config().draft
    draft_choices.set_voice(Settings(needs_approval=True), study.as_host(), study.now)
    assert study.config().draft == ""


def test_two_hosts_cannot_approve_the_same_words(study):
    for host in ("ada", "bo"):
        study.voice(host, needs_approval=True)
    first = study.draft()
    copy = study.draft("bo")
    study.change(Draft, copy.draft_id, text=first.text)
    draft_choices.use(first.draft_id, study.as_host(), study.now)
    with pytest.raises(Conflict, match="too much like what Ada will post"):
        draft_choices.use(copy.draft_id, study.as_host("bo"), study.now)


def test_what_nobody_approved_is_spoken_of_in_the_past_once_it_is_over():
    assert explain("unapproved") == "You did not approve a draft. Approve one in time and it is still posted."
    assert (
        explain("unapproved", is_over=True)
        == "You did not approve a draft. Nothing was sent, as you chose for that case."
    )
