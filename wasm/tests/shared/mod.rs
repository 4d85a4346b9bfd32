//! What must hold in every JavaScript host, whoever runs it.

mod api;
mod digest;
