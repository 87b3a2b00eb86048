"""Numbers as people read them: amounts, shares, durations, and what differs from the period before."""

import pytest

from services.number_words import COUNT, MONEY, RATE, SHARE, TIME


@pytest.mark.parametrize(
    "unit, value, before, said",
    [
        (COUNT, 1_250, 1_000, "250 more"),
        (COUNT, 3, 3, ""),
        (SHARE, 0.9, 0.84, "6 points more"),
        (SHARE, 0.83, 0.84, "1 point less"),
        (SHARE, 0.999, 1.0, "A little less"),
        (RATE, 0.0312, 0.0301, "0.1 points more"),
        (TIME, 6.0, 6.8, "0.8 s faster"),
        (TIME, 200, 75, "2 min 5 s slower"),
        (MONEY, 1_015_000, 615_000, "$0.40 more"),
    ],
)
def test_a_difference_is_said_as_it_is_written(unit, value, before, said):
    assert unit.difference(value, before) == said


@pytest.mark.parametrize(
    "unit, value, said",
    [
        *((SHARE, 0.0, "0 %"), (SHARE, 0.004, "1 %"), (SHARE, 0.996, "99 %"), (SHARE, 1.0, "100 %")),
        *((RATE, 0.0, "0.0 %"), (RATE, 0.0001, "under 0.1 %"), (RATE, 0.023, "2.3 %")),
        *((TIME, 0.04, "0 s"), (TIME, 9.96, "10 s"), (TIME, 119.4, "1 min 59 s"), (TIME, 120, "2 min")),
        *((TIME, 7_500, "2 h 5 min"), (TIME, None, "–"), (COUNT, 12_400, "12,400")),
    ],
)
def test_a_number_is_written_for_people(unit, value, said):
    assert unit.shown(value) == said
