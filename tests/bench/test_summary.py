from bench import summary
from bench.growth import Result as Growth
from bench.processes import Cost
from bench.summary import Figure


def test_one_line_a_figure_with_its_median_and_spread():
    lines = list(
        summary.table(
            [
                Figure("cycle", "ms", [190.4, 231.2, 180.0], "250"),
                Figure("a sample", "bytes", [33.91]),
            ]
        )
    )
    assert lines[-2:] == [
        "| cycle, ms | 190 | 180 to 231 | 3 | 250 |",
        "| a sample, bytes | 33.9 | 33.9 to 33.9 | 1 |  |",
    ]


def test_nothing_where_no_part_with_an_aim_ran():
    assert list(summary.table([])) == []


def test_cycles_that_were_left_out_are_counted():
    one = Growth([10_000] * 2, due=4, walls=[0.2] * 3, rounds=[2.0])
    one.memory = {"web": Cost(0, 0, 2**20, 1), "poll": Cost(0, 0, 2 * 2**20, 1)}
    missing, a_round, memory = summary.of_growth([one])
    assert missing.values == [1]
    assert a_round.values == [2.0]
    assert memory.values == [3.0]
