//! Is there one predicate, whichever way it is asked?

use curve25519_dalek::constants::EIGHT_TORSION;
use ed25519_zebra::{Signature as TheirSignature, VerificationKey as TheirKey};
use proptest::prelude::*;

use super::*;

/// The order of the group: `s` and `s + ORDER` are the same number to it.
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

/// How a point is written down.
#[derive(Clone, Copy, Debug)]
enum Encoding {
    Canonical,
    /// The neutral element as (0, p + 1), or with the sign of a zero.
    NeutralAs(u8),
    /// `y = p + below`, which only small numbers fit, with a sign: a point or not.
    Above(u8, bool),
}

impl Encoding {
    fn bytes(self, point: EdwardsPoint) -> [u8; 32] {
        match self {
            Self::Canonical => point.compress().0,
            Self::NeutralAs(0) => above_the_prime(1, false),
            Self::NeutralAs(1) => above_the_prime(1, true),
            Self::NeutralAs(_) => {
                let mut bytes = [0; 32];
                (bytes[0], bytes[31]) = (1, 0x80);
                bytes
            }
            Self::Above(below, sign) => above_the_prime(below, sign),
        }
    }
}

fn above_the_prime(below: u8, sign: bool) -> [u8; 32] {
    let mut bytes = [0xff; 32];
    bytes[0] = 0xed + below;
    bytes[31] = if sign { 0xff } else { 0x7f };
    bytes
}

/// What is done to a signature after it was made.
#[derive(Clone, Copy, Debug)]
enum Change {
    Nothing,
    AddOrder,
    Flip(u16),
    OtherMessage,
}

/// A recipe for a signature by somebody who knows every secret and keeps to no rule.
#[derive(Clone, Copy, Debug)]
struct Recipe {
    /// With 0 the key is of small order.
    secret: u64,
    key_torsion: usize,
    key_encoding: Encoding,
    /// With 0 `R` is of small order.
    nonce: u64,
    r_torsion: usize,
    r_encoding: Encoding,
    message: u8,
    change: Change,
}

#[derive(Debug)]
struct Made {
    key: PublicKey,
    message: Vec<u8>,
    signature: Signature,
}

impl Made {
    fn signed<'a>(&'a self, key: &'a Key) -> Signed<'a> {
        Signed { key, message: &self.message, signature: &self.signature }
    }
}

impl Recipe {
    const HONEST: Self = Self {
        secret: 7,
        key_torsion: 0,
        key_encoding: Encoding::Canonical,
        nonce: 11,
        r_torsion: 0,
        r_encoding: Encoding::Canonical,
        message: 1,
        change: Change::Nothing,
    };

    fn make(self) -> Made {
        let (secret, nonce) = (Scalar::from(self.secret), Scalar::from(self.nonce));
        let key = self.key_encoding.bytes(EdwardsPoint::mul_base(&secret) + EIGHT_TORSION[self.key_torsion]);
        let r = self.r_encoding.bytes(EdwardsPoint::mul_base(&nonce) + EIGHT_TORSION[self.r_torsion]);
        let mut message = vec![self.message];
        let k = Sha512::new().chain_update(r).chain_update(key).chain_update(&message).finalize();
        let s = nonce + Scalar::from_bytes_mod_order_wide(&k.into()) * secret;
        let mut bytes = [0; 64];
        bytes[..32].copy_from_slice(&r);
        bytes[32..].copy_from_slice(s.as_bytes());
        match self.change {
            Change::Nothing => {}
            Change::AddOrder => add_order(&mut bytes),
            Change::Flip(bit) => bytes[usize::from(bit / 8)] ^= 1 << (bit % 8),
            Change::OtherMessage => message.push(0),
        }
        Made { key: PublicKey(key), message, signature: Signature(bytes) }
    }
}

fn add_order(signature: &mut [u8; 64]) {
    let mut carry = 0;
    for (byte, order) in signature[32..].iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        *byte = (sum & 0xff) as u8;
        carry = sum >> 8;
    }
}

fn ours_alone(made: &Made) -> bool {
    let Some(key) = Key::new(made.key) else { return false };
    made.signed(&key).holds()
}

fn ours_together(made: &[Made]) -> bool {
    let Some(keys) = made.iter().map(|made| Key::new(made.key)).collect::<Option<Vec<_>>>() else { return false };
    let batch: Vec<_> = made.iter().zip(&keys).map(|(made, key)| made.signed(key)).collect();
    all_hold(&batch)
}

fn theirs(made: &Made) -> bool {
    TheirKey::try_from(made.key.0)
        .is_ok_and(|key| key.verify(&TheirSignature::from(made.signature.0), &made.message).is_ok())
}

fn encoding() -> impl Strategy<Value = Encoding> {
    prop_oneof![
        8 => Just(Encoding::Canonical),
        2 => (0..3u8).prop_map(Encoding::NeutralAs),
        1 => (0..19u8, any::<bool>()).prop_map(|(below, sign)| Encoding::Above(below, sign)),
    ]
}

