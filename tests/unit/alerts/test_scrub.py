"""No part of a channel's URL is left in what is said about the channel."""

import base64
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.alerts.scrub import ANSWER_LIMIT, WITHHELD, scrub

SECRET = "CANARY/pä ss+9~~?"
PERCENT = quote(SECRET, safe="")

PLACES = [
    f"json://user:{PERCENT}@host/path",
    f"json://{PERCENT}:pw@host/path",
    f"json://host/hook/{PERCENT}/more",
    f"json://host/hook?+token={quote_plus(SECRET)}",
    f"json://host?+token={quote_plus(SECRET)}",
    f"slack://{PERCENT}/B1/C1",
    f"tgram://{PERCENT}:part2/chat",
    f"mailto://user@host?pass={quote_plus(SECRET)}",
]

FORMS = [
    SECRET,
    PERCENT,
    quote_plus(SECRET),
    quote(SECRET),
    SECRET.upper(),
    SECRET.encode().hex(),
    base64.b64encode(SECRET.encode()).decode(),
    base64.urlsafe_b64encode(SECRET.encode()).decode(),
]


@pytest.mark.parametrize("url", PLACES)
@pytest.mark.parametrize("form", FORMS)
def test_a_secret_is_masked_wherever_it_stands_and_however_it_is_written(url: str, form: str):
    words = scrub(f"could not send to {form}, error=500", url)
    assert form.lower() not in words.lower()
    assert "error=500" in words


@given(
    secret=st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=6, max_size=30),
    before=st.binary(max_size=9),
    after=st.binary(max_size=9),
)
def test_a_password_is_masked_inside_a_longer_base64_text(secret: str, before: bytes, after: bytes):
    encoded = base64.b64encode(before + secret.encode() + after).decode()
    words = scrub(f"Authorization: Basic {encoded}", f"json://u:{secret}@host")
    assert encoded not in words
    assert "***" in words or words == WITHHELD


def test_the_whole_url_is_masked():
    url = "json://u:pw99@alerts.example.org/hook/abcd"
    assert "alerts.example.org" not in scrub(f"sent to {url}", url)


def test_the_host_of_a_web_hook_may_be_named():
    words = scrub("connection error sending to 127.0.0.1", "json://u:pw99@127.0.0.1:80/hook")
    assert words == "connection error sending to 127.0.0.1"


@pytest.mark.parametrize("password", ["a", "or"])
def test_words_that_hold_a_very_short_password_are_withheld(password: str):
    assert scrub("an error, a", f"json://u:{password}@host") == WITHHELD


def test_short_words_of_a_path_are_no_secrets():
    assert scrub("POST to v1 failed", "json://host/v1/api") == "POST to v1 failed"


@given(words=st.text(max_size=2000), url=st.text(max_size=100))
def test_any_words_and_any_url_give_one_bounded_line(words: str, url: str):
    answer = scrub(words, url)
    assert len(answer) <= ANSWER_LIMIT
    assert answer.isprintable() or not any(ord(c) < 32 for c in answer)
