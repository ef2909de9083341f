"""Passwords written into URLs: found to be warned about, and never shown."""

import re

PASSWORD_IN_URL = re.compile(r"://[^/?#@\s:]*:[^/?#@\s]+@")
PASSWORD_SETTING = re.compile(r"(^|[?&;\s])(password|passwd|pwd|pass)\s*=\s*[^\s&]+", re.IGNORECASE)


def carries_password(url: str) -> bool:
    """Tell whether a URL or connection string of any kind has a password written into it."""
    return bool(PASSWORD_IN_URL.search(url) or PASSWORD_SETTING.search(url))


def without_password(text: str) -> str:
    """Return text with ``***`` in place of what `carries_password` finds."""
    return PASSWORD_SETTING.sub(r"\1\2=***", PASSWORD_IN_URL.sub("://***@", text))
