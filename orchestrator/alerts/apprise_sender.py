"""Alerts through Apprise, which speaks to more than a hundred services by URL.

Apprise never raises for a channel that does not work, and much of what it returns looks like
success, so each outcome is decided here, from the attempts themselves:

- ``add()`` answers a wrong URL with False, and keeps the right ones of a list;
- a service marked ``?optional=yes`` reports success whatever happened;
- a redirect that is followed turns the POST into a GET, which succeeds and tells nobody;
- its deadlines leave worker threads behind that Python waits for at exit, so the deadline is ours.
"""

import logging
import queue
import re
import threading
import warnings
from collections.abc import Iterable
from typing import TYPE_CHECKING, final

from typing_extensions import override

from orchestrator.alerts.letter import write_letter
from orchestrator.alerts.scrub import scrub
from orchestrator.alerts.words import Severity
from orchestrator.model.alert import Alert, Delivery, DeliveryState
from orchestrator.model.policy import Channel
from orchestrator.ports.alerts import AlertSender

if TYPE_CHECKING:  # the import takes 150-400 ms, which only a real alert should cost
    from apprise import Apprise, AppriseAsset
    from apprise.plugins.base import NotifyBase
    from apprise.result import AppriseResult, NotifyResult

TIME_LIMIT = 9.0
"""Seconds for one alert on one channel, with everything that belongs to it."""

LIBRARIES_OF_APPRISE = (
    "charset_normalizer", "markdown", "oauthlib", "paho", "requests", "requests_oauthlib",
    "slixmpp", "urllib3",
)  # fmt: skip
"""Loggers that write whole URLs, tokens included, as soon as somebody turns on DEBUG."""

NOTIFY_TYPES = {
    Severity.CRITICAL: "FAILURE",
    Severity.WARNING: "WARNING",
    Severity.OK: "SUCCESS",
    Severity.INFO: "INFO",
}
"""Apprise's names, from which services choose colours, priorities and sounds."""

DETAIL = re.compile(
    r"(?:(?:Socket|I/O) Exception: |Response Details:\s*b?'?)(?P<answer>[^'<\s].*?)'?", re.DOTALL
)
"""Where a transport logs what its server answered; a page of HTML says nothing."""

OF_CONNECTION = re.compile(r"A (?:C|c)onnection error occur+ed ")
POOL = re.compile(r"HTTPS?Connection(?:Pool)?\([^)]*\): ")
QUOTED = re.compile(r"""\((?:\d+, )?(?P<quote>['"])(?P<words>.*)(?P=quote)""", re.DOTALL)
ERRNO = re.compile(r"^.*\[Errno -?\d+\] ", re.DOTALL)
"""How urllib3 says what a connection met, from the outside to the inside."""

LOADING = threading.Lock()
"""Which warnings are ignored is a setting of the whole process."""


@final
class AppriseSender(AlertSender):
    """Delivers alerts to whatever Apprise can reach."""

    def __init__(self, time_limit: float = TIME_LIMIT) -> None:
        """Given the seconds that a delivery may take, build the sender; nothing is loaded yet."""
        self._time_limit = time_limit

    @override
    def send(self, alert: Alert, channel: Channel) -> Delivery:
        answers: queue.SimpleQueue[tuple[DeliveryState, str]] = queue.SimpleQueue()
        # A daemon thread, because a transport that hangs must not hold up the end of the program.
        threading.Thread(
            target=lambda: answers.put(deliver(alert, channel.url.reveal())),
            name=f"alert-{channel.name}",
            daemon=True,
        ).start()
        try:
            state, words = answers.get(timeout=self._time_limit)
        except queue.Empty:
            state, words = DeliveryState.FAILED, f"no answer within {self._time_limit:g} s"
        return Delivery(
            channel=channel.name, state=state, answer=scrub(words, channel.url.reveal())
        )


def deliver(alert: Alert, url: str) -> tuple[DeliveryState, str]:
    """Given an alert and a channel's URL, send it and return what came of it.

    The words returned may quote the URL; whoever shows them scrubs them.
    """
    try:
        return send_through_apprise(alert, url)
    except Exception as error:  # noqa: BLE001 - a plugin's defect is an answer like any other
        return DeliveryState.FAILED, f"the transport broke: {type(error).__name__}: {error}"


def send_through_apprise(alert: Alert, url: str) -> tuple[DeliveryState, str]:
    """Do what `deliver` promises, except for defects of plugins, which are raised."""
    services = load_services(url)
    if services is None:
        return DeliveryState.FAILED, describe_bad_url(url)
    return read_results([send_to_service(alert, service) for service in services])


def send_to_service(alert: Alert, service: "NotifyBase") -> "AppriseResult":
    """Send an alert to one service in the form that it takes, and return Apprise's result."""
    from apprise import Apprise, NotifyFormat, NotifyType, OverflowMode  # noqa: PLC0415 - see TYPE_CHECKING

    letter = write_letter(alert, service)
    if service.overflow_mode == OverflowMode.UPSTREAM:
        # The last resort: what is cut arrives, and what is too long does not.
        service.overflow_mode = OverflowMode.TRUNCATE
    only = Apprise(asset=service.asset)
    only.add(service)
    return only.notify(
        title=letter.title,
        body=letter.body,
        body_format=NotifyFormat(letter.form.value),
        notify_type=NotifyType[NOTIFY_TYPES[letter.severity]],
        log_level=logging.DEBUG,
    )


