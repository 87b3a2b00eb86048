"""What a serving process does beside answering: it runs the jobs. One that only forks others leaves them to those.

A server that loads the application first and forks then (gunicorn --preload) would keep all threads to itself, and its
children would share its connections to the database.
"""

import atexit
import logging
import os
import signal
import threading
from collections.abc import Callable

from flask import Flask

from extensions import db
from services import memory
from services.errors import AirhornError
from services.registry import get_services
from services.scheduler import should_start
from services.warming import Warming

log = logging.getLogger(__name__)

#: seconds in which a server that loads the application first has forked: until then no job runs, and nothing is warmed
PATIENCE = 1.0


class Serving:
    """One for an application that serves. `make` makes everything of which a process has its own."""

    def __init__(self, app: Flask, make: Callable[[], None]) -> None:
        self._app, self._make = app, make
        #: the process whose jobs run, if any
        self._pid = 0
        self._warming: Warming | None = None

    def begin(self) -> None:
        """Starts the jobs, where they belong into the server. Raises what the scheduler raises."""
        with self._app.app_context():
            services = get_services()
        self._warming = Warming(self._app, after=PATIENCE)
        self._warming.begin()
        if services.settings.scheduler == "embedded":
            services.scheduler.start(after=PATIENCE)
            self._pid = os.getpid()
            # Before Python shuts its pools of threads, where it can be told so: what is in flight needs them.
            at_exit: Callable[..., object] = getattr(threading, "_register_atexit", atexit.register)
            at_exit(self._end, self._pid)

    def follow_forks(self) -> None:
        """From now on children of this process run the jobs, each its own, and this one does not."""
        os.register_at_fork(before=self._before_fork, after_in_child=self._in_child)

    def _before_fork(self) -> None:
        """No thread of ours and no connection is taken along."""
        if self._warming is not None:
            self._warming.stop()
        with self._app.app_context():
            if self._pid == os.getpid():
                self._pid = 0
                get_services().scheduler.stop()
            db.engine.dispose()

    def _in_child(self) -> None:
        try:
            self._make()
            self.begin()
        except AirhornError as error:  # nobody would hear of it: /readyz turns red
            log.critical("the scheduler of this process does not start: %s", error)

    def _end(self, pid: int) -> None:
        """A server that ends gives the lease back: the next one would have to wait for it to run out.

        A supervisor that signals twice does not end it half way; what is in flight has its own deadline.
        """
        if pid != os.getpid() or self._pid != pid:
            return
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT):
            signal.signal(number, signal.SIG_IGN)
        with self._app.app_context():
            scheduler = get_services().scheduler
        scheduler.stop()


def serve(app: Flask, make: Callable[[], None]) -> None:
    """Once in a process that serves; never for flask commands, migrations or the reloader's parent."""
    if should_start():
        serving = Serving(app, make)
        serving.begin()
        serving.follow_forks()
        memory.settle()
