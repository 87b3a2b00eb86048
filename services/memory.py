"""What a process keeps for as long as it runs is set apart, so that nobody waits while it is looked through.

Now and then Python looks through everything that it has made, to find what nothing uses any more, and all threads of
the process stand still meanwhile. A server has 250,000 objects or more, nearly all of them code, tables, templates and
compiled statements that stay until it ends: such a look took 110 to 220 ms in the middle of a page that takes 50.
With these set apart it takes up to 3 ms. What is set apart is given back like everything else when its last user lets
go of it; only a ring that is made of it alone would stay.
"""

import gc
from typing import Any

#: templates and statements are made when they are first asked for: what is left after so many looks is set apart, too
WARMING = 4


class _Warming:
    """Told of every look. Sets apart what the first of them have left."""

    left = 0

    def __call__(self, phase: str, look: dict[str, Any]) -> None:
        if self.left and phase == "stop" and look["generation"] == 2:
            self.left -= 1
            gc.freeze()


_warming = _Warming()


def settle() -> None:
    """Once a process has loaded what it needs, before it begins to answer. Takes as long as one look."""
    _warming.left = 0
    gc.collect()
    gc.freeze()
    _warming.left = WARMING
    if _warming not in gc.callbacks:
        gc.callbacks.append(_warming)
