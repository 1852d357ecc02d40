"""
The Starlette application.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route

from .models import listing, one

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request
    from starlette.types import ASGIApp, Receive, Scope, Send

    from .delivery import Delivery
    from .endpoints import Endpoint
    from .exchange import Exchange
    from .traffic import Traffic

_MODELS = "/openai/v1/models"
_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


def build(exchange: Exchange, endpoints: Sequence[Endpoint], traffic: Traffic) -> Starlette:
    """
    Return the application that answers at these endpoints.
    """
    return Starlette(
        routes=[
            *(_metered(exchange, endpoint) for endpoint in endpoints),
            *_models(exchange),
            _unknown(exchange),
        ],
        middleware=[Middleware(_Counted, traffic=traffic)],
    )


class _Counted:
    """
    Counts the requests that are being served.
    """

    def __init__(self, app: ASGIApp, traffic: Traffic) -> None:
        self._app = app
        self._traffic = traffic

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        with self._traffic.one_more():
            await self._app(scope, receive, send)


def _metered(exchange: Exchange, endpoint: Endpoint) -> Route:
    async def serve(request: Request) -> Delivery:
        return await exchange.serve(endpoint, request)

    return Route(endpoint.path, serve, methods=["POST"])


def _models(exchange: Exchange) -> list[Route]:
    known = exchange.limiter.models

    async def every(request: Request) -> Delivery:
        return exchange.with_key("models", request, lambda: listing(known))

    async def single(request: Request) -> Delivery:
        model: str = request.path_params["model"]
        return exchange.with_key("models", request, lambda: one(known, model))

    return [Route(_MODELS, every), Route(_MODELS + "/{model:path}", single)]


def _unknown(exchange: Exchange) -> Route:
    async def nothing(request: Request) -> Delivery:
        return exchange.nothing_there(request)

    return Route("/{path:path}", nothing, methods=_METHODS)
