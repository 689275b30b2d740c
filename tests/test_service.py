"""The running proxy in this process: listeners come and go, sessions stay."""

import socket

import pytest
from twisted.internet import reactor  # noqa: TID251

from imapproxy.config import ConfigError, ListenerConfig, Settings
from tests.deadline import SECONDS, in_reactor, soon
from tests.house import house, logged_in, port
from tests.logged_errors import logged_errors
from tests.socket_client import connect, connect_silently
from tests.upstream import certificates

__all__ = ["house", "logged_errors"]


class TestStarting:
    @in_reactor
    async def test_several_listeners_and_upstreams(self, house):
        servers = [await house.upstream("one"), await house.upstream("two")]
        service = await house.start(
            house.listener("one"), house.listener("two"), house.listener("two", "[::1]:0")
        )
        assert house.ready == [
            f"ready: 127.0.0.1:{port(service, 0)} -> imaps://localhost:{servers[0].port}",
            f"ready: 127.0.0.1:{port(service, 1)} -> imaps://localhost:{servers[1].port}",
            f"ready: [::1]:{port(service, 2)} -> imaps://localhost:{servers[1].port}",
        ]
        for number, name in enumerate((b"one", b"two")):
            client = await logged_in(service, number)
            assert b"OK " + name in await client.ask(b"NOOP")
            await client.ask(b"LOGOUT")
            await client.lost

    @in_reactor
    async def test_two_services_in_one_process(self, house):
        for name in ("one", "two"):
            await house.upstream(name)
        services = [await house.start(house.listener(name)) for name in ("one", "two")]
        clients = [await logged_in(service) for service in services]
        assert [await client.ask(b"NOOP") for client in clients] == [
            b"t OK one\r\n",
            b"t OK two\r\n",
        ]
        await services[0].drain()
        assert b"BYE" in clients[0].heard or b"BYE" in await clients[0].until(b"BYE")
        assert await clients[1].ask(b"NOOP") == b"t OK two\r\n"

    @in_reactor
    async def test_a_port_that_is_taken(self, house):
        await house.upstream("one")
        with socket.create_server(("127.0.0.1", 0)) as taken:
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            with pytest.raises(ConfigError) as caught:
                await house.start(house.listener("one"), house.listener("one", address))
        assert f"cannot listen on {address}: Address already in use; choose another" in str(
            caught.value
        )
        assert house.ready == []

    @in_reactor
    async def test_an_address_that_is_not_of_this_machine(self, house):
        await house.upstream("one")
        listener = ListenerConfig("192.0.2.1:0", upstream="one", allow_remote=True)
        with pytest.raises(ConfigError, match=r"cannot listen on 192\.0\.2\.1:0: "):
            await house.start(listener)

    @pytest.mark.parametrize(("tls", "how"), [("none", True), ("implicit", False)])
    @in_reactor
    async def test_what_other_machines_can_reach_is_told(self, house, tls, how, logged_errors):
        await house.upstream("one")
        listener = house.listener("one", "0.0.0.0:0", tls)
        with pytest.raises(ConfigError, match="allow_remote"):
            house.settings(listener)
        service = await house.start(
            ListenerConfig(listener.listen, "one", True, tls, listener.cert_file, listener.key_file)
        )
        told = f"0.0.0.0:{port(service)} can be reached from other machines"
        assert told in logged_errors.text()
        assert ("plaintext" in logged_errors.text()) is how

    @in_reactor
    async def test_an_upstream_that_is_away_keeps_nobody_from_starting(self, house, logged_errors):
        server = await house.upstream("one")
        await server.stop()
        service = await house.start(house.listener("one"))
        assert len(house.ready) == 1
        assert "refuses connections" in logged_errors.text()
        client = await connect(reactor, port(service))
        assert b"t NO [UNAVAILABLE]" in await client.ask(b"LOGIN demo pw")

    @in_reactor
    async def test_clients_see_what_the_upstream_offers(self, house):
        await house.upstream("one")
        service = await house.start(house.listener("one"))
        client = await connect_silently(reactor, port(service))
        assert b"IMAP4rev1" in await client.until(b"* OK")


