"""
`groq-quota simulate`: a look-alike of Groq, with its limits and faults said on the command line.
"""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any

from ..limits import KINDS
from .complaint import Complaint

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..simulator import Fault, Simulator
    from .language import Language

__all__ = ["fault", "limits", "serve"]

_FAULT = re.compile(
    r"(?P<what>[45]\d\d|drop|stall|error|delay|gap|no-usage)"
    r"(=(?P<number>\d+(\.\d+)?))?(x(?P<times>[1-9]\d*|all))?"
)


def limits(given: Iterable[str]) -> dict[str, dict[str, int]] | None:
    """
    Limits out of texts like `my-model:rpm=30,tpm=8000`; None if there are none.

    Raises:
        Complaint: A text is none of these.
    """
    found: dict[str, dict[str, int]] = {}
    for text in given:
        model, _, amounts = text.rpartition(":")
        row = found.setdefault(model, {})
        for part in amounts.split(","):
            kind, _, amount = part.partition("=")
            if not model or kind not in KINDS or not amount.isdecimal() or not int(amount):
                raise Complaint("bad_limit", given=text, known=", ".join(KINDS))
            row[kind] = int(amount)
    return found or None


def fault(text: str) -> Fault:
    """
    A fault out of a text like `500x3`, `drop=2` or `delay=1.5xall`.

    Raises:
        Complaint: It is none.
    """
    from ..simulator import Fault

    read = _FAULT.fullmatch(text)
    if read is None:
        raise Complaint("bad_fault", given=text)
    how = _how(read["what"], read["number"])
    if how is None:
        raise Complaint("bad_fault", given=text)
    times = read["times"] or "1"
    return Fault(**how, times=None if times == "all" else int(times))


def _how(what: str, number: str | None) -> dict[str, Any] | None:  # arguments of Fault
    if what in {"delay", "gap"}:
        return {what: float(number)} if number else None
    if what in {"drop", "stall", "error"}:
        if number and not number.isdecimal():
            return None
        return {"end": what, "after": int(number) if number else None}
    if number:
        return None
    return {"usage": False} if what == "no-usage" else {"status": int(what)}


def serve(simulator: Simulator, language: Language, *, host: str, port: int) -> None:
    """
    Serve until Ctrl-C; say how to point a program at it, and in the end what was billed.

    Raises:
        Complaint: Nothing can listen there.
        ModuleNotFoundError: The extra `simulator` is not installed.
    """
    from ..simulator import serve as serve_until_interrupted

    try:
        serve_until_interrupted(
            simulator, host, port, on_ready=lambda url: _say(_ready(url, language))
        )
    except KeyboardInterrupt:
        pass  # how it is meant to end
    except (OSError, OverflowError) as error:  # the latter for ports that cannot be
        reason = getattr(error, "strerror", None) or error
        raise Complaint("port_taken", host=host, port=port, reason=reason) from error
    ledger = simulator.ledger
    done = language.say(
        "simulate_done",
        answered=language.number(ledger.answered()),
        refused=language.number(ledger.refused()),
        tokens=language.counted("count_tokens", ledger.tokens()),
    )
    _say(f"\n{done}")


def _ready(url: str, language: Language) -> str:
    setting = "  set" if sys.platform == "win32" else "  export"
    lines = (
        language.say("simulate_up"),
        "",
        f"{setting} GROQ_BASE_URL={url}",
        f"{setting} GROQ_API_KEY=simulated",
        "",
        language.say("simulate_end"),
    )
    return "\n".join(lines)


def _say(text: str) -> None:
    # Flushed, so that a script may wait for it.
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
