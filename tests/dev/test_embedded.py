"""The data folder, the socket and the secrets of the embedded default."""

import base64
import multiprocessing
import stat
from pathlib import Path

import pytest

from panel import embedded


def test_the_socket_lies_in_the_data_folder(tmp_path):
    assert embedded.redis_socket(Path("/srv/panel/var")) == Path("/srv/panel/var/redis.sock")


def test_the_longest_path_that_the_kernel_takes_is_used(tmp_path):
    var = Path("/" + "v" * (embedded.LONGEST_SOCKET_PATH_BYTES - len("//redis.sock")))

    assert embedded.redis_socket(var) == var / "redis.sock"


@pytest.fixture
def temporary(tmp_path_factory, monkeypatch):
    folder = tmp_path_factory.mktemp("t")
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(folder))
    return folder


def test_a_path_that_would_be_cut_is_replaced_by_a_private_short_one(temporary):
    socket = embedded.redis_socket(Path("/" + "v" * 100))

    assert socket.parent.parent == temporary
    assert stat.S_IMODE(socket.parent.stat().st_mode) == 0o700
    assert socket == embedded.redis_socket(Path("/" + "v" * 100))
    assert socket != embedded.redis_socket(Path("/" + "w" * 100))


def test_bytes_count_not_letters(temporary):
    assert embedded.redis_socket(Path("/" + "ж" * 60)).parent.parent == temporary


def test_a_short_folder_that_others_may_enter_is_refused(temporary):
    var = Path("/" + "v" * 100)
    embedded.redis_socket(var).parent.chmod(0o755)

    with pytest.raises(embedded.EmbeddedError, match="not a private folder"):
        embedded.redis_socket(var)


def test_no_place_for_a_socket_is_said(monkeypatch):
    monkeypatch.setattr("tempfile.gettempdir", lambda: "/" + "t" * 100)

    with pytest.raises(embedded.EmbeddedError, match="PANEL_VAR or TMPDIR"):
        embedded.redis_socket(Path("/" + "v" * 100))


def test_a_redis_of_the_machine_goes_before_the_wheel(tmp_path, monkeypatch):
    program = tmp_path / "valkey-server"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert embedded.redis_server() == program


def test_the_wheel_holds_a_server_that_can_be_started(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")

    server = embedded.redis_server()

    assert server.name == "valkey-server"
    assert server.stat().st_mode & stat.S_IXUSR


def test_var_is_where_the_environment_says(tmp_path, monkeypatch):
    monkeypatch.setenv("PANEL_VAR", str(tmp_path))
    assert embedded.var_dir() == tmp_path
    monkeypatch.setenv("PANEL_VAR", "elsewhere")
    assert embedded.var_dir() == embedded.ROOT / "elsewhere"
    monkeypatch.delenv("PANEL_VAR")
    assert embedded.var_dir() == embedded.ROOT / "var"


def test_secrets_are_made_once_and_for_their_owner_alone(tmp_path):
    var = tmp_path / "var"
    made = embedded.secrets(var)

    assert embedded.secrets(var) == made
    assert stat.S_IMODE((var / "secrets.json").stat().st_mode) == 0o600
    assert len(base64.urlsafe_b64decode(made["ENCRYPTION_KEYS"])) == 32
    assert [path.name for path in var.iterdir()] == ["secrets.json"]


def test_processes_that_come_first_together_agree(tmp_path):
    with multiprocessing.get_context("spawn").Pool(6) as pool:
        seen = pool.map(embedded.secrets, [tmp_path / "var"] * 24, chunksize=1)

    assert all(secrets == seen[0] for secrets in seen)


def test_damaged_secrets_are_never_replaced(tmp_path):
    path = tmp_path / "secrets.json"
    path.write_text('{"SECRET_KEY": "x"}')

    with pytest.raises(embedded.EmbeddedError, match="damaged"):
        embedded.secrets(tmp_path)
    assert path.read_text() == '{"SECRET_KEY": "x"}'
