"""Money: what people type and read, in whole micro-dollars."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services import money
from services.errors import Invalid


@pytest.mark.parametrize(
    "text, micros",
    [
        ("2", 2_000_000),
        ("$2", 2_000_000),
        (" $ 2.50 ", 2_500_000),
        ("0.015", 15_000),
        ("0.000001", 1),
        ("2.5000000000", 2_500_000),
        ("1000000", 1_000_000_000_000),
    ],
)
def test_an_amount_is_read_to_the_millionth(text, micros):
    assert money.parse("the amount", text) == micros


@pytest.mark.parametrize(
    "text, said",
    [
        ("0", "The amount must be more than zero."),
        ("$0.00", "must be more than zero"),
        ("-2", "must be more than zero"),
        ("-$2", "must be more than zero"),
        ("$-2", "must be more than zero"),
        ("−2", "must be more than zero"),
        ("0.0000001", "finer than a millionth of a dollar"),
        ("1" + "0" * 30, "more than $1,000,000.00. Nobody means that."),
        ("1000000.000001", "more than"),
        ("9" * 50, "no amount of money"),
        ("two dollars", "“two dollars” is no amount of money. Write it like 2.50 or $2."),
        ("2,50", "no amount"),
        ("1e3", "no amount"),
        ("nan", "no amount"),
        ("Infinity", "no amount"),
        ("٢", "no amount"),
        ("2.", "no amount"),
        ("", "no amount"),
        ("2\n3", "no amount"),
    ],
)
def test_what_is_no_amount_is_refused_with_a_sentence(text, said):
    with pytest.raises(Invalid) as refused:
        money.parse("the amount", text)
    assert said in str(refused.value)


@pytest.mark.parametrize("micros", [0, -1, 10**30, 2.0, 0.1, True, "2", None])
def test_only_whole_micro_dollars_that_somebody_can_mean_are_moved(micros):
    with pytest.raises(Invalid):
        money.amount("the amount", micros)


@pytest.mark.parametrize(
    "micros, text",
    [
        (0, "$0.00"),
        (200_000, "$0.20"),
        (15_000, "$0.015"),
        (-1_200_000, "-$1.20"),
        (1, "$0.000001"),
        (1_234_567_000_000, "$1,234,567.00"),
    ],
)
def test_money_is_shown_exactly_and_with_two_decimals_at_least(micros, text):
    assert money.dollars(micros) == text


@given(st.integers(1, money.MOST))
def test_what_is_shown_can_be_typed_again(micros):
    assert money.parse("the amount", money.dollars(micros).replace(",", "")) == micros


@pytest.mark.parametrize(
    ("micros", "headline"),
    [
        *((9_493_275, "$9.493"), (0, "$0.00"), (321, "$0.000321"), (1_000_000_000, "$1,000.00")),
        *((1_235_000, "$1.235"), (1_235_499, "$1.235"), (1_235_500, "$1.236"), (1_999_500, "$2.00")),
    ],
)
def test_a_number_among_others_is_rounded_to_a_tenth_of_a_cent_alike_for_both_signs(micros, headline):
    assert money.short(micros) == headline
    assert money.short(-micros) == (f"-{headline}" if micros else headline)
