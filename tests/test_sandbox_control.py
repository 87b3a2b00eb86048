"""The rehearsal: YouTube, X and the controls on one loopback port, with a page that needs no script."""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests

from sandbox.control import Sandbox
from sandbox.demo_show import TITLES

ROOT = Path(__file__).parent.parent
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    served = Sandbox(demo=True, now=lambda: NOON)
    with served.serving():
        yield served


def press(sandbox: Sandbox, action: str, **body: object) -> requests.Response:
    return requests.post(f"{sandbox.url}/_control/{action}", json=body, timeout=60)


def submit(sandbox: Sandbox, action: str, headers: dict[str, str] | None = None, **form: str) -> requests.Response:
    url = f"{sandbox.url}/_control/{action}"
    return requests.post(url, data=form, headers=headers, timeout=60, allow_redirects=False)


def look(sandbox: Sandbox) -> dict:
    return requests.get(f"{sandbox.url}/_control/state", timeout=60).json()


def page(sandbox: Sandbox) -> str:
    return requests.get(f"{sandbox.url}/", timeout=60).text


def post_as(url: str, username: str, text: str) -> requests.Response:
    token = requests.post(f"{url}/_control/accounts", json={"username": username}, timeout=60).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    return requests.post(f"{url}/2/tweets", json={"text": text}, headers=headers, timeout=60)


def test_one_port_answers_for_youtube_for_x_and_for_the_controls(sandbox):
    video = press(sandbox, "go-live", title="Queues").json()["video_id"]
    params = {"part": "snippet", "id": video, "key": "test-key"}
    items = requests.get(f"{sandbox.url}/youtube/v3/videos", params=params, timeout=60).json()["items"]
    assert items[0]["snippet"]["liveBroadcastContent"] == "live"
    assert "Queues" in requests.get(f"{sandbox.url}/watch", params={"v": video}, timeout=60).text
    assert requests.get(f"{sandbox.url}/2/users/me", timeout=60).status_code == 401
    assert requests.get(f"{sandbox.url}/i/oauth2/authorize", timeout=60).status_code == 400
    assert requests.get(f"{sandbox.url}/nowhere", timeout=60).status_code == 404


def test_the_demo_has_one_channel_and_three_people(sandbox):
    seen = look(sandbox)
    assert [channel["handle"] for channel in seen["channels"]] == ["deepdive"]
    assert [account["username"] for account in seen["accounts"]] == ["ada", "bo", "cy"]


def test_channels_and_accounts_are_added_and_used_at_once(sandbox):
    channel = press(sandbox, "channels", title="Small Talk", handle="smalltalk").json()
    started = press(sandbox, "go-live", channel="@SmallTalk", title="Hello").json()
    assert started["url"] == f"https://www.youtube.com/watch?v={started['video_id']}"
    assert look(sandbox)["videos"][0]["channel_id"] == channel["id"]
    made = press(sandbox, "accounts", username="di", name="Di").json()
    assert made["expires_at"] == (NOON + timedelta(hours=2)).isoformat()
    assert post_as(sandbox.url, "di", "Hello").status_code == 201


def test_an_account_that_is_there_gets_a_new_pair_of_tokens(sandbox):
    first, second = (press(sandbox, "accounts", username="ada").json() for _ in range(2))
    assert first["id"] == second["id"]
    assert first["access_token"] != second["access_token"]


def test_a_planned_stream_goes_live_under_its_own_id_and_ends(sandbox):
    channel = look(sandbox)["channels"][0]["id"]
    video = sandbox.youtube.schedule(channel, "Planned", start=NOON)
    assert press(sandbox, "go-live", video=video).json()["video_id"] == video
    assert press(sandbox, "end", channel=channel).json() == {"ended": [video]}
    assert look(sandbox)["videos"][0]["state"] == "ended"


