#!/usr/bin/env python3
"""Makes the files of rewards/files/tests/formats anew: one small epoch as different programs write it with their default settings.

usage: python3 -m venv venv && venv/bin/pip install polars pandas pyarrow duckdb pyspark && venv/bin/python scripts/formats.py

Each maker writes the same samples, volumes and stakes. The tests read all of them and compare the results, so another version of a maker
needs no other expectation. Spark wants a Java of version 17. README.md beside the files is written too, with the versions.
"""
import gzip
import json
import pathlib
import shutil
import tempfile

import duckdb
import pandas
import polars
import pyarrow
import pyarrow.csv
import pyarrow.json
import pyarrow.parquet
import pyspark.sql

OUT = pathlib.Path(__file__).parent.parent / "rewards/files/tests/formats"
START = 1_671_548_400_000
MAKERS = ["0x1111111111111111111111111111111111111111", "0x2222222222222222222222222222222222222222"]
SAMPLES = [
    {
        "epoch": 18,
        "minute": minute,
        "market": market,
        "time_ms": START + 60_000 * minute + 125,
        "seq": 1000 + minute,
        "status": "outage" if minute == 5 else "ok",
        "best_bid": None if minute == 5 else "29990",
        "best_ask": None if minute == 5 else "30010",
        "orders": []
        if minute == 5
        else [
            {"account": maker, "id": f"{place}{side}", "side": side, "price": price, "size": f"{1 + place}.{minute}"}
            for place, maker in enumerate(MAKERS)
            for side, price in [("B", "29990"), ("S", "30010")]
        ],
    }
    for market in ["BTC-USD", "xyz:NVDA"]
    for minute in range(8)
]
VOLUME = [
    {"epoch": epoch, "market": market, "account": maker, "micro_usd": 5_000_000 + place}
    for epoch in [17, 18]
    for market in ["BTC-USD", "xyz:NVDA"]
    for place, maker in enumerate(MAKERS)
]
# Beyond 64 bits, as text; SQL has decimals for it.
STAKE = [{"epoch": 18, "minute": 0, "account": maker, "wei": str(10**22 + place)} for place, maker in enumerate(MAKERS)]
COMPRESSIONS = {"polars": ["zstd", "snappy", "gzip", "lz4", "uncompressed"], "pyarrow": ["snappy", "gzip", "lz4", "zstd", "none"]}


def polars_files():
    for compression in COMPRESSIONS["polars"]:
        polars.DataFrame(SAMPLES).write_parquet(OUT / f"samples/polars-{compression}.parquet", compression=compression)
    polars.DataFrame(VOLUME).write_parquet(OUT / "volume/polars.parquet")
    polars.DataFrame(VOLUME).write_csv(OUT / "volume/polars.csv", include_bom=True)
    polars.DataFrame(VOLUME).write_ndjson(OUT / "volume/polars.ndjson")
    polars.DataFrame(STAKE).write_parquet(OUT / "stake/polars.parquet")
    polars.DataFrame(SAMPLES).write_ndjson(OUT / "samples/polars.ndjson")


def pandas_files():
    frame = pandas.DataFrame(SAMPLES)
    frame.to_parquet(OUT / "samples/pandas.parquet")
    frame["market"] = frame["market"].astype("category")
    frame["status"] = frame["status"].astype("category")
    # Rows that were left out leave an index behind, which becomes a column.
    frame = pandas.concat([frame, frame[:1]], ignore_index=True).drop(index=16).drop(index=0)
    frame = pandas.concat([frame, pandas.DataFrame(SAMPLES)[:1]])
    frame["market"] = frame["market"].astype("category")
    frame.to_parquet(OUT / "samples/pandas-categories.parquet")
    pandas.DataFrame(VOLUME).to_parquet(OUT / "volume/pandas.parquet")
    pandas.DataFrame(VOLUME).to_csv(OUT / "volume/pandas.csv.gz", index=False)
    pandas.DataFrame(VOLUME).to_json(OUT / "volume/pandas.jsonl", orient="records", lines=True)
    pandas.DataFrame(STAKE).to_parquet(OUT / "stake/pandas.parquet")
    pandas.DataFrame(SAMPLES).to_json(OUT / "samples/pandas.jsonl.gz", orient="records", lines=True)


def pyarrow_files():
    table = pyarrow.Table.from_pylist(SAMPLES)
    for compression in COMPRESSIONS["pyarrow"]:
        path = OUT / f"samples/pyarrow-{compression}.parquet"
        pyarrow.parquet.write_table(table, path, compression=compression, write_page_index=True, row_group_size=5)
    text, order = pyarrow.large_string(), ["account", "id", "side", "price", "size"]
    types = {"epoch": pyarrow.int32(), "minute": pyarrow.int16(), "market": pyarrow.dictionary(pyarrow.int32(), pyarrow.string())}
    types |= {"time_ms": pyarrow.int64(), "seq": pyarrow.uint64(), "status": pyarrow.string_view(), "best_bid": text, "best_ask": text}
    types["orders"] = pyarrow.large_list(pyarrow.struct([(name, text) for name in order]))
    other = pyarrow.Table.from_pylist(SAMPLES, schema=pyarrow.schema(list(types.items())))
    pyarrow.parquet.write_table(other, OUT / "samples/pyarrow-large.parquet", data_page_version="2.0")
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(VOLUME), OUT / "volume/pyarrow.parquet", compression="lz4")
    pyarrow.csv.write_csv(pyarrow.Table.from_pylist(VOLUME), OUT / "volume/pyarrow.csv")
    with pyarrow.CompressedOutputStream(str(OUT / "volume/pyarrow.csv.zst"), "zstd") as file:
        pyarrow.csv.write_csv(pyarrow.Table.from_pylist(VOLUME), file)
    with pyarrow.CompressedOutputStream(str(OUT / "samples/pyarrow.jsonl.zst"), "zstd") as file:
        file.write("".join(json.dumps(sample) + "\n" for sample in SAMPLES).encode())
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(STAKE), OUT / "stake/pyarrow.parquet")


