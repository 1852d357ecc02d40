"""
Putting the wrappers into the SDK, and taking them out again.
"""

from __future__ import annotations

import importlib
import math
import sys
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import wrapt

from ..defaults import default_meter, set_default_meter
from ..errors import (
    ConfigurationError,
    QuotaExceededError,
    RequestTooLargeError,
    StorageError,
    WrongTypeError,
)
from ..fallbacks import checked_fallbacks
from ..hooks import logger
from ..limits import normalize_model
from ..meter import QuotaMeter
from ..policy import aadmit, admit
from ..records import mark
from ..settings import Settings
from .calls import Call
from .endpoints import CHAT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import ModuleType

    from ..demand import Demand
    from ..fallbacks import Fallbacks
    from ..reservation import Reservation

__all__ = ["Guard", "guard_of", "install", "installed", "takers_over", "uninstall", "wrap"]

C = TypeVar("C")

MAX_WAIT = 60.0
# The name on a client that has a guard of its own.
_OWN = "_groq_quota_guard"


@dataclass(frozen=True, slots=True)
class Guard:
    """
    A meter, how long its calls may wait, in seconds, and which models take over at the end of a
    day; `outside` if they need not be the SDK's.
    """

    meter: QuotaMeter
    max_wait: float
    fallbacks: Fallbacks = field(default_factory=dict)
    outside: bool = False

    def admit(
        self, client: object, demand: Demand, timeout: object, path: str = CHAT.path
    ) -> Call | None:
        """
        Reserve for a request to the endpoint at `path`; None if it is not ours to judge. The call
        says if it is to be sent to another model.

        Raises:
            QuotaExceededError: As `LocalRateLimitError`, if it is refused.
            RequestTooLargeError: As `LocalRequestTooLargeError`, if it can never fit.
            StorageError: If the user asked for it.
        """
        asked = self._asked(demand, timeout)
        if asked is None:
            return None
        model, wait, others, decorated = asked
        try:
            reservation = admit(self.meter, model, demand, max_wait=wait, fallbacks=others)
        except Exception as error:
            _not_admitted(error, path)
            return None
        call = Call(self.meter, client, reservation, decorated=decorated)
        return call if reservation.model == model else _turned(call, model, others)

    async def aadmit(
        self, client: object, demand: Demand, timeout: object, path: str = CHAT.path
    ) -> Call | None:
        """
        Same as `admit`, without blocking the event loop.
        """
        asked = self._asked(demand, timeout)
        if asked is None:
            return None
        model, wait, others, decorated = asked
        try:
            reservation = await aadmit(self.meter, model, demand, max_wait=wait, fallbacks=others)
        except Exception as error:
            _not_admitted(error, path)
            return None
        call = Call(self.meter, client, reservation, decorated=decorated)
        return call if reservation.model == model else _turned(call, model, others)

    def _asked(
        self, demand: Demand, timeout: object
    ) -> tuple[str, float, Sequence[str], bool] | None:
        # The model, how long it may wait, which ones take over, and whether it is decorated.
        try:
            model = normalize_model(demand.model)
        except ConfigurationError:
            return None  # the SDK or Groq will say so
        # Before it is admitted: what is refused here is answered for, too.
        decorated = mark(self.meter, outside=self.outside)
        wait = _patience(self.max_wait, timeout)
        return model, wait, self.fallbacks.get(model, ()), decorated


def _not_admitted(error: Exception, path: str) -> None:
    """
    Raise what the user is to hear of, as the SDK would say it; what is ours alone is logged.
    """
    if isinstance(error, (QuotaExceededError, RequestTooLargeError)):
        raise _as_sdk_error(error, path) from None
    if isinstance(error, StorageError):
        raise error
    logger.error("The guard failed; the call goes on unguarded.", exc_info=error)


def _turned(call: Call, model: str, others: Sequence[str]) -> Call:
    # To the model that took over.
    call.instead = _as_written(others, call.reservation)
    call.note.asked = model
    return call


def _as_written(others: Sequence[str], reservation: Reservation) -> str:
    return next(name for name in others if normalize_model(name) == reservation.model)


