//! Where does a process take its randomness from?
//!
//! From the operating system, once for each seed or secret; everything else is
//! drawn from seeds.

/// The operating system has no randomness to give.
#[derive(Debug, thiserror::Error)]
#[error("the operating system gives no random bytes: {0}")]
pub struct NoEntropy(getrandom::Error);

/// A seed that nobody can guess.
///
/// # Errors
/// The operating system has no randomness to give.
pub fn random_seed() -> Result<u64, NoEntropy> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(NoEntropy)?;
    Ok(u64::from_le_bytes(bytes))
}

/// A secret of 128 bits that may stand in a URL.
///
/// # Errors
/// The operating system has no randomness to give.
pub fn random_token() -> Result<String, NoEntropy> {
    Ok(format!("{:016x}{:016x}", random_seed()?, random_seed()?))
}
