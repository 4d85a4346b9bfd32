//! How do a node's writes get to its store?
//!
//! In batches: whatever has gathered while the store was busy is one batch, so
//! that one sync covers it all. The loop of `node` hears the last ticket.

use quorumscope_core::raft::HardState;
use quorumscope_core::storage::Write;
use quorumscope_core::types::Ticket;
use tokio::sync::{mpsc, watch};

use crate::store::{Store, StoreError};

/// Most writes that one sync covers.
const WRITE_BATCH: usize = 256;

/// What the writer says: the last durable ticket, or why there will be none any more.
#[derive(Clone, Debug, Default)]
pub(crate) struct Written {
    pub(crate) through: Option<Ticket>,
    pub(crate) failed: Option<StoreError>,
}

/// Hands writes to the store in batches. Ends with the first failure: a failed sync is never tried again.
pub(crate) async fn write_batches(
    mut store: impl Store<HardState>,
    mut queued: mpsc::Receiver<Write<HardState>>,
    report: watch::Sender<Written>,
) {
    let mut batch = Vec::new();
    while queued.recv_many(&mut batch, WRITE_BATCH).await > 0 {
        match store.write(&batch).await {
            Ok(()) => report.send_modify(|written| written.through = batch.last().map(|write| write.ticket)),
            Err(error) => {
                report.send_modify(|written| written.failed = Some(error));
                break;
            }
        }
        batch.clear();
    }
    // The loop notices, publishes, and ends; this task must not end before it.
    report.closed().await;
}
