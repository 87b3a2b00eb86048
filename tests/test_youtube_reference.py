"""What people paste for a channel or a video: understood, or refused with a sentence, and never fetched."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.clients.values import ChannelReference
from services.errors import Invalid
from services.youtube_reference import HOSTS, LONGEST, RESERVED, parse_channel_reference, video_id_of, watch_url

ID = "UC_x5XG1OV2P6uZZ5FSM9Ttw"
VIDEO = "dQw4w9WgXc-"

CHANNELS = {
    ID: ("id", ID),
    f"  {ID}\n": ("id", ID),
    f"https://www.youtube.com/channel/{ID}": ("id", ID),
    f"http://youtube.com/channel/{ID}/live": ("id", ID),
    f"https://m.youtube.com/channel/{ID}/about?x=1#top": ("id", ID),
    f"https://www.youtube.com/embed/live_stream?channel={ID}": ("id", ID),
    f"youtube.com/channel/{ID}": ("id", ID),
    "@AdaShow": ("handle", "AdaShow"),
    "@ada.show_1-2": ("handle", "ada.show_1-2"),
    "@हिन्दी": ("handle", "हिन्दी"),
    "https://www.youtube.com/@AdaShow": ("handle", "AdaShow"),
    "https://music.youtube.com/@AdaShow/streams": ("handle", "AdaShow"),
    "HTTPS://WWW.YouTube.com/@AdaShow": ("handle", "AdaShow"),
    "www.youtube.com/@AdaShow/featured": ("handle", "AdaShow"),
    "https://www.youtube.com/%40AdaShow": ("handle", "AdaShow"),
    "https://www.youtube.com/@%E6%97%A5%E6%9C%AC%E8%AA%9E": ("handle", "日本語"),
    "https://www.youtube.com/user/adauser": ("user", "adauser"),
    "https://www.youtube.com/c/AdaShow/videos": ("custom", "AdaShow"),
    "https://gaming.youtube.com/AdaShow": ("custom", "AdaShow"),
    "https://www.youtube.com/AdaShow/live": ("custom", "AdaShow"),
    f"https://www.youtube.com/watch?v={VIDEO}": ("video", VIDEO),
}
VIDEOS = [
    f"https://www.youtube.com/watch?v={VIDEO}",
    f"https://www.youtube.com/watch?app=desktop&v={VIDEO}&t=10s",
    f"https://m.youtube.com/watch/{VIDEO}",
    f"https://youtu.be/{VIDEO}?si=abc",
    f"youtu.be/{VIDEO}",
    f"https://www.youtube.com/live/{VIDEO}?feature=share",
    f"https://youtube.com/shorts/{VIDEO}",
    f"https://www.youtube.com/embed/{VIDEO}",
    f"https://www.youtube.com/v/{VIDEO}",
    f" https://www.youtube.com/watch?v={VIDEO}\t",
]
ELSEWHERE = [
    "http://127.0.0.1/channel/" + ID,
    "http://169.254.169.254/@AdaShow",
    "http://[::1]/@AdaShow",
    "http://[::1/@AdaShow",
    "http://0x7f.1/@AdaShow",
    "http://2130706433/@AdaShow",
    "http://localtest.me/@AdaShow",
    "https://youtube.com.evil.tld/@AdaShow",
    "https://evil.tld/youtube.com/@AdaShow",
    "https://evil.tld#youtube.com/@AdaShow",
    "https://evil.tld?youtube.com/@AdaShow",
    "https://evil.tld\\@youtube.com/@AdaShow",
    "https://youtube.com\\@evil.tld/@AdaShow",
    "https://user@youtube.com/@AdaShow",
    "https://user:pass@www.youtube.com/@AdaShow",
    "https://youtube.com@evil.tld/@AdaShow",
    "https://www.youtube.com:22/@AdaShow",
    "https://www.youtube.com:443/@AdaShow",
    "https://www.youtube.com./@AdaShow",
    "https://notyoutube.com/@AdaShow",
    "https://studio.youtube.com/channel/" + ID,
    "https://ｙoutube.com/@AdaShow",
    "https://youtubе.com/@AdaShow",  # a Cyrillic letter
    "https://youtube。com/@AdaShow",
    "file:///etc/passwd",
    "file://youtube.com/@AdaShow",
    "gopher://youtube.com/@AdaShow",
    "ftp://youtube.com/@AdaShow",
    "javascript:alert(1)//youtube.com/@AdaShow",
    "//evil.tld/@AdaShow",
    "https:///@AdaShow",
    "https://",
]
USELESS = [
    "",
    "   ",
    "AdaShow",
    "@ab",
    "@" + "a" * 31,
    "@ada show",
    "@...",
    "@ada\u202eshow",
    "UC123",
    "https://www.youtube.com",
    "https://www.youtube.com/",
    "https://www.youtube.com/@",
    "https://www.youtube.com/channel/UC123",
    "https://www.youtube.com/channel/" + ID + "x",
    "https://www.youtube.com/c/",
    "https://www.youtube.com/c/..",
    "https://www.youtube.com/c/%2e%2e%2fwatch",
    "https://www.youtube.com/user/a%00b",
    "https://www.youtube.com/c/" + "a" * 101,
    "https://www.youtube.com/watch",
    "https://www.youtube.com/watch?v=short",
    "https://www.youtube.com/embed/videoseries?list=PL1",
    "https://www.youtube.com/playlist?list=PL1",
    "https://www.youtube.com/Feed/subscriptions",
    "https://youtu.be/",
    "https://youtu.be/@AdaShow",
    "https://www.youtube.com/@Ada\nShow",
    "https://www.youtube.com/@AdaShow?" + "a" * LONGEST,
]


@pytest.mark.parametrize("text", CHANNELS)
def test_a_channel_is_understood_in_every_form(text):
    assert parse_channel_reference(text) == ChannelReference(*CHANNELS[text])


@pytest.mark.parametrize("text", VIDEOS)
def test_a_video_is_understood_in_every_form(text):
    assert video_id_of(text) == VIDEO
    assert parse_channel_reference(text) == ChannelReference("video", VIDEO)


@pytest.mark.parametrize("text", ELSEWHERE)
def test_an_address_anywhere_else_is_refused(text):
    with pytest.raises(Invalid):
        parse_channel_reference(text)
    assert video_id_of(text) is None


@pytest.mark.parametrize("text", USELESS)
def test_a_refusal_is_one_hint_what_to_paste(text):
    with pytest.raises(Invalid) as refused:
        parse_channel_reference(text)
    assert "Paste the channel's address, for example https://www.youtube.com/@name." in str(refused.value)


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_a_page_of_youtubes_own_is_no_channel(name):
    with pytest.raises(Invalid):
        parse_channel_reference(f"https://www.youtube.com/{name}")


def test_a_video_id_alone_is_a_video_but_no_channel():
    assert video_id_of(f" {VIDEO} ") == VIDEO
    with pytest.raises(Invalid):
        parse_channel_reference(VIDEO)


def test_a_channels_address_is_no_video():
    assert video_id_of(f"https://www.youtube.com/channel/{ID}") is None
    assert video_id_of("https://www.youtube.com/embed/live_stream?channel=" + ID) is None


def test_the_address_of_a_video_leads_back_to_it():
    assert watch_url(VIDEO) == f"https://www.youtube.com/watch?v={VIDEO}"
    assert video_id_of(watch_url(VIDEO)) == VIDEO


PIECES = st.sampled_from(["https://", "//", "/", "@", "?v=", "#", ":", "%", "channel/", "watch", "[", "\\", ID, VIDEO])
PASTED = st.one_of(
    st.text(),
    st.lists(st.one_of(PIECES, st.sampled_from(sorted(HOSTS)), st.text(max_size=8)), max_size=8).map("".join),
)


@given(PASTED)
def test_nothing_but_invalid_ever_comes_out_and_values_are_safe_in_a_path(text):
    video_id_of(text)
    try:
        reference = parse_channel_reference(text)
    except Invalid:
        return
    assert reference.kind in ("id", "handle", "user", "custom", "video")
    assert not set("/\\?#%@:& \r\n\t\0") & set(reference.value)
    assert reference.value.strip(".")


def test_two_mebibytes_are_refused_at_once():
    for text in ("a" * 2**21, "@" * 2**21, "https://www.youtube.com/" + "/" * 2**21, " " * 2**21):
        assert video_id_of(text) is None
        with pytest.raises(Invalid):
            parse_channel_reference(text)
