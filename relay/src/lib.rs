//! How do browsers and nodes meet?
//!
//! The relay keeps *rooms*. Nodes exchange the protocol's messages through their
//! room and publish records; observers and controllers receive the stream of
//! records; a host carries out what controllers ask for. The relay looks into no
//! protocol message: it can lose, delay and cut, and tells the sender when it
//! does. It also serves the built page from a folder.
//!
//! What keeps one connection from harming the others:
//! * every queue is bounded. A node or host that does not read is disconnected; an observer
//!   that does not read loses its backlog and starts over behind a gap (`stream`);
//! * frames have a largest size and a highest rate by role (`limits`);
//! * any bytes are a frame or an error; an error is answered with its code, and closes only
//!   the connection that sent it (`connection`);
//! * a request from a foreign page, or for a foreign host name, is refused (`guard`).
//!
//! Left out so far: sealed frames between nodes, several relays as one.
//! Read `room` next.

mod connection;
mod guard;
mod limits;
mod page;
mod room;
mod server;
mod stream;

pub use room::{RoomSettings, Tokens};
pub use server::{LIVE_PATH, PEER_PATH, Relay, RelayError, Settings};
