"""The tables of all frames, bit for bit as before the package was made small."""

import hashlib

import pandas as pd
import pytest

from segkit import data, run

TABLES = {
    "simulated_frames": "180444b74b0fd114129f5f4c74b117d8afdf8ed0f12055b97c020884a0507119",
    "real_frames": "7887fd30ee2fbd7cdc0b34fde3b04e2225fc4ac7752f6c5e73e911ae30154854",
}


@pytest.mark.parametrize("kind", TABLES)
def test_tables_are_unchanged(request, tmp_path, kind):
    """Every row of the table has the bytes that it had."""
    run.segment(data.images(request.getfixturevalue(kind)), tmp_path, progress=False)
    digest = hashlib.sha256()
    for name, column in pd.read_parquet(tmp_path / "nuclei.parquet").items():
        values = "\n".join(column).encode() if name == "file" else column.to_numpy().tobytes()
        digest.update(values)
    assert digest.hexdigest() == TABLES[kind]
