//! What the kernel tells about a process.

use anyhow::{Context, Result};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

/// CPU time that a process has used, in seconds.
pub(crate) fn cpu_seconds(pid: u32) -> Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name in brackets may hold spaces; after it come state, parent, … user and system time.
    let (_, rest) = stat
        .rsplit_once(") ")
        .context("/proc/PID/stat has no name")?;
    let fields: Vec<&str> = rest.split(' ').collect();
    let ticks = |index: usize| {
        fields
            .get(index)
            .and_then(|field| field.parse::<f64>().ok())
    };
    let ticks = ticks(11)
        .zip(ticks(12))
        .context("/proc/PID/stat has no times")?;
    // The kernel reports in USER_HZ, which is 100 on every Linux that we run on.
    Ok((ticks.0 + ticks.1) / 100.0)
}

/// A loopback address that nobody listens on now.
pub(crate) fn free_port() -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(listener.local_addr()?)
}
