"""
The tab, the sidebar and the administration, run without a browser.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("streamlit", reason="the dashboard needs streamlit")

from streamlit.testing.v1 import AppTest

from groq_quota import ConfigurationError, QuotaMeter, WrongTypeError, set_default_meter
from groq_quota.demand import AudioDemand, ChatDemand
from groq_quota.policy import admit
from groq_quota_streamlit import admin_controls, serving, usage_sidebar, usage_tab
from groq_quota_streamlit.exports import as_csv, as_json
from tests.organization import hear_of_others

from .pages import PATIENCE, again, html, pieces, shown
from .world import MODEL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from groq_quota.testing import FakeClock


@pytest.fixture
def _default(meter: QuotaMeter) -> Iterator[None]:
    set_default_meter(meter)
    yield
    set_default_meter(None)


# It sends back what they hold letter by letter; browsers do not.
_segmented = pytest.mark.skipif(
    not hasattr(AppTest, "segmented_control"),
    reason="AppTest of this Streamlit cannot run a page with segmented controls twice",
)


def _models(app: AppTest) -> str:
    return next(piece for piece in pieces(app) if 'class="stack"' in piece)


def _notes(app: AppTest) -> str | None:
    # What stands below the line that tells the time of the reset, if anything does.
    block = app.tabs[0].caption
    return str(block[1].value) if len(block) > 1 else None


class TestTab:
    def test_shows_the_meter(self, meter: QuotaMeter) -> None:
        """
        Tabs, counts and message of a meter, in the language that is asked for.
        """
        for _ in range(800):
            meter.record(MODEL, 100)
        app = shown(usage_tab, meter, lang="es", model=MODEL)

        assert ["Ahora", "Historial", "Límites"] == [tab.label for tab in app.tabs]
        assert "800 de 1000 · 80\u00a0%" in html(app)
        assert "Uso alto: 80\u00a0% de los requests de hoy utilizados, quedan 200" in html(app)
        assert ["**Uso alto.** Se ha utilizado el 75\u00a0% o más de un límite diario."] == [
            alert.value for alert in app.warning
        ]
        assert "El nuevo día empieza en 14 h 30 min (00:00 UTC)" in app.caption[0].value

    @pytest.mark.parametrize(
        ("lang", "said"),
        [
            ("en", "taken by others of the organization: {:.0f} requests"),
            ("es", "consumido por otros de la organización: {:.0f} requests"),
        ],
    )
    def test_says_what_others_have_taken(
        self, meter: QuotaMeter, clock: FakeClock, lang: str, said: str
    ) -> None:
        """
        What the organization's others use stands below the bars, once Groq's answers have told.
        """
        before = _notes(shown(usage_tab, meter, lang=lang, model=MODEL))
        hear_of_others(meter, clock, MODEL, requests=40)

        window = meter.usage(MODEL).window("rpd")
        after = _notes(shown(usage_tab, meter, lang=lang, model=MODEL))

        assert window
        assert 0 < window.external
        assert (None, said.format(window.external)) == (before, after)

    @pytest.mark.parametrize(
        ("lang", "model", "said"),
        [
            ("en", MODEL, "sent to another model: 2"),
            ("es", MODEL, "enviados a otro modelo: 2"),
            ("en", "whisper-large-v3", "estimated audio: 2.5 s"),
            ("es", "whisper-large-v3", "audio estimado: 2,5 s"),
        ],
    )
    def test_says_what_the_bars_do_not(
        self, meter: QuotaMeter, lang: str, model: str, said: str
    ) -> None:
        """
        Requests that another model took over, and audio whose length is only an estimate.
        """
        meter.limits.set(MODEL, {"rpd": 0})
        chat = ChatDemand({"model": MODEL, "messages": []})
        for _ in range(2):
            admit(meter, MODEL, chat, max_wait=0, fallbacks=["another"]).commit(10)
        audio = AudioDemand("whisper-large-v3", b"ID3" + bytes(19_997))
        admit(meter, "whisper-large-v3", audio, max_wait=0).commit()

        assert said == _notes(shown(usage_tab, meter, lang=lang, model=model))

    @pytest.mark.usefixtures("_default")
    def test_shows_the_default_meter(self, meter: QuotaMeter) -> None:
        """
        Without a meter it is the one that `install` made the default.
        """
        meter.record(MODEL)

        assert "1 of 1,000 · 0.1%" in html(shown(usage_tab, lang="en"))

    @_segmented
    def test_visitor_chooses_language_and_model(self, meter: QuotaMeter) -> None:
        """
        Without `lang` and `model` there are widgets for them.
        """
        meter.record("openai/gpt-oss-20b")
        app = shown(usage_tab, meter)
        assert "<code>openai/gpt-oss-20b</code>" in pieces(app)[0]

        app.segmented_control(key="gq_lang").set_value("es")
        app.selectbox(key="gq_model").set_value(MODEL)
        again(app)

        assert "Ahora" == app.tabs[0].label
        assert "0 de 1000 · 0\u00a0%" in html(app)

    def test_language_is_by_variable_where_nobody_chose(
        self, meter: QuotaMeter, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """
        GROQ_QUOTA_LANG is followed.
        """
        monkeypatch.setenv("GROQ_QUOTA_LANG", "es")

        assert "Ahora" == shown(usage_tab, meter).tabs[0].label

    @_segmented
    def test_only_used_models_if_wanted(self, meter: QuotaMeter) -> None:
        """
        The table of models can be cut to those of today.
        """
        meter.record(MODEL)
        app = shown(usage_tab, meter, lang="en")
        assert "whisper-large-v3" in _models(app)

        app.toggle(key="gq_only").set_value(True)
        again(app)

        assert "whisper-large-v3" not in _models(app)

    def test_meter_that_never_blocks_says_so(self, clock: FakeClock) -> None:
        """
        With `enforce=False` the alert does not claim that calls are stopped.
        """
        meter = QuotaMeter("memory://", limits={MODEL: {"rpd": 1}}, enforce=False, clock=clock)
        meter.record(MODEL)

        assert "only counts" in shown(usage_tab, meter, lang="en").error[0].value

    def test_storage_that_cannot_be_read_is_no_traceback(self) -> None:
        """
        The page says what is wrong and goes on refreshing.
        """
        meter = QuotaMeter("/dev/null/usage.json", on_storage_error="refuse")

        assert "/dev/null" in shown(usage_tab, meter, lang="en", model=MODEL).error[0].value

    @pytest.mark.parametrize("refresh", [-1, float("nan"), "5", True])
    def test_wrong_refresh_is_refused(self, refresh: object) -> None:
        """
        Not a number of seconds: it raises.
        """
        with pytest.raises((ConfigurationError, WrongTypeError), match="refresh"):
            usage_tab(refresh=refresh)  # type: ignore[arg-type]  # that is what is tested

    def test_no_controls_unless_asked_for(self, meter: QuotaMeter) -> None:
        """
        Only `admin=True` brings the fourth tab and its buttons.
        """
        assert not shown(usage_tab, meter, lang="en").button
        assert "Administration" == shown(usage_tab, meter, lang="en", admin=True).tabs[3].label


class TestSidebar:
    def test_is_compact(self, meter: QuotaMeter) -> None:
        """
        Counter, state, alert and the time until the reset stand in the sidebar.
        """
        for _ in range(950):
            meter.record(MODEL)
        app = shown(usage_sidebar, meter, lang="en")

        assert "950 of 1,000 · 95%" in pieces(app, "sidebar")[0]
        assert app.sidebar.error[0].value.startswith("**Critical use.**")
        assert "14 h 30 min" in app.sidebar.caption[0].value


class TestAdministration:
    def test_reset_of_one_model(self, meter: QuotaMeter) -> None:
        """
        It is carried out once it is confirmed, of that model alone.
        """
        meter.record(MODEL)
        meter.record("openai/gpt-oss-20b")
        app = shown(admin_controls, meter, lang="en")
        app.selectbox(key="gq_reset_model").set_value(MODEL)
        again(app)
        assert app.button(key="gq_reset_now").disabled

        app.checkbox(key=f"gq_reset_sure_{MODEL}").check()
        again(app)
        app.button(key="gq_reset_now").click()
        again(app)

        assert (0, 1) == (meter.usage(MODEL).requests, meter.usage("openai/gpt-oss-20b").requests)
        assert f"Today's count was reset: {MODEL}" == app.toast[0].value
        assert not app.checkbox(key=f"gq_reset_sure_{MODEL}").value

    def test_limits_are_set_and_taken_back(self, meter: QuotaMeter) -> None:
        """
        A number is the user's limit from the next call on; the others stay what they are.
        """
        app = shown(admin_controls, meter, lang="en")
        app.selectbox(key="gq_set_model").set_value(MODEL)
        again(app)
        app.number_input(key=f"gq_set_{MODEL}_rpm").set_value(0)
        app.checkbox(key=f"gq_set_sure_{MODEL}").check()
        again(app)
        app.button(key="gq_set_now").click()
        again(app)
        assert {"rpm": 0, "rpd": 1_000, "tpd": 200_000} == meter.limits.override(MODEL).given()
        assert not meter.check(MODEL)

        app.checkbox(key=f"gq_unset_sure_{MODEL}").check()
        again(app)
        app.button(key="gq_unset_now").click()
        again(app)

        assert {} == meter.limits.override(MODEL).given()

    def test_limit_that_was_lifted_in_code_stays_lifted(self, clock: FakeClock) -> None:
        """
        An empty field does not undo what the program said to be unlimited.
        """
        meter = QuotaMeter("memory://", limits={MODEL: {"tpd": None}}, clock=clock)
        app = shown(admin_controls, meter, lang="en")
        app.selectbox(key="gq_set_model").set_value(MODEL)
        again(app)
        app.number_input(key=f"gq_set_{MODEL}_rpd").set_value(5)
        app.checkbox(key=f"gq_set_sure_{MODEL}").check()
        again(app)
        app.button(key="gq_set_now").click()
        again(app)

        assert {"rpd": 5, "tpd": None} == meter.limits.override(MODEL).given()

    def test_files_are_made_when_asked_for(self, meter: QuotaMeter) -> None:
        """
        Downloads appear once they are prepared.
        """
        meter.record(MODEL)
        app = shown(admin_controls, meter, lang="en")
        assert not app.get("download_button")

        app.checkbox(key="gq_prepare").check()
        again(app)

        assert 2 == len(app.get("download_button"))


class TestExports:
    def test_csv_has_a_row_for_each_day_and_model(
        self, meter: QuotaMeter, clock: FakeClock
    ) -> None:
        """
        A name that a spreadsheet would compute is made text.
        """
        meter.record(MODEL, 100)
        clock.advance(86_400)
        meter.record("=cmd", 1)
        lines = as_csv(meter.history(30)).splitlines()

        assert lines[0].startswith("date,model,requests,tokens,prompt_tokens,")
        assert lines[0].endswith(",avoided,waited_seconds")
        assert lines[1].startswith(f"2026-11-22,{MODEL},1,100,0,")
        assert lines[2].startswith("2026-11-23,'=cmd,1,1,")
        assert 3 == len(lines)

    def test_json_has_what_the_meter_says(self, meter: QuotaMeter) -> None:
        """
        Models as they stand and the summaries of the days.
        """
        meter.record(MODEL, 100)
        data = json.loads(as_json(meter, 2))

        assert meter.usage(MODEL).to_dict() == data["models"][MODEL]
        assert [day.to_dict() for day in meter.history(2)] == data["history"]


class TestApp:
    @pytest.fixture(autouse=True)
    def _started(self, monkeypatch: pytest.MonkeyPatch, meter: QuotaMeter, _default: None) -> None:
        monkeypatch.setattr(sys, "argv", ["app.py", "--refresh", "0"])
        monkeypatch.setenv("GROQ_QUOTA_LANG", "en")
        meter.record(MODEL)

    @staticmethod
    def _app() -> AppTest:
        script = serving.__file__.replace("serving", "app")
        return again(AppTest.from_file(script, default_timeout=PATIENCE))

    def test_without_a_password_there_is_no_administration(self) -> None:
        """
        Nobody can be administrator unless the environment says how.
        """
        app = self._app()

        assert not app.text_input
        assert 3 == len(app.tabs)

    @_segmented
    @pytest.mark.parametrize(("given", "tabs"), [("secrét", 4), ("secret", 3), ("", 3)])
    def test_password_opens_the_administration(
        self, monkeypatch: pytest.MonkeyPatch, given: str, tabs: int
    ) -> None:
        """
        The right one, and no other.
        """
        monkeypatch.setenv("GROQ_QUOTA_ADMIN_PASSWORD", "secrét")
        app = self._app()
        app.text_input[0].set_value(given)
        app.button[0].click()
        again(app)

        assert tabs == len(app.tabs)

    def test_shows_its_scope(self, monkeypatch: pytest.MonkeyPatch, meter: QuotaMeter) -> None:
        """
        With `--scope` it is that scope's counts.
        """
        monkeypatch.setattr(sys, "argv", ["app.py", "--scope", "team", "--refresh", "0"])
        for _ in range(2):
            meter.scoped("team").record(MODEL)

        app = self._app()

        assert "2 of 1,000" in html(app)
        assert "Scope: team" in [caption.value for caption in app.sidebar.caption]
