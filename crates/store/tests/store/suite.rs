//! Runs each case of a suite on every implementation of the port.

use banyan_store::{Reader, Writer};
use std::sync::Arc;

/// What a case gets: a fresh store.
pub(crate) type Fresh = (Box<dyn Writer>, Arc<dyn Reader>);

macro_rules! suite {
    ($($case:ident),+ $(,)?) => {
        mod memory {
            $(#[test] fn $case() {
                let (writer, reader) = banyan_store::memory();
                super::$case((Box::new(writer), reader));
            })+
        }
        mod sqlite {
            $(#[test] fn $case() {
                let folder = tempfile::tempdir().unwrap();
                let opened = banyan_store::sqlite::open(folder.path(), Default::default());
                let (writer, reader) = opened.unwrap();
                super::$case((Box::new(writer), reader));
            })+
        }
    };
}

pub(crate) use suite;
