//! What is the second copy of a twin?
//!
//! The honest protocol once more, under the same key, with a store and a machine
//! of its own. Its executor does everything at once: a liar waits for no disk.
//! Its clock is a little ahead, so that what the two copies propose differs even
//! where both have heard the same. Nothing of it is recorded but what it says:
//! nodes are judged by what they hold, and what a liar holds is no matter.

use std::collections::VecDeque;
use std::sync::Arc;

use quorumscope_core::entry::EntryKind;
use quorumscope_core::machine::any::AnyMachine;
use quorumscope_core::machine::session::Sessions;
use quorumscope_core::protocol::{Applied, Effect, Effects, Input, Outcome, Protocol};
use quorumscope_core::storage::DiskImage;
use quorumscope_core::types::{ClientId, LogIndex, Mono, NodeId, Now, RequestNumber, Span, Wall};

/// How far its clock is ahead.
const AHEAD: Span = Span::from_millis(1);

/// What it says.
pub(crate) enum Spoken<M> {
    /// To a node.
    Message(NodeId, M),
    /// To a client.
    Answer(ClientId, RequestNumber, Outcome),
}

/// A second node in the place of one.
#[derive(Clone, Debug)]
pub(crate) struct Copy<P: Protocol> {
    pub(crate) protocol: P,
    image: DiskImage<P::Hard>,
    machine: Arc<Sessions<AnyMachine>>,
    /// The machine as it is before anything.
    blank: Sessions<AnyMachine>,
    applied: LogIndex,
    expiry: Option<Wall>,
    /// How many convictions of its machine the protocol was told of.
    convicted: usize,
    /// An invariant of it does not hold any more: it says nothing from then on.
    broken: bool,
}

impl<P: Protocol> Copy<P> {
    /// Starts from what is on the disk of the first copy.
    pub(crate) fn recover(
        config: &P::Config,
        node: NodeId,
        image: &DiskImage<P::Hard>,
        blank: Sessions<AnyMachine>,
        seed: u64,
        now: Now,
    ) -> Self {
        let protocol = P::recover(config, node, image, seed, ahead(now));
        let machine = Arc::new(blank.clone());
        let image = image.clone();
        let mut copy = Self {
            protocol,
            image,
            machine,
            blank,
            applied: LogIndex::ZERO,
            expiry: None,
            convicted: 0,
            broken: false,
        };
        if copy.image.snapshot.is_some() {
            copy.broken = copy.restore().is_none();
        }
        copy
    }

    /// When it wants to be woken.
    pub(crate) fn deadline(&self) -> Option<Mono> {
        if self.broken { None } else { self.protocol.next_deadline() }
    }

    /// Takes an input and all that follows from it.
    pub(crate) fn step(&mut self, now: Now, input: Input<P::Message>) -> Vec<Spoken<P::Message>> {
        let mut spoken = Vec::new();
        let mut inputs = VecDeque::from([input]);
        let mut effects = Effects::new();
        while !self.broken
            && let Some(next) = inputs.pop_front()
        {
            self.protocol.step(ahead(now), next, &mut effects);
            for effect in effects.drain() {
                self.broken |= self.execute(effect, &mut inputs, &mut spoken).is_none();
            }
            let expiry = self.machine.next_expiry();
            if expiry != self.expiry {
                self.expiry = expiry;
                inputs.push_back(Input::ExpiryAt(expiry));
            }
            let convicted = self.machine.convicted();
            if convicted.len() > self.convicted {
                self.convicted = convicted.len();
                inputs.push_back(Input::Convicted(convicted.to_vec()));
            }
        }
        spoken
    }

    /// Does at once what a step asks for. `None` where it cannot be done.
    fn execute(
        &mut self,
        effect: Effect<P::Message, P::Hard>,
        inputs: &mut VecDeque<Input<P::Message>>,
        spoken: &mut Vec<Spoken<P::Message>>,
    ) -> Option<()> {
        match effect {
            Effect::Send { to, message, .. } => spoken.push(Spoken::Message(to, message)),
            Effect::Answer { client, number, outcome } => spoken.push(Spoken::Answer(client, number, outcome)),
            Effect::Write(mut write) => {
                let ticket = write.ticket;
                self.image.take(&mut write).ok()?;
                inputs.push_back(Input::Written(ticket));
            }
            Effect::Apply { from, through } => {
                let results = self.apply(from, through)?;
                inputs.push_back(Input::Applied { through, results });
            }
            Effect::Snapshot { .. } => {
                let (data, digest) = (self.machine.snapshot(), self.machine.snapshot_digest());
                inputs.push_back(Input::SnapshotTaken { index: self.applied, digest, data });
            }
            Effect::Restore { index } => {
                self.restore()?;
                inputs.push_back(Input::Applied { through: index, results: Vec::new() });
            }
            Effect::Broken(_) => return None,
            // Where nodes may lie nobody reads beside the log, and there are no edges.
            Effect::Read { .. } | Effect::Project { .. } | Effect::Note(_) => {}
        }
        Some(())
    }

    fn apply(&mut self, from: LogIndex, through: LogIndex) -> Option<Vec<Applied>> {
        if from != self.applied.next() || through > self.image.last_index() {
            return None;
        }
        let machine = Arc::make_mut(&mut self.machine);
        let mut results = Vec::new();
        for entry in self.image.entries(from, through) {
            if entry.kind == EntryKind::Command {
                let (client, number) = (entry.client, entry.number);
                let told = machine.apply(entry.index, entry.log_time, client, number, &entry.payload);
                results.push(Applied { index: entry.index, client, number, result: told.encode() });
            } else {
                machine.advance(entry.log_time);
            }
            self.applied = entry.index;
        }
        Some(results)
    }

    fn restore(&mut self) -> Option<()> {
        let snapshot = self.image.snapshot.clone()?;
        let mut machine = self.blank.clone();
        machine.restore(&snapshot.data).ok()?;
        self.machine = Arc::new(machine);
        self.applied = snapshot.meta.index;
        Some(())
    }
}

fn ahead(now: Now) -> Now {
    Now { wall: Wall(now.wall.0.saturating_add(AHEAD.0)), ..now }
}
