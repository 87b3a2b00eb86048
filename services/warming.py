"""Puts together what pages are made of, once a server has begun to answer: else whoever asks first waits for it.

Templates are translated, and tables made ready to be asked, when they are first needed: that is half of what the first
page of a kind takes. It is done in a thread beside the others, which rests for longer than it works, so that pages and
posts of these seconds are hardly kept up. Nothing depends on it; no connection is used.
"""

import logging
import threading
import time

from flask import Flask
from sqlalchemy.orm import configure_mappers

log = logging.getLogger(__name__)

REST = 3.0


class Warming:
    """Of one process, once. `after`: seconds from `begin` on; a server answers its first request meanwhile.

    `rest`: times as long as each step took.
    """

    def __init__(self, app: Flask, *, after: float, rest: float = REST) -> None:
        self._app, self._after, self._rest = app, after, rest
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="warming", daemon=True)

    def begin(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Returns once it has: no lock of it is held any more, such as when this process forks."""
        self._stopped.set()
        self.wait()

    def wait(self) -> None:
        """Until it is done."""
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        if self._stopped.wait(self._after):
            return
        try:
            self._put_together()
        except Exception:
            log.exception("not all that pages are made of was put together: the first of a kind may take longer")

    def _put_together(self) -> None:
        configure_mappers()
        loader = self._app.jinja_loader
        for name in loader.list_templates() if loader is not None else ():
            begun = time.thread_time()
            self._app.jinja_env.get_template(name)
            if self._stopped.wait(self._rest * (time.thread_time() - begun)):
                return