def duckdb_files():
    base = OUT / "samples/polars-zstd.parquet"
    for compression in ["snappy", "gzip", "zstd", "lz4_raw"]:
        duckdb.sql(f"COPY (FROM '{base}') TO '{OUT}/samples/duckdb-{compression}.parquet' (FORMAT parquet, COMPRESSION {compression})")
    duckdb.sql(f"COPY (FROM '{base}') TO '{OUT}/samples/duckdb.parquet'")
    duckdb.sql(f"COPY (FROM '{base}') TO '{OUT}/samples/duckdb.jsonl.gz' (FORMAT json, COMPRESSION gzip)")
    duckdb.sql(f"COPY (FROM '{OUT}/volume/polars.parquet') TO '{OUT}/volume/duckdb.parquet'")
    duckdb.sql(f"COPY (FROM '{OUT}/volume/polars.parquet') TO '{OUT}/volume/duckdb.csv'")
    duckdb.sql(f"COPY (FROM '{OUT}/volume/polars.parquet') TO '{OUT}/volume/duckdb.csv.zst' (FORMAT csv, COMPRESSION zstd)")
    select = f"SELECT epoch, minute, account, wei::DECIMAL(38, 0) AS wei FROM '{OUT}/stake/polars.parquet'"
    duckdb.sql(f"COPY ({select}) TO '{OUT}/stake/duckdb.parquet'")


def spark_files():
    spark = pyspark.sql.SparkSession.builder.master("local[1]").getOrCreate()

    def write(rows, schema, path, form="parquet", **options):
        # Spark writes a folder with one file for each of its parts.
        with tempfile.TemporaryDirectory() as folder:
            frame = spark.createDataFrame(rows, schema).coalesce(1)
            frame.write.format(form).options(**options).mode("overwrite").save(folder)
            [part] = pathlib.Path(folder).glob("part-*")
            shutil.copy(part, path)

    order = "STRUCT<account: STRING, id: STRING, side: STRING, price: STRING, size: STRING>"
    head = "epoch INT, minute INT, market STRING, time_ms BIGINT, seq BIGINT, status STRING, best_bid STRING, best_ask STRING"
    samples, volume = f"{head}, orders ARRAY<{order}>", "epoch INT, market STRING, account STRING, micro_usd BIGINT"
    write(SAMPLES, samples, OUT / "samples/spark.parquet")
    for compression in ["gzip", "zstd", "lz4_raw"]:
        write(SAMPLES, samples, OUT / f"samples/spark-{compression}.parquet", compression=compression)
    write(SAMPLES, samples, OUT / "samples/spark.jsonl", "json", ignoreNullFields="false")
    write(VOLUME, volume, OUT / "volume/spark.parquet")
    write(VOLUME, volume, OUT / "volume/spark.csv.gz", "csv", header="true", compression="gzip")
    write(STAKE, "epoch INT, minute INT, account STRING, wei STRING", OUT / "stake/spark.parquet")
    spark.stop()


def text_files():
    with open(OUT / "samples/bom.jsonl", "w", encoding="utf-8-sig") as file:
        file.writelines(json.dumps(sample) + "\n" for sample in SAMPLES)
    rows = ["epoch,minute,market,time_ms,seq,status,best_bid,best_ask,account,id,side,price,size"]
    for sample in SAMPLES:
        head = [str(sample[name] if sample[name] is not None else "") for name in rows[0].split(",")[:8]]
        for order in sample["orders"] or [{}]:
            rows.append(",".join(head + [order.get(name, "") for name in ["account", "id", "side", "price", "size"]]))
    text = "\ufeff" + "\r\n".join(rows) + "\r\n"
    (OUT / "samples/excel.csv").write_bytes(text.encode())
    (OUT / "samples/gzip.csv.gz").write_bytes(gzip.compress(text.encode(), mtime=0))


for folder in ["samples", "volume", "stake"]:
    (OUT / folder).mkdir(parents=True, exist_ok=True)
    for old in (OUT / folder).iterdir():
        old.unlink()
polars_files()
pandas_files()
pyarrow_files()
duckdb_files()
spark_files()
text_files()
makers = {"Polars": polars, "pandas": pandas, "pyarrow": pyarrow, "DuckDB": duckdb, "Spark": pyspark}
versions = "".join(f"| {name} | {module.__version__} |\n" for name, module in makers.items())
(OUT / "README.md").write_text(
    "# One small epoch as others write it\n\nWritten by `scripts/formats.py` with these versions, at default settings but for what the "
    "names of the files say. A test reads each of them and\ncompares the results.\n\n| maker | version |\n|---|---|\n" + versions
)
