"""
What groq-quota tells people, in English and in Spanish (worded as the seed's tracker did).

Sentences have plain numbers, as the tracker's had, unless they are asked for `localized` ones.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .limits import Limit
    from .reports import Status

__all__ = [
    "denied",
    "duration",
    "floor_percent",
    "limit_name",
    "number",
    "percent",
    "standing",
    "text",
]

_TEXTS = {
    "en": {
        "normal": "Normal use: {remaining} {metric} left",
        "unlimited": "Normal use: no daily limit",
        "warning": "High use: {percent} of {metric} used",
        "critical": "Critical use: {percent} of {metric} used",
        "limit_reached": "Daily limit reached: {used} of {amount} {metric} used",
        "full": "{limit} reached: {used} of {amount} used, {requested} requested; free in {wait}",
        "unfit": "Not enough left of {limit}: {used} of {amount} used, {requested} requested; "
        "it fits in {wait}",
        "large": "Too large for {limit}: {requested} requested, the whole limit is {amount}",
        "blocked": "Blocked: {limit} is set to 0",
        "requests": "requests",
        "tokens": "tokens",
        "input_tokens": "input tokens",
        "output_tokens": "output tokens",
        "audio_seconds": "seconds of audio",
        "60": "per minute",
        "3600": "per hour",
        "86400": "per day",
        "unknown_model": "Unknown model",
    },
    "es": {
        "normal": "Uso normal: {remaining} {metric} disponibles",
        "unlimited": "Uso normal: sin límite diario",
        "warning": "Uso alto: {percent} de {metric} utilizados",
        "critical": "Uso crítico: {percent} de {metric} utilizados",
        "limit_reached": "Límite diario alcanzado: {used} de {amount} {metric} utilizados",
        "full": "Límite de {limit} alcanzado: {used} de {amount} utilizados, "
        "{requested} solicitados; libre en {wait}",
        "unfit": "No queda suficiente de {limit}: {used} de {amount} utilizados, "
        "{requested} solicitados; cabrá en {wait}",
        "large": "Demasiado grande para {limit}: {requested} solicitados, "
        "el límite entero es {amount}",
        "blocked": "Bloqueado: el límite de {limit} es 0",
        "requests": "requests",
        "tokens": "tokens",
        "input_tokens": "tokens de entrada",
        "output_tokens": "tokens de salida",
        "audio_seconds": "segundos de audio",
        "60": "por minuto",
        "3600": "por hora",
        "86400": "por día",
        "unknown_model": "Modelo desconocido",
    },
}


def text(lang: str, name: str, **values: object) -> str:
    """
    A text of the catalogue in a language; English for languages it does not have.
    """
    return _TEXTS.get(lang, _TEXTS["en"])[name].format(**values)


def floor_percent(used: float, amount: float | None) -> float:
    """
    The percentage used, cut to one decimal, within 0 to 100; 0.0 where there is no limit.

    Cut, so that 100 is shown only when the limit is reached.
    """
    if amount is None:
        return 0.0
    if used >= amount:
        return 100.0
    return max(0.0, used * 1000 // amount / 10)


def number(value: float, lang: str) -> str:
    """
    A whole number with its thousands grouped: `1,234` in English; `1234`, `12.345` in Spanish.
    """
    plain = f"{round(value):,}"
    if lang != "es":
        return plain
    return plain.replace(",", "." if abs(value) >= 9_999.5 else "")


def percent(value: float, lang: str) -> str:
    """
    A percentage with one decimal: `42.5%` in English, `42,5 %` in Spanish.
    """
    return f"{value:.1f} %".replace(".", ",") if lang == "es" else f"{value:.1f}%"


def duration(seconds: float, lang: str = "en") -> str:
    """
    A wait for people: `2.5 s` (in Spanish `2,5 s`), `3 min 20 s`, `5 h 12 min`.
    """
    # Rounded up: whoever waits that long need not wait again.
    tenths = math.ceil(seconds * 10 - 1e-6)
    if tenths < 600:
        plain = f"{tenths / 10:g} s"
        return plain.replace(".", ",") if lang == "es" else plain
    whole = math.ceil(seconds - 1e-6)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    minutes = math.ceil(whole / 60)
    return f"{minutes // 60} h {minutes % 60} min"


def limit_name(limit: Limit, lang: str = "en") -> str:
    """
    A limit in words: `tokens per minute (TPM)`.
    """
    metric, period = text(lang, limit.metric), text(lang, str(limit.period))
    return f"{metric} {period} ({limit.kind.upper()})"


def standing(
    status: Status,
    metric: str | None,
    used: float,
    amount: float | None,
    lang: str = "en",
    *,
    localized: bool = False,
) -> str:
    """
    How a model stands by the daily limit that is nearest to its end; `metric` None: it has none.
    """
    if metric is None or amount is None:
        return text(lang, "unlimited")
    share = floor_percent(used, amount)
    left = math.floor(max(0, amount - used) + 1e-6)
    return text(
        lang,
        status.value,
        metric=text(lang, metric),
        remaining=number(left, lang) if localized else left,
        percent=percent(share, lang if localized else "en"),
        used=_whole(used, lang, localized=localized),
        amount=_whole(amount, lang, localized=localized),
    )


def denied(
    limit: Limit,
    used: float,
    requested: float,
    retry_after: float | None,
    *,
    too_large: bool = False,
    lang: str = "en",
    localized: bool = False,
) -> str:
    """
    Why a request does not fit: the limit, its use, what was asked for and the wait.
    """
    amount = limit.amount or 0
    if too_large:
        name = "large"
    elif amount == 0:
        name = "blocked"
    else:
        name = "full" if used >= amount else "unfit"
    said = text(
        lang,
        name,
        limit=limit_name(limit, lang),
        used=_whole(used, lang, localized=localized),
        amount=_whole(amount, lang, localized=localized),
        requested=_whole(requested, lang, localized=localized),
        wait=duration(retry_after or 0.0, lang if localized else "en"),
    )
    return said[:1].upper() + said[1:]


def _whole(value: float, lang: str, *, localized: bool) -> str:
    # Buckets drain continuously: the use shown is rounded up.
    rounded = math.ceil(value - 1e-6)
    return number(rounded, lang) if localized else str(rounded)
