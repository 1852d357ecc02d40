"""
The whole tab and the sidebar: each is one fragment, which draws itself anew every few seconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from groq_quota.errors import QuotaError
from groq_quota.gauges import taken_by_others, used_today
from groq_quota.reports import Status

from .admin import draw_admin
from .charts import Charts
from .drawing import CSS
from .gauges import View, daily_gauges, read, window_gauges
from .page import Page, choose_language, every, language, local_zone, selected, stretched

if TYPE_CHECKING:
    from collections.abc import Iterator

    from groq_quota import ModelUsage, QuotaMeter

    from .charts import Chart

__all__ = ["usage_sidebar", "usage_tab"]

_DAYS = 30


def usage_tab(
    meter: QuotaMeter | None = None,
    *,
    model: str | None = None,
    lang: str | None = None,
    refresh: float | None = 5.0,
    admin: bool = False,
    key: str = "gq",
) -> None:
    """
    Draw the whole page of a meter: how it stands now, its history, its limits.

    It refreshes by itself, without running the script again.

    Args:
        meter: None is the default meter.
        model: The model to look at; None lets the visitor choose, at first the one used last.
        lang: "es" or "en"; None lets the visitor choose.
        refresh: Seconds between two refreshes; None or 0 for none.
        admin: Whether to show what `admin_controls` shows: to whoever sees the page.
        key: Of the widgets: another one where a script draws two of these.
    """
    st.html(CSS)
    if lang is None:
        choose_language(key)
    page = Page(meter, language(lang, key), key, model, admin)
    st.fragment(run_every=every(refresh))(_live)(page)


def usage_sidebar(
    meter: QuotaMeter | None = None,
    *,
    model: str | None = None,
    lang: str | None = None,
    refresh: float | None = 5.0,
    key: str = "gq",
) -> None:
    """
    Draw the compact counter in the sidebar, with state and alert; arguments as of `usage_tab`.

    With `lang` None it speaks the language that was chosen in the tab of the same `key`.
    """
    page = Page(meter, language(lang, key), key, model)
    with st.sidebar:
        st.html(CSS)
        st.fragment(run_every=every(refresh))(_compact)(page)


def _live(page: Page) -> None:
    try:
        view = read(page.meter, page.model or _chosen_model(page))
    except QuotaError as error:
        st.error(page.say("storage_error", reason=error))
        return
    if view.away:
        st.warning(page.say("storage_away"))
    names = ["now", "history", "limits", *["admin"] * page.admin]
    tabs = st.tabs([page.say(name) for name in names])
    with tabs[0]:
        _now(page, view)
    with tabs[1]:
        _history(page, view)
    with tabs[2]:
        _limits(page, view)
    if page.admin:
        with tabs[3]:
            draw_admin(page, view)


def _compact(page: Page) -> None:
    try:
        view = read(page.meter, page.model or st.session_state.get(f"{page.key}_model"))
    except QuotaError as error:
        st.error(page.say("storage_error", reason=error))
        return
    drawing, usage = page.drawing, view.current
    st.html(drawing.head(usage) + drawing.bars(daily_gauges(usage), thin=True))
    _alert(page, usage)
    st.caption(_reset(page, view))


def _chosen_model(page: Page) -> str:
    # The first choice goes along with what is used; the others stay where they are.
    named = page.meter.limits.models()
    used = sorted(set(page.meter.usages()) - set(named))
    with st.columns([2, 1])[0]:
        return selected(
            page.say("model"),
            ["", *named, *used],
            format_func=lambda name: name or page.say("latest_model"),
            key=f"{page.key}_model",
        )


def _now(page: Page, view: View) -> None:
    usage, drawing = view.current, page.drawing
    with st.container(border=True):
        st.html(drawing.head(usage) + drawing.bars(daily_gauges(usage)) + drawing.sentence(usage))
        st.caption(f"{_reset(page, view)} · {page.say('updated', clock=_clock(page, view))}")
        notes = list(_notes(page, usage))
        if notes:
            st.caption(" · ".join(notes))
    _alert(page, usage)
    windows = window_gauges(usage)
    if windows:
        st.markdown(f"##### {page.say('minute_windows')}")
        st.html(drawing.bars(windows, thin=True))
    _figures(page, view)
    st.markdown(f"##### {page.say('all_models')}")
    only = st.toggle(page.say("only_used"), key=f"{page.key}_only")
    shown = [one for one in view.models if used_today(one)] if only else view.models
    if shown:
        st.html(drawing.models(shown))
    else:
        st.caption(page.say("nothing_yet"))


def _notes(page: Page, usage: ModelUsage) -> Iterator[str]:
    # What the bars do not tell, where there is any of it.
    say, number = page.say, page.language.number
    if usage.fallbacks:
        yield say("note_fallbacks", number=number(usage.fallbacks))
    if usage.estimated_seconds:
        yield say("note_estimated", duration=page.language.duration(usage.estimated_seconds))
    others = taken_by_others(usage)
    amounts = [f"{number(amount)} {say(name)}" for name, amount in others.items()]
    if amounts:
        yield say("note_others", amounts=", ".join(amounts))


def _clock(page: Page, view: View) -> str:
    return page.language.clock(view.now, seconds=True)


def _reset(page: Page, view: View) -> str:
    # Without seconds: nobody needs to see them tick.
    wait = page.language.duration(60 * (view.reset_after // 60)).removesuffix(" 0 s")
    zone = local_zone()
    if zone is None:
        return page.say("resets", duration=wait)
    clock = page.language.clock(view.now + view.reset_after, zone)
    return page.say("resets_here", duration=wait, clock=clock)


def _alert(page: Page, usage: ModelUsage) -> None:
    # No figures in it: a screen reader says an alert again whenever it changes.
    if usage.status is Status.NORMAL:
        return
    name = usage.status.value
    if usage.status is Status.LIMIT_REACHED and page.meter.check(usage.model).allowed:
        name = "counted"
    draw = st.warning if usage.status is Status.WARNING else st.error
    draw(page.say(f"alert_{name}"))


def _figures(page: Page, view: View) -> None:
    usage, number, say = view.current, page.language.number, page.say
    counted = ("blocked", "avoided", "refused", "failed", "reserved", "cached_tokens")
    today = [(number(getattr(usage, name)), say(name)) for name in counted]
    today.insert(2, (page.language.duration(round(usage.waited, 1)), say("waited")))
    st.markdown(f"##### {say('today')} · {say('this_model')}")
    st.html(page.drawing.tiles(today))
    summary = view.summary
    lifetime = [
        (number(usage.lifetime_requests), f"{say('requests')}, {say('this_model').lower()}"),
        (number(usage.lifetime_tokens), f"{say('tokens')}, {say('this_model').lower()}"),
        (number(summary.lifetime_requests), f"{say('requests')}, {say('all_models').lower()}"),
        (number(summary.lifetime_tokens), f"{say('tokens')}, {say('all_models').lower()}"),
        (number(summary.days_active), say("days_active")),
    ]
    st.markdown(f"##### {say('lifetime')}")
    st.html(page.drawing.tiles(lifetime))


def _history(page: Page, view: View) -> None:
    days = page.meter.history(_DAYS)
    if not any(day.models for day in days):
        st.caption(page.say("no_history"))
        return
    charts = Charts.of(days, _metric(page), page.language)
    st.html(page.drawing.legend(charts.legend))
    st.markdown(f"##### {page.say('last_days', days=_DAYS)}")
    _chart(charts.daily(days), f"{page.key}_days")
    st.markdown(f"##### {page.say('by_hour')}")
    _chart(charts.hourly(view.models), f"{page.key}_hours")
    with st.expander(page.say("per_day")):
        counted = ("requests", "tokens", "blocked", "refused", "failed")
        rows = [
            [page.language.day(day.date)]
            + [page.language.number(getattr(day, name)) for name in counted]
            for day in reversed(days)
            if day.models
        ]
        titles = [page.say(name).capitalize() for name in counted]
        st.html(page.drawing.rows([page.say("date"), *titles], rows))


def _metric(page: Page) -> str:
    chosen = st.segmented_control(
        page.say("history"),
        ["requests", "tokens"],
        format_func=lambda name: page.say(f"title_{name}"),
        default="requests",
        key=f"{page.key}_metric",
        label_visibility="collapsed",
    )
    return chosen or "requests"


def _chart(chart: Chart, key: str) -> None:
    st.vega_lite_chart(spec=chart, key=key, **stretched(st.vega_lite_chart))


def _limits(page: Page, view: View) -> None:
    st.html(page.drawing.limits(view.models))
    st.caption(page.say("origins"))
