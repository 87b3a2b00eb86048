"""Money as people write it, and as it is kept: whole micro-dollars, a millionth of a US dollar each. Pure."""

import math
import re

from services.checks import shown
from services.errors import Invalid

DOLLAR = 1_000_000
#: more than this at once is a slip of the finger
MOST = 1_000_000 * DOLLAR
DECIMALS, CENTS = 6, 2
_FINEST = {DECIMALS: "a millionth of a dollar", CENTS: "a cent"}
#: a tenth of a cent: X asks for half cents, and only drafts cost less
FINEST_SHOWN = 1_000

# A few digits more than fit, so that what is too large is told from what is no number.
_AMOUNT = re.compile(r"([-+−]?)\$?([-+−]?) ?([0-9]{1,40})(?:\.([0-9]{1,40}))?")


def parse(what: str, text: str) -> int:
    """ "$2", "2.50" or "0.015" in micro-dollars, always more than zero. `what` names it in the sentence.

    Raises Invalid.
    """
    return amount(what, micros(what, text))


def micros(what: str, text: str, decimals: int = DECIMALS) -> int:
    """The same, of any size and also zero or less. Raises Invalid for what is no number, or finer than that."""
    found = _AMOUNT.fullmatch(text.strip())
    if found is None:
        raise Invalid(f"“{shown(text)}” is no amount of money. Write it like 2.50 or $2.")
    before, after, dollars, fraction = found.groups(default="")
    if len(fraction.rstrip("0")) > decimals:
        raise Invalid(f"{_first(what)} is finer than {_FINEST[decimals]}. At most {decimals} decimals count.")
    exact = int(dollars) * DOLLAR + int(fraction[:DECIMALS].ljust(DECIMALS, "0"))
    return -exact if {before, after} & {"-", "−"} else exact


def whole_cents(what: str, text: str) -> int:
    """As `parse`, for what people pay in, give and plan: they think in cents. Raises Invalid."""
    return amount(what, micros(what, text, CENTS))


def balance_in_cents(what: str, text: str) -> int:
    """As `micros`, for what people say is there. Raises Invalid."""
    return micros(what, text, CENTS)


def amount(what: str, micros: int) -> int:
    """Micro-dollars that can be moved: whole, more than zero, and no more than somebody can mean. Raises Invalid."""
    if not isinstance(micros, int) or isinstance(micros, bool):
        raise Invalid(f"{_first(what)} must be a whole number of micro-dollars.")
    if micros <= 0:
        raise Invalid(f"{_first(what)} must be more than zero.")
    if micros > MOST:
        raise Invalid(f"{_first(what)} is more than {dollars(MOST)}. Nobody means that.")
    return micros


def dollars(micros: int) -> str:
    """ "$2.00", "$0.015", "-$1.20": exact, and with two decimals at least."""
    whole, rest = divmod(abs(micros), DOLLAR)
    fraction = f"{rest:0{DECIMALS}}".rstrip("0").ljust(2, "0")
    return f"{'-' if micros < 0 else ''}${whole:,}.{fraction}"


def plain(micros: int) -> str:
    """ "2.50", "-0.015": as form fields and other programs take it."""
    return dollars(micros).replace("$", "").replace(",", "")


def short(micros: int) -> str:
    """ "$9.493" among other numbers: a half is rounded away from zero, so that what is owed and what was spent agree.

    Exact where less than a tenth of a cent is all there is. Beside its parts a sum is exact: `dollars`.
    """
    if abs(micros) < FINEST_SHOWN:
        return dollars(micros)
    return dollars(nearest(micros / FINEST_SHOWN) * FINEST_SHOWN)


def nearest(number: float) -> int:
    """The nearest whole number, of two the one further from zero."""
    return int(math.copysign(math.floor(abs(number) + 0.5), number))


def _first(what: str) -> str:
    return what[:1].upper() + what[1:]