def test_the_state_tells_what_was_posted_and_spent_and_asked_but_no_token(sandbox):
    account = sandbox.x.account("ada")
    post_as(sandbox.url, "ada", "Hello")
    seen = look(sandbox)
    assert [post["text"] for post in seen["timelines"]["ada"]] == ["Hello"]
    assert (seen["spent_micros"], seen["journal"]["x"]) == (15_000, {"POST /2/tweets": 1})
    assert account.access_token not in json.dumps(seen)


def test_posts_of_the_demonstration_are_seen_also_after_a_reset(sandbox):
    for text in ("Hello", "Again"):
        post_as(sandbox.url, "ada", text)
        (post,) = sandbox.x.posts.values()
        assert post.metrics["impression_count"] > post.metrics["like_count"] > 0
        press(sandbox, "reset")


def test_trouble_is_made_and_ended(sandbox):
    press(sandbox, "faults", kind="slow", seconds=0.2)
    press(sandbox, "faults", kind="lost_answer", times=2)
    press(sandbox, "faults", kind="no_credits")
    assert look(sandbox)["trouble"] == {"slow_seconds": 0.2, "lost_answers": 2, "no_credits": True}
    press(sandbox, "faults", kind="none")
    assert look(sandbox)["trouble"] == {"slow_seconds": 0, "lost_answers": 0, "no_credits": False}


def test_a_lost_answer_posts_and_says_nothing_and_no_credits_posts_nothing(sandbox):
    press(sandbox, "faults", kind="lost_answer")
    with pytest.raises(requests.ConnectionError):
        post_as(sandbox.url, "ada", "Lost")
    press(sandbox, "faults", kind="no_credits")
    assert post_as(sandbox.url, "ada", "Refused").status_code == 402
    assert [post["text"] for post in look(sandbox)["timelines"]["ada"]] == ["Lost"]


def test_a_reset_forgets_what_happened_and_keeps_the_people_connected(sandbox):
    ada = sandbox.x.account("ada").access_token
    press(sandbox, "go-live")
    post_as(sandbox.url, "bo", "Hello")
    seen = press(sandbox, "reset").json()
    assert (seen["videos"], seen["timelines"]["bo"], seen["spent_micros"]) == ([], [], 0)
    me = requests.get(f"{sandbox.url}/2/users/me", headers={"Authorization": f"Bearer {ada}"}, timeout=60)
    assert me.json()["data"]["username"] == "ada"


def test_a_reset_keeps_plain_videos_so_that_the_channel_is_still_found(sandbox):
    channel = press(sandbox, "channels", title="Night Shift", handle="nightshift", video="Trailer").json()["id"]
    press(sandbox, "go-live", channel="@nightshift")
    press(sandbox, "reset")
    assert [video.title for video in sandbox.youtube.history(channel)] == ["Trailer"]


def test_a_reset_of_everything_begins_again_with_the_demo(sandbox):
    press(sandbox, "accounts", username="di")
    seen = press(sandbox, "reset", everything=1).json()
    assert [account["username"] for account in seen["accounts"]] == ["ada", "bo", "cy"]
    assert len(seen["channels"]) == 1


@pytest.mark.parametrize(
    "action, body, status",
    [
        ("channels", {}, 400),
        ("channels", {"title": "t" * 101}, 400),
        ("channels", {"title": "Again", "handle": "DeepDive"}, 400),
        ("channels", {"title": "Odd", "id": "UCshort"}, 400),
        ("accounts", {"name": "Nobody"}, 400),
        ("accounts", {"username": ["a"]}, 400),
        ("go-live", {"channel": "@nobody"}, 404),
        ("go-live", {"video": "nothing"}, 404),
        ("end", {"video": "nothing"}, 404),
        ("faults", {"kind": "earthquake"}, 400),
        ("faults", {"kind": "slow", "seconds": "soon"}, 400),
        ("faults", {"kind": "slow", "seconds": 1e9}, 400),
    ],
)
def test_what_cannot_be_done_is_refused_with_a_sentence(sandbox, action, body, status):
    before = look(sandbox)
    answer = press(sandbox, action, **body)
    assert answer.status_code == status
    assert answer.json()["error"]
    assert look(sandbox) == before