def _patience(max_wait: float, timeout: object) -> float:
    # The call's own explicit timeout: a number, or an httpx.Timeout whose read part is meant.
    seconds = timeout if isinstance(timeout, (int, float)) else getattr(timeout, "read", None)
    return min(max_wait, seconds) if isinstance(seconds, (int, float)) else max_wait


def _as_sdk_error(error: QuotaExceededError | RequestTooLargeError, path: str) -> Exception:
    from .errors import local_error  # imports groq, which is there when this is called

    return local_error(error, path)


class _Installation:
    """
    The guard of the process, and the wrappers that are in place.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.guard: Guard | None = None
        self.clients = False
        self.hooked = False
        self.handles: dict[tuple[str, str], Any] = {}

    @property
    def wanted(self) -> bool:
        return self.guard is not None or self.clients


_state = _Installation()

_CLIENT = "groq"
_CHAT = "groq.resources.chat.completions"


def guard_of(client: Any) -> Guard | None:
    """
    The guard of a client: its own, else that of the process, if it is installed; that one for None.
    """
    own: Guard | None = getattr(client, "__dict__", _NO_OWN).get(_OWN)
    return own or _state.guard


_NO_OWN: dict[str, Any] = {}


def installed() -> QuotaMeter | None:
    """
    The meter that is installed, or None.
    """
    return _state.guard.meter if _state.guard else None


def takers_over(model: str) -> Sequence[str]:
    """
    The models that the installed guard sends requests to in place of this one, in order.
    """
    guard = _state.guard
    return guard.fallbacks.get(model, ()) if guard else ()


def install(
    meter: QuotaMeter | None = None,
    *,
    max_wait: float = MAX_WAIT,
    fallbacks: Mapping[str, Sequence[str]] | None = None,
) -> QuotaMeter:
    """
    Guard every `Groq` and `AsyncGroq` client of the process, and return the meter.

    Called again without arguments, or with a meter of equal storage and settings, it changes
    nothing; other arguments replace the meter, with a warning. `GROQ_QUOTA_DISABLED=1` makes it do
    nothing but return the meter.

    Args:
        meter: The meter, which becomes the default; None for the default meter.
        max_wait: The longest wait for a minute or hour window in seconds; what needs longer is
            refused at once.
        fallbacks: By model, the models that take over, in order: where a limit of the day refuses
            a request, it is sent to the first that has room for it. Those have no fallbacks of
            their own for such a request. None for no fallbacks.

    Raises:
        ConfigurationError: For a `max_wait` below 0, and for `fallbacks` with empty names, or in
            which a model is there twice or falls back to itself.
        WrongTypeError: For arguments of the wrong type.
    """
    guard = _checked(meter, max_wait, fallbacks)
    _await_imports()
    with _state.lock:
        known = _state.guard
        if known is not None:
            bare = meter is None and max_wait == MAX_WAIT and fallbacks is None
            same = (guard.max_wait, guard.fallbacks) == (known.max_wait, known.fallbacks)
            if bare or (same and guard.meter.same_as(known.meter)):
                return known.meter
            logger.warning("groq_quota.install: %r replaces %r.", guard.meter, known.meter)
        if Settings.from_environment().disabled:
            return guard.meter
        set_default_meter(guard.meter)
        _state.guard = guard
        _patch()
    return guard.meter


def _checked(meter: object, max_wait: object, fallbacks: object = None) -> Guard:
    if isinstance(max_wait, bool) or not isinstance(max_wait, (int, float)):
        msg = f"max_wait must be a number of seconds, not {max_wait!r}"
        raise WrongTypeError(msg)
    if not 0 <= max_wait < math.inf:
        msg = f"max_wait must be 0 or more seconds, and not for ever, not {max_wait!r}"
        raise ConfigurationError(msg)
    if meter is not None and not isinstance(meter, QuotaMeter):
        msg = f"meter must be a QuotaMeter, not {type(meter).__name__}"
        raise WrongTypeError(msg)
    others = checked_fallbacks(fallbacks)
    return Guard(meter or installed() or default_meter(), float(max_wait), others)


def uninstall() -> None:
    """
    Take our wrappers out of the SDK, leave others' in place, and stop guarding.

    Calls and streams that are under way are still counted. Clients given to `wrap` stay guarded.
    """
    with _state.lock:
        _state.guard = None
        if not _state.wanted:
            _unpatch()


def wrap(
    client: C,
    meter: QuotaMeter | None = None,
    *,
    max_wait: float = MAX_WAIT,
    fallbacks: Mapping[str, Sequence[str]] | None = None,
) -> C:
    """
    Guard one client, and those made of it by `copy` and `with_options`; return it.

    Its meter goes before an installed one, and so do its `max_wait` and its `fallbacks`, which are
    as those of `install`.

    Raises:
        ConfigurationError: As from `install`.
        WrongTypeError: If it is no client of the Groq SDK, and as from `install`.
    """
    import groq

    if not isinstance(client, (groq.Groq, groq.AsyncGroq)):
        msg = f"wrap takes a groq.Groq or groq.AsyncGroq client, not {type(client).__name__}"
        raise WrongTypeError(msg)
    guard = _checked(meter, max_wait, fallbacks)
    if not Settings.from_environment().disabled:
        with _state.lock:
            client.__dict__[_OWN] = guard
            _state.clients = True
            _patch()
    return client


def _patch() -> None:
    if _state.hooked:
        for module in (_CLIENT, _CHAT):
            _patch_module(module)
        return
    _state.hooked = True
    for module in (_CLIENT, _CHAT):
        # Now if it is imported already, else when it is: groq is not imported for our sake.
        wrapt.register_post_import_hook(_when_imported, module)


def _await_imports() -> None:
    # If another thread is importing it just now, it is not whole yet, and no hook would come.
    for module in (_CLIENT, _CHAT):
        if module in sys.modules:
            importlib.import_module(module)


def _when_imported(module: ModuleType) -> None:
    with _state.lock:
        if _state.wanted:
            _patch_module(module.__name__)


def _targets(module: str) -> list[tuple[str, Any]]:
    # By the name of the class, not by what is found there: others may have put a plain function in
    # the place of a coroutine function.
    from . import front, net

    if module == _CHAT:
        return [("Completions.create", front.create), ("AsyncCompletions.create", front.acreate)]
    found: list[tuple[str, Any]] = []
    for client, request in (("Groq", net.request), ("AsyncGroq", net.arequest)):
        found += [
            (f"{client}.request", request),
            (f"{client}._process_response", net.process_response),
            (f"{client}._sleep_for_retry", net.sleep_for_retry),
            (f"{client}.copy", _carry),
            (f"{client}.with_options", _carry),
        ]
    return found


def _patch_module(name: str) -> None:
    module = sys.modules.get(name)
    if module is None:
        return
    for path, wrapper in _targets(name):
        if (name, path) in _state.handles and _in_place(module, path, _state.handles[name, path]):
            continue
        try:
            _resolve(module, path)
            _state.handles[name, path] = wrapt.wrap_function_wrapper(module, path, wrapper)
        except AttributeError:
            # Only headers and attempts are seen less well without it: degrade, do not break.
            logger.debug("This SDK has no %s.%s; it is not watched.", name, path)


def _resolve(module: ModuleType, path: str) -> Any:
    found: Any = module
    for part in path.split("."):
        found = getattr(found, part)
    return found


def _in_place(module: ModuleType, path: str, handle: Any) -> bool:
    # Whether our wrapper is still there, perhaps below somebody else's.
    owner, _, name = path.rpartition(".")
    found = vars(_resolve(module, owner)).get(name)
    while found is not None:
        if found is handle:
            return True
        found = getattr(found, "__wrapped__", None)
    return False


def _unpatch() -> None:
    for (name, path), handle in list(_state.handles.items()):
        module = sys.modules.get(name)
        if module is not None and _in_place(module, path, handle):
            try:
                wrapt.unwrap_object(module, path, handle, missing_ok=True)
            except wrapt.WrapperNotOutermostError:
                # Something that is no wrapt wrapper lies on top: ours stays below it, silent, and
                # serves again if it is installed again.
                continue
        del _state.handles[name, path]


def _carry(wrapped: Any, client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    # A client made of a wrapped one has the same guard.
    made = wrapped(*args, **kwargs)
    own = client.__dict__.get(_OWN)
    if own is not None:
        made.__dict__[_OWN] = own
    return made
