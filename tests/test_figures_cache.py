"""Kept numbers: what is a hit and what is none, one computation for many, and a Redis that dies, hangs and lies."""

import pickle
import threading
import time
from dataclasses import dataclass, replace

import pytest
import redis as redis_client

from services import guarded_store
from services.clients.redis_store import RedisStore
from services.figures import NOTHING, Figures, Half
from services.figures_cache import FiguresCache, Key, Shape
from services.guarded_store import GuardedStore, Where
from tests.redis_server import real_redis, redis_stand_in

FIGURES = Shape[list[Figures]](list[Figures])
MAYBE = Shape[Figures | None](Figures | None)
KEY = Key("overview", 1, 7, sees_money=True, filter=("week", "2026-03-02"))
SOME = [Figures(posted=3, impressions=2**40, total=Half(1.25, 60.0)), NOTHING]


class Memory:
    """The least that a store is."""

    def __init__(self):
        self.kept = {}

    def get(self, key):
        return self.kept.get(key)

    def set(self, key, value, timeout=None):
        self.kept[key] = value

    def add(self, key, value, timeout=None):
        return self.kept.setdefault(key, value) is value

    def delete(self, key):
        self.kept.pop(key, None)


class Computing:
    """Counts how often it is computed."""

    def __init__(self, value=SOME, seconds=0.0):
        self.value, self.seconds, self.times = value, seconds, 0

    def __call__(self):
        self.times += 1
        time.sleep(self.seconds)
        return self.value


def cache(store=None, *, secret="s", is_remote=False):
    return FiguresCache(GuardedStore(Where(store or Memory(), is_remote=is_remote), secret))


def cache_at(url, **more):
    """As another process has it."""
    store = RedisStore.factory(None, {"CACHE_REDIS_URL": url}, [], {})
    return cache(store, is_remote=True, **more)


@pytest.fixture
def stand_in():
    with redis_stand_in() as server:
        yield server


@pytest.fixture(params=["stand-in", "real"])
def url(request):
    if request.param == "stand-in":
        yield request.getfixturevalue("stand_in").url
        return
    with real_redis() as address:
        yield address


# One process


def test_what_was_computed_once_is_kept():
    kept, computing = cache(), Computing()
    assert [kept.get(KEY, FIGURES, computing) for _ in range(3)] == [SOME] * 3
    assert (computing.times, kept.counts().hits, kept.counts().misses) == (1, 2, 1)


def test_none_is_kept_like_any_other_value():
    kept, computing = cache(), Computing(None)
    assert [kept.get(KEY, MAYBE, computing) for _ in range(2)] == [None, None]
    assert computing.times == 1


@pytest.mark.parametrize(
    "other",
    [
        replace(KEY, version=8),
        replace(KEY, podcast_id=2),
        replace(KEY, sees_money=False),
        replace(KEY, name="hosts"),
        replace(KEY, filter=("week", "2026-03-09")),
        replace(KEY, filter=("week", "2026-03-02", None)),
    ],
    ids=["version", "podcast", "rights", "name", "days", "more"],
)
def test_another_question_never_gets_this_answer(other):
    kept = cache()
    kept.get(KEY, FIGURES, Computing())
    assert kept.get(other, FIGURES, Computing([])) == []
    assert kept.get(KEY, FIGURES, Computing([])) == SOME


def test_of_twenty_at_once_one_computes():
    kept, computing, found = cache(), Computing(seconds=0.05), []
    together = threading.Barrier(20)

    def ask():
        together.wait()
        found.append(kept.get(KEY, FIGURES, computing))

    in_threads(ask, 20)
    assert (computing.times, found) == (1, [SOME] * 20)
    assert (kept.counts().hits, kept.counts().misses) == (19, 1)


def test_who_waits_for_somebody_who_fails_fails_at_once_and_whoever_asks_then_computes():
    kept, under_way, failing = cache(), threading.Event(), []

    def fail():
        failing.append(1)
        under_way.set()
        time.sleep(0.3)
        raise LookupError("no numbers")

    def ask():
        with pytest.raises(LookupError, match="no numbers"):
            kept.get(KEY, FIGURES, fail)

    leader = threading.Thread(target=ask)
    leader.start()
    under_way.wait()
    in_threads(ask, 19)
    leader.join()
    assert len(failing) == 1
    assert kept.get(KEY, FIGURES, Computing()) == SOME


@pytest.mark.slow
def test_while_one_takes_long_one_more_at_a_time_computes_and_all_get_what_is_ready_first():
    kept, lock, at_once, most, asked, ends = cache(), threading.Lock(), [], [], [], threading.Event()

    def compute():
        with lock:
            asked.append(1)
            is_first = len(asked) == 1
            at_once.append(1)
            most.append(len(at_once))
        if is_first:
            assert ends.wait(30)
        with lock:
            at_once.pop()
        return SOME

    found = []
    leader = threading.Thread(target=lambda: found.append(kept.get(KEY, FIGURES, compute)))
    leader.start()
    in_threads(lambda: found.append(kept.get(KEY, FIGURES, compute)), 19)
    assert (found, len(asked), max(most)) == ([SOME] * 19, 2, 2)
    assert kept.get(KEY, FIGURES, Computing([])) == SOME
    ends.set()
    leader.join()
    assert found == [SOME] * 20


