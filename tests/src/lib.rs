//! What only several crates together can show. One binary, so that it links once.

#[cfg(test)]
mod live;
