//! In which words is told who lied, and what the cluster made of it?
//!
//! One template for each event; offences are told one by one.

use quorumscope_core::bft::evidence::Offence;

/// Where a rule comes from.
pub(crate) mod paper {
    pub(crate) const PBFT_ORDER: &str = "PBFT §4.2";
    pub(crate) const PBFT_VIEW_CHANGE: &str = "PBFT §4.4";
    pub(crate) const HOTSTUFF: &str = "HotStuff §5";
    pub(crate) const TIMEOUT: &str = "DiemBFT v4, \u{201c}Pacemaker\u{201d}";
    pub(crate) const HYBRID: &str = "docs/byzantine.md";
}

/// What a rule is for, in one sentence each.
pub(crate) mod principle {
    pub(crate) const FOUND: &str = "Two words under one key that no honest node says, also after a crash, prove a lie to everybody: whoever gets them judges them again.";
    pub(crate) const UNFOUNDED: &str = "What an honest node may have said convicts nobody, whoever calls it evidence.";
    pub(crate) const CONVICTED: &str = "A conviction is decided like a request, judged again by each node that applies it, and part of the replicated state. A second piece against the same node changes nothing.";
}

/// Sentences.
pub(crate) mod event {
    pub(crate) const FOUND: &str = "{node} found out that {culprit} lies: it {offence}.";
    pub(crate) const HEARD: &str = "{from} proves to {node} that {culprit} lies: it {offence}.";
    pub(crate) const UNFOUNDED: &str = "{from} sent {node} words that convict nobody.";
    pub(crate) const CONVICTED: &str = "{culprit} is convicted, knows {node}: it {offence}.";
}

/// Lines of the list of events.
pub(crate) mod line {
    pub(crate) const FOUND: &str = "{node} found out that {culprit} lies";
    pub(crate) const CONVICTED: &str = "{node}: {culprit} is convicted, it {offence}";
}

/// What the cluster has decided of a node.
pub(crate) mod verdict {
    pub(crate) const VERDICT: &str = "The cluster has convicted {culprit}: it {offence} ({paper}). {first} applied the verdict first; known to {nodes}.";
}

/// What somebody did, after its name; the paper's place for it.
pub(crate) fn offence(offence: Offence) -> (&'static str, &'static str) {
    match offence {
        Offence::TwoValues => ("spoke of two batches for one place of one view", paper::PBFT_ORDER),
        Offence::HidPrepared => ("left a view and kept back what it had prepared", paper::PBFT_VIEW_CHANGE),
        Offence::UnfoundedNewView => {
            ("began a view with what does not follow from its view changes", paper::PBFT_VIEW_CHANGE)
        }
        Offence::TwoNewViews => ("began one view in two ways", paper::PBFT_VIEW_CHANGE),
        Offence::TwoBlocks => ("proposed or voted for two blocks in one view", paper::HOTSTUFF),
        Offence::HidCertificate => ("gave a view up and kept back a certificate that it had seen", paper::TIMEOUT),
        Offence::TwoHistories => ("acknowledged two histories at one place of one term", paper::HYBRID),
        Offence::HidHistory => ("named a prepare certificate and later kept it back", paper::HYBRID),
        Offence::TwoStops => ("stopped one instance with two statements", paper::HYBRID),
    }
}
