"""
`quota_guarded`: functions that are checked before they run, and counted once.
"""

from __future__ import annotations

import inspect
import os
import sys
from functools import partial, partialmethod
from typing import TYPE_CHECKING, Any, Literal, ParamSpec, Protocol, TypeVar, cast, overload

import wrapt

from .errors import ConfigurationError, RefusalError, WrongTypeError
from .guarded_call import GuardedCall, Options
from .limits import normalize_model
from .meter import QuotaMeter
from .records import Steps
from .reports import whole
from .settings import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator

__all__ = ["quota_guarded"]

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

Count = Literal["auto", "always", "never"]


class Decorator(Protocol):
    """
    What `quota_guarded(...)` is: it takes a function and returns it with the same signature.
    """

    @overload
    def __call__(self, function: classmethod[T, P, R], /) -> classmethod[T, P, R]: ...
    @overload
    def __call__(self, function: staticmethod[P, R], /) -> staticmethod[P, R]: ...
    @overload
    def __call__(self, function: Callable[P, R], /) -> Callable[P, R]: ...


def quota_guarded(
    name: str | None = None,
    /,
    *,
    model: Callable[..., str] | None = None,
    attr: str | None = None,
    meter: QuotaMeter | None = None,
    tokens: int | Callable[..., int] | None = None,
    usage: Callable[[Any], object] | None = None,
    on_refused: object = None,
    count: Count = "auto",
) -> Decorator:
    """
    Check a model's quota before each call of a function, and count the call once.

    For functions, methods, class and static methods, coroutine functions, generators and async
    generators; these are checked at their first step. The model is given by exactly one of `name`,
    `model` and `attr`. Callables get the arguments of the call, `self` first where there is one.

    With the SDK plugin installed, only what the plugin itself would refuse is refused here (the
    limits of the day), and the plugin counts what the function sends. Only if it sent nothing
    through the SDK is the call counted here, by the usage that its result carries. Without the
    plugin the call is reserved, for up to 60 seconds of waiting, and counted by its result.

    Args:
        name: The model.
        model: Called for the model.
        attr: The attribute of `self` or `cls` that names the model, such as "groq_model" or
            "settings.model".
        meter: The meter; None for the one that is the default at each call.
        tokens: What a request will take, where that has to be estimated; None for 0.
        usage: Called with the result, or with each item that a generator yields, for its usage: a
            `Usage`, a number of tokens, an SDK's usage object, or None. By default the usage of
            chat completions and of LangChain's messages is found.
        on_refused: The answer in place of a refusal, also of one that comes from within the
            function: a value, or called with the error and the arguments (a coroutine function is
            awaited by coroutine functions). A generator yields it. None raises.
        count: "always" counts each call here, whatever else is counted; "never" only checks.

    Raises:
        WrongTypeError: For arguments of the wrong type, or not exactly one model.
        ConfigurationError: For values that cannot be.
    """
    options = _checked(Options(name, model, attr, meter, tokens, usage, on_refused, count))

    def decorate(function: Callable[..., Any]) -> Any:
        return _Guarded(function, options)

    return cast("Decorator", decorate)


_HOW = (
    'write @quota_guarded("openai/gpt-oss-120b"), @quota_guarded(attr="groq_model") for an '
    "attribute of self, or @quota_guarded(model=...) with a callable that returns the name"
)


