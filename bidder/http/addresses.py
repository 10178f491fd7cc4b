"""Where a request may go: one origin for the API, named hosts for downloads, and no surprise behind a name.

The address actually connected to is checked before a byte is sent, so that a name that resolves to another
machine later (or to this one) gains nothing.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from bidder.errors import ConfigError, ContractBroken

_MALFORMED = "expected an address such as https://api.example.com/v3, without query or fragment"
_LOOPBACK_NAMES = {"localhost", "127.0.0.1", "::1"}


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host and port that a session speaks to, with the path its requests stand under.

    Attributes:
        url: Without a trailing slash.
        plain: True where it is ``http://`` on this very machine.
    """

    url: str
    host: str
    plain: bool

    @classmethod
    def parse(cls, base_url: str, *, insecure_loopback: bool = False, key: str = "base_url") -> Origin:
        """Check a base address from the configuration.

        Args:
            base_url: Such as ``https://api.example.com/v3``.
            insecure_loopback: Allow ``http://`` to 127.0.0.1, ::1 and localhost, as a mock server needs it.
            key: Name of the setting, for the message.

        Raises:
            ConfigError: It is not https, carries credentials, a query or a fragment.
        """
        try:
            parts = urlsplit(base_url)
            host, port = parts.hostname or "", parts.port
        except ValueError:
            raise ConfigError(
                f"expected an address such as https://api.example.com, was {base_url!r}", key=key
            ) from None
        if parts.username is not None or parts.password is not None:
            raise ConfigError("an address must not hold a user or password; they belong among the secrets", key=key)
        if parts.query or parts.fragment or not host:
            raise ConfigError(_MALFORMED, key=key)
        plain = parts.scheme == "http"
        if plain and not (insecure_loopback and host in _LOOPBACK_NAMES):
            raise ConfigError(
                f"http:// would send tokens in the clear to {host}; use https:// "
                "(http:// is allowed to this machine only, and only when it is asked for)",
                key=key,
            )
        if not plain and parts.scheme != "https":
            raise ConfigError(f"expected https://, was {parts.scheme or 'no scheme'}", key=key)
        shown = f"[{host}]" if ":" in host else host
        netloc = shown if port is None else f"{shown}:{port}"
        return cls(url=f"{parts.scheme}://{netloc}{parts.path.rstrip('/')}", host=host, plain=plain)

    def accepts(self, address: str) -> bool:
        """Tell whether the machine behind the name may be spoken to: plain http stays on this one."""
        return not self.plain or _is_loopback(address)


@dataclass(frozen=True, slots=True)
class PublicHosts:
    """Hosts that report files may be fetched from: https, the named ones, and never a machine of the own network.

    Attributes:
        suffixes: Host names; one that starts with a dot stands for everything below it.
        origin: The API's own origin, which is allowed as well.
    """

    suffixes: tuple[str, ...]
    origin: Origin

    def check(self, url: str) -> str:
        """Return ``url`` where a file may be fetched from it.

        Raises:
            ContractBroken: The venue named an address outside the list.
        """
        try:
            parts = urlsplit(url)
            host = (parts.hostname or "").lower()
            own = url == self.origin.url or url.startswith(f"{self.origin.url}/")
        except ValueError:
            raise ContractBroken("expected the address of a report file, was malformed", field="download") from None
        named = any(host == s or (s.startswith(".") and host.endswith(s)) for s in self.suffixes)
        secure = parts.scheme == "https" and parts.username is None and parts.password is None
        if not (own or (named and secure)):
            raise ContractBroken(
                f"expected a report file at https://{' or '.join(self.suffixes) or self.origin.host}, was at "
                f"{parts.scheme}://{host}",
                field="download",
            )
        return url

    def accepts(self, address: str) -> bool:
        """Tell whether the machine behind the name is on the public network, or is the origin's own loopback."""
        return ipaddress.ip_address(address).is_global or (self.origin.plain and _is_loopback(address))


def _is_loopback(address: str) -> bool:
    return ipaddress.ip_address(address).is_loopback
