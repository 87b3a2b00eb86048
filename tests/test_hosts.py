"""Who is posted for: hosts who join, connect or change their mind late, who leave, and accounts that change hands."""

import pytest
from sqlalchemy import delete, update

from extensions import db
from models import EpisodeGuide, EpisodeTweetConfig, Podcast, PodcastMember, SocialConnection, User
from services.clients.x_answers import Tokens, XUser
from services.errors import Conflict
from services.podcasts import add_host, remove_host
from services.tweets import list_tweets
from services.users import deactivate_user
from tests.stage import Stage


def planned_and_live(stage: Stage, *hosts: str) -> tuple[Podcast, EpisodeGuide, str]:
    """A show of these connected hosts, its episode, and its stream that begins now. Nobody looked yet."""
    show = stage.show(hosts=hosts)
    episode = stage.planned(show, at=stage.now)
    return show, episode, stage.youtube.go_live(show.youtube_channel_id, "Queues")


def queued(stage: Stage, *hosts: str) -> tuple[Podcast, EpisodeGuide]:
    """The same, and their posts wait in the outbox."""
    show, episode, _ = planned_and_live(stage, *hosts)
    stage.services.tweets.announce(next(stage.services.live.check(stage.now)).broadcast_ids, stage.now)
    assert {post.status for post in stage.cast.posts()} == {"queued"}
    return show, episode


def switch(stage: Stage, episode: EpisodeGuide, host: str, *, on: bool) -> str:
    config = stage.cast.config(episode, host)
    db.session.commit()
    return stage.services.tweets.set_tweet(config.id, enabled=on, now=stage.now)


# Late, and in time


def test_a_host_who_joined_after_the_episode_was_made_is_announced(stage: Stage) -> None:
    show, episode, _ = planned_and_live(stage, "ada")
    stage.cast.user("bo")
    stage.connect("bo")
    add_host(show.slug, "bo@example.com")
    stage.check()
    assert stage.outcome(episode, "bo") == ("posted", None)


def test_a_host_who_joins_while_the_stream_is_on_is_announced_at_the_next_look(stage: Stage) -> None:
    show, episode, _ = planned_and_live(stage, "ada")
    stage.check()
    stage.cast.user("bo")
    stage.connect("bo")
    add_host(show.slug, "bo@example.com")
    stage.run(seconds=45)
    assert stage.outcome(episode, "bo") == ("posted", None)
    assert stage.said("ada", "bo") == [1, 1]


def test_a_host_who_switches_on_while_the_stream_is_on_is_announced(stage: Stage) -> None:
    _, episode, _ = planned_and_live(stage, "ada", "bo")
    switch(stage, episode, "bo", on=False)
    stage.check()
    assert stage.said("ada", "bo") == [1, 0]
    stage.wait(minutes=10)
    switch(stage, episode, "bo", on=True)
    stage.run(seconds=45)
    assert stage.said("ada", "bo") == [1, 1]


@pytest.mark.slow
def test_a_host_who_switches_on_when_it_is_too_late_is_not_announced(stage: Stage) -> None:
    _, episode, _ = planned_and_live(stage, "ada", "bo")
    switch(stage, episode, "bo", on=False)
    stage.check()
    stage.wait(minutes=31)
    stage.check()
    switch(stage, episode, "bo", on=True)
    stage.run(minutes=4, step=20)
    assert stage.said("ada", "bo") == [1, 0]
    assert stage.outcome(episode, "bo")[0] == "pending"


def test_off_and_on_again_while_it_waits_makes_one_post(stage: Stage) -> None:
    _, episode = queued(stage, "ada", "bo")
    switch(stage, episode, "bo", on=False)
    assert stage.outcome(episode, "bo") == ("cancelled", "switched_off")
    stage.drain()
    assert stage.said("ada", "bo") == [1, 0]
    switch(stage, episode, "bo", on=True)
    assert stage.outcome(episode, "bo")[0] == "pending"
    stage.wait(seconds=40)
    assert stage.watch() == 1
    stage.drain()
    assert stage.said("ada", "bo") == [1, 1]


