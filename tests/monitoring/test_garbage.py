import gc
from contextlib import suppress

import pytest

from monitoring.garbage import resting


def test_it_rests_until_the_last_one_has_ended():
    first, second = resting(), resting()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert not gc.isenabled()
    second.__exit__(None, None, None)
    assert gc.isenabled()


def test_it_works_again_after_a_failure():
    with suppress(ValueError), resting():
        raise ValueError
    assert gc.isenabled()


def test_one_that_was_off_stays_off():
    gc.disable()
    try:
        with resting():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


@pytest.mark.django_db
def test_a_cycle_leaves_it_at_work(pass_cycle):
    pass_cycle()
    assert gc.isenabled()
