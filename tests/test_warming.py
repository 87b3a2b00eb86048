"""What pages are made of is put together beside a server that answers, and nothing depends on it."""

import threading

import pytest
from jinja2 import DictLoader, TemplateSyntaxError

from services.serving import Serving
from services.warming import Warming

#: seconds: as good as never
NEVER = 3600.0


@pytest.fixture
def engine_name():
    return "sqlite"


def there(app):
    """The templates that are translated."""
    return {name for _, name in app.jinja_env.cache.keys()}  # noqa: SIM118 - the cache of Jinja is no dict


def warming():
    return [thread for thread in threading.enumerate() if thread.name == "warming"]


def test_all_templates_of_pages_are_there_once_it_is_done(app):
    assert {"dashboard/home.html", "podcasts/show.html"} <= set(app.jinja_loader.list_templates())
    app.jinja_loader = DictLoader({"a.html": "a", "b/c.html": "{% extends 'a.html' %}"})
    assert there(app) == set()
    one = Warming(app, after=0.0, rest=0.0)
    one.begin()
    one.wait()
    assert there(app) == {"a.html", "b/c.html"}


def test_a_server_begins_it_later_and_ends_it_before_it_forks(app):
    serving = Serving(app, lambda: None)
    serving.begin()
    assert len(warming()) == 1
    serving._before_fork()
    assert warming() == []


def test_one_that_is_stopped_before_its_time_has_done_nothing(app):
    one = Warming(app, after=NEVER)
    one.begin()
    one.stop()
    assert (there(app), warming()) == (set(), [])


def test_an_application_that_does_not_serve_begins_nothing(app):
    assert warming() == []


@pytest.mark.logs_errors
def test_what_cannot_be_put_together_is_written_down_once_and_harms_nobody(app, caplog):
    app.jinja_loader = DictLoader({"a.html": "{% if %}", "b.html": "{% if %}"})
    one = Warming(app, after=0.0, rest=0.0)
    one.begin()
    one.wait()
    assert [record.exc_info[0] for record in caplog.records if record.name == "services.warming"] == [
        TemplateSyntaxError
    ]
    assert app.test_client().get("/healthz").status_code == 200
