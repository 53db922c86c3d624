"""Many events of one thread go out together."""

import threading

import pytest

from servers import live


@pytest.fixture
def messages(monkeypatch):
    sent = []

    async def keep(messages):
        sent.extend(messages)

    monkeypatch.setattr(live, "send_all", keep)
    return sent


def event(number):
    return {"type": "access", "server": number}


def servers_of(messages):
    return [[each["server"] for each in message["events"]] for message in messages]


def test_in_twenties_and_the_rest_at_the_end(messages):
    with live.gathered():
        for number in range(45):
            live.send([event(number)], ())
        assert servers_of(messages) == [list(range(20)), list(range(20, 40))]
    assert servers_of(messages)[2:] == [list(range(40, 45))]


def test_nothing_is_kept_back_where_it_breaks_off(messages):
    def break_off():
        with live.gathered():
            live.send([event(1)], ())
            raise KeyError

    with pytest.raises(KeyError):
        break_off()
    assert servers_of(messages) == [[1]]


def test_elsewhere_it_goes_out_at_once(messages):
    with live.gathered():
        other = threading.Thread(target=lambda: live.send([event(2)], ()))
        other.start()
        other.join()
        assert servers_of(messages) == [[2]]
    live.send([event(3)], ())
    assert servers_of(messages) == [[2], [3]]


def test_nothing_is_sent_for_nothing(messages):
    with live.gathered():
        pass
    assert messages == []
