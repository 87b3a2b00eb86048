"""What hosts and admins see of drafts: the rules of a podcast, a voice, the panel in the editor, all hosts at once."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from flask import current_app
from sqlalchemy import select

from extensions import db
from models import (
    AuditEvent,
    Draft,
    DraftWish,
    EpisodeGuide,
    EpisodeTweetConfig,
    Podcast,
    PodcastMember,
    Post,
    User,
    Voice,
)
from services import money, prices
from services.audit import NOBODY
from services.draft_job import DraftJob
from tests.browser import Browser, words
from tests.study import Study, a_study
from tests.test_pages import counted


@pytest.fixture
def engine_name():
    return "sqlite"


class Desk:
    """One host in his browser."""

    def __init__(self, app, name="ada"):
        self.browser = Browser(app)
        self.browser.let_in(db.session.execute(select(User).filter_by(email=f"{name}@example.com")).scalar_one())

    def get(self, path):
        return self.browser.get(path)

    def send(self, path, form, **typed):
        return self.browser.post(path, typed)


# The rules of a podcast


@pytest.fixture
def rules(app, cast):
    """(desk of Ada, path of the page); she is an admin."""
    show = cast.show(hosts=("ada", "bo"), connected=False)
    return Desk(app), f"/podcasts/{show.id}/settings/drafts"


def version_on(answer):
    return answer.text.split('name="version"')[1].split('value="')[1].split('"')[0]


def save_rules(rules, **typed):
    desk, path = rules
    before = {"draft_rules": "", "similarity_limit": "60", "allowed_words": "", "version": version_on(desk.get(path))}
    return desk.send(path, path, **(before | typed))


def stored():
    podcast = db.session.execute(select(Podcast)).scalar_one()
    found = podcast.draft_rules, podcast.similarity_limit, podcast.allowed_words
    db.session.rollback()
    return found


def test_an_admin_lays_down_rules_for_all_drafts(rules):
    answer = save_rules(rules, draft_rules="Guest first.", similarity_limit="45 %", allowed_words="Acme\n\n Acme\nBits")
    assert answer.status_code == 302
    assert stored() == ("Guest first.", 45, "Acme\nBits")
    event = db.session.execute(select(AuditEvent).order_by(AuditEvent.id.desc())).scalars().first()
    assert (event.kind, event.detail["changed"]) == (
        "podcast_changed",
        ["draft_rules", "similarity_limit", "allowed_words"],
    )


def test_an_empty_limit_is_the_usual_one(rules):
    save_rules(rules, similarity_limit="30")
    save_rules(rules, similarity_limit=" ")
    assert stored()[1] == 60


@pytest.mark.parametrize(
    ("field", "typed", "said"),
    [
        ("draft_rules", "x" * 1501, "These rules have 1501 characters. At most 1500 fit."),
        ("draft_rules", "bell\a", "cannot be shown"),
        ("similarity_limit", "0", "from 20 to 100"),
        ("similarity_limit", "101", "from 20 to 100"),
        ("similarity_limit", "1" * 5000, "from 20 to 100"),
        ("similarity_limit", "٣٠", "from 20 to 100"),
        ("similarity_limit", "most", "from 20 to 100"),
        ("allowed_words", "word\n" * 10_000, "At most 16000 fit"),
        ("allowed_words", "\n".join(f"word {n}" for n in range(201)), "These are 201 words. At most 200 fit."),
        ("allowed_words", "w" * 81, "At most 80 fit in a line."),
        ("allowed_words", "half \x1b", "cannot be shown"),
    ],
)
def test_rules_that_do_not_fit_are_refused_beside_their_field_and_kept(rules, field, typed, said):
    answer = save_rules(rules, **{field: typed})
    assert answer.status_code == 422
    assert said in words(answer)
    assert typed.splitlines()[0][:60] in answer.text
    assert stored() == ("", 60, "")


def test_rules_that_somebody_saved_meanwhile_are_shown_beside_what_was_typed(rules):
    desk, path = rules
    seen = version_on(desk.get(path))
    save_rules(rules, draft_rules="Theirs")
    answer = desk.send(path, path, draft_rules="Mine", similarity_limit="60", allowed_words="", version=seen)
    assert answer.status_code == 409
    assert "Theirs" in words(answer)
    assert "\nMine</textarea>" in answer.text.replace("\r", "")
    assert stored()[0] == "Theirs"


@pytest.mark.parametrize("field", ["draft_rules", "similarity_limit", "allowed_words"])
def test_a_nul_character_changes_nothing(rules, field):
    assert save_rules(rules, **{field: "a\0b"}).status_code in (400, 422)
    assert stored() == ("", 60, "")


# The panel in the editor


@pytest.fixture
def study(make_app, ai, youtube, x):
    yield from a_study(make_app, ai, youtube, x)


def page_of(study, host="ada", episode=None):
    """(desk of a host, path of the page of the episode)."""
    path = f"/podcasts/{study.show}/episodes/{episode or study.episode}/tweets"
    return Desk(current_app._get_current_object(), host), path


def test_every_button_that_may_cost_says_what_at_most_and_the_charge_is_below(study):
    desk, path = page_of(study)
    desk.send(f"{path}/generate", path)
    seen = words(desk.get(path))
    shown = re.findall(r"(Write a draft|Make it shorter|Other words) up to \$([0-9.]+)", seen)
    assert [name for name, _ in shown] == ["Write a draft", "Make it shorter", "Other words"]
    caps = {money.parse("it", amount) for _, amount in shown}
    assert min(caps) >= study.told() > 0
    (everybody,) = re.findall(r"Write drafts for everybody, up to \$([0-9.]+)", seen)
    assert money.parse("it", everybody) >= sum(study.told(host) for host in ("ada", "bo"))
    assert sum(row.cost for row in study.rows()) <= min(caps)


def test_without_a_provider_no_price_is_shown_and_nothing_costs(app, ai, youtube, x):
    desk, path = page_of(Study(ai, youtube, x))
    answer = desk.send(f"{path}/generate", path)
    assert answer.status_code == 302
    seen = words(desk.get(path))
    assert "up to $" not in seen
    assert "They cost nothing." in seen
    assert re.search(r"Drafts .* Airhorn .* In use .* It cost nothing\.", seen)


def test_a_draft_says_who_wrote_it_what_it_cost_what_was_asked_and_why_one_was_not_used(study):
    study.ai.tricks.append("mention")
    desk, path = page_of(study)
    desk.send(f"{path}/generate", path)
    rejected, used = study.rows()
    seen = words(desk.get(path))
    assert re.search(r"gpt-5-mini .* In use .* gpt-5-mini .* Not used The draft mentions somebody", seen)
    assert money.dollars(used.cost) in seen
    assert money.dollars(rejected.cost) in seen
    assert "You write one short post for X" in seen


@pytest.mark.parametrize("name", ["generate", "use", "rate"])
def test_what_stands_in_the_field_is_neither_saved_nor_lost_and_a_reload_does_nothing_again(study, name):
    desk, path = page_of(study)
    draft_id = study.draft().draft_id
    address = f"{path}/generate" if name == "generate" else f"{path}/drafts/{draft_id}/{name}"
    answer = desk.send(address, path, text="Half a tho", link="off", version="0", rating="up", wish="other")
    assert answer.status_code == 302
    drafts = len(study.rows())
    page = desk.get(answer.location)
    assert "\nHalf a tho</textarea>" in page.text
    assert re.search(r'value="off" checked', page.text)
    assert study.config().text == ""
    assert "Half a tho" not in desk.get(answer.location).text
    assert len(study.rows()) == drafts


def test_what_is_too_long_to_be_kept_is_refused_before_anything_is_asked(study):
    desk, path = page_of(study)
    text = "".join(chr(0x4E00 + n * 7 % 20_000) for n in range(4_000))
    answer = desk.send(f"{path}/generate", path, text=text, version="0")
    assert answer.status_code == 422
    assert "too long to be kept" in words(answer)
    assert text in answer.text
    assert study.rows() == []


def test_the_words_of_a_draft_go_into_the_field_unsaved_and_can_be_undone(study):
    draft = study.draft().text
    desk, path = page_of(study)
    assert desk.send(f"{path}/my", path, text="My own words", version="0").status_code == 302
    typed = {"text": "My own words, longer", "version": "1", "link": "on"}
    answer = desk.send(f"{path}/my", path, fill=draft, **typed)
    page = desk.get(answer.location)
    assert f"\n{draft}</textarea>" in page.text
    assert "not saved yet" in words(page)
    assert 'name="fill" value="My own words, longer">Undo' in page.text
    back = desk.get(desk.send(f"{path}/my", path, fill="My own words, longer", **typed | {"text": draft}).location)
    assert "\nMy own words, longer</textarea>" in back.text
    assert study.config().text == "My own words"


# What a click may cost


def told_on(page, of="generate"):
    name = "told"
    part = page.text.split('id="editor"')[1] if of == "generate" else page.text.split("create-all")[1]
    return int(part.split(f'name="{name}" value="')[1].split('"')[0])


def test_a_click_that_became_dearer_is_refused_with_the_new_price_and_the_next_one_is_taken(study):
    desk, path = page_of(study)
    told = told_on(desk.get(path))
    assert told == study.told() > 0
    study.change(EpisodeGuide, study.episode, notes="Long notes. " * 250)
    answer = desk.send(f"{path}/generate", path, told=str(told), text="Half a tho", version="0")
    assert answer.status_code == 409
    assert "Nothing was asked. Press the button again" in words(answer)
    assert "\nHalf a tho</textarea>" in answer.text
    assert study.rows() == []
    assert told_on(answer) == study.told() > told
    assert desk.send(f"{path}/generate", path, told=str(told_on(answer))).status_code == 302
    assert len(study.rows()) == 1


@pytest.mark.parametrize("told", ["-1", "1e9", "٣", "9" * 40, "x", "\0", "0"])
def test_a_price_that_is_none_agrees_to_nothing(study, told):
    desk, path = page_of(study)
    assert desk.send(f"{path}/generate", path, told=told).status_code in (400, 409)
    assert study.rows() == []


def test_drafts_for_everybody_are_offered_while_somebody_waits_for_one(study):
    desk, path = page_of(study)
    study.change(EpisodeTweetConfig, study.config("ada").id, status="posted")
    assert "Write drafts for everybody" in words(desk.get(path))
    study.change(EpisodeTweetConfig, study.config("bo").id, enabled=False)
    assert "Write drafts for everybody" not in words(desk.get(path))


def test_a_price_list_to_come_makes_no_draft_of_today_dearer(study):
    desk, path = page_of(study)
    before, now = told_on(desk.get(path)), datetime.now(UTC)
    episode = db.session.get_one(EpisodeGuide, study.episode)
    episode.scheduled_at = now + timedelta(days=2)
    db.session.commit()
    changes = {"ai:input": 900_000_000, "ai:output": 900_000_000, "x_post": 123_000}
    prices.change(changes, now + timedelta(days=1), NOBODY, now)
    page = desk.get(path)
    assert told_on(page) == before
    assert 'data-price-without="$0.123"' in page.text


def test_drafts_for_everybody_tell_a_price_that_covers_who_joined_later(study):
    desk, path = page_of(study)
    before = told_on(desk.get(path), of="all")
    cy = study.cast.user("cy")
    db.session.add(PodcastMember(podcast_id=study.show, user_id=cy.id))
    db.session.commit()
    assert told_on(desk.get(path), of="all") > before
    refused = desk.send(f"{path}/create-all", path, told=str(before))
    assert refused.status_code == 302
    assert "This costs up to $" in words(desk.get(path))
    assert db.session.execute(select(DraftWish)).all() == []
    now_told = told_on(desk.get(path), of="all")
    desk.send(f"{path}/create-all", path, told=str(now_told))
    wished = db.session.execute(select(DraftWish.cap)).scalars().all()
    assert len(wished) == 3
    assert sum(wished) <= now_told
    DraftJob(study.drafts).work(datetime.now(UTC))
    assert sum(row.cost for row in db.session.execute(select(Draft)).scalars()) <= now_told


# What would be sent


def test_of_two_drafts_with_the_same_words_one_is_in_use(study):
    first, second = study.draft(), study.draft(wish="other")
    study.change(Draft, first.draft_id, text=second.text)
    desk, path = page_of(study)
    assert words(desk.get(path)).count("In use") == 1
    study.change(Draft, first.draft_id, approved_at=study.now)
    page = words(desk.get(path))
    assert page.count("In use") == 1
    assert page.index("Ready") < page.index("In use")


def test_where_nothing_would_be_sent_there_is_no_preview_and_no_price_and_it_says_so(study):
    study.voice(needs_approval=True, unapproved="nothing")
    desk, path = page_of(study)
    page = desk.get(path)
    assert "Nothing is sent as long as this is empty" in words(page)
    assert re.search(r'aria-label="As it will look on X" data-if-sent hidden', page.text)
    assert re.search(r"data-if-sent hidden>X charges", page.text)
    assert "is sent." not in words(page).split("filled in at the start.")[1].split("of 280")[0]
    desk.send(f"{path}/my", path, text="My own words", version="0")
    page = desk.get(path)
    assert not re.search(r"data-if-sent hidden", page.text)
    assert re.search(r"data-if-empty hidden>Nothing is sent", page.text)


def test_a_draft_that_is_withdrawn_because_its_host_asks_for_approval_is_told_of(study):
    study.draft()
    desk, path = page_of(study)
    page = desk.get(desk.send(VOICE, VOICE, needs_approval="y", unapproved="template").location)
    assert "A draft that was to be sent waits for you now: approve it on the page of the episode." in words(page)
    assert study.config().draft == ""
    seen = words(desk.get(path))
    assert "None of these is sent until you approve one. Until then your usual text is sent." in seen
    desk.send(f"{path}/drafts/{study.rows()[0].id}/use", path)
    assert "None of these is sent" not in words(desk.get(path))


def test_a_draft_is_in_use_only_if_its_words_are_what_is_sent(study):
    study.draft()
    study.change(EpisodeTweetConfig, study.config().id, text="Words of my own, live now.")
    desk, path = page_of(study)
    page = words(desk.get(path))
    assert "In use" not in page
    assert "In reserve" in page
    assert "Your own words are sent. Empty the field and save, and this draft is sent instead. It cost $" in page
    study.change(EpisodeTweetConfig, study.config().id, text="")
    assert "In use" in words(desk.get(path))


def test_a_draft_is_shown_as_it_would_be_sent_and_edited_with_its_placeholders(study):
    draft = study.draft()
    study.change(Draft, draft.draft_id, text="Now: {title}\n{url}")
    desk, path = page_of(study)
    page = desk.get(path)
    assert f'id="draft-{draft.draft_id}">Now: Why queues grow\nhttps://www.youtube.com/watch?v=…</p>' in page.text
    assert 'name="fill" value="Now: {title}\n{url}"' in page.text


def test_an_older_draft_is_used_again(study):
    first, second = study.draft(), study.draft(wish="other")
    desk, path = page_of(study)
    assert study.config().draft == second.text
    assert desk.send(f"{path}/drafts/{first.draft_id}/use", path).status_code == 302
    assert study.config().draft == first.text


def test_who_wants_to_approve_is_asked_to(study):
    study.voice(needs_approval=True)
    draft_id = study.draft().draft_id
    desk, path = page_of(study)
    assert re.search(r"Waits for you .* Approve it", words(desk.get(path)))
    desk.send(f"{path}/drafts/{draft_id}/use", path)
    seen = words(desk.get(path))
    assert "Approved. It cost $" in seen
    assert "Approve it" not in seen


def test_thumbs_are_kept_with_their_reason_and_taken_back(study):
    draft_id = study.draft().draft_id
    desk, path = page_of(study)
    desk.send(f"{path}/drafts/{draft_id}/rate", path, rating="down", reason="Too loud")
    assert "You found it not good: Too loud" in words(desk.get(path))
    desk.send(f"{path}/drafts/{draft_id}/rate", path, rating="none", reason="")
    assert study.rows()[0].rating is None


@pytest.mark.parametrize(
    "typed", [{"rating": "sideways"}, {"rating": "up", "reason": "x" * 201}, {"rating": "up", "reason": "a\a"}, {}]
)
def test_a_judgement_that_is_none_is_refused(study, typed):
    draft_id = study.draft().draft_id
    desk, path = page_of(study)
    assert desk.send(f"{path}/drafts/{draft_id}/rate", path, **typed).status_code == 422
    assert study.rows()[0].rating is None


@pytest.mark.parametrize("name", ["use", "rate"])
def test_drafts_of_others_of_other_episodes_and_of_nobody_lead_nowhere(study, name):
    of_bo = study.draft("bo").draft_id
    elsewhere = study.draft(episode=study.plan("Another show")).draft_id
    desk, path = page_of(study)
    for draft_id in (of_bo, elsewhere, 0, 2**31, 10**30):
        assert desk.send(f"{path}/drafts/{draft_id}/{name}", path, rating="up").status_code == 404


def test_a_wish_that_there_is_not_costs_nothing(study):
    desk, path = page_of(study)
    assert desk.send(f"{path}/generate", path, wish="longer").status_code == 422
    assert study.rows() == []


def test_no_draft_is_written_for_a_post_that_is_out(study):
    study.change(EpisodeTweetConfig, study.config().id, status="posted")
    desk, path = page_of(study)
    answer = desk.send(f"{path}/generate", path)
    assert answer.status_code == 409
    assert "no draft is written" in words(answer)
    assert study.rows() == []


def test_drafts_for_all_hosts_are_written_in_the_background_and_the_page_says_how_far(study):
    desk, path = page_of(study)
    assert desk.send(f"{path}/create-all", path).status_code == 302
    assert "0 of 2 written" in words(desk.get(path))
    DraftJob(study.drafts).work(datetime.now(UTC))
    assert "2 of 2 written, 2 of them by the model." in words(desk.get(path))
    assert [desk.send(f"{path}/create-all", path).status_code for _ in range(2)] == [302, 429]


def test_the_page_takes_no_more_statements_for_drafts_of_a_provider(study):
    for wish in ("new", "other", "shorter"):
        study.draft(wish=wish)
    desk, path = page_of(study)
    desk.get(path)
    with counted() as statements:
        desk.get(path)
    assert len(statements) <= 12, "\n".join(
        one[:150].replace("\n", " ") + " ~ " + one[one.find("FROM") :][:120].replace("\n", " ") for one in statements
    )


# The voice

VOICE = "/profile/voice"


@pytest.fixture
def speaker(app, cast):
    cast.show(hosts=("ada",), connected=False)
    return Desk(app)


def voice_of_ada():
    found = db.session.execute(select(Voice)).scalar_one_or_none()
    db.session.rollback()
    return found


def test_a_voice_is_kept_as_it_was_typed(speaker):
    typed = {"tone": "Dry", "words_to_use": "queue\nlatency", "hashtags": "#queues", "unapproved": "nothing"}
    examples = "One\r\nof two lines\r\n---\r\nAnother"
    answer = speaker.send(VOICE, VOICE, **typed, words_to_avoid="synergy", needs_approval="y", examples=examples)
    assert answer.status_code == 302
    found = voice_of_ada()
    assert (found.tone, found.words_to_use, found.hashtags) == ("Dry", "queue\nlatency", "#queues")
    assert (found.emoji, found.needs_approval, found.unapproved) == (False, True, "nothing")
    assert found.examples == ["One\nof two lines", "Another"]
    assert "One\nof two lines\n---\nAnother</textarea>" in speaker.get(VOICE).text


def test_who_has_no_voice_yet_sees_the_defaults(speaker):
    page = speaker.get(VOICE).text
    assert re.search(r'<input[^>]*checked[^>]*name="emoji"', page)
    assert re.search(r'<input[^>]*checked[^>]*value="template"', page)
    assert voice_of_ada() is None


@pytest.mark.parametrize(
    ("field", "typed", "said"),
    [
        ("tone", "x" * 501, "These words have 501 characters. At most 500 fit."),
        ("tone", "bell\a", "cannot be shown"),
        ("words_to_use", "word\n" * 10_000, "At most 1000 fit"),
        ("words_to_avoid", "word\n" * 10_000, "At most 1000 fit"),
        ("hashtags", "queues", "is no hashtag"),
        ("hashtags", " ".join(f"#tag{n}x" for n in range(11)), "At most 10 hashtags"),
        ("examples", "\n---\n".join(["post"] * 11), "At most 10 hashtags and 10 earlier posts fit."),
        ("examples", "x" * 1001, "At most 1000 fit"),
        ("unapproved", "whatever", "either your usual text is sent, or nothing"),
    ],
)
def test_a_voice_that_does_not_fit_is_refused_and_kept_on_the_page(speaker, field, typed, said):
    answer = speaker.send(VOICE, VOICE, **{"tone": "Dry", field: typed})
    assert answer.status_code == 422
    assert said in words(answer)
    assert field == "unapproved" or typed.splitlines()[0] in answer.text
    assert voice_of_ada() is None


def test_a_nul_character_in_a_voice_changes_nothing(speaker):
    assert speaker.send(VOICE, VOICE, tone="a\0b", hashtags="#a\0", examples="\0").status_code in (400, 422)
    assert voice_of_ada() is None


def test_last_posts_are_filled_in_and_not_saved(study):
    now = datetime.now(UTC)
    said = {"status": "posted", "not_after": now, "host_name": "Ada", "podcast_id": study.show}
    for n in range(2):
        db.session.add(Post(key=f"p{n}", user_id=study.ids["ada"], text=f"Post {n}", **said))
    db.session.commit()
    desk, _ = page_of(study)
    answer = desk.send(VOICE, VOICE, fill="posts", tone="Half a tho")
    assert answer.status_code == 200
    assert "Post 1\n---\nPost 0</textarea>" in answer.text
    assert "Half a tho</textarea>" in answer.text
    assert voice_of_ada() is None
    assert study.ai.asked("POST") == []


def test_the_prompt_for_the_next_episode_is_shown_as_it_would_be_sent(study):
    study.voice(tone="dry as dust")
    desk, path = page_of(study)
    assert "dry as dust" in words(desk.get(VOICE)).split("What a model is told")[1]
    desk.send(f"{path}/generate", path)
    assert study.ai.prompts[0]["voice"]["tone"] == "dry as dust"
