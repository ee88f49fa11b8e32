"""A program: the lanes that Flink's SQL gives to keys. By itself, as PyFlink leaves its JVM and its pipes to the end of the process.

Reads a JSON list of keys in hex, prints a JSON list: for each key its lane among each number of LANES.
"""

import json
import sys

from pyflink.common import Row
from pyflink.table import DataTypes, EnvironmentSettings, TableEnvironment

from jobs.lanes import lane_sql

LANES = (1, 16, 100, 128, 1024)


def main() -> None:
    tables = TableEnvironment.create(EnvironmentSettings.in_batch_mode())
    tables.get_config().set("parallelism.default", "1")
    rows = [Row(number, bytearray.fromhex(key)) for number, key in enumerate(json.load(sys.stdin))]
    schema = DataTypes.ROW([DataTypes.FIELD("n", DataTypes.INT()), DataTypes.FIELD("k", DataTypes.BYTES())])
    tables.create_temporary_view("keys_of_leads", tables.from_elements(rows, schema))
    columns = ", ".join(lane_sql("k", lanes) for lanes in LANES)
    with tables.execute_sql(f"SELECT n, {columns} FROM keys_of_leads").collect() as found:
        by_number = {row[0]: list(row)[1:] for row in found}
    sys.stdout.write(json.dumps([by_number[number] for number in range(len(rows))]))


if __name__ == "__main__":
    main()