fn recipe() -> impl Strategy<Value = Recipe> {
    let scalar = || prop_oneof![1 => Just(0), 4 => 1..9u64];
    let torsion = || prop_oneof![2 => Just(0), 1 => 0..8usize];
    let change = prop_oneof![
        20 => Just(Change::Nothing),
        1 => Just(Change::AddOrder),
        1 => (0..512u16).prop_map(Change::Flip),
        1 => Just(Change::OtherMessage),
    ];
    (scalar(), torsion(), encoding(), scalar(), torsion(), encoding(), 0..3u8, change).prop_map(
        |(secret, key_torsion, key_encoding, nonce, r_torsion, r_encoding, message, change)| Recipe {
            // Another encoding than that of its point makes no signature: only the neutral element has several.
            secret: if matches!(key_encoding, Encoding::NeutralAs(_)) { 0 } else { secret },
            key_torsion: if matches!(key_encoding, Encoding::NeutralAs(_)) { 0 } else { key_torsion },
            key_encoding,
            nonce: if matches!(r_encoding, Encoding::NeutralAs(_)) { 0 } else { nonce },
            r_torsion: if matches!(r_encoding, Encoding::NeutralAs(_)) { 0 } else { r_torsion },
            r_encoding,
            message,
            change,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_batch_holds_exactly_if_each_signature_holds_alone_also_by_other_hands(
        recipes in proptest::collection::vec(recipe(), 1..12),
    ) {
        let made: Vec<_> = recipes.iter().map(|recipe| recipe.make()).collect();
        for made in &made {
            prop_assert_eq!(ours_alone(made), theirs(made));
            prop_assert_eq!(ours_together(core::slice::from_ref(made)), ours_alone(made));
        }
        prop_assert_eq!(ours_together(&made), made.iter().all(ours_alone));
    }
}

#[test]
fn what_only_the_cofactor_lets_hold_holds_alone_and_together() {
    for torsion in 0..8 {
        for encoding in [Encoding::Canonical, Encoding::NeutralAs(0), Encoding::NeutralAs(1), Encoding::NeutralAs(2)] {
            let made = [
                Recipe { key_torsion: torsion, ..Recipe::HONEST }.make(),
                Recipe { r_torsion: torsion, ..Recipe::HONEST }.make(),
                Recipe { nonce: 0, r_encoding: encoding, ..Recipe::HONEST }.make(),
                Recipe { secret: 0, key_encoding: encoding, ..Recipe::HONEST }.make(),
                Recipe { secret: 0, key_torsion: torsion, nonce: 0, r_torsion: torsion, ..Recipe::HONEST }.make(),
            ];
            assert!(made.iter().all(ours_alone) && made.iter().all(theirs) && ours_together(&made), "{made:?}");
        }
    }
}

#[test]
fn a_signature_has_no_second_form() {
    let twin = Recipe { change: Change::AddOrder, ..Recipe::HONEST }.make();
    assert!(!ours_alone(&twin) && !ours_together(&[Recipe::HONEST.make(), twin]));
}

#[test]
fn two_forgeries_that_cancel_each_other_are_refused() {
    let mut made = [Recipe::HONEST.make(), Recipe { nonce: 12, ..Recipe::HONEST }.make()];
    assert!(ours_together(&made));
    for (made, shift) in made.iter_mut().zip([Scalar::ONE, -Scalar::ONE]) {
        let s: [u8; 32] = made.signature.0[32..].try_into().unwrap();
        made.signature.0[32..].copy_from_slice((Scalar::from_bytes_mod_order(s) + shift).as_bytes());
    }
    assert!(!made.iter().any(ours_alone) && !ours_together(&made));
}

#[test]
fn coefficients_depend_on_every_part_of_the_batch_and_on_nothing_else() {
    let key = Key::new(Recipe::HONEST.make().key).unwrap();
    let seed_of = |made: &[Made]| {
        let batch: Vec<_> = made.iter().map(|made| made.signed(&key)).collect();
        let parts: Vec<_> = batch.iter().filter_map(Signed::parts).collect();
        seed(&batch, &parts)
    };
    let honest = || [Recipe::HONEST.make(), Recipe { nonce: 12, ..Recipe::HONEST }.make()];
    assert_eq!(seed_of(&honest()), seed_of(&honest()));
    let [first, second] = honest();
    assert_ne!(seed_of(&[second, first]), seed_of(&honest()));
    let mut said = honest();
    said[1].message.push(1);
    assert_ne!(seed_of(&said), seed_of(&honest()));
    let mut signed = honest();
    signed[0].signature.0[32] ^= 1;
    assert_ne!(seed_of(&signed), seed_of(&honest()));
    assert_ne!(coefficient(&Hash256::ZERO, 0), coefficient(&Hash256::ZERO, 1));
}
