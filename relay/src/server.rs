//! How does the relay listen, and how does it stop?
//!
//! One listener serves the page and two doors for WebSockets: `/live` for those
//! who look and command, `/peer` for nodes and hosts, whose frames may be large.
//! Stopping tells every connection, waits a little, and leaves nothing behind.

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use quorumscope_core::wire::{MAX_FRAME_BYTES, MAX_REQUEST_BYTES};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};

use crate::limits::{MAX_CONNECTIONS, STOP_WITHIN, WRITE_WITHIN};
use crate::room::{Room, RoomSettings, Rooms};
use crate::{connection, guard, page};

/// Where observers and controllers connect.
pub const LIVE_PATH: &str = "/live";

/// Where nodes and hosts connect.
pub const PEER_PATH: &str = "/peer";

/// What a relay is started with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where to listen; port 0 takes any free one.
    pub listen: SocketAddr,
    /// Folder of the built page, where there is one.
    pub page: Option<PathBuf>,
    /// Names beside IP addresses and `localhost` by which the relay may be called.
    pub allowed_hosts: Vec<String>,
    /// Its rooms.
    pub rooms: Vec<RoomSettings>,
}

/// A relay that listens.
#[derive(Debug)]
pub struct Relay {
    listener: TcpListener,
    address: SocketAddr,
    router: Router,
    stop: watch::Sender<bool>,
}

/// Why a relay cannot run.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    /// The port is taken.
    #[error("{0} is in use: stop what listens there, or choose another address with --listen")]
    InUse(SocketAddr),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The listener failed while it served.
    #[error("the relay stopped: {0}")]
    Serve(io::Error),
}

/// What the doors share.
#[derive(Clone, Debug)]
struct Doors {
    rooms: Rooms,
    places: Arc<Semaphore>,
    stop: watch::Receiver<bool>,
}

impl Relay {
    /// Listens; nobody is served before [`Relay::run`].
    ///
    /// # Errors
    /// The address cannot be listened on.
    pub async fn bind(settings: Settings) -> Result<Self, RelayError> {
        let failed = |source: io::Error| match source.kind() {
            io::ErrorKind::AddrInUse => RelayError::InUse(settings.listen),
            _ => RelayError::Listen { address: settings.listen, source },
        };
        let listener = TcpListener::bind(settings.listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let rooms: BTreeMap<_, _> =
            settings.rooms.into_iter().map(|room| (room.name.clone(), Room::new(room))).collect();
        let (stop, stopped) = watch::channel(false);
        let doors = Doors { rooms: Arc::new(rooms), places: Arc::new(Semaphore::new(MAX_CONNECTIONS)), stop: stopped };
        let hosts: guard::AllowedHosts = settings.allowed_hosts.into();
        let router = Router::new()
            .route(LIVE_PATH, any(live))
            .route(PEER_PATH, any(peer))
            .with_state(doors)
            .merge(page::page(settings.page.as_deref()))
            .layer(axum::middleware::from_fn_with_state(hosts, guard::guard));
        Ok(Self { listener, address, router, stop })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop` is ready, then ends all connections.
    ///
    /// # Errors
    /// The listener fails.
    pub async fn run(self, stop: impl Future<Output = ()> + Send + 'static) -> Result<(), RelayError> {
        let tell = self.stop.clone();
        let stopping = async move {
            stop.await;
            tell.send_replace(true);
        };
        let mut stopped = self.stop.subscribe();
        let serving = axum::serve(self.listener, self.router).with_graceful_shutdown(stopping).into_future();
        tokio::select! {
            served = serving => served.map_err(RelayError::Serve),
            // A connection that never ends its request must not keep the process alive.
            () = async { let _ = stopped.wait_for(|stop| *stop).await; tokio::time::sleep(STOP_WITHIN).await } => Ok(()),
        }
    }
}

async fn live(State(doors): State<Doors>, upgrade: WebSocketUpgrade) -> Response {
    open(doors, upgrade, false)
}

async fn peer(State(doors): State<Doors>, upgrade: WebSocketUpgrade) -> Response {
    open(doors, upgrade, true)
}

fn open(doors: Doors, upgrade: WebSocketUpgrade, may_be_node: bool) -> Response {
    let Ok(place) = doors.places.try_acquire_owned() else {
        return (StatusCode::SERVICE_UNAVAILABLE, "the relay has as many connections as it takes\n").into_response();
    };
    let largest = if may_be_node { MAX_FRAME_BYTES } else { MAX_REQUEST_BYTES };
    upgrade
        .max_message_size(largest)
        .max_frame_size(largest)
        // What cannot be written within a while ends the connection; until then one frame and its successor fit.
        .max_write_buffer_size(2 * MAX_FRAME_BYTES + 64 * 1024)
        .on_upgrade(move |socket| async move {
            connection::serve(socket, doors.rooms, may_be_node, doors.stop).await;
            drop(place);
        })
}

/// A farewell fits into the time that stopping leaves for it.
const _: () = assert!(
    STOP_WITHIN.as_millis() < WRITE_WITHIN.as_millis() && Duration::from_secs(1).as_millis() < STOP_WITHIN.as_millis()
);
