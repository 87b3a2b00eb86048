"""Connections to the database: how many there are at most, who waits for one, and who may know."""

import threading
import time

import pytest
from sqlalchemy import text

from app import create_app
from extensions import db
from services.system_status import pool
from tests.browser import Browser
from tests.conftest import settings_for


@pytest.fixture
def engine_name():
    return "sqlite"


def test_the_settings_say_how_many_connections_there_are_and_how_long_a_statement_may_take(tmp_path):
    url = "postgresql://nobody@127.0.0.1:9/none"
    more = {"db_pool_size": 2, "db_max_overflow": 1, "db_pool_timeout_seconds": 3, "db_statement_timeout_seconds": 7.5}
    options = create_app(settings_for(url, tmp_path, **more)).config["SQLALCHEMY_ENGINE_OPTIONS"]
    sizes = ("pool_size", "max_overflow", "pool_timeout", "pool_recycle", "pool_pre_ping")
    assert [options[name] for name in sizes] == [2, 1, 3, 1800, True]
    assert "statement_timeout=7500" in options["connect_args"]["options"]
    assert options["connect_args"]["application_name"] == "airhorn"


def test_who_waits_for_a_connection_is_counted(app):
    db.session.remove()
    most = db.engine.pool.size() + db.engine.pool._max_overflow
    before = pool()
    taken = [db.engine.connect() for _ in range(most)]
    assert before is not None
    assert pool() == type(before)(before.size, most, 0, most - before.size, before.waits)
    engine = db.engine
    waiting = threading.Thread(target=lambda: engine.connect().close())
    waiting.start()
    until = time.monotonic() + 30
    while pool().waits == before.waits and time.monotonic() < until:
        time.sleep(0.01)
    for connection in taken:
        connection.close()
    waiting.join()
    assert pool().waits == before.waits + 1
    with db.engine.connect() as connection:
        assert connection.execute(text("SELECT 1")).scalar_one() == 1


def test_those_who_run_the_server_see_the_pool_of_this_process(app, cast):
    browser = Browser(app)
    browser.let_in(cast.user("ada", is_admin=True))
    answer = browser.get("/health/pool")
    assert answer.status_code == 200
    assert set(answer.get_json()) == {"size", "out", "idle", "overflow", "waits"}
