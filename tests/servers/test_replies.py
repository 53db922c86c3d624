import msgspec
import pytest

from servers.proxmox import replies
from servers.proxmox.errors import ProxmoxMalformed

GIB = 2**30


def raw(value):
    return msgspec.Raw(msgspec.json.encode(value))


def systems(*entries):
    return replies.file_systems(raw({"result": list(entries)}))


ROOT = {
    "name": "sda1", "mountpoint": "/", "type": "ext4",
    "total-bytes": 20 * GIB, "used-bytes": 5 * GIB,
    "disk": [{"serial": "x"}],
}  # fmt: skip


def test_a_file_system():
    (found,) = systems(ROOT)
    assert (found.mountpoint, found.kind) == ("/", "ext4")
    assert (found.used, found.total) == (5 * GIB, 20 * GIB)


@pytest.mark.parametrize(
    "kind", ["squashfs", "iso9660", "tmpfs", "overlay", "nfs4", "CIFS", "9p", "erofs"]
)
def test_what_holds_no_data_of_its_own_is_left_out(kind):
    assert len(systems(ROOT, {**ROOT, "name": "x", "type": kind})) == 1


def test_a_bind_mount_counts_once():
    assert len(systems(ROOT, {**ROOT, "mountpoint": "/var/lib/docker"})) == 1


@pytest.mark.parametrize(
    "broken",
    [
        {"name": "b"},
        {**ROOT, "name": "b", "used-bytes": "many"},
        {**ROOT, "name": "b", "used-bytes": 21 * GIB},
        {**ROOT, "name": "b", "total-bytes": 0},
        {**ROOT, "name": "b", "used-bytes": -1},
        {**ROOT, "name": "b", "total-bytes": None},
        {**ROOT, "name": "b", "total-bytes": 10**30},
        {**ROOT, "name": "b", "total-bytes": 1e300},
        {**ROOT, "name": "b", "total-bytes": "9" * 5000},
        "no entry",
        None,
    ],
)
def test_a_broken_entry_voids_itself_alone(broken):
    assert len(systems(broken, ROOT)) == 1


def test_a_guest_has_no_thousand_file_systems():
    many = [{**ROOT, "name": f"sda{n}"} for n in range(1000)]
    assert len(systems(*many)) == replies.MOST_FILE_SYSTEMS


@pytest.mark.parametrize("result", [None, [], {}])
def test_nothing_is_an_answer(result):
    assert replies.file_systems(raw({"result": result})) == []


def test_an_object_is_taken_for_a_list():
    assert len(replies.file_systems(raw({"result": {"0": ROOT}}))) == 1


@pytest.mark.parametrize("data", [{"result": "error"}, {"result": 5}])
def test_anything_else_is_none(data):
    with pytest.raises(ProxmoxMalformed):
        replies.file_systems(raw(data))


@pytest.mark.parametrize(
    ("config", "identity"),
    [
        ({"smbios1": "uuid=F53094E0-3640-4D8A-B364-56D11BACE197"},
         "uuid=f53094e0-3640-4d8a-b364-56d11bace197"),
        ({"smbios1": "manufacturer=x,uuid=f53094e0-3640-4d8a-b364-56d11bace197,base64=1"},
         "uuid=f53094e0-3640-4d8a-b364-56d11bace197"),
        ({"meta": "creation-qemu=7.2.22,ctime=1795144626"}, "ctime=1795144626"),
        ({}, "none"),
    ],
)  # fmt: skip
def test_who_a_vm_is(config, identity):
    assert replies.guest_config("qemu", raw(config)).identity == identity


def test_who_a_container_is():
    config = {
        "net0": "name=eth0,bridge=vmbr0,hwaddr=bc:24:11:00:00:01,type=veth",
        "hostname": "dns1", "rootfs": "local:vm-105-disk-0,size=8G", "ostype": "debian",
    }  # fmt: skip
    assert replies.guest_config("lxc", raw(config)).identity == (
        "hwaddr=BC:24:11:00:00:01|hostname=dns1|rootfs=local:vm-105-disk-0|ostype=debian"
    )


@pytest.mark.parametrize(
    ("agent", "enabled"),
    [
        ("1", True),
        (1, True),
        ("enabled=1", True),
        ("1,fstrim_cloned_disks=1", True),
        ("enabled=0,type=virtio", False),
        ("0", False),
        ("", False),
    ],
)
def test_whether_it_has_an_agent(agent, enabled):
    assert replies.guest_config("qemu", raw({"agent": agent})).agent_enabled is enabled


@pytest.mark.parametrize(
    ("text", "major"), [("9.1.7", 9), ("8.4.1", 8), ("10.0~beta1", 10), ("9", 9)]
)
def test_versions(text, major):
    assert replies.version(raw({"version": text})).major == major


@pytest.mark.parametrize("data", [{}, {"version": "unknown"}, {"version": None}])
def test_no_version_is_no_proxmox(data):
    with pytest.raises(ProxmoxMalformed):
        replies.version(raw(data))
