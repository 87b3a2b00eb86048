"""Where the parts of a drawing stand: inside it, in their order, as large as their numbers say."""

from hypothesis import given
from hypothesis import strategies as st

from services import charts

VALUES = st.lists(st.none() | st.floats(0, 1e12), max_size=60)


@given(VALUES)
def test_columns_stand_side_by_side_inside_the_drawing(values):
    top = charts.top_of(values)
    drawn = charts.columns([""] * len(values), values, top=top, height=140)
    edges = [edge for one in drawn for edge in (one.x, one.x + one.width)]
    assert edges == sorted(edges)
    assert all(charts.LEFT <= edge <= 100 for edge in edges)
    for value, one in zip(values, drawn, strict=True):
        assert (one.height is None) == (value is None)
        assert one.height is None or 0 <= one.height <= 140
        assert value is None or bool(one.height) == bool(value)  # whatever is there can be seen


@given(st.lists(st.floats(0.01, 1e12), min_size=1))
def test_nothing_is_above_the_top_and_the_top_is_near(values):
    top = charts.top_of(values)
    assert max(values) <= top <= max(1, 2.5 * max(values))
    assert f"{top:.0e}"[0] in "125"


def test_a_drawing_of_nothing_has_a_top():
    assert charts.top_of([]) == charts.top_of([None, 0]) == 1


def test_the_area_of_a_dot_goes_with_its_number_and_a_ring_has_none():
    drawn = charts.dots([(0, 0, 1_000), (1, 12, 250), (2, 23, 1), (3, 5, None)], across=24)
    assert [one.size for one in drawn] == [5, 2, 1, 0]
    assert [one.row for one in drawn] == [0, 1, 2, 3]
    assert charts.LEFT < drawn[0].x < drawn[3].x < drawn[1].x < drawn[2].x < 100


def test_dots_of_an_hour_that_nobody_saw_are_rings():
    assert [one.size for one in charts.dots([(0, 0, 0), (0, 1, None)], across=24)] == [0, 0]


def test_no_more_rows_are_drawn_than_can_be_read():
    rows = charts.rows([(f"Host {n}", 100 - n, "words") for n in range(50)])
    assert len(rows) == charts.MOST_ROWS
    assert (rows[0].percent, rows[-1].percent) == (100, 89)
    assert len(charts.rows([("M" * 80, 0, "")])[0].short_label) == charts.LONGEST_LABEL


def test_a_line_gives_way_to_a_mark_that_lies_on_its_name():
    lines = charts.lines(100, 140, str)
    assert [one.up for one in charts.apart(lines, None)] == [140, 70]
    assert [one.up for one in charts.apart(lines, 84.0)] == [140]