def load_services(url: str) -> "Apprise | None":
    """Return the services of a channel's URL, or None if Apprise does not accept all of it."""
    # Its plugins are imported here. One of them warns about a deprecated module, and a user who
    # made warnings errors shall be alerted all the same.
    with LOADING, warnings.catch_warnings(action="ignore"):
        from apprise import Apprise  # noqa: PLC0415 - see TYPE_CHECKING

        silence_libraries()
        services = Apprise(asset=make_asset())
        return services if services.add(url) else None


def make_asset() -> "AppriseAsset":
    """Return Apprise's settings: nothing on disk, no threads of its own, no redirects.

    Nor does a message name pictures, which a reader's program would load from elsewhere.
    """
    from apprise import AppriseAsset  # noqa: PLC0415 - see TYPE_CHECKING

    return AppriseAsset(
        app_id="orchestrator",
        app_desc="Database backups",
        async_mode=False,
        service_timeout=0,
        http_redirects=False,
        allow_templates=False,
        interpret_escapes=False,
        interpret_emojis=False,
        pgp_autogen=False,
        pem_autogen=False,
        image_url_mask="",
    )


def read_results(results: "list[AppriseResult]") -> tuple[DeliveryState, str]:
    """Given the result of each service of a channel, return SENT only if all took the message."""
    services = [service for result in results for service in result.results]
    names = ", ".join(str(service.name) for service in services)
    accepted = [was_accepted(service) for service in services]
    if len(services) == len(results) > 0 and all(accepted):
        return DeliveryState.SENT, f"accepted by {names}"
    words = [words for result in results for words in list_words(result)]
    status = "partial" if any(accepted) else results[0].status.name.lower() if results else "none"
    return DeliveryState.FAILED, join_words(names, status, words)


def list_words(result: "AppriseResult") -> list[str]:
    """Return what the transport said: its warnings first, then what its server answered."""
    warned = [entry.message for entry in result.logs() if entry.level in {"WARNING", "ERROR"}]
    details = [DETAIL.fullmatch(entry.message) for entry in result.logs()]
    answers = [found["answer"] for found in details if found is not None]
    causes = [innermost(answer) for answer in answers]
    if causes != answers:
        # Who knows why needs no "a connection error occurred" before it.
        warned = [words for words in warned if not OF_CONNECTION.match(words)]
    return [*warned, *causes]


def innermost(answer: str) -> str:
    """Return the cause that urllib3 wraps into others, or the answer itself if it wraps none.

    ``HTTPConnectionPool(…): Max retries exceeded with url: / (Caused by NewConnectionError("…:
    Failed to establish a new connection: [Errno 111] Connection refused"))`` is a connection that
    was refused.
    """
    if not POOL.match(answer):
        return answer
    _, _, inner = answer.rpartition("Caused by ")
    quoted = QUOTED.search(inner)
    words = quoted["words"] if quoted else inner
    cause = ERRNO.sub("", POOL.sub("", words)).strip()
    while cause.endswith(")") and cause.count(")") > cause.count("("):
        cause = cause[:-1]
    return cause or answer


def was_accepted(service: "NotifyResult") -> bool:
    """Return whether the last attempt was a success, whatever the service reports of itself."""
    return bool(service.attempts) and bool(service.attempts[-1])


def join_words(names: str, status: str, words: Iterable[str]) -> str:
    """Return the transport's own words, or its status where it has none."""
    said = "; ".join(dict.fromkeys(words)) or "no reason was given"
    return f"{names or 'no service'} ({status}): {said}"


def describe_bad_url(url: str) -> str:
    """Return words for a URL that Apprise does not accept."""
    scheme = re.match(r"[a-z][a-z0-9+.-]{0,19}(?=://)", url, re.IGNORECASE)
    kind = f"{scheme[0]}:// URL" if scheme else "URL, which has no scheme such as slack://,"
    return f"Apprise does not accept the channel's {kind} (misspelt, or a part is missing)"


def silence_libraries() -> None:
    """Keep the libraries' own log lines, which can hold secrets, from every handler.

    Apprise makes those that tell what a transport met, because the words of a result are made of
    them; no handler but that of the result ever gets them.
    """
    silence("apprise", logging.DEBUG)
    logging.getLogger("apprise").addFilter(tells_what_happened)
    for name in LIBRARIES_OF_APPRISE:
        silence(name, logging.CRITICAL + 1)


def tells_what_happened(record: logging.LogRecord) -> bool:
    """Return whether a log line is a warning or a transport's answer, rather than what was sent."""
    return record.levelno >= logging.WARNING or DETAIL.fullmatch(record.getMessage()) is not None


def silence(name: str, level: int) -> None:
    """Keep a logger's lines to itself, and those below the level from being made at all."""
    logger = logging.getLogger(name)
    logger.setLevel(level)
    logger.propagate = False
    if not logger.handlers:
        # Without any handler, warnings would go to standard error.
        logger.addHandler(logging.NullHandler())
