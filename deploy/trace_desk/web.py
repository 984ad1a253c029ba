"""The pages and the JSON API."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from deploy.trace_desk import wording
from deploy.trace_desk.api import trace_line, whole_trace
from deploy.trace_desk.query import InvalidQuery, TraceQuery
from deploy.trace_desk.store import TraceStore
from deploy.trace_desk.trace import Trace
from deploy.trace_desk.waterfall import waterfall

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

HERE = Path(__file__).parent
COLOURS = 8

SECURITY_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self';"
        " base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "cross-origin-resource-policy": "same-origin",
}


class TraceNotFound(HTTPException):
    """No such trace is kept."""

    def __init__(self) -> None:
        super().__init__(404, "There is no trace with this id here.")


class Pages:
    """What is answered to each address."""

    def __init__(self, store: TraceStore) -> None:
        self._store = store
        self._templates = Environment(
            loader=FileSystemLoader(HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters.update(
            duration=wording.duration_text, paris=wording.paris_text, utc=wording.utc
        )

    async def list_traces(self, request: Request) -> Response:
        """`/`: the traces that the form asks for; a form that cannot be read is shown again with the reason."""
        problem, status_code = "", 200
        try:
            query = TraceQuery.parse(request.query_params)
        except InvalidQuery as error:
            query, problem, status_code = TraceQuery(), str(error), 400
        matching = [] if problem else query.select(self._store.newest_first())
        return await self._page(
            "list.html",
            status_code,
            traces=matching[: query.limit],
            matching=len(matching),
            problem=problem,
            form={**dict.fromkeys(TraceQuery.model_fields, ""), **request.query_params},
            query=query,
            refresh_url=f"/?{request.url.query}" if request.url.query else "/",
        )

    async def show_trace(self, request: Request) -> Response:
        """`/traces/{trace_id}`: one trace as a waterfall."""
        trace = self._trace(request)
        return await self._page("trace.html", trace=trace, drawing=waterfall(trace))

    async def api_list(self, request: Request) -> Response:
        """`/api/traces`: the same list as JSON."""
        try:
            query = TraceQuery.parse(request.query_params)
        except InvalidQuery as error:
            raise HTTPException(400, str(error)) from None
        matching = query.select(self._store.newest_first())
        return JSONResponse(
            {"matching": len(matching), "traces": [trace_line(trace) for trace in matching[: query.limit]]}
        )

    async def api_trace(self, request: Request) -> Response:
        """`/api/traces/{trace_id}`: one trace as JSON."""
        return JSONResponse(whole_trace(self._trace(request)))

    async def failed(self, request: Request, error: Exception) -> Response:
        """What stopped a request, with the remedy: JSON to a script, a page to a reader."""
        status_code, detail = (
            (error.status_code, error.detail) if isinstance(error, HTTPException) else (500, "")
        )
        if request.url.path.startswith("/api/"):
            return JSONResponse({"error": detail}, status_code)
        return await self._page(
            "failed.html", status_code, detail=detail, is_trace_missing=isinstance(error, TraceNotFound)
        )

    def _trace(self, request: Request) -> Trace:
        trace = self._store.trace(request.path_params["trace_id"].strip().lower())
        if trace is None:
            raise TraceNotFound
        return trace

    async def _page(self, name: str, status_code: int = 200, **values: object) -> HTMLResponse:
        services = self._store.services()
        colours = {service: position % COLOURS for position, service in enumerate(services)}
        template = self._templates.get_template(name)
        # A trace of thousands of spans takes a second: meanwhile the loop goes on receiving.
        html = await asyncio.to_thread(
            template.render, store=self._store, services=services, colours=colours, **values
        )
        return HTMLResponse(html, status_code)


def web_app(store: TraceStore, own_host: str) -> "ASGIApp":
    """The web side of the trace desk, for a browser that calls it `own_host` or localhost."""
    pages = Pages(store)
    app = Starlette(
        routes=[
            Route("/", pages.list_traces),
            Route("/traces/{trace_id}", pages.show_trace),
            Route("/api/traces", pages.api_list),
            Route("/api/traces/{trace_id}", pages.api_trace),
            Mount("/static", StaticFiles(directory=HERE / "static")),
        ],
        # A page elsewhere could have its own name resolve to this machine and then read what it likes.
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=[own_host, "localhost"])],
        exception_handlers={HTTPException: pages.failed},
    )
    return SecurityHeaders(app)


class SecurityHeaders:
    """Puts the same strict headers on every response, errors included."""

    def __init__(self, app: "ASGIApp") -> None:
        self._app = app

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Serves one request."""

        async def send_with_headers(message: "Message") -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(SECURITY_HEADERS)
            await send(message)

        await self._app(scope, receive, send_with_headers)