def test_off_after_it_is_out_changes_nothing_more(stage: Stage) -> None:
    _, episode, _ = planned_and_live(stage, "ada")
    stage.check()
    with pytest.raises(Conflict):
        switch(stage, episode, "ada", on=False)
    assert stage.outcome(episode, "ada") == ("posted", None)


def test_a_host_who_connects_in_time_is_announced(stage: Stage) -> None:
    show = stage.cast.show(hosts=("ada",), connected=False)
    episode = stage.planned(show, at=stage.now)
    stage.youtube.go_live(show.youtube_channel_id, "Queues")
    stage.check()
    assert stage.outcome(episode, "ada") == ("pending", None)
    (row,) = list_tweets(show.slug, episode.id)
    assert row.error == "No X account is connected. Connect X in time and it is still posted."
    stage.wait(minutes=20)
    stage.connect("ada")
    stage.run(seconds=45)
    assert stage.outcome(episode, "ada") == ("posted", None)


@pytest.mark.parametrize("ends", [True, False])
def test_a_host_who_never_connects_has_missed_it_and_is_told_why(stage: Stage, ends: bool) -> None:
    show = stage.cast.show(hosts=("ada",), connected=False)
    episode = stage.planned(show, at=stage.now)
    video = stage.youtube.go_live(show.youtube_channel_id, "Queues")
    stage.check()
    stage.wait(minutes=10 if ends else 31)
    if ends:
        stage.youtube.end(video)
    stage.check()
    assert stage.outcome(episode, "ada") == ("missed", "no_connection")
    (row,) = list_tweets(show.slug, episode.id)
    assert (row.status, row.error) == ("missed", "No X account is connected. Connect X.")
    stage.connect("ada")
    stage.run(minutes=4, step=20)
    assert stage.said("ada") == [0]


# Gone before the intent


def test_a_member_who_is_removed_before_the_sending_is_not_posted_for(stage: Stage) -> None:
    show, episode = queued(stage, "ada", "bo")
    remove_host(show.slug, "bo@example.com", now=stage.now)
    stage.drain()
    assert stage.outcome(episode, "bo") == ("cancelled", "member_gone")
    assert stage.said("ada", "bo") == [1, 0]
    (post,) = stage.cast.posts(status="cancelled")
    assert (post.host_name, post.username) == ("Bo", "bo")


def test_a_user_who_is_switched_off_before_the_sending_is_not_posted_for(stage: Stage) -> None:
    _, episode = queued(stage, "ada", "bo")
    deactivate_user("bo@example.com", now=stage.now)
    stage.drain()
    assert stage.outcome(episode, "bo") == ("cancelled", "user_inactive")
    assert stage.said("ada", "bo") == [1, 0]


@pytest.mark.parametrize("gone", ["member_gone", "user_inactive", "switched_off"])
def test_the_claim_itself_sees_who_is_gone(stage: Stage, gone: str) -> None:
    _, episode = queued(stage, "ada", "bo")
    bo = stage.user("bo")
    assert bo is not None
    config = stage.cast.config(episode, "bo")
    statements = {
        "member_gone": delete(PodcastMember).where(PodcastMember.user_id == bo.id),
        "user_inactive": update(User).where(User.id == bo.id).values(is_active=False),
        "switched_off": update(EpisodeTweetConfig).where(EpisodeTweetConfig.id == config.id).values(enabled=False),
    }
    db.session.execute(statements[gone])
    stage.drain()
    assert stage.outcome(episode, "bo") == ("cancelled", gone)
    assert stage.said("ada", "bo") == [1, 0]


def test_who_is_gone_before_the_start_has_nothing_made_for_him(stage: Stage) -> None:
    show, episode, _ = planned_and_live(stage, "ada", "bo", "cy")
    remove_host(show.slug, "bo@example.com", now=stage.now)
    deactivate_user("cy@example.com", now=stage.now)
    stage.check()
    stage.wait(minutes=31)
    stage.check()
    assert [stage.outcome(episode, host)[0] for host in ("ada", "bo", "cy")] == ["posted", "pending", "pending"]
    assert len(stage.cast.posts()) == 1


# Accounts