class TestReload:
    @in_reactor
    async def test_it_adds_removes_and_changes_and_drops_nobody(self, house):
        for name in ("one", "two", "three"):
            await house.upstream(name)
        service = await house.start(house.listener("one"), house.listener("two"))
        kept, removed = await logged_in(service, 0), await logged_in(service, 1)
        ports = [port(service, 0), port(service, 1)]
        house.ready.clear()
        # The first stays with another upstream, the second goes, one with TLS comes.
        listen = "[::1]:0"
        await service.reload(house.settings(house.listener("two"), house.listener("three", listen)))
        assert port(service, 0) == ports[0]
        assert house.ready == [service.listeners[1].ready_line]
        assert await kept.ask(b"NOOP") == b"t OK one\r\n"
        assert await removed.ask(b"NOOP") == b"t OK two\r\n"
        assert await (await logged_in(service, 0)).ask(b"NOOP") == b"t OK two\r\n"
        with pytest.raises(Exception, match="refused"):
            await connect_silently(reactor, ports[1])
        await service.drain()
        for client in (kept, removed):
            await client.lost
            assert b"* BYE" in client.heard

    @in_reactor
    async def test_limits_are_for_who_comes_later(self, house):
        await house.upstream("one")
        service = await house.start(house.listener("one"))
        client = await logged_in(service)
        await service.reload(house.settings(house.listener("one"), max_sessions=1))
        assert await client.ask(b"NOOP") == b"t OK one\r\n"
        other = await connect(reactor, port(service))
        await other.lost

    @in_reactor
    async def test_several_listeners_on_port_0_are_kept_apart(self, house):
        for name in ("one", "two"):
            await house.upstream(name)
        listeners = [house.listener("one"), house.listener("two")]
        service = await house.start(*listeners)
        before = [port(service, 0), port(service, 1)]
        await service.reload(house.settings(*listeners))
        assert [port(service, 0), port(service, 1)] == before
        await service.reload(house.settings(listeners[1]))
        assert len(service.listeners) == 1
        with pytest.raises(Exception, match="refused"):
            await connect_silently(reactor, before[1])

    @in_reactor
    async def test_a_certificate_is_read_again(self, house):
        await house.upstream("one")
        listener = house.listener("one", tls="implicit")
        service = await house.start(listener)
        old = await logged_in(service, tls=True)
        renewed = house.renew_certificate()
        await service.reload(house.settings(listener))
        new = await logged_in(service, tls=True)
        assert certificates.pem_of_peer(new.transport) == renewed
        assert certificates.pem_of_peer(old.transport) != renewed
        assert await old.ask(b"NOOP") == b"t OK one\r\n"

    @in_reactor
    async def test_tls_may_come_and_go_on_a_port(self, house):
        await house.upstream("one")
        service = await house.start(house.listener("one"))
        address = str(service.listeners[0].address)
        plain = await logged_in(service)
        await service.reload(house.settings(house.listener("one", address)))
        for tls in ("implicit", "starttls", "none"):
            await service.reload(house.settings(house.listener("one", address, tls)))
            client = await connect(reactor, port(service), tls=tls == "implicit")
            offered = await client.ask(b"CAPABILITY")
            assert (b"STARTTLS" in offered) is (tls == "starttls")
        assert await plain.ask(b"NOOP") == b"t OK one\r\n"

    @in_reactor
    async def test_one_that_fails_changes_nothing(self, house):
        for name in ("one", "two"):
            await house.upstream(name)
        service = await house.start(house.listener("one"), house.listener("two"))
        before = list(service.listeners)
        with socket.create_server(("127.0.0.1", 0)) as taken:
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            wanted = [house.listener("two"), house.listener("one", "[::1]:0")]
            with pytest.raises(ConfigError, match="in use"):
                await service.reload(house.settings(*wanted, house.listener("one", address)))
        assert service.listeners == before
        assert len(house.ready) == 2
        assert await (await logged_in(service, 0)).ask(b"NOOP") == b"t OK one\r\n"
        assert await (await logged_in(service, 1)).ask(b"NOOP") == b"t OK two\r\n"

    @in_reactor
    async def test_a_bad_configuration_is_told_and_the_old_one_stays(self, house, logged_errors):
        await house.upstream("one")
        service = await house.start(house.listener("one"))

        def bad() -> Settings:
            raise ConfigError("is wrong", "listener[0].listen")

        await service.reload_from(bad)
        assert "not reloaded: listener[0].listen: is wrong" in logged_errors.text()
        assert await (await logged_in(service)).ask(b"NOOP") == b"t OK one\r\n"
        await service.reload_from(lambda: house.settings(house.listener("one")))
        assert "reloaded" in logged_errors.text().split("is wrong")[1]

    @in_reactor
    async def test_two_at_once_are_made_one_after_the_other(self, house):
        for name in ("one", "two"):
            await house.upstream(name)
        service = await house.start(house.listener("one"))
        listeners = [house.listener("two"), house.listener("two", "[::1]:0")]
        both = [
            service.reload_from(lambda: house.settings(*listeners)),
            service.reload_from(lambda: house.settings(listeners[1])),
        ]
        for reload in both:
            await reload
        (listener,) = service.listeners
        assert listener.address.is_ipv6
        assert len(house.ready) == 2

    @in_reactor
    async def test_listeners_without_sessions_are_forgotten(self, house):
        await house.upstream("one")
        service = await house.start(house.listener("one"))
        for listen in ("[::1]:0", "127.0.0.1:0"):
            await service.reload(house.settings(house.listener("one", listen)))
        assert service._retired == []


