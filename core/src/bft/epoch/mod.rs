//! How do voters change in a protocol whose voters never change?
//!
//! They stay the same for an *epoch*, which is one instance of the protocol. Its
//! number is the `configuration` in the domain of all that is signed in it, so
//! nothing that was said in one epoch means anything in another. [`Epochs`] runs
//! one instance after the other, for any protocol that is an [`Instance`].
//!
//! **Who asks**: the operator, with a request under its own key ([`change`]). **Where
//! it ends**: at the first such request in the order that makes sense. Nothing
//! behind it is executed; what waits goes along. **What proves it**: a quorum of the
//! *old* voters signs the state at the end, with the new voters in it ([`link`]).
//! **How it goes on**: the old instance is dropped for good, and one of the new
//! voters begins behind that state, its *root*. Whoever has the state goes on at
//! once; a new voter, or one that slept, begins without it and fetches it under
//! the root's proof, as any replica does that has fallen far behind.
//!
//! After Lamport, Malkhi and Zhou ("Reconfiguring a state machine", stoppable
//! instances), BFT-SMaRt (an operator's request, ordered like any) and LibraBFT
//! (epochs and epoch change proofs).
//!
//! **Restarts.** That an epoch has ended is written with the execution of its last
//! place, before anything follows from it; that another one begins is one write
//! with all that it begins with. Whatever a crash leaves, the replica is in one
//! epoch, with the promises of that one.
//!
//! **Bounds.** A word of each voter, and the links of the past: 300 to 400 bytes each
//! at four voters. Of messages of later epochs nothing is kept.
//!
//! Caveats: the old voters must not be forgotten, and their keys not be lost,
//! before the new ones go on: a quorum of them signs the link, and the state is
//! fetched from them. A replica that slept through a change believes the link of
//! voters that have left since; if more than f of them sell their keys later,
//! they can lead it to an epoch that never was (a *long-range attack*; the usual
//! help is to tell a restarted node a recent link by hand).
//!
//! Read `change`, `link`, `instance` and `message` next, then `end` and `late`.

pub mod change;
mod end;
mod envelope;
pub mod event;
pub mod hard;
pub mod instance;
mod late;
pub mod link;
pub mod message;
#[cfg(test)]
mod tests;

use std::cmp::Ordering;
use std::sync::Arc;

pub use change::{Nonsense, Request};
pub(in crate::bft) use envelope::in_epochs;
pub use envelope::{Envelope, Kept, Seen, Sorted};
pub use event::Event;
pub use hard::HardState;
pub use instance::{Instance, Setting};
pub use link::{Link, Root, Word};
pub use message::Message;

use crate::bft::Bundle;
use crate::crypto::{Claim, Signer};
use crate::membership::Membership;
use crate::protocol::{Effect, Effects, Input, Protocol};
use crate::quorum::Byzantine;
use crate::record::NodeStatus;
use crate::rules::Rule;
use crate::storage::{DiskImage, Format};
use crate::types::{Incarnation, Mono, NodeId, Now};
use late::{Pace, Telling};

/// No cluster gets this far: what claims to be of a later epoch is not believed. Terms of its entries still fit.
pub const MAX_EPOCH: u64 = 1 << 16;

/// One replica of a protocol, through all epochs.
#[derive(Clone, Debug)]
pub struct Epochs<P: Instance> {
    id: NodeId,
    /// As it was given, for the first epoch.
    config: Arc<P::Config>,
    setting: Setting,
    format: Option<Arc<Format>>,
    incarnation: Incarnation,
    seed: u64,
    /// How it got here, and who votes.
    links: Vec<Arc<Link>>,
    members: Membership,
    quorum: Byzantine,
    /// `None` where it has no vote, no key or no store.
    signer: Option<Arc<dyn Signer>>,
    instance: P,

    /// Words for the end of this epoch, by the voters' places.
    words: Vec<Option<Word>>,
    /// The link to the next epoch, and until when this replica waits for its own state.
    next: Option<(Arc<Link>, Mono)>,
    /// Whom it tells of this epoch, and again.
    telling: Telling,
    helped: Pace,
    asked: Pace,
}

impl<P: Instance> Protocol for Epochs<P> {
    type Message = P::Message;
    type Hard = P::Hard;
    type Config = P::Config;

    fn recover(config: &P::Config, node: NodeId, image: &DiskImage<P::Hard>, seed: u64, now: Now) -> Self {
        let first = image.first_members().cloned();
        let first = first.unwrap_or_else(|| Membership::of(P::first_voters(config).to_vec()));
        let links = image.hard.epoch().links.clone();
        let members = links.last().map_or(first, |link| link.members.clone());
        let setting = P::setting(config);
        let format = image.format.clone();
        let root = links.last().map(|link| link.root());
        let of_epoch = P::in_epoch(config, links.len() as u64, &members.voters, root);
        let own = DiskImage { format: format_of(format.as_ref(), &members), ..image.clone() };
        let quorum = Byzantine::of(&members.voters, false);
        let speaks = format.is_some() && quorum.is_voter(node);
        Self {
            id: node,
            signer: if speaks { setting.signers.signer(node) } else { None },
            instance: P::recover(&of_epoch, node, &own, seed, now),
            words: vec![None; members.voters.len()],
            telling: Telling::new(&members, node, !links.is_empty() && format.is_some(), now.mono),
            config: Arc::new(config.clone()),
            setting,
            format,
            incarnation: image.incarnation,
            seed,
            links,
            members,
            quorum,
            next: None,
            helped: Pace::default(),
            asked: Pace::default(),
        }
    }

