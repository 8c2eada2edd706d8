"""Where a log-in may lead on to: only paths of our own, whatever a link says."""

from urllib.parse import urlsplit


def safe_next(wanted: str) -> str:
    """An own path to go on to, else the first page: never another host, whatever a link says."""
    parts = urlsplit(wanted)
    own = wanted.startswith("/") and not wanted.startswith(("//", "/\\")) and not parts.scheme and not parts.netloc
    harmless = all(" " < sign < "\x7f" and sign != "\\" for sign in wanted)
    return wanted if own and harmless and not parts.path.startswith("/log-") else "/"
