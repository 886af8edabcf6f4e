"""Prints what pyarrow and DuckDB read from spans.parquet in this folder, as JSON.

On stdin there are queries for DuckDB, as a JSON array. Timestamps come as nanoseconds since the
Unix epoch.
"""

import json
import sys

import duckdb
import pyarrow
import pyarrow.parquet

FILE = "spans.parquet"


def plain(value):
    """A scalar of Arrow as plain values."""
    if not value.is_valid:
        return None
    if isinstance(value, pyarrow.TimestampScalar):
        return value.value
    if isinstance(value, pyarrow.MapScalar):
        return {key: item for key, item in value.as_py()}
    if isinstance(value, pyarrow.ListScalar):
        return [plain(item) for item in value]
    if isinstance(value, pyarrow.StructScalar):
        return {key: plain(item) for key, item in value.items()}
    return value.as_py()


table = pyarrow.parquet.read_table(FILE)
columns = [[plain(value) for value in column] for column in table.columns]
with_arrow = {
    "types": {field.name: str(field.type) for field in table.schema},
    "rows": [dict(zip(table.column_names, row)) for row in zip(*columns)],
}

database = duckdb.connect()


def ask(query):
    asked = database.execute(query)
    names = [column[0] for column in asked.description]
    return [dict(zip(names, row)) for row in asked.fetchall()]


with_duckdb = {
    "types": {it["column_name"]: it["column_type"] for it in ask(f"DESCRIBE FROM '{FILE}'")},
    "rows": ask(
        f"""
        SELECT * REPLACE (
          epoch_ns(start_time) AS start_time,
          epoch_ns(end_time) AS end_time,
          list_transform(events, lambda event: {{
            'time': epoch_ns(event.time),
            'name': event.name,
            'attributes': event.attributes,
            'dropped_attributes_count': event.dropped_attributes_count,
          }}) AS events
        ) FROM '{FILE}'
        """
    ),
    "answers": [ask(query) for query in json.load(sys.stdin)],
}
json.dump({"pyarrow": with_arrow, "duckdb": with_duckdb}, sys.stdout, default=str)
