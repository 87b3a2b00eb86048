"""What X asks for a post, for the line beside the editor. Knows no account and no currency but X's own."""

from decimal import Decimal

#: https://docs.x.com/x-api/getting-started/pricing, as of 20 April 2026: US dollars for one post
POST_WITH_LINK = Decimal("0.20")
POST_WITHOUT_LINK = Decimal("0.015")


def price_of(*, has_link: bool) -> str:
    """ "$0.20" or "$0.015"."""
    return f"${POST_WITH_LINK if has_link else POST_WITHOUT_LINK}"
