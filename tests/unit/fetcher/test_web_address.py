"""Which web addresses can be asked for, and which addresses of the internet are nobody's own."""

from ipaddress import IPv6Address, ip_address, ip_network

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from services.fetcher.domain.web_address import (
    MOST_CHARACTERS,
    PRIVATE_V4,
    checked,
    host_of,
    is_public,
    refusal,
    sort_out,
)
from shared.errors import RejectedDocument


@pytest.mark.parametrize(
    ("url", "form"),
    [
        (" HTTPS://Harbour.EXAMPLE:443/a b?q=ü#part ", "https://harbour.example/a%20b?q=%C3%BC"),
        ("http://harbour.example:8080", "http://harbour.example:8080/"),
        ("https://münchen.example/", "https://xn--mnchen-3ya.example/"),
        ("http://[2001:db8::1]", "http://[2001:db8::1]/"),
    ],
)
def test_an_address_is_brought_into_its_normal_form(url: str, form: str) -> None:
    assert form == str(checked(url))


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("harbour.example", "write them in full"), ("", "write them in full"), ("file:///etc/passwd", "Only http"),
        ("javascript:alert(1)", "Only http"), ("http:///a", "names no server"), ("http://a:b@c.example/", "password"),
        ("http://a.example:0/", "port 0"), ("http://a.example:x/", "no address"), ("http://a\n.example/", "no address"),
        ("http://[::1", "no address"), ("http://" + "a" * MOST_CHARACTERS, "longer than"),
        ("http://%31.example/", "names no server"),
        ("http://a b.example/", "names no server"), ("http://[fe80::1%25eth0]/", "names no server"),
        ("http://①②⑦.⓪.⓪.①/", "no address"),
    ],
)  # fmt: skip
def test_what_is_no_address_of_a_web_page_is_told_so(url: str, reason: str) -> None:
    with pytest.raises(RejectedDocument, match=reason):
        checked(url)


def test_addresses_are_sorted_out_each_once() -> None:
    good, bad = sort_out(
        ["http://b.example", "x", "http://a.example/#1", "HTTP://b.example/", "http://a.example/", "x"]
    )
    assert good == ["http://b.example/", "http://a.example/"]
    assert [url for url, _ in bad] == ["x"]
    assert [host_of(url) for url in good] == ["b.example", "a.example"]


@given(st.text(max_size=50))
def test_any_text_is_an_address_or_is_refused(text: str) -> None:
    good, bad = sort_out([text, f"http://{text}", f"http://a.example/{text}"])
    assert len(good) + len(bad) in {2, 3}
    assert good == [str(checked(url)) for url in good]


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "127.255.255.254", "169.254.169.254", "172.16.0.1",
        "172.31.255.255", "192.0.0.1", "192.0.2.1", "192.168.1.1", "198.18.0.1", "203.0.113.9", "224.0.0.1",
        "239.255.255.255", "240.0.0.1", "255.255.255.255", "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1",
        "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a00:1", "64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1",
        "2002:7f00:1::", "3fff::1", "5f00::1", "fc00::1", "fd12::1", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1",
        "4000::1",
    ],
)  # fmt: skip
def test_an_address_that_is_not_everybody_s_is_not_public(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "93.184.215.14", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2a00:1450::1",
                "::ffff:1.1.1.1", "64:ff9b::101:101"],
)  # fmt: skip
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert is_public(ip_address(address))


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_is_as_public_in_whatever_it_is_wrapped(address: object) -> None:
    number = int(ip_address(str(address)))
    private = any(ip_address(str(address)) in network for network in PRIVATE_V4)
    for prefix in (0xFFFF << 32, 0x64FF9B << 96):
        assert is_public(IPv6Address(prefix | number)) is not private
    assert not is_public(IPv6Address(number))
    assert not is_public(IPv6Address(0x2002 << 112 | number << 80))


@given(st.ip_addresses())
def test_what_python_holds_to_be_private_is_not_public(address: object) -> None:
    held = ip_address(str(address))
    assume(held not in ip_network("::/8"))  # where IPv4 is wrapped: above
    assert not (is_public(held) and (held.is_private or held.is_multicast or held.is_reserved or held.is_loopback))


def test_a_network_may_be_allowed_and_public_servers_have_two_ports() -> None:
    mine = [ip_network("10.1.0.0/16"), ip_network("fd00::/8")]
    assert refusal(ip_address("10.1.2.3"), 8080, mine) is None
    assert refusal(ip_address("::ffff:10.1.2.3"), 80, mine) is None
    assert "DATELINE_WEB_NETWORKS" in (refusal(ip_address("10.2.2.3"), 80, mine) or "")
    assert "port 22" in (refusal(ip_address("1.1.1.1"), 22, mine) or "")
    assert refusal(ip_address("1.1.1.1"), 443, []) is None
