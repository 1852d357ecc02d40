"""
The callback handler: checks a run's quota before its request, and counts what nobody else does.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from langchain_core.callbacks import BaseCallbackHandler

from groq_quota import (
    ConfigurationError,
    QuotaError,
    QuotaExceededError,
    RequestTooLargeError,
    default_meter,
)
from groq_quota.hooks import logger
from groq_quota.limits import normalize_model
from groq_quota.settings import Settings

from .reading import Asked
from .run import Run, begin, drop_batch, enter, in_event_loop, known, leave

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from langchain_core.messages import BaseMessage
    from langchain_core.outputs import LLMResult

    from groq_quota import QuotaMeter

__all__ = ["QuotaCallbackHandler"]


class QuotaCallbackHandler(BaseCallbackHandler):
    """
    Blocks runs that the quota has no room for, before their request, and counts each of them once.

    What goes through the Groq SDK while `groq_quota.install()` is in force is counted there; every
    other run (an OpenAI client at Groq's URL, LiteLLM, a fake model) is counted here. Runs that go
    to other providers are left alone. Its refusal is a `QuotaExceededError` and a
    `groq.RateLimitError`.

    Args:
        meter: The meter; None for the default meter, looked up at each run.
    """

    # LangChain swallows what handlers raise unless they say otherwise; inline, it is raised in the
    # run's own task, and its context is the run's.
    raise_error = True
    run_inline = True

    def __init__(self, meter: QuotaMeter | None = None) -> None:
        self._meter = meter

    def __deepcopy__(self, memo: dict[int, object]) -> QuotaCallbackHandler:
        # Configurations are copied; the meter and the runs are those of this one.
        return self

    # -- what LangChain calls -----------------------------------------------------------------

    def on_chat_model_start(
        self,
        serialized: dict[str, Any],
        messages: list[list[BaseMessage]],
        *,
        run_id: UUID,
        metadata: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        """
        Check a chat run, and reserve for it where no plugin does.

        Raises:
            QuotaExceededError: If it is refused; also a `groq.RateLimitError`.
            RequestTooLargeError: If it can never fit; also a `groq.APIStatusError`.
        """
        self._start(run_id, messages[0] if messages else (), serialized, metadata, kwargs)

    def on_llm_start(
        self,
        serialized: dict[str, Any],
        prompts: list[str],
        *,
        run_id: UUID,
        metadata: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        """
        Same as `on_chat_model_start`, for models that complete texts.
        """
        self._start(run_id, prompts, serialized, metadata, kwargs)

    def on_llm_end(self, response: LLMResult, *, run_id: UUID, **kwargs: Any) -> None:
        """
        Count a run that nobody else has counted.
        """
        run = leave(run_id, self)
        if run is not None:
            try:
                run.end(response)
            except Exception:
                logger.exception("A run of %s could not be counted.", run.model)

    def on_llm_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        """
        Count what is known of a run that failed, or was closed half read.
        """
        run = leave(run_id, self)
        if run is not None:
            try:
                run.fail(error, kwargs.get("response"))
                if not in_event_loop():  # there, the others are under way beside it
                    drop_batch(run.batch, after=run)
            except Exception:
                logger.exception("A run of %s could not be counted.", run.model)

    # -- the start ----------------------------------------------------------------------------

    def wants(self, meter: QuotaMeter, model: str, asked: Asked) -> bool:
        """
        Whether a run is to be guarded.

        This handler was given to it on purpose, so: unless it certainly goes elsewhere.
        """
        return asked.to_groq is not False

    def _start(
        self,
        run_id: UUID,
        prompts: Sequence[object],
        serialized: dict[str, Any] | None,
        metadata: dict[str, Any] | None,
        kwargs: dict[str, Any],
    ) -> None:
        if _disabled():
            return
        params = kwargs.get("invocation_params") or {}
        batch = params if (kwargs.get("batch_size") or 1) > 1 else None
        asked = Asked(prompts, serialized or {}, metadata or {}, params)
        try:
            run = self._begun(run_id, asked)
        except QuotaError as error:
            drop_batch(batch)
            if isinstance(error, (QuotaExceededError, RequestTooLargeError)):
                from groq_quota.sdk.errors import local_error

                raise local_error(error) from None
            raise
        except Exception:
            logger.exception("The handler failed; the run goes on unguarded.")
            return
        if run is not None:
            run.owner, run.batch = self, batch
            enter(run_id, run)

    def _begun(self, run_id: UUID, asked: Asked) -> Run | None:
        meter = self._meter or default_meter()
        model = _model(meter, asked.model)
        if model is None or not self.wants(meter, model, asked) or known(run_id, meter):
            return None
        return begin(meter, model, asked)


def _disabled() -> bool:
    # The environment is read with care only where it says something.
    return "GROQ_QUOTA_DISABLED" in os.environ and Settings.from_environment().disabled


def _model(meter: QuotaMeter, named: str | None) -> str | None:
    try:
        model = normalize_model(named)
    except ConfigurationError:
        return None
    # LiteLLM puts the provider before the model.
    if model.startswith("groq/") and not meter.limits.known(model):
        return model.removeprefix("groq/")
    return model
