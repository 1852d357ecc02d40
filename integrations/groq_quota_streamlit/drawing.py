"""
Bars, badges, tiles and tables as HTML: Streamlit's own bars have one colour and no name.

Whatever is shown is escaped here. A state is never told by colour alone: number, icon and word
stand beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from groq_quota.reports import Status

from .gauges import daily_gauges, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from groq_quota import Limit, ModelUsage
    from groq_quota.gauges import Gauge

    from .language import Language

__all__ = ["CSS", "Drawing"]

# The browser's `light-dark` follows the theme, because Streamlit sets `color-scheme`; its own CSS
# variables do not reach HTML like this.
CSS = """<style>
.gq{--gq-normal:light-dark(#15803d,#22c55e);--gq-warning:light-dark(#c2570c,#f59e0b);
--gq-critical:light-dark(#dc2626,#f87171);--gq-limit_reached:light-dark(#991b1b,#ef4444);
--gq-line:rgba(128,128,128,.28);line-height:1.35;font-size:1rem}
.gq *{box-sizing:border-box}
.gq small,.gq .soft{opacity:.72;font-size:.86em}
.gq code{font-size:.95em;color:inherit;background:rgba(128,128,128,.14);padding:.1em .35em;
border-radius:.3em;overflow-wrap:anywhere}
.gq .head{display:flex;flex-wrap:wrap;align-items:center;gap:.4rem .8rem;margin-bottom:.7rem}
.gq .grid{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(15rem,100%),1fr));
gap:1rem 2rem}
.gq .row{display:flex;flex-wrap:wrap;justify-content:space-between;gap:0 .6rem;
margin-bottom:.3rem}
.gq .row b{white-space:nowrap}
.gq .under{display:flex;justify-content:space-between;gap:.6rem;margin-top:.25rem}
.gq .track{height:.75rem;border-radius:.4rem;background:rgba(128,128,128,.22);overflow:hidden}
.gq .thin .track{height:.45rem}
.gq .fill{height:100%;border-radius:.4rem;background:var(--gq-normal)}
.gq .warning .fill{background:light-dark(#e0690b,#f59e0b)}
.gq .critical .fill{background:repeating-linear-gradient(45deg,var(--gq-critical) 0 8px,
light-dark(#b91c1c,#dc2626) 8px 12px)}
.gq .limit_reached .fill{background:var(--gq-limit_reached)}
.gq .limit_reached .track{outline:2px solid var(--gq-limit_reached);outline-offset:1px}
.gq .some .fill{min-width:3px}
.gq .assumed .fill{opacity:.55}
.gq .badge{display:inline-flex;align-items:center;gap:.35em;padding:.12em .6em;border-radius:1em;
font-weight:600;font-size:.86em;white-space:nowrap;border:1px solid currentColor}
.gq .badge.normal{color:var(--gq-normal)}.gq .badge.warning{color:var(--gq-warning)}
.gq .badge.critical{color:var(--gq-critical)}
.gq .badge.limit_reached{color:#fff;background:light-dark(#991b1b,#b91c1c)}
.gq .tiles{display:flex;flex-wrap:wrap;gap:.5rem 1.8rem}
.gq .tile b{display:block;font-size:1.25rem;font-variant-numeric:tabular-nums}
.gq .legend{display:flex;flex-wrap:wrap;gap:.2rem 1.2rem;font-size:.9rem}
.gq .legend i{display:inline-block;width:.8em;height:.8em;border-radius:.2em;margin-right:.45em}
.gq .say{margin:.8rem 0 .1rem}
.gq .wide{overflow-x:auto}
.gq table{border-collapse:collapse;width:100%;font-size:.92rem}
.gq th,.gq td{text-align:left;padding:.4rem .7rem .4rem 0;border:0;
border-bottom:1px solid var(--gq-line);vertical-align:top}
.gq th{font-weight:600;white-space:nowrap}.gq tbody th{white-space:normal;overflow-wrap:anywhere;
min-width:9rem}.gq td.bar{min-width:9.5rem}.gq td.n,.gq th.n{text-align:right}
.gq th small{font-weight:400}.gq td small{display:block;white-space:nowrap}
@media (max-width:640px){.gq table.stack thead{display:none}
.gq table.stack tr{display:block;padding:.5rem 0;border-bottom:1px solid var(--gq-line)}
.gq table.stack th,.gq table.stack td{display:block;border:0;padding:.15rem 0}}
@media (forced-colors:active){.gq .track,.gq .fill{border:1px solid CanvasText}}
</style>"""

_ICONS = {
    Status.NORMAL: "✓",
    Status.WARNING: "!",
    Status.CRITICAL: "‼",
    Status.LIMIT_REACHED: "⊘",
}


@dataclass(frozen=True, slots=True)
class Drawing:
    """
    Draws in a language.
    """

    language: Language

    def bar(self, gauge: Gauge, *, thin: bool = False) -> str:
        """
        A gauge: what it counts, used and limit, a bar with its percentage, what is left.
        """
        say, number = self.language.say, self.language.number
        title = say(f"title_{gauge.metric}")
        label = escape(say(f"per_{gauge.period}", metric=title))
        if gauge.limit is None:
            text = f"{number(gauge.used)} · {say('no_limit')}"
            return f'<div><div class="row"><span>{label}</span><b>{escape(text)}</b></div></div>'
        text = say("of", used=number(gauge.used), limit=number(gauge.limit))
        share = self.language.percent(gauge.percent)
        classes = [gauge.status.value, "thin" * thin, "assumed" * (not gauge.enforced)]
        return (
            f'<div class="{" ".join(filter(None, classes))}">'
            f'<div class="row"><span>{label}</span><b>{escape(text)} · {escape(share)}</b></div>'
            f"{self._track(gauge, label)}"
            f'<div class="under"><small>{escape(self._left(gauge))}</small></div></div>'
        )

    def _left(self, gauge: Gauge) -> str:
        say = self.language.say
        parts = [say("left", number=self.language.number(int(gauge.remaining)))]
        if gauge.period < 86_400:
            wait = self.language.duration(round(gauge.reset_after, 1))
            parts = [say("free_in", duration=wait) if gauge.reset_after >= 0.1 else say("free_now")]
        if not gauge.enforced:
            parts.append(say("not_enforced"))
        return " · ".join(parts)

    def _track(self, gauge: Gauge, label: str) -> str:
        # Of the percentage the whole part is enough for a screen reader; it is never rounded up.
        share = self.language.percent(gauge.percent)
        state = self.language.say(gauge.status.value)
        some = " some" * (gauge.used > 0)
        return (
            f'<div class="track{some}" role="progressbar" aria-label="{label}" aria-valuemin="0" '
            f'aria-valuemax="100" aria-valuenow="{int(gauge.percent)}" '
            f'aria-valuetext="{escape(share)}, {escape(state)}">'
            f'<div class="fill" style="width:{gauge.percent:.1f}%"></div></div>'
        )

    def bars(self, gauges: Iterable[Gauge], *, thin: bool = False) -> str:
        """
        Gauges beside each other, below each other where there is no room.
        """
        drawn = "".join(self.bar(gauge, thin=thin) for gauge in gauges)
        return f'<div class="gq"><div class="grid">{drawn}</div></div>'

    def badge(self, status: Status) -> str:
        """
        A state as icon and word.
        """
        word = escape(self.language.say(status.value))
        icon = f'<span aria-hidden="true">{_ICONS[status]}</span>'
        return f'<span class="badge {status.value}">{icon}{word}</span>'

    def standing(self, usage: ModelUsage) -> str:
        """
        One sentence on how a model stands.
        """
        gauge, number = nearest(usage), self.language.number
        if gauge is None or gauge.limit is None:
            return self.language.say("say_unlimited")
        return self.language.say(
            f"say_{usage.status.value}",
            metric=self.language.say(gauge.metric),
            remaining=number(int(gauge.remaining)),
            percent=self.language.percent(gauge.percent),
            used=number(gauge.used),
            amount=number(gauge.limit),
        )

    def sentence(self, usage: ModelUsage) -> str:
        """
        The same as a paragraph.
        """
        return f'<div class="gq"><p class="say">{escape(self.standing(usage))}</p></div>'

    def head(self, usage: ModelUsage) -> str:
        """
        A model's name and state.
        """
        about = (
            f'<span class="soft">{escape(usage.description)}</span>' if usage.description else ""
        )
        name = f"<code>{escape(usage.model)}</code>"
        return (
            f'<div class="gq"><div class="head">{name}{about}{self.badge(usage.status)}</div></div>'
        )

    def tiles(self, figures: Sequence[tuple[str, str]]) -> str:
        """
        Figures with what they count.
        """
        drawn = "".join(
            f'<div class="tile"><b>{escape(figure)}</b><small>{escape(label)}</small></div>'
            for figure, label in figures
        )
        return f'<div class="gq"><div class="tiles">{drawn}</div></div>'

    def legend(self, names: Iterable[tuple[str, str]]) -> str:
        """
        Names with their colours.
        """
        drawn = "".join(
            f'<span><i style="background:{colour}"></i>{escape(name)}</span>'
            for name, colour in names
        )
        return f'<div class="gq"><div class="legend">{drawn}</div></div>'

    def models(self, usages: Iterable[ModelUsage]) -> str:
        """
        A table of models with their state and the bars of their day.
        """
        say = self.language.say
        titles = (say("model"), say("state"), *(say(f"title_{name}") for name in _METRICS))
        return _table(titles, [self._model(usage) for usage in usages], "stack")

    def _model(self, usage: ModelUsage) -> str:
        gauges = {gauge.metric: gauge for gauge in daily_gauges(usage)}
        found = [gauges.get(name) for name in _METRICS]
        if "tokens" not in gauges:
            found[1] = gauges.get("audio_seconds")
        cells = "".join(f'<td class="bar">{self._cell(gauge)}</td>' for gauge in found)
        about = f"<small>{escape(usage.description)}</small>" if usage.description else ""
        head = f'<th scope="row"><code>{escape(usage.model)}</code><br>{about}</th>'
        return f"<tr>{head}<td>{self.badge(usage.status)}</td>{cells}</tr>"

    def _cell(self, gauge: Gauge | None) -> str:
        if gauge is None:
            return ""
        say, number = self.language.say, self.language.number
        unit = "" if gauge.metric in _METRICS else " s"  # of audio
        if gauge.limit is None:
            return f"{number(gauge.used)}{escape(unit)} <small>{escape(say('no_limit'))}</small>"
        text = say("of", used=number(gauge.used), limit=number(gauge.limit)) + unit
        share = self.language.percent(gauge.percent)
        label = escape(say(f"title_{gauge.metric}"))
        return (
            f'<div class="{gauge.status.value} thin"><div class="row"><span>{escape(text)}</span>'
            f"<b>{escape(share)}</b></div>{self._track(gauge, label)}</div>"
        )

    def limits(self, usages: Sequence[ModelUsage]) -> str:
        """
        A table of the limits of models, each with its origin and date.
        """
        present = {window.limit.kind for usage in usages for window in usage.windows}
        kinds = [kind for kind in _KINDS if kind in present]
        rows = [self._limits(usage, kinds) for usage in usages]
        return _table((self.language.say("model"), *(kind.upper() for kind in kinds)), rows)

    def _limits(self, usage: ModelUsage, kinds: Iterable[str]) -> str:
        found = {window.limit.kind: window.limit for window in usage.windows}
        cells = "".join(f"<td>{self._limit(found.get(kind))}</td>" for kind in kinds)
        return f'<tr><th scope="row"><code>{escape(usage.model)}</code></th>{cells}</tr>'

    def _limit(self, limit: Limit | None) -> str:
        if limit is None:
            return '<span class="soft">–</span>'
        say, amount = self.language.say, limit.amount
        day = "" if limit.since is None else self.language.day(limit.since)
        notes = [say(f"from_{limit.origin}", day=day)]
        if not limit.confirmed:
            notes.append(say("not_enforced"))
        number = say("no_limit") if amount is None else self.language.number(amount)
        return f"{escape(number)}" + "".join(f"<small>{escape(note)}</small>" for note in notes)

    def rows(self, titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
        """
        A table of figures, the first column naming the row.
        """
        drawn = [
            f'<tr><th scope="row">{escape(name)}</th>'
            + "".join(f'<td class="n">{escape(figure)}</td>' for figure in figures)
            + "</tr>"
            for name, *figures in rows
        ]
        return _table(titles, drawn, numbers=True)


_METRICS = ("requests", "tokens")
_KINDS = ("rpm", "rpd", "tpm", "tpd", "itpm", "otpm", "ash", "asd")


def _table(
    titles: Sequence[str], rows: Iterable[str], name: str = "", *, numbers: bool = False
) -> str:
    first, *others = titles
    kind = ' class="n"' if numbers else ""
    head = f'<th scope="col">{escape(first)}</th>' + "".join(
        f'<th scope="col"{kind}>{escape(title)}</th>' for title in others
    )
    return (
        f'<div class="gq"><div class="wide"><table class="{name}"><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div></div>"
    )
