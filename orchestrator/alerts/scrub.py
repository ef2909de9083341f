"""Keeps a channel's URL out of what is said about the channel. Pure.

A URL of Apprise is a secret as a whole: tokens lie in its user, password, path, query and, for
many services, in the place of the host. A transport may quote any of them in its words, plain or
encoded.
"""

import base64
import re
import unicodedata
from urllib.parse import parse_qsl, quote, quote_plus, unquote

MASK = "***"
ANSWER_LIMIT = 300
SHORTEST_TOKEN = 4
"""Shorter path segments and query values are words like ``v1``, not secrets."""

SHORTEST_MASKED = 3
"""Masking shorter texts would leave no words at all; such an answer is withheld as a whole."""

HOSTED_SCHEMES = frozenset(
    {"json", "jsons", "xml", "xmls", "form", "forms", "http", "https", "mailto", "mailtos"}
)
"""Schemes whose host is an address. Elsewhere it can be a token (``slack://TokenA/…``)."""

WITHHELD = "its words are withheld, because they hold a part of the channel's URL"


def scrub(words: str, url: str) -> str:
    """Given a transport's words and the channel's URL, return the words without the URL.

    Every secret part of the URL is masked in plain, percent-encoded, base64 and hexadecimal form,
    whatever its case. The answer is one line of at most 300 characters without control characters.
    """
    for secret in sorted(list_secrets(url), key=len, reverse=True):
        for form in sorted(list_forms(secret), key=len, reverse=True):
            if len(form) >= SHORTEST_MASKED:
                words = re.sub(re.escape(form), MASK, words, flags=re.IGNORECASE)
            elif form.lower() in words.lower():
                return WITHHELD
    visible = "".join(
        " " if unicodedata.category(character).startswith("C") else character for character in words
    )
    line = " ".join(visible.split())
    return line if len(line) <= ANSWER_LIMIT else line[: ANSWER_LIMIT - 1] + "…"


def list_secrets(url: str) -> set[str]:
    """Return the parts of a channel's URL that nobody may read, decoded, longest forms included."""
    scheme, _, rest = url.partition("://")
    authority, _, remainder = rest.partition("/")
    userinfo, _, host = authority.rpartition("@")
    user, _, password = userinfo.partition(":")
    query = remainder.partition("?")[2] or host.partition("?")[2]
    path = remainder.partition("?")[0]
    tokens = [user, *re.split(r"[/#]", path), *(value for _, value in parse_qsl(query))]
    if scheme.lower() not in HOSTED_SCHEMES:
        tokens += [host, *re.split(r"[:?]", host)]
    found = {url, rest, userinfo, path} | set(tokens)
    long_enough = {part for part in found if len(part) >= SHORTEST_TOKEN}
    passwords = {part for part in (password, *passwords_of(query)) if part}
    return {unquote(part) for part in long_enough | passwords} | long_enough | passwords


def passwords_of(query: str) -> set[str]:
    """Return the values of a query whose keys say that they are secret, however short."""
    return {
        value
        for key, value in parse_qsl(query)
        if re.search(r"pass|pwd|token|secret|key|auth", key, re.IGNORECASE)
    }


def list_forms(secret: str) -> set[str]:
    """Return the texts under which a secret can appear."""
    raw = secret.encode()
    forms = {secret, quote(secret, safe=""), quote(secret), quote_plus(secret), raw.hex()}
    return forms | {form for form in list_base64(raw) if len(form) >= SHORTEST_TOKEN}


def list_base64(raw: bytes) -> set[str]:
    """Return what base64 makes of the bytes, alone and in the middle of something longer.

    Base64 works on three bytes at a time, so there are three ways, by where the secret begins;
    the characters at both ends that mix with their neighbours are left off.
    """
    forms = {base64.b64encode(raw).decode()}
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + raw).decode()
        first = (shift * 8 + 5) // 6
        last = (shift + len(raw)) * 8 // 6
        forms.add(encoded[first:last])
    return forms | {form.translate(str.maketrans("+/", "-_")) for form in forms}
