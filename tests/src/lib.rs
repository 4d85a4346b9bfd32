//! What only several crates together can show stands in `tests/all`: one binary, so that it links once.