def _checked(options: Options) -> Options:
    name: object
    model: object
    attr: object
    name, model, attr, *_ = options  # whatever their types say
    if name is not None and not isinstance(name, str):
        raise WrongTypeError(f"quota_guarded needs to know the model, not {name!r}: {_HOW}")
    if sum(given is not None for given in (name, model, attr)) != 1:
        raise WrongTypeError(f"quota_guarded needs exactly one of name, model and attr: {_HOW}")
    if attr is not None and not isinstance(attr, str):
        raise WrongTypeError(f"attr must be a string, not {attr!r}")
    if attr is not None and not all(part.isidentifier() for part in attr.split(".")):
        raise ConfigurationError(f"attr must name an attribute, such as 'model', not {attr!r}")
    if options.meter is not None and not isinstance(options.meter, QuotaMeter):
        raise WrongTypeError(f"meter must be a QuotaMeter, not {type(options.meter).__name__}")
    for what, given in (("model", model), ("usage", options.usage)):
        if given is not None and not callable(given):
            raise WrongTypeError(f"{what} must be a callable, not {given!r}")
    if options.tokens is not None and not callable(options.tokens):
        whole(options.tokens, "tokens")
    if options.counting not in {"auto", "always", "never"}:
        msg = f"count must be 'auto', 'always' or 'never', not {options.counting!r}"
        raise ConfigurationError(msg)
    return options if name is None else options._replace(name=normalize_model(name))


def _enabled() -> bool:
    # Looked up at each call, and the environment is read with care only where it says something.
    return "GROQ_QUOTA_DISABLED" not in os.environ or not Settings.from_environment().disabled


# -- the wrapper ------------------------------------------------------------------------------


class _Bound(wrapt.BoundFunctionWrapper[..., Any]):
    """
    A decorated function as a method: pickled and copied as methods are.
    """

    def __reduce_ex__(self, protocol: Any) -> Any:  # what a reduction is depends on the object
        owner = self._self_owner if self._self_instance is None else self._self_instance
        return getattr, (owner, self.__name__)

    def __copy__(self) -> _Bound:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:  # a method of a copy of its object
        if self._self_instance is None:
            return self
        from copy import deepcopy

        return getattr(deepcopy(self._self_instance, memo), self.__name__)


class _Guarded(wrapt.FunctionWrapper[..., Any]):
    """
    A decorated function: pickled by its name where that leads to it, and copied as functions are.
    """

    __bound_function_wrapper__ = _Bound

    def __init__(self, function: Any, options: Options) -> None:  # anything that can be called
        if not callable(function) and not isinstance(function, (classmethod, partialmethod)):
            raise WrongTypeError(f"quota_guarded decorates functions, not {function!r}")
        super().__init__(function, partial(_form_of(function), options), _enabled)
        self._self_options = options

    def __reduce_ex__(self, protocol: Any) -> Any:  # a name, or how to make it again
        found: Any = sys.modules.get(getattr(self, "__module__", ""))
        path = getattr(self, "__qualname__", "")
        for part in path.split("."):
            found = getattr(found, part, None)
        return path if found is self else (_Guarded, (self.__wrapped__, self._self_options))

    def __copy__(self) -> _Guarded:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> _Guarded:
        return self


def _form_of(decorated: object) -> Callable[..., Any]:
    function: Any = decorated  # anything that can be called or bound
    while True:
        if isinstance(function, (classmethod, staticmethod)):
            function = function.__func__
        elif isinstance(function, (partial, partialmethod)):
            function = function.func
        else:
            break
    if not inspect.isroutine(function) and not inspect.isclass(function):
        function = function.__call__
    if inspect.iscoroutinefunction(function):
        return _acall
    if inspect.isgeneratorfunction(function):
        return _generator
    return _agenerator if inspect.isasyncgenfunction(function) else _call


# -- its forms: what wrapt calls in place of the function -------------------------------------


