"""`make run` without keys, with real processes: Go live is pressed, and two of three hosts have posted, once."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from sandbox.demo_show import STATE

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS, POST_SECONDS, END_SECONDS = 100, 30, 40


@pytest.fixture
def port():
    """A port that is free, and so is the next."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            found = first.getsockname()[1]
            try:
                second.bind(("127.0.0.1", found + 1))
            except (OSError, OverflowError):
                continue
        return found


@pytest.fixture
def start(port, tmp_path):
    """Starts the demo as `make run` does, in an environment with nothing of this one."""
    running = []

    def start(**changed):
        environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PORT": str(port)}
        environment |= {"INSTANCE_PATH": str(tmp_path / "instance"), "PYTHONDONTWRITEBYTECODE": "1"}
        running.append(
            subprocess.Popen(
                [sys.executable, "-m", "sandbox.demo"],
                cwd=ROOT,
                env=environment | changed,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
        )
        return running[-1]

    yield start
    for process in running:
        process.stdout.close()
        process.stderr.close()
        if process.poll() is None:
            process.terminate()
            process.wait(END_SECONDS)


def wait_until(seconds, condition):
    until = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < until, "it took too long"
        time.sleep(0.2)
    return found


def answers(url):
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:
            return answer.status == 200
    except OSError:
        return False


def control(port, name, **given):
    data = json.dumps(given).encode() if given else None
    request = urllib.request.Request(
        f"http://127.0.0.1:{port + 1}/_control/{name}", data, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def end(process, tell=subprocess.Popen.terminate):
    tell(process)
    out, complaints = process.communicate(timeout=END_SECONDS)
    assert (process.returncode, complaints) == (0, "")
    return out


def press_ctrl_c(process):
    """A terminal tells all processes of the group that is in front; impatient people press it twice."""
    for _ in range(2):
        os.killpg(process.pid, signal.SIGINT)
        time.sleep(0.1)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_go_live_makes_two_hosts_post_once_and_a_second_start_finds_everything_again(start, port, tmp_path):
    first = start()
    wait_until(START_SECONDS, lambda: answers(f"http://127.0.0.1:{port}/"))
    wait_until(POST_SECONDS, lambda: control(port, "state")["subscriptions"])
    video = control(port, "go-live", title="Queues")["video_id"]
    wait_until(POST_SECONDS, lambda: control(port, "state")["delivered"])
    wait_until(POST_SECONDS, lambda: sorted(lengths(port).values()) == [0, 0, 1, 1])
    time.sleep(3)
    timelines = control(port, "state")["timelines"]
    assert {name: len(posts) for name, posts in timelines.items()} == {"ada": 1, "bo": 1, "cy": 0, "new": 0}
    for name in ("ada", "bo"):
        assert f"https://www.youtube.com/watch?v={video}" in timelines[name][0]["text"]
    control(port, "end", video=video)
    control(port, "go-live", title="Locks")
    wait_until(POST_SECONDS, lambda: sorted(lengths(port).values()) == [0, 0, 2, 2])
    said = end(first)
    assert f"http://127.0.0.1:{port}/" in said
    assert not answers(f"http://127.0.0.1:{port}/healthz")
    assert not answers(f"http://127.0.0.1:{port + 1}/")

    second = start()
    wait_until(START_SECONDS, lambda: answers(f"http://127.0.0.1:{port}/"))
    time.sleep(3)
    assert sorted(lengths(port).values()) == [0, 0, 2, 2]
    assert control(port, "state")["subscriptions"]
    control(port, "faults", kind="slow", seconds=4)
    video = control(port, "go-live", title="Pools")["video_id"]
    wait_until(POST_SECONDS, lambda: control(port, "state")["journal"]["x"].get("POST /2/tweets") == 2)
    assert password(end(second, press_ctrl_c)) == password(said)
    assert (tmp_path / "instance" / STATE).read_text().count(f"watch?v={video}") >= 2, "both were cut off"
    assert not answers(f"http://127.0.0.1:{port}/healthz")
    assert not answers(f"http://127.0.0.1:{port + 1}/")


def lengths(port):
    return {name: len(posts) for name, posts in control(port, "state")["timelines"].items()}


def password(said):
    return said.split("sign in with ada@example.com and ")[1].split()[0]


def test_a_port_in_use_is_one_sentence_that_says_what_to_do(start, port):
    with socket.socket() as other:
        other.bind(("127.0.0.1", port + 1))
        other.listen()
        out, complaint = start().communicate(timeout=END_SECONDS)
    assert out == ""
    assert f"Port {port + 1} is in use" in complaint
    assert "PORT=" in complaint
    assert len(complaint.splitlines()) == 1


def test_a_port_that_is_none_is_one_sentence(start):
    process = start(PORT="70000")
    _, complaint = process.communicate(timeout=END_SECONDS)
    assert (process.returncode, complaint) == (1, "PORT must be a number from 1 to 65534, not “70000”.\n")
