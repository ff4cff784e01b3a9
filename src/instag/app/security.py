"""Security of the server: who may ask, from which page, how often, and for how much."""

import hmac
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import final
from urllib.parse import parse_qs, quote, unquote, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOCAL_NAMES = frozenset(("localhost", "127.0.0.1", "::1"))
MOST_BYTES = 1 << 20
"""Of a request's body where nothing else is allowed."""
MOST_SOUND = 64 << 20
"""Bytes of a sound that is to be said: an hour of compressed speech."""
MOST_DIGITS = 18
"""Of a body's length."""
REQUESTS_A_SECOND, BURST = 20.0, 80.0
"""Of one address, where the server is open to others."""
MOST_ADDRESSES = 10_000
"""Whose requests are counted."""
COOKIE = "instag_token"
"""Set by a page that was opened with ?token=..., for what cannot send a header."""
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "media-src 'self' blob:; connect-src 'self'; worker-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
"""What pages may load: nothing from elsewhere, and no code within a page."""
POLICY_VIOLATION = 1008
"""A WebSocket's code for a refusal."""


@final
@dataclass(frozen=True, kw_only=True)
class Security:
    """token: what /api asks for, nothing where None. origins: pages of other servers that may ask,
    such as https://example.org. local: the server is bound to this machine. most_bytes: of a body,
    by the end of its path."""

    token: str | None = None
    origins: frozenset[str] = frozenset()
    local: bool = True
    most_bytes: Mapping[str, int] = field(default_factory=lambda: {"/audio": MOST_SOUND})


@final
@dataclass(frozen=True, kw_only=True)
class Refusal:
    """Why a request is not answered."""

    status: int
    sentence: str


def is_local(host: str) -> bool:
    """Whether an address to bind to is of this machine alone."""
    if host in LOCAL_NAMES:
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


@final
class Rates:
    """Requests of each address: BURST at once, and REQUESTS_A_SECOND."""

    def __init__(self) -> None:
        self._left: dict[str, tuple[float, float]] = {}

    def allow(self, address: str) -> bool:
        """Count a request; whether it may be answered."""
        now = time.monotonic()
        left, at = self._left.pop(address, (BURST, now))
        left = min(BURST, left + (now - at) * REQUESTS_A_SECOND)
        if len(self._left) >= MOST_ADDRESSES:
            self._left.pop(next(iter(self._left)))
        self._left[address] = (max(0.0, left - 1), now)
        return left >= 1


@final
class SecurityMiddleware:
    """Refuses what `Security` does not allow, requests and WebSockets alike."""

    def __init__(self, app: ASGIApp, security: Security) -> None:
        self._app, self._security, self._rates = app, security, Rates()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal is None:
            await self._app(scope, receive, self._with_headers(scope, send))
        elif scope["type"] == "http":
            answer = JSONResponse({"detail": refusal.sentence}, refusal.status)
            await answer(scope, receive, send)
        else:
            await receive()
            await send({"type": "websocket.accept"})
            closing = {"code": POLICY_VIOLATION, "reason": refusal.sentence[:120]}
            await send({"type": "websocket.close", **closing})

    def _with_headers(self, scope: Scope, send: Send) -> Send:
        """Sends with the policy, and the cookie for whoever came with the token."""
        given = asked_token(scope) if scope["path"] == "/" else ""

        async def send_more(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Content-Security-Policy"] = POLICY
                headers["X-Content-Type-Options"] = "nosniff"
                headers["Referrer-Policy"] = "no-referrer"
                if self._security.token is not None and given == self._security.token:
                    cookie = f"{COOKIE}={quote(given)}; HttpOnly; SameSite=Strict; Path=/"
                    headers.append("Set-Cookie", cookie)
            await send(message)

        return send_more

    def _refusal(self, scope: Scope) -> Refusal | None:
        headers, security = Headers(scope=scope), self._security
        wrong = wrong_page(headers, security)
        if wrong is not None:
            return Refusal(status=403, sentence=wrong)
        if not security.local and not self._rates.allow((scope.get("client") or ("",))[0]):
            return Refusal(status=429, sentence="Too many requests. Wait a second.")
        if not scope["path"].startswith("/api"):
            return None
        if not has_token(scope, headers, security.token):
            return Refusal(
                status=401,
                sentence="This server asks for its token: add ?token=... to its address",
            )
        return too_large(scope, headers, security)


def wrong_page(headers: Headers, security: Security) -> str | None:
    """Why the page that asks may not: pages of other servers could use a browser's way here, and
    names that lead to this machine could pass for it."""
    host = headers.get("host", "")
    if security.local and name_of(host) not in LOCAL_NAMES:
        return f"This server answers to localhost alone, not to {host}."
    origin = headers.get("origin")
    if origin is None or origin in security.origins or origin.partition("//")[2] == host != "":
        return None
    return f"Pages of {origin} may not use this server. Allow them with --origin {origin}."


def name_of(host: str) -> str:
    """The name in a host and its port, empty where it is none."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def has_token(scope: Scope, headers: Headers, token: str | None) -> bool:
    """Whether the request names the token, in its header, its address or its cookie."""
    if token is None:
        return True
    kind, _, bearer = headers.get("authorization", "").partition(" ")
    given = (
        bearer if kind.lower() == "bearer" else "",
        asked_token(scope),
        kept_token(headers),
    )
    return any(hmac.compare_digest(each.encode(), token.encode()) for each in given)


def kept_token(headers: Headers) -> str:
    """The token in the cookie, empty where there is none. Cookies of other servers on this machine
    come too, with whatever names they have."""
    pairs = (pair.strip().partition("=") for pair in headers.get("cookie", "").split(";"))
    return next((unquote(value.strip('"')) for name, _, value in pairs if name == COOKIE), "")


def asked_token(scope: Scope) -> str:
    """The token in the address, empty where there is none."""
    return parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]


def too_large(scope: Scope, headers: Headers, security: Security) -> Refusal | None:
    """Bodies state their length, which the server keeps them to."""
    if scope["type"] != "http":
        return None
    if "transfer-encoding" in headers:
        return Refusal(status=411, sentence="State the length of what you send (Content-Length).")
    most = next(
        (most for end, most in security.most_bytes.items() if scope["path"].endswith(end)),
        MOST_BYTES,
    )
    length = headers.get("content-length", "0")
    if not (length.isascii() and length.isdigit()):
        return Refusal(status=400, sentence="Content-Length is no number of bytes.")
    if len(length) > MOST_DIGITS or int(length) > most:
        return Refusal(status=413, sentence=f"That is too large: {most >> 20:,} MiB are the most.")
    return None
