//! How does a whole run fit into a link?
//!
//! `#v1.` and, in base64url, the deflated postcard of the scenario with all that
//! was done by hand, the engine's version, the cursor, the layout, the branch
//! and the digest that the run is expected to have. Decoding is total: any text
//! gives a link or one line that says what is wrong, in bounded memory.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use quorumscope_core::types::{Digest, Time};
use serde::{Deserialize, Serialize};

use super::document::Scenario;
use super::error::ScenarioError;
use super::read::MAX_DOCUMENT_BYTES;

/// The version of the engine in this build: runs of another one may differ.
pub const ENGINE: &str = env!("CARGO_PKG_VERSION");

/// What every link of this version begins with.
pub const PREFIX: &str = "#v1.";

/// Longest link that is read: browsers hold far less.
const MAX_LINK_BYTES: usize = 1 << 20;

/// Largest content that is unpacked: a document of the largest size and a little.
const MAX_CONTENT_BYTES: usize = MAX_DOCUMENT_BYTES + 4_096;

/// How hard the packer tries, from 0 to 10.
const COMPRESSION: u8 = 9;

/// A run to share.
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    /// The scenario, with what was done by hand.
    pub scenario: Scenario,
    /// The engine that ran it.
    pub engine: String,
    /// Where the person looks.
    pub cursor: Time,
    /// How the page was laid out, in the page's own words.
    pub layout: String,
    /// Which branch of the timeline.
    pub branch: u32,
    /// The digest that the run has at its end on that engine, where it was run.
    pub digest: Option<Digest>,
}

/// A link that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// Not a link of ours.
    #[error("this is no run: a link begins with {PREFIX}")]
    NotALink,
    /// A newer or unknown version.
    #[error("this link is of version {0}, and this build reads version 1: open it with a newer build")]
    Version(String),
    /// Too long.
    #[error("this link is longer than {MAX_LINK_BYTES} bytes")]
    TooLong,
    /// Damaged on the way.
    #[error("this link is damaged or incomplete: copy the whole of it")]
    Damaged,
    /// The document in it is wrong.
    #[error("the scenario in this link cannot run: {0}")]
    Scenario(#[from] ScenarioError),
}

/// The content as it is packed. Fields are only added, with a new version.
#[derive(Serialize, Deserialize)]
struct Packed {
    scenario: String,
    engine: String,
    cursor_us: u64,
    layout: String,
    branch: u32,
    digest: Option<u64>,
    /// Tells a link that was cut or changed from a whole one.
    check: u64,
}

impl Packed {
    fn sum(&self) -> u64 {
        use core::hash::{Hash as _, Hasher as _};
        let mut chain = quorumscope_core::digest::Chain::new();
        (&self.scenario, &self.engine, self.cursor_us, &self.layout, self.branch, self.digest).hash(&mut chain);
        chain.finish()
    }
}

impl Link {
    /// A link to a scenario's beginning.
    #[must_use]
    pub fn to(scenario: Scenario) -> Self {
        Self { scenario, engine: ENGINE.into(), cursor: Time(0), layout: String::new(), branch: 0, digest: None }
    }

    /// Whether a run of it here may differ from what was seen there.
    #[must_use]
    pub fn is_of_another_engine(&self) -> bool {
        self.engine != ENGINE
    }
}

/// The link as the fragment of a page's address.
#[must_use]
pub fn encode(link: &Link) -> String {
    let mut packed = Packed {
        scenario: link.scenario.to_toml(),
        engine: link.engine.clone(),
        cursor_us: link.cursor.0,
        layout: link.layout.clone(),
        branch: link.branch,
        digest: link.digest.map(|digest| digest.0),
        check: 0,
    };
    packed.check = packed.sum();
    let content = postcard::to_allocvec(&packed).expect("texts and numbers always encode");
    let deflated = miniz_oxide::deflate::compress_to_vec(&content, COMPRESSION);
    format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(deflated))
}