def test_a_stream_that_is_over_cannot_be_started_or_planned_one_ended(sandbox):
    video = press(sandbox, "go-live").json()["video_id"]
    press(sandbox, "end", video=video)
    assert press(sandbox, "go-live", video=video).status_code == 400
    planned = sandbox.youtube.schedule(look(sandbox)["channels"][0]["id"], "Planned", start=NOON)
    assert press(sandbox, "end", video=planned).status_code == 400


# The page


def test_forms_work_without_script_and_lead_back_to_the_page(sandbox):
    assert "Off air" in page(sandbox)
    answer = submit(sandbox, "go-live", title="Queues")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    assert "On air" in page(sandbox)
    submit(sandbox, "faults", kind="slow")
    assert "X answers after 8 s" in page(sandbox)


def test_a_form_that_is_refused_shows_the_page_with_the_reason(sandbox):
    answer = submit(sandbox, "go-live", video="nothing")
    assert answer.status_code == 404
    assert "There is no video nothing." in answer.text
    assert "Go live" in answer.text


def test_the_page_shows_posts_as_x_does_with_a_card_that_stays_on_this_machine(sandbox):
    url = press(sandbox, "go-live", title="Queues").json()["url"]
    post_as(sandbox.url, "ada", f"We are <live>\n{url}")
    shown = page(sandbox)
    assert "We are &lt;live&gt;" in shown
    assert f'href="/watch?v={url[-11:]}"' in shown
    assert "12:00:00 UTC" in shown
    assert 'href="http' not in shown
    assert "t.co" not in shown


def test_the_page_tells_what_posts_and_what_questions_would_have_cost(sandbox):
    assert charged(sandbox) == ["$0.00", "$0.00"]
    url = press(sandbox, "go-live").json()["url"]
    post_as(sandbox.url, "ada", "Hello")
    post_as(sandbox.url, "bo", f"We are live {url}")
    token = press(sandbox, "accounts", username="ada").json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    assert requests.get(f"{sandbox.url}/2/users/me", headers=headers, timeout=60).status_code == 200
    assert charged(sandbox) == ["$0.215", "$0.01"]


def charged(sandbox):
    """For posts, and for asking."""
    return re.findall(r"<dd>(\$[^<]*)</dd>", page(sandbox))


def test_started_with_airhorn_the_page_leads_back_to_it_and_knows_the_planned_title():
    with (sandbox := Sandbox(demo=True, airhorn="http://127.0.0.1:5999")).serving():
        first = page(sandbox)
        assert 'href="http://127.0.0.1:5999/"' in first
        assert f'value="{TITLES[0]}"' in first
        press(sandbox, "go-live", title=TITLES[0])
        assert f'value="{TITLES[1]}"' in page(sandbox)


def test_what_was_streamed_is_not_proposed_again_after_it_was_forgotten(tmp_path):
    kept = {"demo": True, "airhorn": "http://127.0.0.1:5999", "state_file": tmp_path / "state.json"}
    with (sandbox := Sandbox(**kept)).serving():
        press(sandbox, "go-live", title=TITLES[0])
        press(sandbox, "reset")
        assert f'value="{TITLES[1]}"' in page(sandbox)
    with (sandbox := Sandbox(**kept)).serving():
        assert f'value="{TITLES[1]}"' in page(sandbox)


def test_each_post_has_its_own_place_on_the_page(sandbox):
    post = post_as(sandbox.url, "ada", "Hello").json()["data"]["id"]
    assert f'id="post-{post}"' in page(sandbox)


def test_the_page_says_that_it_is_a_rehearsal_and_holds_no_style_script_or_address_of_its_own(sandbox):
    answer = requests.get(f"{sandbox.url}/", timeout=60)
    assert "Rehearsal: nothing leaves this machine" in answer.text
    assert not re.search(r"style=|<style|<script>|https?://|onclick", answer.text)
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    for name in re.findall(r'(?:href|src)="(/_control/static/[^"]+)"', answer.text):
        assert requests.get(sandbox.url + name, timeout=60).status_code == 200


