"""
What an administrator may do: reset, set and forget limits, export. Nothing without confirmation.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import streamlit as st

from groq_quota.errors import QuotaError
from groq_quota.limits import KINDS, UNSET, Unset

from .exports import as_csv, as_json
from .gauges import View, read
from .page import Page, language, selected, stretched

if TYPE_CHECKING:
    from collections.abc import Callable

    from groq_quota import Limit, QuotaMeter

__all__ = ["admin_controls", "draw_admin"]

_DAYS = 400


def admin_controls(
    meter: QuotaMeter | None = None, *, lang: str | None = None, key: str = "gq"
) -> None:
    """
    Draw what changes a meter: reset, limits, export. Whoever sees it may use it.

    Args:
        meter: None is the default meter.
        lang: "es" or "en"; None as for `usage_tab`.
        key: Of the widgets.
    """
    page = Page(meter, language(lang, key), key, admin=True)
    draw_admin(page, read(page.meter))


def draw_admin(page: Page, view: View) -> None:
    """
    The same on a page that has been read already.
    """
    said = st.session_state.pop(f"{page.key}_said", None)
    if said:
        st.toast(said)
    # By name: in an order that changes, a browser would lose what was chosen.
    names = sorted(usage.model for usage in view.models)
    left, right = st.columns(2)
    with left:
        _reset(page, names)
        _forget(page, names)
    with right:
        _set_limits(page, view, names)
        _export(page)


def _reset(page: Page, names: list[str]) -> None:
    with st.popover(page.say("reset"), **stretched(st.popover)):
        st.write(page.say("reset_what"))
        model = _model(page, "reset", names)
        _confirmed(page, "reset", lambda: page.meter.reset(model), model)


def _forget(page: Page, names: list[str]) -> None:
    with st.popover(page.say("forget"), **stretched(st.popover)):
        st.write(page.say("forget_what"))
        model = _model(page, "forget", names)
        _confirmed(page, "forget", lambda: page.meter.forget_limits(model), model)


def _set_limits(page: Page, view: View, names: list[str]) -> None:
    with st.popover(page.say("set_limits"), **stretched(st.popover)):
        st.write(page.say("set_what"))
        model = selected(page.say("model"), names, key=f"{page.key}_set_model")
        given = page.meter.limits.override(model).given()
        holding = {limit.kind: limit.amount for limit in _limits_of(model, view)}
        columns = st.columns(2)
        amounts = {
            kind: columns[place % 2].number_input(
                kind.upper(),
                min_value=0,
                value=given.get(kind),
                step=1,
                placeholder=_shown(page, holding.get(kind)),
                key=f"{page.key}_set_{model}_{kind}",
            )
            for place, kind in enumerate(_KINDS)
        }
        _confirmed(page, "set", lambda: _set(page, model, amounts), model, button="set_limits")
        if given:
            _confirmed(page, "unset", lambda: page.meter.limits.set(model, None), model)


def _limits_of(model: str, view: View) -> list[Limit]:
    found = next(usage for usage in view.models if usage.model == model)
    return [window.limit for window in found.windows]


def _shown(page: Page, amount: int | None) -> str | None:
    return None if amount is None else page.language.number(amount)


_KINDS = tuple(kind for kind in KINDS if kind in {"rpm", "rpd", "tpm", "tpd"})


def _set(page: Page, model: str, amounts: dict[str, int | None]) -> None:
    limits = page.meter.limits
    mine = limits.override(model)
    chosen: dict[str, Any] = {  # they are limits, but `replace` takes other things too
        # An empty field is what the program said to be unlimited, or else nothing.
        kind: getattr(mine, kind) if amount is getattr(mine, kind) is None else _given(amount)
        for kind, amount in amounts.items()
    }
    limits.set(model, replace(mine, **chosen))


def _given(amount: int | None) -> int | Unset:
    return UNSET if amount is None else int(amount)


def _export(page: Page) -> None:
    with st.popover(page.say("export"), **stretched(st.popover)):
        st.write(page.say("export_what", days=_DAYS))
        if not st.checkbox(page.say("prepare"), key=f"{page.key}_prepare"):
            return
        meter = page.meter
        name = f"groq-quota-{meter.summary().date}"
        st.download_button(page.say("csv"), as_csv(meter.history(_DAYS)), f"{name}.csv", "text/csv")
        st.download_button(
            page.say("json"), as_json(meter, _DAYS), f"{name}.json", "application/json"
        )


def _model(page: Page, name: str, names: list[str]) -> str | None:
    # None is all models.
    chosen = selected(
        page.say("model"),
        ["", *names],
        format_func=lambda model: model or page.say("every_model"),
        key=f"{page.key}_{name}_model",
    )
    return chosen or None


def _confirmed(
    page: Page, name: str, act: Callable[[], None], model: str | None, button: str | None = None
) -> None:
    # One confirmation is good for one act on one model.
    sure = f"{page.key}_{name}_sure_{model or ''}"
    st.checkbox(page.say("sure"), key=sure)
    st.button(
        page.say(button or name),
        key=f"{page.key}_{name}_now",
        type="primary",
        disabled=not st.session_state.get(sure),
        on_click=_carry_out,
        args=(page, name, sure, act, model),
    )


def _carry_out(
    page: Page, name: str, sure: str, act: Callable[[], None], model: str | None
) -> None:
    # A browser may press a button that is disabled.
    if not st.session_state.get(sure):
        return
    st.session_state[sure] = False
    said = page.say(f"{name}_done", model=model or page.say("every_model"))
    try:
        act()
    except QuotaError as error:
        said = page.say("storage_error", reason=error)
    st.session_state[f"{page.key}_said"] = said
