"""Which addresses of the web can be asked for, and which addresses of the internet are everybody's."""

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

import httpx

from shared.errors import RejectedDocument

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
#: Characters an address may have; browsers and servers stop near there, too (RFC 9110, 4.1 asks for 8,000 at least).
MOST_CHARACTERS = 8_000
#: Ports that web servers have on the public internet; behind others something else may be made to listen to us.
PUBLIC_PORTS = frozenset({80, 443})
#: Names and numbers as they are resolved: nothing escaped, no zone of a network card.
HOST = re.compile(r"[A-Za-z0-9._:-]{1,253}")

#: IPv4 that is not everybody's (IANA IPv4 Special-Purpose Address Registry; multicast: RFC 5771). It is spelled out,
#: as what `ipaddress.is_global` says differs between versions of Python.
PRIVATE_V4 = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
            "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24",
            "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
        ),
    )
)  # fmt: skip
#: All IPv6 that is given out to networks (RFC 4291, 2.4), and what of it is not everybody's (IANA IPv6
#: Special-Purpose Address Registry): protocols' own, documentation, and 6to4, which leads to any IPv4.
GLOBAL_V6 = IPv6Network("2000::/3")
PRIVATE_V6 = tuple(map(IPv6Network, ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")))
#: IPv4 inside IPv6: as it is written by systems (RFC 4291, 2.5.5.2), and translated by networks (RFC 6052, 2.1).
MAPPED_V4, NAT64 = IPv6Network("::ffff:0:0/96"), IPv6Network("64:ff9b::/96")


def refusal(address: Address, port: int, networks: Iterable[Network]) -> str | None:
    """Return in words why this is not to be connected to; None when it is.

    Args:
        networks: what may be connected to though it is not public.
    """
    if isinstance(address, IPv6Address) and address in MAPPED_V4:
        address = _inner(address)
    if any(address in network for network in networks):
        return None
    if not is_public(address):
        return f"{address} is no public address; if it is yours, allow its network (DATELINE_WEB_NETWORKS)"
    return None if port in PUBLIC_PORTS else f"port {port} is not one of public web servers, 80 and 443"


def is_public(address: Address) -> bool:
    """Whether the address is one of the public internet."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in PRIVATE_V4)
    if address in MAPPED_V4 or address in NAT64:
        return is_public(_inner(address))
    return address in GLOBAL_V6 and not any(address in network for network in PRIVATE_V6)


def _inner(address: IPv6Address) -> IPv4Address:
    return IPv4Address(int(address) & 0xFFFF_FFFF)


def checked(url: str) -> httpx.URL:
    """Return the address as it is asked for: in its normal form, without a fragment.

    Raises:
        RejectedDocument: it is none of a web page; says why.
    """
    if len(url) > MOST_CHARACTERS:
        raise RejectedDocument(f"This address is longer than {MOST_CHARACTERS:,} characters.")
    try:
        address = httpx.URL(url.strip())
        host = address.raw_host.decode()
    except (httpx.InvalidURL, UnicodeError, ValueError) as error:
        raise RejectedDocument(f"This is no address of a web page: {error}.") from error
    if address.scheme not in {"http", "https"}:
        raise RejectedDocument("Only http:// and https:// addresses can be fetched; write them in full.")
    if not HOST.fullmatch(host):
        raise RejectedDocument("This address names no server.")
    if address.port == 0:
        raise RejectedDocument("No server has port 0.")
    if address.userinfo:
        raise RejectedDocument("An address with a user name or password is not fetched; take them out of it.")
    return httpx.URL(f"{address.scheme}://{address.netloc.decode()}{address.raw_path.decode()}")


def sort_out(urls: Iterable[str]) -> tuple[list[str], list[tuple[str, str]]]:
    """Return those that can be asked for, in their normal form, each once; and the others, with the reason."""
    good, bad = dict[str, None](), dict[str, str]()
    for url in urls:
        try:
            good[str(checked(url))] = None
        except RejectedDocument as refusal:
            bad[url] = str(refusal)
    return list(good), list(bad.items())


def host_of(url: str) -> str:
    """Return the host of a checked address."""
    return httpx.URL(url).host