def _call(
    options: Options,
    wrapped: Callable[..., Any],
    instance: object,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Any:  # what the function returns
    call = GuardedCall(options, wrapped, instance, args, kwargs)
    try:
        call.open()
    except RefusalError as error:
        if options.on_refused is None:
            raise
        return call.answer(error)
    try:
        result = wrapped(*args, **kwargs)
    except Exception as error:
        call.end(error=error)
        if options.on_refused is None or not isinstance(error, RefusalError):
            raise
        return call.answer(error)
    except BaseException as error:
        call.end_later(error)
        raise
    call.end(result)
    return result


def _acall(
    options: Options,
    wrapped: Callable[..., Any],
    instance: object,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Any:  # a coroutine
    return _like(wrapped, _await(options, wrapped, instance, args, kwargs))


async def _await(
    options: Options,
    wrapped: Callable[..., Any],
    instance: object,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Any:  # what the function returns
    call = GuardedCall(options, wrapped, instance, args, kwargs)
    try:
        await call.aopen()
    except RefusalError as error:
        if options.on_refused is None:
            raise
        return await _awaited(call.answer(error))
    try:
        result = await wrapped(*args, **kwargs)
    except Exception as error:
        await call.aend(error=error)
        if options.on_refused is None or not isinstance(error, RefusalError):
            raise
        return await _awaited(call.answer(error))
    except BaseException as error:
        # Cancelled: nothing more is awaited here.
        call.end_later(error)
        raise
    await call.aend(result)
    return result


async def _awaited(answer: Any) -> Any:  # the user's own answer
    return await answer if inspect.isawaitable(answer) else answer


def _generator(
    options: Options,
    wrapped: Callable[..., Any],
    instance: object,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Any:  # a generator
    call = partial(GuardedCall, options, wrapped, instance, args, kwargs)
    return _like(wrapped, _steps(options, call, wrapped(*args, **kwargs)))


def _steps(
    options: Options, started: Callable[[], GuardedCall], inner: Generator[Any, Any, Any]
) -> Generator[Any, Any, Any]:
    # As `yield from inner`, with the records that are open in it around each step.
    call, steps = started(), Steps()
    resume: Callable[[], Any] = partial(next, inner)
    close: Callable[[], Any] = inner.close  # it returns a value from Python 3.13 on
    try:
        with steps:
            call.open()
        while True:
            with steps:
                item = resume()
                call.see(item)
            try:
                resume = partial(inner.send, (yield item))
            except GeneratorExit:
                with steps:
                    left = close()
                if left is None:
                    raise
                call.end_later()
                return left
            except BaseException as error:  # the consumer's: it goes where it was thrown
                resume = partial(inner.throw, error)
    except StopIteration as stop:
        with steps:
            call.end(stop.value)
        return stop.value
    except Exception as error:
        with steps:
            call.end(error=error)
        if options.on_refused is None or not isinstance(error, RefusalError):
            raise
        answer = call.answer(error)
    except BaseException as error:
        with steps:
            call.end_later(None if isinstance(error, GeneratorExit) else error)
        raise
    yield answer
    return None


def _agenerator(
    options: Options,
    wrapped: Callable[..., Any],
    instance: object,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Any:  # an async generator
    call = partial(GuardedCall, options, wrapped, instance, args, kwargs)
    return _like(wrapped, _asteps(options, call, wrapped(*args, **kwargs)))


async def _asteps(
    options: Options, started: Callable[[], GuardedCall], inner: AsyncGenerator[Any, Any]
) -> AsyncGenerator[Any, Any]:
    # Same as `_steps`, awaiting.
    call, steps = started(), Steps()
    resume: Callable[[], Any] = inner.__anext__
    try:
        with steps:
            await call.aopen()
        while True:
            with steps:
                item = await resume()
                call.see(item)
            try:
                resume = partial(inner.asend, (yield item))
            except GeneratorExit:
                with steps:
                    await inner.aclose()
                raise
            except BaseException as error:  # the consumer's: it goes where it was thrown
                resume = partial(inner.athrow, error)
    except StopAsyncIteration:
        with steps:
            await call.aend()
        return
    except Exception as error:
        with steps:
            await call.aend(error=error)
        if options.on_refused is None or not isinstance(error, RefusalError):
            raise
        answer = await _awaited(call.answer(error))
    except BaseException as error:
        with steps:
            call.end_later(None if isinstance(error, GeneratorExit) else error)
        raise
    yield answer


def _like(wrapped: Any, made: Any) -> Any:  # a function, and the coroutine or generator of its call
    name = getattr(wrapped, "__name__", None)
    if name is not None:  # a partial has none
        made.__name__, made.__qualname__ = name, wrapped.__qualname__
    return made