class TestDraining:
    @in_reactor
    async def test_what_is_under_way_is_answered_and_everybody_told(self, house):
        server = await house.upstream("one")
        service = await house.start(house.listener("one"), drain_grace=SECONDS)
        idle, busy = await logged_in(service), await logged_in(service)
        stranger = await connect(reactor, port(service))
        busy.say(b"a1 SLOW")
        session, tag = await house.slow
        draining = soon(service.drain())
        for client in (idle, stranger):
            await client.lost
            assert client.heard.startswith(b"* BYE ")
        assert not draining.called
        session.say(tag + b" OK at last")
        await draining
        await busy.lost
        assert busy.heard.startswith(b"a1 OK at last\r\n* BYE ")
        await server.no_client_left()

    @in_reactor
    async def test_what_takes_too_long_is_not_waited_for(self, house):
        await house.upstream("one")
        service = await house.start(house.listener("one"), drain_grace=0.05)
        client = await logged_in(service)
        client.say(b"a1 SLOW")
        await house.slow
        await service.drain()
        await client.lost
        assert b"* BYE " in client.heard

    @in_reactor
    async def test_under_load(self, house):
        server = await house.upstream("one")
        service = await house.start(house.listener("one"), drain_grace=SECONDS)
        clients = [await logged_in(service) for _ in range(30)]
        for client in clients:
            client.transport.write(b"".join(b"n%d NOOP\r\n" % number for number in range(3000)))
        await clients[0].until(b"n999 ")
        await service.drain()
        for client in clients:
            await client.lost
            said = client.heard[client.heard.index(b"n") :]
            *answers, farewell, nothing = said.split(b"\r\n")
            first = int(answers[0].split(b" ")[0][1:])
            assert answers == [b"n%d OK one" % (first + at) for at in range(len(answers))]
            assert (farewell, nothing) == (b"* BYE imapproxy is shutting down", b"")
        await server.no_client_left()
