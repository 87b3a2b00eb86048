"""`python -m benchmarks [names…]`: runs the named figures, or all; exit 1 when a target is missed."""

import re
import sys
from collections.abc import Callable

from benchmarks import (
    cache,
    drafts,
    explorer,
    go_live,
    idle,
    index_use,
    many_shows,
    metrics_sync,
    overview,
    pages,
    push_flood,
    quiet_check,
    soak_core,
    soak_http,
    start_to_post,
    units,
    wallet,
)

FIGURES = {
    "go_live": go_live.measure,
    "start_to_post": start_to_post.measure,
    "many_shows": many_shows.measure,
    "quiet_check": quiet_check.measure,
    "units": units.measure,
    "soak_core": soak_core.measure,
    "soak_http": soak_http.measure,
    "idle": idle.measure,
    "pages": pages.measure,
    "push_flood": push_flood.measure,
    "wallet": wallet.measure,
    "drafts": drafts.measure,
    "overview": overview.measure,
    "explorer": explorer.measure,
    "index_use": index_use.measure,
    "metrics_sync": metrics_sync.measure,
    "cache": cache.measure,
}


def what(name: str) -> str:
    """What this figure measures, in one line: what its module says of itself."""
    said = (sys.modules[FIGURES[name].__module__].__doc__ or "").partition("\n")[0]
    said = re.sub(r"^(`[^`]*`|Figure \d+): ", "", said).rstrip(".")
    return said[:1].upper() + said[1:]


def main(names: list[str], after_each: Callable[[], None] = lambda: None) -> int:
    unknown = [name for name in names if name not in FIGURES]
    if unknown:
        print(f"There is no figure {unknown[0]}. There are: {', '.join(FIGURES)}.", file=sys.stderr)
        return 2
    results = []
    for name in names or FIGURES:
        print(f"\n{name} … (minutes, with some)\n{what(name)}", flush=True)
        results.append(FIGURES[name]())
        after_each()
    missed = [target for result in results for target in result.missed]
    print("\nEvery target is met." if not missed else "\nMissed: " + "; ".join(missed))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