def test_files_outside_the_static_folder_are_not_served(sandbox):
    for name in ("../control.py", "..%2fcontrol.py", "none.css"):
        assert requests.get(f"{sandbox.url}/_control/static/{name}", timeout=60).status_code == 404


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Host": "evil.example"},
    ],
)
def test_buttons_pressed_by_another_site_do_nothing(sandbox, headers):
    assert submit(sandbox, "go-live", headers, title="Queues").status_code == 403
    assert look(sandbox)["videos"] == []


def test_the_page_itself_may_press_its_buttons(sandbox):
    headers = {"Sec-Fetch-Site": "same-origin", "Origin": sandbox.url}
    assert submit(sandbox, "go-live", headers, title="Queues").status_code == 303


def test_reading_an_action_is_not_pressing_it(sandbox):
    assert requests.get(f"{sandbox.url}/_control/reset", timeout=60).status_code == 405


def test_the_consent_page_of_x_asks_who_one_is(sandbox):
    params = {
        "response_type": "code",
        "client_id": sandbox.x.client_id,
        "redirect_uri": "http://127.0.0.1:5000/callback",
        "scope": "tweet.read",
        "state": "s",
        "code_challenge": "c",
    }
    shown = requests.get(f"{sandbox.url}/i/oauth2/authorize", params=params, timeout=60, allow_redirects=False)
    assert shown.status_code == 200
    assert "Authorize as @bo" in shown.text


# Over a restart


def test_the_world_is_kept_over_a_restart(tmp_path):
    path = tmp_path / "deep" / "sandbox.json"
    with (first := Sandbox(demo=True, state_file=path)).serving():
        video = press(first, "go-live", title="Queues").json()["video_id"]
        post_as(first.url, "ada", "Hello")
        token = first.x.account("ada").access_token
    second = Sandbox(demo=True, state_file=path)
    assert second.youtube.video(video).state == "live"
    assert [post.text for post in second.x.timeline("ada")] == ["Hello"]
    assert second.x.access[token].grant.account_id == second.x.account("ada").id
    assert second.youtube.go_live(next(iter(second.youtube.channels))) != video
    assert path.stat().st_mode & 0o077 == 0


def test_a_refresh_token_spent_before_the_restart_stays_spent(tmp_path):
    path = tmp_path / "sandbox.json"
    form = {"grant_type": "refresh_token"}
    with (first := Sandbox(demo=True, state_file=path)).serving():
        form["refresh_token"] = first.x.account("ada").refresh_token
        basic = (first.x.client_id, first.x.client_secret)
        assert requests.post(f"{first.url}/2/oauth2/token", data=form, auth=basic, timeout=60).status_code == 200
    with (second := Sandbox(demo=True, state_file=path)).serving():
        assert requests.post(f"{second.url}/2/oauth2/token", data=form, auth=basic, timeout=60).status_code == 400


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"version": 7}', '{"version": 1, "youtube": 1, "x": 2}'])
def test_a_file_that_is_no_state_stops_the_start_with_a_sentence(tmp_path, text):
    path = tmp_path / "sandbox.json"
    path.write_text(text)
    with pytest.raises(ValueError, match="is not the state of a rehearsal"):
        Sandbox(state_file=path)


def start(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "sandbox", *arguments]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_the_command_serves_until_it_is_told_to_stop():
    with start("--port", "0", "--demo", "--seed", "1") as process:
        url = process.stdout.readline().split()[-1]
        assert requests.get(f"{url}_control/state", timeout=60).json()["accounts"]
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0


@pytest.mark.slow
def test_the_command_says_in_one_line_why_it_cannot_start(tmp_path, sandbox):
    (tmp_path / "bad").write_text("no")
    for arguments in (["--port", sandbox.url.rsplit(":", 1)[1]], ["--port", "0", "--state", str(tmp_path / "bad")]):
        with start(*arguments) as process:
            assert process.wait(60) == 1
            assert re.fullmatch(r"The sandbox cannot start: .+\n", process.stderr.read())
