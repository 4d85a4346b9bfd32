//! Who signs, with what key?

use core::fmt;

use serde::{Deserialize, Serialize};

use super::fixed::fixed;
use crate::types::{ClientId, NodeId};

/// Somebody who signs. Node 1 and client 1 are two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Identity {
    /// A member of the cluster.
    Node(NodeId),
    /// A client.
    Client(ClientId),
}

impl Identity {
    /// A byte for the sort and the number: two identities never have the same nine.
    #[must_use]
    pub fn bytes(self) -> [u8; 9] {
        let (sort, number) = match self {
            Self::Node(node) => (0, u64::from(node.0)),
            Self::Client(client) => (1, client.0),
        };
        let mut bytes = [sort; 9];
        bytes[1..].copy_from_slice(&number.to_le_bytes());
        bytes
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Node(node) => node.fmt(f),
            Self::Client(client) => client.fmt(f),
        }
    }
}

/// A signature: for Ed25519 the point `R`, then the scalar `s`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Signature(pub [u8; 64]);

fixed!(Signature);

/// An Ed25519 public key as it is written down; whether it is one shows when it is registered.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey(pub [u8; 32]);

fixed!(PublicKey);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_and_a_client_of_one_number_are_two() {
        let (node, client) = (Identity::Node(NodeId(1)), Identity::Client(ClientId(1)));
        assert_ne!(node, client);
        assert_ne!(node.bytes(), client.bytes());
        assert_eq!((node.to_string(), client.to_string()), ("n1".into(), "c1".into()));
    }

    #[test]
    fn a_signature_takes_64_bytes_on_the_wire_and_comes_back_from_either_form() {
        let signature = Signature(core::array::from_fn(|at| u8::try_from(at).unwrap() ^ 0xA5));
        let raw = postcard::to_allocvec(&signature).unwrap();
        assert_eq!(raw, signature.0);
        assert_eq!(postcard::from_bytes::<Signature>(&raw).unwrap(), signature);
        let text = serde_json::to_string(&signature).unwrap();
        assert_eq!(text.len(), 2 + 128);
        assert_eq!(serde_json::from_str::<Signature>(&text).unwrap(), signature);
        assert_eq!(format!("{signature:?}"), "a5a4a7a6");
    }
}
