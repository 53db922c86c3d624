"""Whose a session of the API is, on every request: one statement, put together once.

As a queryset it takes Django three times as long to put together as the database needs to answer.
"""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models.expressions import Col

from accounts.models import ApiSession, User


@dataclass(frozen=True)
class Statement:
    """`converters` have (place, function, column) of each value that the database gives otherwise than
    Python has it."""

    sql: str
    names: Sequence[str]
    converters: Sequence[tuple[int, Callable[..., Any], Col]]


def session_person(session: UUID) -> User | None:
    """The person of a session that has not ended."""
    statement = prepared(connection.vendor)
    with connection.cursor() as cursor:
        cursor.execute(statement.sql, [ApiSession._meta.pk.get_db_prep_value(session, connection)])
        row = cursor.fetchone()
    if row is None:
        return None
    values = list(row)
    for place, convert, column in statement.converters:
        values[place] = convert(values[place], column, connection)
    return User.from_db(connection.alias, statement.names, values)


@functools.cache
def prepared(vendor: str) -> Statement:
    """For this kind of database; all of its connections convert alike."""

    def name(text: str | None) -> str:
        return connection.ops.quote_name(str(text))

    people, sessions = User._meta, ApiSession._meta
    table, other = name(people.db_table), name(sessions.db_table)
    columns = [field.get_col(people.db_table) for field in people.concrete_fields]
    wanted = ", ".join(f"{table}.{name(column.target.column)}" for column in columns)
    owner = name(sessions.get_field("user").column)
    return Statement(
        f"SELECT {wanted} FROM {other} JOIN {table}"  # noqa: S608 — names of tables and columns alone
        f" ON {table}.{name(people.pk.column)} = {other}.{owner}"
        f" WHERE {other}.{name(sessions.pk.column)} = %s"
        f" AND {other}.{name(sessions.get_field('ended_at').column)} IS NULL",
        [field.attname for field in people.concrete_fields],
        [
            (place, convert, column)
            for place, column in enumerate(columns)
            for convert in (
                *connection.ops.get_db_converters(column),
                *column.get_db_converters(connection),
            )
        ],
    )
