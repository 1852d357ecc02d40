"""
The standalone app, a script for `streamlit run`; `groq-quota dashboard` starts it.

Its arguments come from `serve`; without them it shows the default meter.
"""

from __future__ import annotations

import gc
import hmac
import os
import sys

import altair as alt  # noqa: F401  # see `_freeze`
import pandas as pd  # noqa: F401  # see `_freeze`
import streamlit as st

from groq_quota import default_meter
from groq_quota_streamlit import usage_sidebar, usage_tab
from groq_quota_streamlit.page import choose_language, language
from groq_quota_streamlit.serving import Options

_PASSWORD = "GROQ_QUOTA_ADMIN_PASSWORD"  # noqa: S105  # the variable's name


def main() -> None:
    """
    Draw the page.
    """
    _freeze()
    options = Options.of(sys.argv[1:])
    spoken = language(None)
    st.set_page_config(page_title=spoken.say("app"), page_icon="📊", layout="wide")
    meter = default_meter().scoped(options.scope)
    with st.sidebar:
        st.markdown(f"### {spoken.say('app')}")
        choose_language()
        if options.scope != "default":
            st.caption(f"{spoken.say('scope')}: {options.scope}")
    lang = language(None).code
    usage_sidebar(meter, refresh=options.refresh, lang=lang)
    with st.sidebar:
        admin = _administrator()
    st.header(spoken.say("title"))
    usage_tab(meter, refresh=options.refresh, lang=lang, admin=admin)


def _freeze() -> None:
    # Streamlit collects garbage after every run, over all that was ever imported: with this it
    # need not look at the libraries again. Of the whole process, so only where that is ours.
    if not gc.get_freeze_count():
        gc.collect()
        gc.freeze()


def _administrator() -> bool:
    # The password is of the environment, and the answer of this visitor's session.
    wanted = os.environ.get(_PASSWORD)
    if not wanted:
        return False
    say = language(None).say
    if st.session_state.get("gq_is_admin"):
        st.button(say("log_out"), on_click=st.session_state.pop, args=("gq_is_admin",))
        return True
    with st.form("gq_log_in", border=False):
        given = st.text_input(say("password"), type="password")
        if st.form_submit_button(say("log_in")):
            if hmac.compare_digest(given.encode(), wanted.encode()):
                st.session_state["gq_is_admin"] = True
                st.rerun()
            st.error(say("wrong_password"))
    return False


main()
