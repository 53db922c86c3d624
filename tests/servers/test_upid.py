import pytest

from servers.proxmox.upid import parse

GOOD = "UPID:pve1:00007FFD:0003D7E4:6AFFB968:qmshutdown:101:panel@pve!panel:"


def test_what_it_tells():
    upid = parse(GOOD)
    assert (upid.node, upid.type, upid.subject) == ("pve1", "qmshutdown", "101")
    assert (upid.identity, upid.started_at) == ("panel@pve!panel", 0x6AFFB968)
    assert str(upid) == GOOD


@pytest.mark.parametrize(
    "text",
    [
        "",
        "OK",
        GOOD[:-1],
        GOOD + "x",
        GOOD.replace("pve1", "../../x"),
        GOOD.replace("pve1", "-pve"),
        GOOD.replace("101", "101/status/stop"),
        GOOD.replace("panel@pve!panel", "a/b"),
        GOOD.replace("panel@pve!panel", "a b"),
        GOOD.replace("6AFFB968", "now"),
        GOOD + "\n",
    ],
)
def test_what_is_none(text):
    with pytest.raises(ValueError, match="no UPID"):
        parse(text)
