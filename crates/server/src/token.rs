//! The admin's token: made at the first start, kept in a file that its owner alone may read.
//!
//! In memory stands its SHA-256 only; comparing takes the same time wherever texts differ.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// The file's name in the data folder.
pub const TOKEN_FILE: &str = "admin.token";
/// Random bytes of a token.
const TOKEN_BYTES: usize = 32;

/// What a caller's token must hash to.
#[derive(Clone, Debug)]
pub(crate) struct Token([u8; 32]);

/// Why the token's file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// It cannot be read or written.
    #[error("{path} cannot be used")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It holds no token.
    #[error("{path} holds no token: delete it, and the next start writes a new one")]
    Malformed {
        /// The file.
        path: PathBuf,
    },
    /// Others may read it.
    #[error("{path} may be read by others: chmod 600 {path}, or delete it for a new one")]
    Exposed {
        /// The file.
        path: PathBuf,
    },
}

impl Token {
    /// Reads the token of a data folder, or makes one when there is none yet.
    pub(crate) fn of(folder: &Path) -> Result<Token, TokenError> {
        let path = folder.join(TOKEN_FILE);
        match std::fs::read_to_string(&path) {
            Ok(text) => read(&path, &text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => make(&path),
            Err(source) => Err(TokenError::File { path, source }),
        }
    }

    /// Whether this is the token.
    pub(crate) fn matches(&self, token: &str) -> bool {
        let digest = Sha256::digest(token.as_bytes());
        let differing = self
            .0
            .iter()
            .zip(digest.iter())
            .fold(0u8, |all, (ours, theirs)| all | (ours ^ theirs));
        std::hint::black_box(differing) == 0
    }
}

fn read(path: &Path, text: &str) -> Result<Token, TokenError> {
    let path = path.to_owned();
    let mode = match std::fs::metadata(&path) {
        Ok(metadata) => metadata.permissions().mode(),
        Err(source) => return Err(TokenError::File { path, source }),
    };
    if mode & 0o077 != 0 {
        return Err(TokenError::Exposed { path });
    }
    let token = text.trim();
    match URL_SAFE_NO_PAD.decode(token) {
        Ok(bytes) if bytes.len() == TOKEN_BYTES => Ok(Token(Sha256::digest(token).into())),
        _ => Err(TokenError::Malformed { path }),
    }
}

/// Writes a new token beside its place and moves it there, so that no reader sees half of one.
fn make(path: &Path) -> Result<Token, TokenError> {
    let token = URL_SAFE_NO_PAD.encode(rand::random::<[u8; TOKEN_BYTES]>());
    let written = write(path, &token);
    match written {
        Ok(()) => Ok(Token(Sha256::digest(&token).into())),
        Err(source) => Err(TokenError::File {
            path: path.to_owned(),
            source,
        }),
    }
}

fn write(path: &Path, token: &str) -> std::io::Result<()> {
    let unfinished = path.with_extension("token.new");
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&unfinished)?;
    file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
    writeln!(file, "{token}")?;
    file.sync_all()?;
    std::fs::rename(&unfinished, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_start_writes_a_token_that_only_its_owner_reads() {
        let folder = tempfile::tempdir().unwrap();
        let made = Token::of(folder.path()).unwrap();
        let path = folder.path().join(TOKEN_FILE);
        let text = std::fs::read_to_string(&path).unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(text.trim().len(), 43);
        assert!(made.matches(text.trim()));
        assert!(!made.matches(""));
        assert!(Token::of(folder.path()).unwrap().matches(text.trim()));
    }

    #[test]
    fn a_token_that_others_read_or_that_is_none_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(TOKEN_FILE);
        std::fs::write(&path, "secret").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert!(matches!(
            Token::of(folder.path()),
            Err(TokenError::Malformed { .. })
        ));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(
            Token::of(folder.path()),
            Err(TokenError::Exposed { .. })
        ));
    }
}
