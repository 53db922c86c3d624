from bench.growth import rounds_of


def test_a_round_lasts_from_its_first_begin_to_its_last_end():
    first = [(10.0, 1.0), (40.0, 2.0)]
    second = [(12.0, 1.0), (41.0, 5.0)]
    assert rounds_of([first, second]) == [3.0, 5.0]


def test_a_round_that_one_skipped_is_none():
    assert rounds_of([[(10.0, 1.0), (40.0, 1.0)], [(10.0, 1.0)]]) == [1.0]
