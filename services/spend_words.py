"""What the lines of a wallet's history and of its sums are called. Pure."""

from models import EntryKind
from services import prices
from services.wallet_history import HistoryLine

KINDS: dict[str, str] = {
    EntryKind.CHARGE: "Paid",
    EntryKind.TOP_UP: "Top-up",
    EntryKind.ALLOWANCE: "Monthly allowance",
    EntryKind.TRANSFER: "Transfer",
    EntryKind.ADJUST: "Balance set",
    EntryKind.REFUND: "Refund",
    EntryKind.RESERVE: "Held",
    EntryKind.RELEASE: "Not needed after all",
}
ITEMS = {
    prices.POST_WITH_LINK: "Post with link",
    prices.POST: "Post without link",
    prices.READ: "Post read at X",
    "x_user_read": "Account read at X",
    "x_delete": "Post deleted at X",
}
#: what sums go by: name → what is in it
WITH_LINK, WITHOUT, READS, DRAFTS, OTHER = (
    "Posts with link",
    "Posts without link",
    "Reads at X",
    "Drafts by AI",
    "Anything else",
)
_SORTS = {prices.POST_WITH_LINK: WITH_LINK, prices.POST: WITHOUT, prices.READ: READS, "x_user_read": READS}


def item_words(item: str | None) -> str:
    """ "Post with link", "Draft by gpt-5"; of an AI's price list: "gpt-5, a million tokens read"."""
    if item is None:
        return ""
    if not is_ai(item):
        return ITEMS.get(item, item)
    model, _, way = item.removeprefix(prices.ANY_MODEL).strip(":").rpartition(":")
    if way not in ("input", "output"):
        model, way = item.removeprefix(prices.ANY_MODEL).strip(":"), ""
    if not way:
        return f"Draft by {model}" if model else "Draft"
    return f"{model or 'Any other model'}, a million tokens {'read' if way == 'input' else 'written'}"


def is_ai(item: str | None) -> bool:
    return item is not None and (item == prices.ANY_MODEL or item.startswith(f"{prices.ANY_MODEL}:"))


def sort_of(item: str | None) -> str:
    """The kind of thing that was bought, as sums show it."""
    return DRAFTS if is_ai(item) else _SORTS.get(item or "", OTHER)


def line_words(line: HistoryLine) -> str:
    """What happened in one line: "Post with link", "Transfer to Bo", "Top-up"."""
    if line.kind == EntryKind.TRANSFER:
        host = line.host or "a host"
        if line.wallet is None:
            return f"To {host}" if line.amount < 0 else f"Back from {host}"
        return "From the podcast" if line.amount > 0 else "Back to the podcast"
    if line.kind == EntryKind.CHARGE:
        return item_words(line.item) or KINDS[line.kind]
    bought = f": {item_words(line.item)}" if line.item else ""
    return f"{KINDS.get(line.kind, line.kind)}{bought}"
