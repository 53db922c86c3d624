"""The MySQL driver is demanded where it is used, and does not stand in the way elsewhere."""

import pytest

from dev import ROOT, environment, mysql
from dev.commands import CommandFailed, Failure

REQUIREMENTS = "msgpack==1.1\nmysqlclient==2.3.1\nzope==1\n"


@pytest.fixture(autouse=True)
def no_database_url(tmp_path, monkeypatch):
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setattr(mysql, "ROOT", tmp_path)
    return tmp_path


def test_only_the_driver_is_taken_out():
    assert mysql.without_driver(REQUIREMENTS) == "msgpack==1.1\nzope==1\n"
    assert mysql.pin(REQUIREMENTS) == "mysqlclient==2.3.1"


def test_the_panel_pins_it_as_asked():
    assert mysql.pin((ROOT / "requirements.txt").read_text()).startswith("mysqlclient==")


def test_a_mysql_url_demands_it(monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "mysql://root@127.0.0.1:3306/panel")
    assert mysql.standing() == mysql.REQUIRED


@pytest.mark.parametrize(
    "line", ["DATABASE_URL=mysql://db/panel", 'DATABASE_URL = "mysql://db/p"']
)
def test_so_does_one_in_the_env_file(no_database_url, line):
    (no_database_url / ".env").write_text(f"# DATABASE_URL=sqlite:///x\n{line}\n")
    assert mysql.standing() == mysql.REQUIRED


def test_without_headers_and_url_it_is_left_out(monkeypatch):
    monkeypatch.setattr(mysql, "works", lambda *command: False)
    assert mysql.standing() == mysql.NOT_BUILDABLE


@pytest.fixture
def broken_build(monkeypatch):
    def fail(*_):
        raise CommandFailed("fatal error: mysql.h: No such file or directory")

    monkeypatch.setattr(environment, "run", fail)
    monkeypatch.setattr(environment, "works", lambda *_: True)


def test_a_failed_build_is_a_remark_where_it_is_not_needed(broken_build, monkeypatch):
    monkeypatch.setattr(mysql, "works", lambda *command: True)
    assert environment._install_driver([]) == [mysql.LEFT_OUT]


def test_a_failed_build_is_an_error_with_a_remedy_where_it_is_needed(broken_build, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "mysql://db/panel")

    with pytest.raises(Failure, match=r"mysql\.h(.|\n)*apt-get install .*libmysqlclient-dev"):
        environment._install_driver([])
