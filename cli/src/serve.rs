//! `quorumscope serve`: the page, the relay and native nodes in one process.
//!
//! The port is taken first, so that a port in use is said before anything
//! starts; then the host starts the nodes, which meet through the relay like
//! nodes of other machines would. The token of the printed address stands in its
//! fragment, which no browser sends to anybody.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use quorumscope_core::raft::{AllOn, Config, Profile, Snapshots};
use quorumscope_core::types::{NodeId, Span};
use quorumscope_node::{Host, HostError, HostSettings, NoEntropy, random_token};
use quorumscope_relay::{PEER_PATH, Relay, RelayError, RoomSettings, Settings, Tokens};

/// Name of the only room.
const ROOM: &str = "main";

/// When native nodes make snapshots: a node's log stays far below what fits into one frame, and a node that was away
/// for a moment needs none.
const SNAPSHOTS: Snapshots = Snapshots {
    threshold: 1_024,
    threshold_bytes: 1 << 20,
    interval: Span(0),
    retained_entries: 64,
    chunk_bytes: 64 << 10,
    max_bytes: 64 << 20,
};

/// Where the page is built to, seen from the folder of the project.
const BUILT_PAGE: &str = "dist";

/// Serve the page, the relay and native nodes in one process
#[derive(Debug, clap::Args)]
pub struct Serve {
    /// Where to listen; port 0 takes any free one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// How many native nodes to start
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=16))]
    nodes: u32,
    /// How many native nodes more to start that belong to nothing yet: add them on the page
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=16))]
    spares: u32,
    /// What the links and the load are like: timeouts and windows that fit together
    #[arg(long, value_name = "PROFILE", default_value = "lan", value_parser = crate::explore::settings)]
    profile: Profile,
    /// Folder of the built page [default: dist, where `cargo xtask page` builds it]
    #[arg(long, value_name = "DIR")]
    page: Option<PathBuf>,
    /// A name, beside IP addresses and localhost, by which this machine may be called
    #[arg(long, value_name = "NAME")]
    allow_host: Vec<String>,
}

/// Why there is nothing to serve.
#[derive(Debug, thiserror::Error)]
enum ServeError {
    #[error("{0} holds no page (no index.html): give the folder of a built page")]
    NoPage(PathBuf),
    #[error("there is no page in {0}: build it with `cargo xtask page`, or name its folder with --page DIR")]
    NotBuilt(PathBuf),
    #[error(transparent)]
    Relay(#[from] RelayError),
    #[error(transparent)]
    Host(#[from] HostError),
    #[error(transparent)]
    Entropy(#[from] NoEntropy),
    #[error("the process cannot start its threads: {0}")]
    Runtime(io::Error),
}

impl ServeError {
    /// 2: bad input. 3: the environment.
    fn code(&self) -> u8 {
        match self {
            Self::NoPage(_) => 2,
            Self::NotBuilt(_) | Self::Relay(_) | Self::Host(_) | Self::Entropy(_) | Self::Runtime(_) => 3,
        }
    }
}

/// Serves until it is told to stop.
pub fn run(arguments: &Serve) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(ServeError::Runtime);
    let served = runtime.and_then(|runtime| {
        let served = runtime.block_on(serve(arguments));
        runtime.shutdown_background();
        served
    });
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("quorumscope serve: {error}");
            ExitCode::from(error.code())
        }
    }
}

async fn serve(arguments: &Serve) -> Result<(), ServeError> {
    let page = find_page(arguments.page.as_deref())?;
    let tokens =
        Tokens { node: random_token()?, observer: random_token()?, controller: random_token()?, host: random_token()? };
    let relay = Relay::bind(Settings {
        listen: arguments.listen,
        page: Some(page),
        allowed_hosts: arguments.allow_host.clone(),
        rooms: vec![RoomSettings { name: ROOM.into(), tokens: tokens.clone() }],
    })
    .await?;
    let address = reachable(relay.address());
    let host = Host::start(HostSettings {
        name: format!("{} native nodes", arguments.nodes + arguments.spares),
        config: config(arguments.profile, arguments.nodes),
        spares: arguments.spares,
        url: format!("ws://{address}{PEER_PATH}"),
        room: ROOM.into(),
        node_token: tokens.node.clone(),
        host_token: tokens.host.clone(),
    })?;
    announce(arguments, address, &tokens);
    let served = relay.run(told_to_stop()).await;
    host.stop().await;
    Ok(served?)
}

