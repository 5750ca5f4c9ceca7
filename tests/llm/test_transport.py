"""Which of several base URLs gets a request. What happens on the wire is tested in ``tests/faults``."""

from __future__ import annotations

import time

from wildgraph.llm.limits import Patience
from wildgraph.llm.transport import HttpTransport

URLS = ("http://a/v1", "http://b/v1", "http://c/v1")


def transport() -> HttpTransport:
    return HttpTransport(URLS, "/chat/completions", {}, 8, Patience())


def test_the_least_loaded_is_asked():
    several = transport()
    for endpoint, load in zip(several._endpoints, (3, 1, 2), strict=True):
        endpoint.in_flight = load
    assert several._chosen("").base_url == "http://b/v1"


def test_one_that_is_gone_is_left_alone_until_it_is_time_to_look_again():
    several = transport()
    several._endpoints[0].dead_until = time.monotonic() + 60
    assert several._chosen("").base_url == "http://b/v1"
    several._endpoints[0].dead_until = time.monotonic() - 1
    assert several._chosen("").base_url == "http://a/v1"
    for endpoint in several._endpoints:
        endpoint.dead_until = time.monotonic() + 60
    assert several._chosen("")  # all are gone: one of them has to be tried


def test_documents_stay_with_a_server_and_are_spread_over_all():
    several = transport()
    homes = {f"d{n}": several._chosen(f"d{n}").base_url for n in range(60)}
    assert homes == {f"d{n}": several._chosen(f"d{n}").base_url for n in range(60)}
    assert min(list(homes.values()).count(url) for url in URLS) > 8


def test_a_busy_home_is_left_and_a_lost_one_is_replaced_for_its_own_documents_only():
    several = transport()
    home = several._chosen("d")
    home.in_flight = 2
    assert several._chosen("d") is home
    home.in_flight = 3  # the others have nothing to do
    assert several._chosen("d") is not home
    home.in_flight = 0
    before = {f"d{n}": several._chosen(f"d{n}") for n in range(60)}
    home.dead_until = time.monotonic() + 60
    assert all(several._chosen(name) is (other if other is not home else several._chosen(name)) for name, other in before.items())
    assert home not in {several._chosen(name) for name in before}
