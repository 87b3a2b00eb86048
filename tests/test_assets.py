"""Static files: under addresses that change with their content, compressed, kept for good, small enough for a phone."""

import gzip
import re
import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import url_for

from config import ROOT
from routes.assets import FOR_GOOD, Assets, assets
from routes.headers import POLICY
from tests.browser import Browser
from tests.test_pages import counted

NAMED = re.compile(r"""url_for\(\s*['"]static['"],\s*filename=(.*?)\)""")
LITERAL = re.compile(r"""['"]([\w./-]+\.\w+)['"]""")


@pytest.fixture
def engine_name():
    return "sqlite"


def address(app, filename="css/airhorn.css", endpoint="static"):
    with app.test_request_context():
        return url_for(endpoint, filename=filename)


def linked(page):
    """The addresses of files that a page loads."""
    return re.findall(r'<(?:link|script|img)[^>]+(?:href|src)="(/[^"]+)"', page)


def test_an_address_holds_the_digest_of_the_content(app, browser):
    path = address(app)
    assert re.fullmatch(r"/static/css/airhorn\.[0-9a-f]{16}\.css", path)
    answer = browser.get(path)
    assert (answer.status_code, answer.data) == (200, (ROOT / "static/css/airhorn.css").read_bytes())
    assert answer.content_type == "text/css; charset=utf-8"


def test_browsers_keep_it_for_a_year_and_ask_with_its_tag(app, browser):
    headers = browser.get(address(app)).headers
    assert headers["Cache-Control"] == FOR_GOOD == "public, max-age=31536000, immutable"
    again = browser.get(address(app), headers={"If-None-Match": headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_it_is_compressed_for_who_takes_that(app, browser):
    path = address(app, "css/bootstrap.min.css", "bootstrap.static")
    plain, small = browser.get(path), browser.get(path, headers={"Accept-Encoding": "gzip, br, zstd"})
    assert small.headers["Content-Encoding"] == "gzip"
    assert small.headers["Vary"] == "Accept-Encoding"
    assert "Content-Encoding" not in plain.headers
    assert gzip.decompress(small.data) == plain.data
    assert len(small.data) < len(plain.data) / 5


def test_the_compressed_copies_are_made_once_for_all_processes(make_app, settings):
    path = address(make_app())
    for app in (make_app(), make_app()):
        Browser(app).get(path)
    copies = sorted((settings.instance_path / "static").iterdir())
    assert [copy.name for copy in copies] == sorted(f"{asset.digest}.gz" for asset in assets().values())


def test_many_first_requests_at_once_all_get_the_whole_file(make_app):
    apps = [make_app() for _ in range(3)]
    path, body = address(apps[0]), (ROOT / "static/css/airhorn.css").read_bytes()

    def ask(n):
        answer = apps[n % 3].test_client().get(path, headers={"Accept-Encoding": "gzip"}, buffered=True)
        return gzip.decompress(answer.data)

    with ThreadPoolExecutor(12) as pool:
        assert set(pool.map(ask, range(24))) == {body}


def test_where_nothing_can_be_kept_files_go_uncompressed(make_app, tmp_path):
    taken = tmp_path / "taken"
    taken.write_text("a file where the folder should be")
    app = make_app(instance_path=taken)
    answer = Browser(app).get(address(app), headers={"Accept-Encoding": "gzip"})
    assert (answer.status_code, "Content-Encoding" in answer.headers) == (200, False)


@pytest.mark.parametrize(
    "path",
    [
        *("/static/css/airhorn.css", "/static/css/airhorn.0123456789abcdef.css", "/static/", "/static/css"),
        *("/bootstrap/static/css/bootstrap.min.css", "/bootstrap/static/js/bootstrap.bundle.min.js"),
        *(
            "/static/../app.py",
            "/static/..%2fapp.py",
            "/static/%2e%2e/app.py",
            "/static/..%5capp.py",
            "/static//etc/passwd",
        ),
        *(
            "/static/css/airhorn.css%00.png",
            "/static/%00",
            "/%00",
            "/.git/config",
            "/.env",
            "/.git",
            "/instance/secret_key",
        ),
        *(
            "/instance/airhorn.sqlite",
            "/app.py",
            "/static/%ff",
            "/bootstrap/static/..%2f..%2f__init__.py",
            "/favicon.ico",
        ),
    ],
)
def test_nothing_else_is_served(browser, path):
    answer = browser.get(path, follow_redirects=True)
    assert answer.status_code == 404
    assert answer.headers["Cache-Control"] == "no-store"


def test_they_carry_the_headers_and_ask_no_database_and_no_session(app, browser):
    with counted() as statements:
        answer = browser.get(address(app), headers={"Cookie": "airhorn=broken"})
    assert statements == []
    assert answer.headers["Content-Security-Policy"] == POLICY
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "Set-Cookie" not in answer.headers
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_files_are_read_only(app, browser):
    answer = browser.ask("PUT", address(app), data="x")
    assert answer.status_code in (400, 405)


def test_an_application_starts_without_touching_them(make_app, settings):
    app = make_app()
    assert not (settings.instance_path / "static").exists()
    [layer] = [one for one in vars(app.wsgi_app).values() if isinstance(one, Assets)]
    assert layer.files == {}


@pytest.mark.parametrize("template", sorted((ROOT / "templates").rglob("*.html")), ids=lambda p: p.name)
def test_every_file_that_a_template_names_is_there(template):
    for expression in NAMED.findall(template.read_text()):
        for name in LITERAL.findall(expression):
            assert ("static", name) in assets(), name


def test_the_first_page_is_small_the_first_time_and_smaller_after(app, browser, cast):
    show = cast.show(hosts=("ada", "bo", "cy", "di", "eve"))
    cast.episode(show)
    browser.let_in(cast.user("fay", is_admin=True))
    page = browser.get("/")
    files = {path: len(browser.get(path, headers={"Accept-Encoding": "gzip"}).data) for path in linked(page.text)}
    assert all(path.startswith(("/static/", "/bootstrap/static/")) for path in files)
    assert len(files) >= 4
    assert len(page.data) + sum(files.values()) <= 150_000
    assert len(page.data) <= 25_000


def test_a_release_that_changes_a_file_changes_its_address(tmp_path):
    before = assets()["static", "css/airhorn.css"]
    shutil.copy(before.path, tmp_path / "airhorn.css")
    assert before.digest in before.url
    assert before.name.count(before.digest) == 1
