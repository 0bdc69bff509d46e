//! One service as it is called: its instances with their pools, its credential, its bounds.
//!
//! Made anew when the service is changed; calls in flight keep the one that they began with.

use crate::credential::Credential;
use crate::origin::Origin;
use crate::pool::Pool;
use crate::settings::Settings;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio_rustls::TlsConnector;

/// One service as it is called.
pub(crate) struct Target {
    /// Its instances; shared by targets that differ in their credential only.
    pub(crate) instances: Arc<[Instance]>,
    /// No attempt lasts longer.
    pub(crate) timeout: Option<Duration>,
    /// What proves who calls.
    pub(crate) credential: Credential,
    /// Where the next call begins.
    next: AtomicUsize,
}

/// One instance.
pub(crate) struct Instance {
    /// Where it is.
    pub(crate) origin: Origin,
    /// Its idle connections.
    pub(crate) pool: Pool,
    /// How `https` is spoken; none for `http`.
    pub(crate) tls: Option<TlsConnector>,
}

impl Target {
    /// A target of these settings; the error says in words why it cannot be called.
    pub(crate) fn new(settings: &Settings) -> Result<Target, String> {
        let mut connector = None;
        let mut instances = Vec::with_capacity(settings.instances.len());
        for url in &settings.instances {
            let origin = Origin::read(url).map_err(|error| format!("{url}: {error}"))?;
            if origin.tls && connector.is_none() {
                let made = crate::tls::connector(settings.tls.as_ref());
                connector = Some(made.map_err(|error| error.to_string())?);
            }
            let tls = connector.clone().filter(|_| origin.tls);
            instances.push(Instance {
                origin,
                pool: Pool::default(),
                tls,
            });
        }
        Target::over(instances.into(), settings)
    }

    /// A target with a credential read anew, over the same instances and connections.
    pub(crate) fn renewed(&self, settings: &Settings) -> Result<Target, String> {
        Target::over(Arc::clone(&self.instances), settings)
    }

    fn over(instances: Arc<[Instance]>, settings: &Settings) -> Result<Target, String> {
        let credential =
            Credential::read(settings.auth.as_ref()).map_err(|error| error.to_string())?;
        Ok(Target {
            instances,
            timeout: settings.timeout.map(banyan_core::time::Duration::to_std),
            credential,
            next: AtomicUsize::new(0),
        })
    }

    /// Its instances, each once, beginning with the next in turn.
    pub(crate) fn in_turn(&self) -> impl Iterator<Item = &Instance> {
        let first = self.next.fetch_add(1, Ordering::Relaxed) % self.instances.len().max(1);
        let (before, after) = self.instances.split_at(first);
        after.iter().chain(before)
    }
}