def test_an_account_that_already_posted_about_this_video_does_not_post_again(stage: Stage) -> None:
    _, episode, _ = planned_and_live(stage, "ada")
    stage.cast.user("bo")
    add_host("deep-dive", "bo@example.com")
    stage.check()
    bo = stage.user("bo")
    assert bo is not None
    db.session.execute(update(SocialConnection).values(is_active=False))  # Ada's, and it changes hands
    db.session.commit()
    account = stage.x.add_account("ada")
    who = XUser(account.id, account.username, account.name, None)
    tokens = Tokens(account.access_token, account.refresh_token, 7200, frozenset({"tweet.write"}))
    stage.services.connections.connect(bo.id, who, tokens, stage.now)
    stage.run(seconds=45)
    assert stage.outcome(episode, "bo") == ("cancelled", "already_posted")
    (post,) = stage.cast.posts(status="cancelled")
    assert post.detail == "It was for Deep Dive."
    assert stage.said("ada") == [1]


def test_one_account_belongs_to_one_user_and_one_user_has_one_account(stage: Stage) -> None:
    stage.show(hosts=("ada", "bo"))
    bo, account = stage.user("bo"), stage.x.account("ada")
    assert bo is not None
    who = XUser(account.id, account.username, account.name, None)
    tokens = Tokens(account.access_token, account.refresh_token, 7200, frozenset())
    with pytest.raises(Conflict, match="already connected by somebody else"):
        stage.services.connections.connect(bo.id, who, tokens, stage.now)
    fresh = stage.x.add_account("bobby")
    who = XUser(fresh.id, "bobby", "Bobby", None)
    tokens = Tokens(fresh.access_token, fresh.refresh_token, 7200, frozenset())
    stage.services.connections.connect(bo.id, who, tokens, stage.now)
    stage.youtube.go_live(next(iter(stage.youtube.channels)), "Queues")
    stage.check()
    assert stage.said("ada", "bo", "bobby") == [1, 0, 1]


def test_one_user_in_two_podcasts_posts_for_both(stage: Stage) -> None:
    for name in ("Deep Dive", "Wide View"):
        show = stage.show(name, hosts=("ada",))
        stage.youtube.go_live(show.youtube_channel_id, f"{name} tonight")
    stage.check()
    assert stage.said("ada") == [2]


# Text


def test_one_broken_text_fails_that_post_alone(stage: Stage) -> None:
    _, episode, _ = planned_and_live(stage, "ada", "bo")
    stage.cast.config(episode, "bo").text = "{nonsense}"
    stage.check()
    assert stage.outcome(episode, "bo") == ("failed", "text_invalid")
    assert stage.said("ada", "bo") == [1, 0]


def test_an_edit_rewrites_a_post_that_still_waits_and_is_refused_once_it_is_out(stage: Stage) -> None:
    _, episode = queued(stage, "ada")
    config_id = stage.cast.config(episode, "ada").id
    db.session.commit()
    stage.services.tweets.set_tweet(config_id, text="We are on! {url}", now=stage.now)
    (post,) = stage.cast.posts()
    stage.drain()
    (said,) = stage.cast.timeline("ada")
    assert said == post.text == f"We are on! https://www.youtube.com/watch?v={post.video_id}"
    with pytest.raises(Conflict, match="already out"):
        stage.services.tweets.set_tweet(config_id, text="Too late", now=stage.now)


def test_a_host_who_wants_no_link_has_none(stage: Stage) -> None:
    _, episode, video = planned_and_live(stage, "ada")
    config_id = stage.cast.config(episode, "ada").id
    db.session.commit()
    stage.services.tweets.set_tweet(config_id, include_link=False, now=stage.now)
    stage.check()
    (said,) = stage.cast.timeline("ada")
    assert video not in said
    assert "http" not in said


def test_what_holds_when_nobody_chose_otherwise(stage: Stage) -> None:
    show, episode, _ = planned_and_live(stage, "ada")
    config, ada = stage.cast.config(episode, "ada"), stage.user("ada")
    assert ada is not None
    assert (show.timezone, show.auto_create_episodes, show.announce_premieres, show.is_active) == (
        "UTC",
        True,
        False,
        True,
    )
    assert (config.enabled, config.include_link, ada.never_repost) == (True, True, False)
