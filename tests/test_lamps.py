"""Many hosts in few words: who is counted, who is named, and who is named together."""

from services.lamps import HostLamp, crowd_of
from services.vocabulary import Lamp, Light

READY, POSTED, OFF = Light("Ready", Lamp.GREEN), Light("Posted", Lamp.BLUE), Light("Off", Lamp.GREY, "Switched off.")
NO_X, LONG = Light("Stand by", Lamp.AMBER, "Connect X."), Light("Stand by", Lamp.AMBER, "The text is too long.")


def hosts(**lights):
    return [HostLamp(n, name, light, None, None) for n, (name, light) in enumerate(lights.items())]


def test_those_whom_the_same_thing_holds_up_are_named_together():
    crowd = crowd_of(hosts(ada=READY, bo=NO_X, cy=LONG, di=NO_X))
    assert (crowd.posted, crowd.ready, crowd.wanted) == (0, 1, 4)
    assert crowd.others == [(NO_X, ["bo", "di"]), (LONG, ["cy"])]


def test_who_is_off_or_cancelled_is_counted_apart_and_not_named():
    crowd = crowd_of(hosts(ada=READY, bo=OFF, cy=Light("Cancelled", Lamp.GREY)))
    assert (crowd.ready, crowd.wanted, crowd.off, crowd.others) == (1, 1, 2, [])


def test_once_one_post_is_out_those_that_are_not_are_named():
    crowd = crowd_of(hosts(ada=POSTED, bo=READY, cy=Light("Posting", Lamp.RED)))
    assert (crowd.posted, crowd.ready, crowd.wanted) == (1, 2, 3)
    assert [names for _, names in crowd.others] == [["cy"], ["bo"]]


def test_nobody_is_a_crowd_of_none():
    crowd = crowd_of([])
    assert (crowd.posted, crowd.ready, crowd.wanted, crowd.off, crowd.others) == (0, 0, 0, 0, [])
