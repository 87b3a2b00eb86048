"""Lists and jobs find their rows by an index: the plans of PostgreSQL with 100,000 posts of 200 podcasts."""

import pytest

from benchmarks.index_use import ask_for_pages, fill, let_jobs_run, listening, read_whole, without_nightly
from extensions import db
from tests.cast import ago


@pytest.fixture
def engine_name():
    return "postgresql"


@pytest.mark.slow
@pytest.mark.calls_in_transaction  # with so many posts those of other jobs may be open for more than a moment
def test_no_page_and_no_job_reads_a_large_table_from_end_to_end(app, services, cast, x):
    scene = fill()
    show = cast.show(hosts=("ada", "bo", "cy"))
    cast.episode(show, at=ago(minutes=1))
    cast.go_live(show, at=ago(seconds=20))
    with listening() as asked:
        ask_for_pages(scene)
        let_jobs_run(services.scheduler, until=lambda: len(x.posts) == 3)
    assert len(asked) > 150
    found = read_whole(without_nightly(asked))
    assert not found, "\n\n".join(f"{', '.join(tables)}:\n{statement}" for statement, tables in found.items())


@pytest.mark.slow
def test_a_list_that_lost_its_index_is_found_out(app):
    scene = fill()
    db.session.execute(db.text("DROP INDEX ix_posts_podcast_id_status_id"))
    db.session.execute(db.text("DROP INDEX ix_posts_podcast_id_created_at"))
    db.session.execute(db.text("DROP INDEX ix_posts_podcast_id_posted_at"))
    db.session.commit()
    with listening() as asked:
        ask_for_pages(scene)
    assert {"posts"} in read_whole(asked).values()
