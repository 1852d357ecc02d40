"""
The display functions of the tracker that groq-quota grew out of, by their names.

They draw what a tracker's `get_usage_info` returns, once; they speak Spanish unless told otherwise.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import streamlit as st

from groq_quota import usage_tracker
from groq_quota.gauges import Gauge
from groq_quota.reports import Status
from groq_quota.windows import DAY, seconds_to_midnight

from .drawing import CSS, Drawing
from .language import Language

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from groq_quota import UsageTracker

__all__ = [
    "display_detailed_stats",
    "display_model_limits_info",
    "display_usage_alert",
    "display_usage_metrics",
    "display_usage_progress_bar",
    "get_time_until_reset",
]


def display_usage_metrics(
    usage_info: Mapping[str, Any], key_prefix: str = "usage", *, lang: str = "es"
) -> None:
    """
    Draw a model's day: its state, requests and tokens, bars, and the details to unfold.

    Args:
        usage_info: What `UsageTracker.get_usage_info` returned.
        key_prefix: Taken for the first tracker's sake; nothing here has a key.
    """
    language = Language(lang)
    say = language.say
    st.subheader(say("title"))
    about = st.columns(2)
    name = str(usage_info.get("model_description") or usage_info.get("model") or "–")
    about[0].metric(say("current_model"), name, help=str(usage_info.get("model") or "") or None)
    about[1].metric(say("reset_date"), _day(usage_info.get("date"), language))
    figures = st.columns(3)
    for column, metric in zip(figures, ("requests", "tokens"), strict=False):
        gauge = _gauge(usage_info, metric)
        column.metric(
            say(f"used_{metric}"), language.number(gauge.used), _left(gauge, language), "off"
        )
    free = usage_info.get("can_make_request", True)
    figures[2].metric(
        say("state"),
        say(_status(usage_info).value),
        say("available" if free else "unavailable"),
        delta_color="normal" if free else "inverse",
    )
    display_usage_progress_bar(usage_info, key_prefix, lang=lang)
    with st.expander(say("detailed")):
        display_detailed_stats(usage_info, lang=lang)


def display_usage_progress_bar(
    usage_info: Mapping[str, Any], key_prefix: str = "usage", *, lang: str = "es"
) -> None:
    """
    Draw the bars of a model's requests and tokens; arguments as of `display_usage_metrics`.
    """
    language = Language(lang)
    gauges = [_gauge(usage_info, metric) for metric in ("requests", "tokens")]
    st.markdown(f"##### {language.say('daily_progress')}")
    st.html(CSS)
    st.html(Drawing(language).bars(gauges))
    if not any(gauge.used for gauge in gauges):
        st.info(language.say("nothing_yet"))


def display_detailed_stats(usage_info: Mapping[str, Any], *, lang: str = "es") -> None:
    """
    Draw the figures of a model's day, its last request and the lifetime.
    """
    language = Language(lang)
    for column, metric in zip(st.columns(2), ("requests", "tokens"), strict=True):
        gauge = _gauge(usage_info, metric)
        column.markdown(f"**{language.say(f'title_{metric}')}**\n\n{_details(gauge, language)}")
    last = _ago(usage_info.get("last_request"), language)
    if last:
        st.markdown(f"**{language.say('last_request')}**: {last}")
    lifetime = usage_info.get("lifetime_stats")
    if lifetime:
        named = (("requests", "requests"), ("tokens", "tokens"), ("days_active", "days_active"))
        lines = [
            f"- {language.say(text)}: {language.number(lifetime.get(name) or 0)}"
            for name, text in named
        ]
        st.markdown("\n".join([f"**{language.say('lifetime')}**", "", *lines]))


def display_usage_alert(usage_info: Mapping[str, Any], *, lang: str = "es") -> None:
    """
    Draw an alert where a daily limit is near or reached; nothing while the use is normal.
    """
    language, status = Language(lang), _status(usage_info)
    if not usage_info.get("can_make_request", True):
        st.error(language.say("alert_limit_reached"))
    elif status is Status.LIMIT_REACHED:
        st.error(language.say("alert_counted"))
    elif status is Status.CRITICAL:
        st.error(language.say("alert_critical"))
    elif status is Status.WARNING:
        st.warning(language.say("alert_warning"))


def display_model_limits_info(tracker: UsageTracker | None = None, *, lang: str = "es") -> None:
    """
    Draw the daily limits of all models a tracker knows, and what is used of them.

    Args:
        tracker: None is `groq_quota.usage_tracker`.
    """
    language, source = Language(lang), tracker or usage_tracker
    day, known = source.get_daily_summary()["date"], source.meter.limits
    infos = source.get_all_models_usage()
    gone = [name for name in infos if (known.shutdown(name) or "9999") <= day]
    st.subheader(language.say("model_limits"))
    st.html(CSS)
    present = [info for name, info in infos.items() if name not in gone]
    _limits_table(language.say("still_there"), present, language)
    with st.expander(language.say("shut_down")):
        _limits_table("", [infos[name] for name in gone], language)


def get_time_until_reset(*, lang: str = "es") -> str:
    """
    The time until counting begins anew at midnight UTC: `5 h 12 min`.
    """
    return Language(lang).duration(seconds_to_midnight(usage_tracker.meter.now()))


def _limits_table(title: str, infos: Sequence[Mapping[str, Any]], language: Language) -> None:
    say = language.say
    if title:
        st.markdown(f"##### {title}")
    titles = [say("model"), *(say("a_day", metric=say(f"title_{one}")) for one in _METRICS)]
    rows = [
        [
            str(info["model"]),
            *(_limit(_gauge(info, metric), language) for metric in _METRICS),
            _used(info, language),
        ]
        for info in infos
    ]
    st.html(Drawing(language).rows([*titles, say("used")], rows))


_METRICS = ("requests", "tokens")


def _limit(gauge: Gauge, language: Language) -> str:
    return language.say("no_limit") if gauge.limit is None else language.number(gauge.limit)


def _used(info: Mapping[str, Any], language: Language) -> str:
    highest = max(_gauge(info, metric).percent for metric in _METRICS)
    used = any(_gauge(info, metric).used for metric in _METRICS)
    return language.percent(highest) if used else language.say("no_use")


def _gauge(info: Mapping[str, Any], metric: str) -> Gauge:
    used, limit = info.get(f"{metric}_used") or 0, info.get(f"{metric}_limit")
    return Gauge(metric, DAY, used, limit)


def _left(gauge: Gauge, language: Language) -> str | None:
    if gauge.limit is None:
        return None
    return language.say("left", number=language.number(gauge.remaining))


def _details(gauge: Gauge, language: Language) -> str:
    lines = [(language.say("used"), language.number(gauge.used))]
    lines.append((language.say("limit"), _limit(gauge, language)))
    if gauge.limit is not None:
        lines.append((language.say("remaining"), language.number(gauge.remaining)))
        lines.append((language.say("percentage"), language.percent(gauge.percent)))
    return "\n".join(f"- {name}: {figure}" for name, figure in lines)


def _status(info: Mapping[str, Any]) -> Status:
    try:
        return Status(info.get("status", "normal"))
    except ValueError:
        return Status.NORMAL


def _day(date: object, language: Language) -> str:
    return language.day(date) if isinstance(date, str) and date else "–"


def _ago(last: object, language: Language) -> str | None:
    # The first tracker wrote local times without a zone; ours are in UTC.
    if not isinstance(last, str):
        return None
    moment = datetime.fromisoformat(last.replace("Z", "+00:00"))
    moment = moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
    seconds = max(0.0, usage_tracker.meter.now() - moment.timestamp())
    wait = language.duration(round(seconds)) if seconds < 60 else language.duration(seconds)
    return language.say("last_request_ago", duration=wait)
