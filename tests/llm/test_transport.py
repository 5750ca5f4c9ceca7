"""Which of several base URLs gets a request, and by which way. What happens on the wire is tested in ``tests/faults``."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from fake_server import FakeServer, Mixture

from wildgraph.backends.openai_compatible import OpenAICompatible
from wildgraph.errors import ConfigError
from wildgraph.llm import ChatRequest, Prompt, Template
from wildgraph.llm.limits import Patience
from wildgraph.llm.transport import BROKEN, HttpTransport

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


def test_one_that_fails_at_once_is_left_alone_as_well(fake_server: Callable[..., FakeServer]):
    """It is always the least loaded: without that it would get every request."""
    good, bad = fake_server(), fake_server(fault=Mixture({"server_error": 1.0}, times=99))
    several = HttpTransport((bad.base_url, good.base_url), "/chat/completions", {}, 8, Patience())

    async def ask() -> list[int]:
        body = json.dumps({"model": "fake", "messages": [{"role": "user", "content": "Hello."}]}).encode()
        found = [(await several._request("POST", "/chat/completions", body)).status for _ in range(8)]
        await several.close()
        return found

    with ThreadPoolExecutor(1) as apart:  # where no loop runs yet
        found = apart.submit(asyncio.run, ask()).result()
    assert [status >= 500 for status in found] == [True] * BROKEN + [False] * (8 - BROKEN)
    assert [endpoint.in_flight for endpoint in several._endpoints] == [0, 0], "what has come back is no load"


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


# --------------------------------------------------------------------------- proxies

HELLO = ChatRequest("r", Prompt(Template("stages/mine", 1, "abc", (("user", "Hello."),)), {}))


@pytest.fixture
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    return monkeypatch


@pytest.mark.parametrize("scheme", ["", "http://"])
def test_the_proxy_of_the_environment_is_used_whatever_netrc_says(
    scheme: str, tmp_path: Path, bare_environment: pytest.MonkeyPatch, fake_server: Callable[..., FakeServer]
):
    server = fake_server(key="sk-mine")
    netrc = tmp_path / "netrc"
    netrc.write_text("machine models.invalid login somebody password else\n", encoding="utf-8")
    bare_environment.setenv("NETRC", str(netrc))
    bare_environment.setenv("http_proxy", f"{scheme}127.0.0.1:{server.port}")
    with closing(OpenAICompatible("fake", "http://models.invalid/v1", "sk-mine", 2)) as model:
        (completion,) = model.map([HELLO])
    assert completion.failure is None
    assert server.counted.headers[0]["host"] == "models.invalid"


def test_this_machine_and_what_the_environment_exempts_are_asked_directly(bare_environment: pytest.MonkeyPatch):
    bare_environment.setenv("http_proxy", "http://proxy:3128")
    bare_environment.setenv("no_proxy", "gpu7,.example.org")
    urls = (
        "http://localhost:8000/v1",
        "http://127.0.0.1/v1",
        "http://gpu7/v1",
        "http://a.example.org/v1",
        "https://gpu8/v1",
        "http://gpu8/v1",
    )
    endpoints = HttpTransport(urls, "/chat/completions", {}, 8, Patience())._endpoints
    assert [endpoint.proxy for endpoint in endpoints] == [None, None, None, None, None, "http://proxy:3128"]


def test_a_proxy_that_is_none_is_an_error_in_words(bare_environment: pytest.MonkeyPatch):
    bare_environment.setenv("http_proxy", "socks5://user:secret@proxy:1080")
    with (
        pytest.raises(ConfigError, match="http_proxy") as caught,
        closing(OpenAICompatible("fake", "http://models.invalid/v1", "", 2)) as model,
    ):
        list(model.map([HELLO]))
    assert "secret" not in str(caught.value)
