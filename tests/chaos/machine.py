"""A state machine that does to the real services whatever workers, X, time and people may do, in any order."""

from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.chaos.world import HOSTS, SPOILED, World

hosts = st.sampled_from(HOSTS)


class Machine(RuleBasedStateMachine):
    """`world` is set by who runs it. What must hold is asked after every step, and once more when all is quiet."""

    world: ClassVar[World]
    #: steps made since the process began, over all examples
    made: ClassVar[dict[str, int]] = {}

    def __init__(self) -> None:
        super().__init__()
        self.has_begun = False

    @initialize(refuses_doubles=st.booleans(), spoiled=st.lists(st.sampled_from(sorted(SPOILED)), max_size=3))
    def begin(self, refuses_doubles: bool, spoiled: list[str]) -> None:
        self.world.begin(refuses_doubles=refuses_doubles)
        for name in spoiled:
            self.world.spoil(name)
        self.has_begun = True

    def count(self, name: str) -> None:
        self.made[name] = self.made.get(name, 0) + 1

    # Time

    @rule(seconds=st.sampled_from((1, 5, 16, 46, 100, 601)))
    def time_passes(self, seconds: int) -> None:
        self.world.desk.later(seconds)
        self.count("time passes")

    # Workers

    @rule()
    def deliver(self) -> None:
        self.world.deliver()
        self.count("deliver")

    @rule()
    def send_and_die(self) -> None:
        self.world.begin_delivery()
        self.count("send and die")

    @precondition(lambda self: self.has_begun and len(self.world.held) < 2)
    @rule()
    def send_and_sleep(self) -> None:
        self.world.held.append(self.world.begin_delivery())
        self.count("send and sleep")

    @precondition(lambda self: self.has_begun and self.world.held)
    @rule(last=st.booleans())
    def wake_up(self, last: bool) -> None:
        self.world.end_delivery(self.world.held.pop(-1 if last else 0))
        self.count("wake up")

    @rule()
    def reap(self) -> None:
        self.world.reap()
        self.count("reap")

    @rule()
    def look_up(self) -> None:
        self.world.look_up()
        self.count("look up")

    @rule()
    def look_up_for_a_while(self) -> None:
        """As long as it takes to be decided, or to be left to a person."""
        self.world.reap()
        for seconds in (5, 16, 31, 46):
            self.world.desk.later(seconds)
            self.world.look_up()
        self.count("look up for a while")

    @rule()
    def look_at_youtube(self) -> None:
        self.world.look()
        self.count("look at YouTube")

    # X

    @rule(name=st.sampled_from(sorted(SPOILED)))
    def x_spoils_the_next_post(self, name: str) -> None:
        self.world.spoil(name)
        self.count("X spoils a post")

    @rule()
    def x_spoils_the_next_read(self) -> None:
        self.world.blind()
        self.count("X spoils a read")

    @rule(seconds=st.sampled_from((0.0, 30.0)))
    def x_shows_posts_later(self, seconds: float) -> None:
        self.world.x.visibility_delay = seconds
        self.count("X shows later")

    # People

    @rule(host=hosts, on=st.booleans())
    def switch(self, host: str, on: bool) -> None:
        self.by(host, lambda config_id: self.world.switch(config_id, host, on=on))

    @rule(host=hosts)
    def write(self, host: str) -> None:
        self.by(host, lambda config_id: self.world.write(config_id, host))

    @rule(host=hosts)
    def post_now(self, host: str) -> None:
        self.by(host, lambda config_id: self.world.post_now(config_id, host))

    def by(self, host: str, act: Any) -> None:
        config = self.world.config(host)
        if config is not None:
            act(config.id)
            self.count("people")

    @rule(answer=st.sampled_from(("there", "again", "leave")))
    def decide(self, answer: str) -> None:
        for post in [post for post in self.world.posts() if post.status == "review"][:1]:
            self.world.decide(post, answer)
            self.count("decide")

    @rule(host=hosts)
    def x_ends_the_token(self, host: str) -> None:
        self.world.x.expire_token(self.world.x.account(self.world.name(host)))
        self.count("token ends")

    @rule()
    def end_the_stream(self) -> None:
        if self.world.is_live():
            self.world.end_stream()
            self.count("stream ends")

    # What must hold

    @invariant()
    def nothing_is_wrong(self) -> None:
        if self.has_begun:
            self.none(self.world.wrong())

    @staticmethod
    def none(found: list[str]) -> None:
        assert not found, "\n".join(found)

    def teardown(self) -> None:
        if self.has_begun:
            self.none(self.world.quiet())
            self.count("examples")
