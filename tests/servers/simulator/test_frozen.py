"""Numbers that stand still: a frozen or restarted pvestatd, and guests that are new."""

BARE = {"id", "vmid", "type", "node", "status"}


def test_a_frozen_pvestatd_shows_old_numbers_for_five_minutes(api):
    api.cluster.freeze_pvestatd()
    before = api.row(100)
    api.pass_time(290)

    assert api.row(100) == before


def test_then_they_are_forgotten(api):
    api.cluster.freeze_pvestatd()
    api.pass_time(320)

    assert api.row(100)["status"] == "unknown"
    assert "cpu" not in api.row(100)
    assert api.node_row("pve1")["status"] == "unknown"


def test_a_thawed_pvestatd_counts_on(api):
    before = api.row(100)
    api.cluster.freeze_pvestatd()
    api.pass_time(600)
    api.cluster.thaw_pvestatd()

    assert api.row(100)["uptime"] == before["uptime"] + 600
    assert api.row(100)["netin"] > before["netin"]


def test_one_node_can_be_frozen_alone(api):
    api.cluster.freeze_pvestatd("pve1")
    before = {vmid: api.row(vmid)["uptime"] for vmid in (100, 101)}
    api.pass_time(30)

    moved = {vmid: api.row(vmid)["uptime"] - before[vmid] for vmid in (100, 101)}
    assert moved == {100: 0, 101: 30}


def test_after_a_restart_of_pvestatd_all_are_unknown_until_the_next_refresh(api):
    api.cluster.restart_pvestatd()
    statuses = {row["status"] for row in api.get("/cluster/resources", type="vm")}
    api.pass_time(10)

    assert statuses == {"unknown"}
    assert api.node_row("pve1")["status"] == "online"
    assert api.row(100)["status"] == "running"


def test_a_new_guest_is_bare_until_it_is_measured(api):
    vmid = api.cluster.create_guest(500).vmid
    bare = api.row(vmid)
    api.pass_time(10)

    assert bare.keys() == BARE
    assert bare["status"] == "unknown"
    assert api.row(vmid)["status"] == "running"


def test_what_was_measured_does_not_see_a_later_change(api):
    """A guest that stops between two refreshes still reads as running."""
    api.cluster.set_power(100, "stopped")

    assert api.row(100)["status"] == "running"
    api.pass_time(10)
    assert api.row(100)["status"] == "stopped"
    assert api.row(100)["netin"] == 0
