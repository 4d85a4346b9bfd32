//! What liars promise.