/// Settings of the cluster.
fn config(profile: Profile, nodes: u32) -> Config<AllOn> {
    Config { snapshots: SNAPSHOTS, ..Config::of(profile, (1..=nodes).map(NodeId).collect(), AllOn) }
}

fn what_runs(nodes: u32, spares: u32, profile: Profile) -> String {
    let waiting = match spares {
        0 => String::new(),
        1 => " and 1 spare one".into(),
        _ => format!(" and {spares} spare ones"),
    };
    let name = profile.name();
    format!(
        "{nodes} native nodes{waiting}, profile {name}, in memory: what they store ends with this process. Stop with \
         Ctrl-C."
    )
}

fn find_page(named: Option<&Path>) -> Result<PathBuf, ServeError> {
    let folder = named.unwrap_or(Path::new(BUILT_PAGE)).to_path_buf();
    match (folder.join("index.html").is_file(), named) {
        (true, _) => Ok(folder),
        (false, Some(_)) => Err(ServeError::NoPage(folder)),
        (false, None) => Err(ServeError::NotBuilt(folder)),
    }
}

/// An address that this machine reaches itself by: "any" is none.
fn reachable(listens: SocketAddr) -> SocketAddr {
    let ip = match listens.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listens.port())
}

fn announce(arguments: &Serve, address: SocketAddr, tokens: &Tokens) {
    println!("page          http://{address}/");
    println!("live cluster  http://{address}/#live={ROOM}&token={}", tokens.controller);
    println!("{}", what_runs(arguments.nodes, arguments.spares, arguments.profile));
}

/// Ready once somebody presses Ctrl-C or asks the process to end.
async fn told_to_stop() {
    let interrupted = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminated) = signal(SignalKind::terminate()) {
            tokio::select! { _ = interrupted => {}, _ = terminated.recv() => {} }
            return;
        }
    }
    // Where no signal can be heard, the process ends the way the system ends it.
    if interrupted.await.is_err() {
        std::future::pending::<()>().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_without_a_page_is_named_with_what_to_do() {
        let folder = Path::new("/nonexistent");
        assert!(find_page(Some(folder)).unwrap_err().to_string().contains("/nonexistent"));
        assert_eq!(find_page(Some(folder)).unwrap_err().code(), 2);
        assert!(ServeError::NotBuilt(BUILT_PAGE.into()).to_string().contains("cargo xtask page"));
    }

    #[test]
    fn each_profile_makes_settings_that_work() {
        for known in Profile::ALL {
            let config = config(known, 3);
            assert_eq!((config.validate(), config.snapshots), (Ok(()), SNAPSHOTS));
            assert_eq!(config.election_timeout, Config::of(known, vec![NodeId(1)], AllOn).election_timeout);
        }
    }

    #[test]
    fn it_is_said_what_runs() {
        assert!(what_runs(3, 0, Profile::Lan).starts_with("3 native nodes, profile lan, in memory:"));
        assert!(what_runs(3, 2, Profile::Wan).starts_with("3 native nodes and 2 spare ones, profile wan,"));
    }

    #[test]
    fn any_address_is_reached_by_loopback() {
        assert_eq!(reachable("0.0.0.0:80".parse().unwrap()), "127.0.0.1:80".parse().unwrap());
        assert_eq!(reachable("[::]:80".parse().unwrap()), "[::1]:80".parse().unwrap());
        assert_eq!(reachable("10.0.0.1:80".parse().unwrap()), "10.0.0.1:80".parse().unwrap());
    }
}