    fn step(&mut self, now: Now, input: Input<P::Message>, out: &mut Effects<P::Message, P::Hard>) {
        match input {
            Input::Receive { from, message } => self.receive(now, from, message, out),
            Input::Requests(bundles) => {
                let bundles = self.without_usurped(bundles, out);
                if self.signer.is_none() && bundles.iter().any(|bundle| change::asks(bundle)) {
                    let votes = self.quorum.is_voter(self.id);
                    out.note(|| Event::ChangeUnheard { votes }.into());
                }
                self.hand(now, Input::Requests(bundles), out);
            }
            Input::DeadlineReached => {
                self.tell_if_due(now, out);
                self.hand(now, Input::DeadlineReached, out);
            }
            input => self.hand(now, input, out),
        }
        self.look_for_end(now, out);
    }

    fn next_deadline(&self) -> Option<Mono> {
        let next = self.next.as_ref().map(|(_, until)| *until);
        [self.instance.next_deadline(), self.telling.deadline(), next].into_iter().flatten().min()
    }

    fn status(&self) -> NodeStatus {
        self.instance.status()
    }

    fn claims(&self, from: NodeId, message: &P::Message, claims: &mut Vec<Claim>) {
        match P::see(message) {
            Seen::Epoch(message) => self.claims_of(from, message, claims),
            Seen::Own(message) if self.epoch() == 0 => self.instance.claims(from, message, claims),
            Seen::Later(epoch, message) if self.epoch() == epoch => self.instance.claims(from, message, claims),
            // That they come says something; what they say is handed in by nobody.
            Seen::Own(_) | Seen::Later(..) => {}
        }
    }

    fn request_claims(&self, bundle: &Bundle, claims: &mut Vec<Claim>) {
        self.instance.request_claims(bundle, claims);
    }
}

/// The same store's, where these are the members.
fn format_of(format: Option<&Arc<Format>>, members: &Membership) -> Option<Arc<Format>> {
    format.map(|format| match format.members == *members {
        true => Arc::clone(format),
        false => Arc::new(Format { members: members.clone(), ..(**format).clone() }),
    })
}

impl<P: Instance> Epochs<P> {
    /// The number of its epoch: how often the voters have changed.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.links.len() as u64
    }

    /// Who votes in it.
    #[must_use]
    pub fn members(&self) -> &Membership {
        &self.members
    }

    /// The instance of its epoch.
    #[must_use]
    pub fn instance(&self) -> &P {
        &self.instance
    }

    /// How it got to its epoch: a link for each, in order.
    #[must_use]
    pub fn links(&self) -> &[Arc<Link>] {
        &self.links
    }

    fn on(&self, rule: Rule) -> bool {
        P::on(&self.config, rule)
    }

    fn place_of(&self, voter: NodeId) -> Option<usize> {
        self.quorum.voters().binary_search(&voter).ok()
    }

    fn receive(&mut self, now: Now, from: NodeId, message: P::Message, out: &mut Effects<P::Message, P::Hard>) {
        if self.format.is_none() || from == self.id {
            return;
        }
        match P::sort(message) {
            Sorted::Own(message) => self.receive_in(now, from, 0, message, out),
            Sorted::Later(epoch, message) => self.receive_in(now, from, epoch, message, out),
            Sorted::Epoch(message) => self.on_epoch(now, from, *message, out),
        }
    }

    /// A message of some epoch.
    fn receive_in(
        &mut self,
        now: Now,
        from: NodeId,
        epoch: u64,
        message: P::Message,
        out: &mut Effects<P::Message, P::Hard>,
    ) {
        match epoch.cmp(&self.epoch()) {
            Ordering::Less => self.help(now, from, epoch, out),
            Ordering::Equal => {
                self.telling.heard(from);
                match P::as_fetch(&message).filter(|_| !self.quorum.is_voter(self.id)) {
                    Some(fetch) => self.serve(from, fetch, out),
                    None => self.hand(now, Input::Receive { from, message }, out),
                }
            }
            Ordering::Greater => self.ask(now, from, epoch, out),
        }
    }

    /// Hands an input to the instance of this epoch, and sends what it says in its name.
    fn hand(&mut self, now: Now, input: Input<P::Message>, out: &mut Effects<P::Message, P::Hard>) {
        let (effects, mail) = (out.as_slice().len(), out.mail().len());
        self.instance.step(now, input, out);
        let epoch = self.epoch();
        if epoch == 0 {
            return;
        }
        for effect in out.iter_mut().skip(effects) {
            if let Effect::Send { message, .. } = effect {
                *message = P::later(epoch, message.clone());
            }
        }
        for mail in out.mail().iter_mut().skip(mail) {
            mail.message = P::later(epoch, mail.message.clone());
        }
    }

    /// Whoever asks for a change of members and is not the operator is not heard.
    fn without_usurped(
        &self,
        mut bundles: Vec<Arc<Bundle>>,
        out: &mut Effects<P::Message, P::Hard>,
    ) -> Vec<Arc<Bundle>> {
        if self.on(Rule::EpochChangeByOperatorOnly) {
            bundles.retain(|bundle| {
                let is_usurped = change::is_usurped(bundle);
                if is_usurped {
                    out.note(|| Event::ChangeRefused.into());
                }
                !is_usurped
            });
        }
        bundles
    }
}