/// Reads a link; what stands before its `#` is passed over.
///
/// # Errors
/// One line that says what is wrong and what helps.
pub fn decode(text: &str) -> Result<Link, LinkError> {
    let text = text.trim();
    if text.len() > MAX_LINK_BYTES {
        return Err(LinkError::TooLong);
    }
    let fragment = text.find('#').map_or(text, |place| &text[place + 1..]);
    let (version, body) = fragment.split_once('.').ok_or(LinkError::NotALink)?;
    match version.strip_prefix('v').map(str::parse::<u32>) {
        Some(Ok(1)) => {}
        Some(Ok(other)) => return Err(LinkError::Version(other.to_string())),
        Some(Err(_)) | None => return Err(LinkError::NotALink),
    }
    let deflated = URL_SAFE_NO_PAD.decode(body).map_err(|_| LinkError::Damaged)?;
    let content = miniz_oxide::inflate::decompress_to_vec_with_limit(&deflated, MAX_CONTENT_BYTES)
        .map_err(|_| LinkError::Damaged)?;
    let packed: Packed = postcard::from_bytes(&content).map_err(|_| LinkError::Damaged)?;
    if packed.check != packed.sum() {
        return Err(LinkError::Damaged);
    }
    Ok(Link {
        scenario: Scenario::from_toml(&packed.scenario)?,
        engine: packed.engine,
        cursor: Time(packed.cursor_us),
        layout: packed.layout,
        branch: packed.branch,
        digest: packed.digest.map(Digest),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::ProtocolName;

    fn link() -> Link {
        Link {
            cursor: Time(1_234_567),
            layout: "ring".into(),
            branch: 2,
            digest: Some(Digest(42)),
            ..Link::to(Scenario::new(ProtocolName::Raft, 5, 7))
        }
    }

    #[test]
    fn a_link_survives_packing_and_stands_behind_any_address() {
        let text = encode(&link());
        assert!(text.starts_with(PREFIX) && text.len() < 300, "{text}");
        assert_eq!(decode(&text), Ok(link()));
        assert_eq!(decode(&format!("http://127.0.0.1:8080/{text}\n")), Ok(link()));
    }

    #[test]
    fn a_link_cut_anywhere_is_refused() {
        let text = encode(&link());
        for end in 0..text.len() {
            assert!(decode(&text[..end]).is_err(), "cut at {end}");
        }
        assert_eq!(decode(&text[..text.len() / 2]), Err(LinkError::Damaged));
    }

    #[test]
    fn a_changed_letter_is_noticed() {
        let text = encode(&link());
        for place in PREFIX.len()..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).expect("letters");
            assert_ne!(decode(&changed), Ok(link()), "changed at {place}");
        }
    }

    #[test]
    fn other_versions_and_other_texts_are_named() {
        assert_eq!(decode("#v2.abc"), Err(LinkError::Version("2".into())));
        for text in ["", "#", "#v1", "#x.y", "#vx.y", "hello", "#é.é"] {
            assert_eq!(decode(text), Err(LinkError::NotALink), "{text}");
        }
        assert_eq!(decode("#v1."), Err(LinkError::Damaged));
        assert_eq!(decode("#v1.~~~~"), Err(LinkError::Damaged));
    }

    #[test]
    fn a_small_link_that_unpacks_to_much_is_refused_early() {
        let bomb = miniz_oxide::deflate::compress_to_vec(&vec![0; MAX_CONTENT_BYTES + 1], 9);
        assert!(bomb.len() < 100_000);
        assert_eq!(decode(&format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bomb))), Err(LinkError::Damaged));
    }

    #[test]
    fn a_scenario_that_cannot_run_is_refused_with_its_reason() {
        let mut packed = Packed {
            scenario: "protocol = \"raff\"\nnodes = 3".into(),
            engine: String::new(),
            cursor_us: 0,
            layout: String::new(),
            branch: 0,
            digest: None,
            check: 0,
        };
        packed.check = packed.sum();
        let content = postcard::to_allocvec(&packed).expect("it encodes");
        let text = URL_SAFE_NO_PAD.encode(miniz_oxide::deflate::compress_to_vec(&content, 9));
        let error = decode(&format!("{PREFIX}{text}")).expect_err("no such protocol").to_string();
        assert!(error.contains("did you mean \"raft\"?"), "{error}");
    }
}
