"""
Places given as URLs: shown without their passwords, and with options of ours taken out.
"""

from __future__ import annotations

from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlsplit

from ..errors import ConfigurationError

__all__ = ["Place"]

_SECRET = ("password", "passwd", "pwd", "secret", "token", "key")


class Place:
    """
    A URL, and what of it may be seen.

    Args:
        text: The URL.
        own: Options that are ours, not the driver's.

    Attributes:
        url: The URL without our own options.
        shown: The whole URL, with `***` in place of each password.
        options: Our own options, as text.
    """

    __slots__ = ("_secrets", "options", "shown", "url")

    def __init__(self, text: str, *, own: tuple[str, ...] = ()) -> None:
        try:
            parts = urlsplit(text)
        except ValueError:
            raise ConfigurationError("the storage's URL cannot be read") from None
        pairs = parse_qsl(parts.query, keep_blank_values=True)
        theirs = [(name, value) for name, value in pairs if name not in own]
        self.options = {name: value for name, value in pairs if name in own}
        secrets = [value for name, value in pairs if _is_secret(name) and value]
        user, colon, password = parts.netloc.rpartition("@")[0].partition(":")
        netloc = parts.netloc
        if colon and password:
            secrets += [password, unquote(password)]
            netloc = f"{user}:***@{parts.netloc.rpartition('@')[2]}"
        self._secrets = sorted(set(secrets), key=len, reverse=True)
        self.url = _joined(parts._replace(query=_query(theirs)))
        hidden = [(name, "***" if _is_secret(name) else value) for name, value in pairs]
        self.shown = _joined(parts._replace(netloc=netloc, query=_query(hidden)))

    def hide(self, error: object) -> str:
        """
        What a driver says, in one line and without the passwords.
        """
        text = " ".join(str(error).split()) or type(error).__name__
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text.rstrip(".")


def _is_secret(name: str) -> bool:
    return any(name.lower().endswith(end) for end in _SECRET)


def _query(pairs: list[tuple[str, str]]) -> str:
    return "&".join(f"{quote(name)}={quote(value, safe='/*:,')}" for name, value in pairs)


def _joined(parts: SplitResult) -> str:
    # urlunsplit would drop the slashes where there is no host, as in unix:///run/redis.sock.
    query = f"?{parts.query}" if parts.query else ""
    return f"{parts.scheme}://{parts.netloc}{parts.path}{query}"
