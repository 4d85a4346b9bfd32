//! How does a command end that cannot do what it was asked?

use std::io;
use std::path::Path;
use std::process::ExitCode;

/// One line for people and a code for scripts.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    code: u8,
    message: String,
}

impl Failure {
    /// Bad input: the line says what would be right.
    pub fn input(message: impl Into<String>) -> Self {
        Self { code: 2, message: message.into() }
    }

    /// The environment does not allow it.
    pub fn environment(message: impl Into<String>) -> Self {
        Self { code: 3, message: message.into() }
    }

    /// A file that cannot be read: a wrong name is bad input, everything else the environment.
    pub fn reading(path: &Path, error: &io::Error) -> Self {
        let path = path.display();
        match error.kind() {
            io::ErrorKind::NotFound => Self::input(format!("{path}: there is no such file")),
            io::ErrorKind::IsADirectory => Self::input(format!("{path} is a folder: name a file in it")),
            io::ErrorKind::InvalidData => Self::input(format!("{path}: this is no text (UTF-8)")),
            _ => Self::environment(format!("{path}: {error}")),
        }
    }

    /// A file that cannot be written.
    pub fn writing(path: &Path, error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => {
                Self::input(format!("{}: its folder does not exist; create it first", path.display()))
            }
            _ => Self::environment(format!("{}: {error}", path.display())),
        }
    }

    /// Says it on standard error.
    pub fn report(&self) -> ExitCode {
        eprintln!("quorumscope: {}", self.message.replace('\n', "; "));
        ExitCode::from(self.code)
    }
}
