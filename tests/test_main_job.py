"""A stream starts, and every host's post is out, once."""

from tests.cast import Cast, ago


def test_every_host_posts_once_with_the_link(cast: Cast) -> None:
    show = cast.show(hosts=("ada", "bo"))
    video = cast.youtube.go_live(show.youtube_channel_id, "Queues", at=ago(seconds=20))
    summary = cast.check()
    assert (summary.queued, summary.posted) == (2, 2)
    for host in ("ada", "bo"):
        (text,) = cast.timeline(host)
        assert f"https://www.youtube.com/watch?v={video}" in text
    cast.check()
    assert [len(cast.timeline(host)) for host in ("ada", "bo")] == [1, 1]
