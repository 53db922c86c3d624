import pytest

from servers.identity import same_guest

CONTAINER = "hwaddr=BC:24:11:00:00:01|hostname=dns1|rootfs=local:vm-105-disk-0|ostype=debian"


def container(**changes):
    parts = dict(part.split("=", 1) for part in CONTAINER.split("|"))
    return "|".join(f"{key}={value}" for key, value in (parts | changes).items())


@pytest.mark.parametrize(
    ("known", "reported", "same"),
    [
        ("uuid=a", "uuid=a", True),
        ("uuid=a", "uuid=b", False),
        ("uuid=a", "none", False),
        ("uuid=a", CONTAINER, False),
        (CONTAINER, CONTAINER, True),
        (CONTAINER, container(hostname="renamed"), True),
        (CONTAINER, container(hostname="renamed", ostype="alpine"), True),
        (CONTAINER, container(hwaddr="BC:24:11:00:00:02"), True),
        (CONTAINER, container(hwaddr="BC:24:11:00:00:02", hostname="other"), False),
    ],
)
def test_same_guest(known, reported, same):
    assert same_guest(known, reported) is same