def test_who_waits_for_somebody_who_was_stopped_computes_himself():
    kept, under_way = cache(), threading.Event()

    def stop():
        under_way.set()
        time.sleep(0.1)
        raise SystemExit

    def first():
        with pytest.raises(SystemExit):
            kept.get(KEY, FIGURES, stop)

    leader = threading.Thread(target=first)
    leader.start()
    under_way.wait()
    assert kept.get(KEY, FIGURES, Computing()) == SOME
    leader.join()


# What somebody else put there


class Trap:
    """Whoever unpickles this has run it."""

    def __reduce__(self):
        return pytest.fail, ("it was run",)


@pytest.mark.parametrize(
    "planted", [b"!" + pickle.dumps(Trap()), pickle.dumps(Trap()), b"", b"1", b"\xff", b"a:[]", "[]", None, 5, b"x" * 9]
)
def test_what_somebody_else_put_there_is_nothing_and_is_never_run(stand_in, planted):
    kept = cache_at(stand_in.url)
    kept.get(KEY, FIGURES, Computing())
    stored = planted if isinstance(planted, bytes) else str(planted).encode()
    (name,) = stand_in.kept
    stand_in.kept[name] = stored, time.time() + 60
    again = Computing([])
    assert cache_at(stand_in.url).get(KEY, FIGURES, again) == []
    assert again.times == 1


def test_a_value_that_was_moved_to_another_question_is_nothing():
    store = Memory()
    kept = cache(store)
    kept.get(KEY, FIGURES, Computing())
    kept.get(replace(KEY, sees_money=False), FIGURES, Computing([]))
    mine, theirs = store.kept
    store.kept[theirs] = store.kept[mine]
    assert kept.get(replace(KEY, sees_money=False), FIGURES, Computing([])) == []


def test_another_installation_on_the_same_store_is_another():
    store = Memory()
    cache(store).get(KEY, FIGURES, Computing())
    assert cache(store, secret="another").get(KEY, FIGURES, Computing([])) == []


@dataclass(frozen=True)
class Before:
    posted: int = 0


@dataclass(frozen=True)
class After:
    posted: int = 0
    failed: int = 0


def test_what_a_release_with_other_fields_kept_is_nothing():
    store = Memory()
    cache(store).get(KEY, Shape[Before](Before), Computing(Before(3)))
    assert cache(store).get(KEY, Shape[After](After), Computing(After(3, 4))) == After(3, 4)


# Several processes


def test_what_one_process_computed_another_finds(url):
    cache_at(url).get(KEY, FIGURES, Computing())
    assert cache_at(url).get(KEY, FIGURES, Computing([])) == SOME


def test_of_two_processes_at_once_one_computes(url):
    both, computing, found = [cache_at(url), cache_at(url)], Computing(seconds=0.3), []
    together = threading.Barrier(8)

    def ask(kept):
        together.wait()
        found.append(kept.get(KEY, FIGURES, computing))

    threads = [threading.Thread(target=ask, args=(kept,)) for kept in both for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (computing.times, found) == (1, [SOME] * 8)


def test_who_died_while_computing_keeps_nobody_waiting_for_ever(url):
    dead = GuardedStore(Where(RedisStore.factory(None, {"CACHE_REDIS_URL": url}, [], {}), is_remote=True), "s")
    assert dead.claim(KEY.text(FIGURES.name), 1)
    assert cache_at(url).get(KEY, FIGURES, Computing()) == SOME


# A Redis that is not well


@pytest.mark.parametrize("mood", ["hangs", "resets", "rubbish", "floods"])
def test_a_redis_that_is_not_well_is_done_without_and_then_left_alone(stand_in, mood):
    kept, computing = cache_at(stand_in.url), Computing()
    stand_in.mood = mood
    assert [kept.get(KEY, FIGURES, computing) for _ in range(5)] == [SOME] * 5
    stand_in.mood = "well"
    assert computing.times == 5
    assert (kept.counts().errors, kept.counts().rests) == (1, True)


def test_a_redis_that_comes_back_is_used_again(stand_in):
    now, computing = [0.0], Computing()
    store = RedisStore.factory(None, {"CACHE_REDIS_URL": stand_in.url}, [], {})
    kept = FiguresCache(GuardedStore(Where(store, is_remote=True), "s", clock=lambda: now[0]))
    stand_in.mood = "resets"
    kept.get(KEY, FIGURES, computing)
    stand_in.mood = "well"
    asked = stand_in.asked
    kept.get(KEY, FIGURES, computing)
    assert stand_in.asked == asked
    now[0] += guarded_store.REST_SECONDS
    assert [kept.get(KEY, FIGURES, computing) for _ in range(2)] == [SOME] * 2
    assert (computing.times, kept.counts().rests) == (3, False)


def test_a_redis_that_dies_while_it_is_computed_costs_nothing_but_the_keeping(stand_in):
    def compute():
        stand_in.close()
        return SOME

    assert cache_at(stand_in.url).get(KEY, FIGURES, compute) == SOME


def test_no_redis_at_all_is_done_without():
    assert cache_at("redis://127.0.0.1:9/0").get(KEY, FIGURES, Computing()) == SOME


def test_a_redis_that_forgets_at_any_moment_is_computed_anew(url):
    kept, computing = cache_at(url), Computing()
    kept.get(KEY, FIGURES, computing)
    if url.startswith("unix"):
        redis_client.Redis.from_url(url).flushall()
        kept.get(KEY, FIGURES, computing)
        assert computing.times == 2


def in_threads(act, number):
    threads = [threading.Thread(target=act) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
