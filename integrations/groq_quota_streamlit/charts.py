"""
The charts of the history and of the day's hours, drawn by Altair, which Streamlit brings.

A specification is made once for each language and set of models; a refresh sends figures only.
"""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from groq_quota import DailySummary, ModelUsage

    from .language import Language

__all__ = ["Chart", "Charts", "ceiling"]

# A specification of Vega-Lite, data included: JSON, so of mixed values.
Chart = dict[str, Any]

# Neither green, orange nor red: these are the states' colours.
_COLOURS = ("#3b82f6", "#8b5cf6", "#06b6d4", "#64748b", "#d946ef", "#0f766e", "#a78bfa", "#94a3b8")
_HEIGHT = 220


class Charts(NamedTuple):
    """
    Draws one metric, requests or tokens, of the models by these names, each in its colour.

    The last name may stand for all others.
    """

    metric: str
    language: Language
    names: tuple[str, ...]

    @classmethod
    def of(cls, days: Iterable[DailySummary], metric: str, language: Language) -> Charts:
        """
        For these days; of many models the smallest are put together.
        """
        total: Counter[str] = Counter()
        for day in days:
            total.update({name: int(row[metric]) for name, row in day.models.items()})
        most = len(_COLOURS)
        named = [name for name, count in total.most_common() if count]
        if len(named) > most:
            named = [*named[: most - 1], language.say("others")]
        return cls(metric, language, tuple(named))

    @property
    def legend(self) -> list[tuple[str, str]]:
        """
        The names with their colours.
        """
        return list(zip(self.names, _COLOURS, strict=False))

    def daily(self, days: Sequence[DailySummary]) -> Chart:
        """
        Bars of past days, stacked by model.
        """
        series = {
            self.language.short_day(day.date): {
                name: row[self.metric] for name, row in day.models.items()
            }
            for day in days
        }
        about = self.language.say("last_days_alt", metric=self._title, days=len(days))
        return self._chart(series, self.language.say("date"), about)

    def hourly(self, usages: Iterable[ModelUsage]) -> Chart:
        """
        Bars of the hours of today, stacked by model.
        """
        place = ("requests", "tokens").index(self.metric)
        series: dict[str, dict[str, float]] = {f"{hour:02}": {} for hour in range(24)}
        for usage in usages:
            for hour, counts in usage.hours.items():
                series[f"{hour:02}"][usage.model] = counts[place]
        about = self.language.say("by_hour_alt", metric=self._title)
        return self._chart(series, self.language.say("hour"), about)

    @property
    def _title(self) -> str:
        return self.language.say(f"title_{self.metric}")

    def _chart(self, series: Mapping[str, Mapping[str, float]], axis: str, about: str) -> Chart:
        stacks = {label: self._grouped(counts) for label, counts in series.items()}
        rows = [
            {"x": label, "model": name, "y": count, "order": self.names.index(name)}
            for label, counts in stacks.items()
            for name, count in counts.items()
        ]
        top = ceiling(max((counts.total() for counts in stacks.values()), default=0))
        spec = _spec(
            tuple(series),
            self.names,
            top=top,
            axis=axis,
            title=self._title,
            about=about,
            language=self.language,
        )
        return {**spec, "data": {"values": rows}}

    def _grouped(self, counts: Mapping[str, float]) -> Counter[str]:
        grouped: Counter[str] = Counter()
        for name, count in counts.items():
            if count:
                grouped[name if name in self.names else self.names[-1]] += int(count)
        return grouped


def ceiling(highest: float) -> int:
    """
    Where an axis ends: seldom elsewhere, so that a chart that grows is seldom drawn anew.
    """
    step = 10 ** max(0, len(str(int(highest))) - 1)
    ends = (int(factor * step) for factor in (1, 1.5, 2, 3, 4, 5, 6, 8, 10))
    return next(end for end in ends if end >= max(4, highest) or end >= 10 * step)


@lru_cache(maxsize=32)
def _spec(
    labels: tuple[str, ...],
    names: tuple[str, ...],
    *,
    top: int,
    axis: str,
    title: str,
    about: str,
    language: Language,
) -> Chart:
    import altair as alt  # heavy, and only where a chart is drawn

    bars = alt.Chart(alt.InlineData(values=[]), height=_HEIGHT, width="container")
    chart = bars.mark_bar().encode(
        x=alt.X(
            "x:O",
            title=None,
            scale=alt.Scale(domain=list(labels)),
            axis=alt.Axis(labelAngle=0, labelOverlap="greedy", labelSeparation=8),
        ),
        # With its end given, Vega need not look for it before there are figures, and complain.
        y=alt.Y(
            "y:Q",
            title=None,
            scale=alt.Scale(domain=[0, top], nice=False),
            axis=alt.Axis(tickMinStep=1, format=",d", tickCount=4),
        ),
        color=alt.Color(
            "model:N",
            scale=alt.Scale(domain=list(names), range=list(_COLOURS[: len(names)])),
            legend=None,
        ),
        order=alt.Order("order:Q"),
        tooltip=[
            alt.Tooltip("x:O", title=axis),
            alt.Tooltip("model:N", title=language.say("model")),
            alt.Tooltip("y:Q", title=title, format=","),
        ],
    )
    described = chart.properties(description=about)
    made: Chart = described.configure(locale={"number": _NUMBERS[language.code]}).to_dict()
    del made["datasets"]  # the figures come later
    return made


_NUMBERS = {
    "en": {"decimal": ".", "thousands": ",", "grouping": [3], "currency": ["$", ""]},
    "es": {"decimal": ",", "thousands": ".", "grouping": [3], "currency": ["", " €"]},
}
