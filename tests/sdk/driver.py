"""
The SDK's two kinds of client behind one face, so that a test is written once for both.
"""

from __future__ import annotations

import inspect
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import groq
import httpx

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

ASK: list[Any] = [{"role": "user", "content": "hi"}]
MODEL = "test-model"
CHAT = "/openai/v1/chat/completions"


class Driver:
    """
    Makes clients of one kind and uses what they give; clients do not retry unless told to.
    """

    def __init__(self, kind: str, base_url: str) -> None:
        self.kind = kind
        self.base_url = base_url
        self.client_class: type[Any] = groq.AsyncGroq if self.asynchronous else groq.Groq
        self._http: list[Any] = []

    @property
    def asynchronous(self) -> bool:
        """
        Whether its clients are awaited.
        """
        return self.kind == "async"

    @property
    def completions(self) -> Any:
        """
        The SDK's class whose `create` its clients call.
        """
        from groq.resources.chat import completions

        return completions.AsyncCompletions if self.asynchronous else completions.Completions

    def client(self, kind: type[Any] | None = None, **options: Any) -> Any:
        """
        A new client, of this class if one is given.
        """
        given = {"base_url": self.base_url, "api_key": "any", "max_retries": 0} | options
        if "http_client" not in given:
            given["http_client"] = self.http()
        return (kind or self.client_class)(**given)

    def http(self, **options: Any) -> Any:
        """
        An HTTP client; without certificates, which take long to load.
        """
        made = (httpx.AsyncClient if self.asynchronous else httpx.Client)(verify=False, **options)
        self._http.append(made)
        return made

    async def ask(self, client: Any, **body: Any) -> Any:
        """
        One chat call, of these arguments besides a model and a message.
        """
        return await self.do(
            client.chat.completions.create, **{"model": MODEL, "messages": ASK, **body}
        )

    async def send(self, client: Any, how: str) -> Any:
        """
        One chat request by a way of the SDK's: create, stream, raw or post.
        """
        body = {"model": MODEL, "messages": ASK}
        if how == "post":
            return await self.do(client.post, CHAT, body=body, cast_to=object)
        if how == "raw":
            return await self.ask(client.with_raw_response)
        return await self.ask(client, stream=how == "stream")

    async def do(self, call: Any, *args: Any, **kwargs: Any) -> Any:
        """
        What a call gives, awaited if it has to be.
        """
        result = call(*args, **kwargs)
        return await result if inspect.isawaitable(result) else result

    async def each(self, iterable: Any) -> list[Any]:
        """
        All that comes, to the end.
        """
        return [item async for item in iterable] if self.asynchronous else list(iterable)

    async def next(self, iterator: Any) -> Any:
        """
        The next that comes.
        """
        return await anext(iterator) if self.asynchronous else next(iterator)

    async def close(self, thing: Any) -> None:
        """
        Close a stream, a response or a client.
        """
        await self.do(getattr(thing, "aclose", None) or thing.close)

    @asynccontextmanager
    async def using(self, manager: Any) -> AsyncIterator[Any]:
        """
        The extent of a context manager of either kind.
        """
        if self.asynchronous:
            async with manager as value:
                yield value
        else:
            with manager as value:
                yield value

    async def stop(self) -> None:
        """
        Close every connection.
        """
        for http in self._http:
            await self.close(http)
