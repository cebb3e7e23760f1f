//! Where requests go: an origin, resolved once.

use std::net::{SocketAddr, ToSocketAddrs as _};

use crate::model::Origin;

/// A name that has no address.
#[derive(Debug, thiserror::Error)]
#[error("cannot resolve {}: {reason}", .origin.host)]
pub struct Unresolved {
    origin: Origin,
    /// What the resolver said.
    reason: std::io::Error,
}

/// The addresses of an origin, in the resolver's order; at least one.
pub fn resolve(origin: &Origin) -> Result<Vec<SocketAddr>, Unresolved> {
    let unresolved = |reason| Unresolved {
        origin: origin.clone(),
        reason,
    };
    let addresses = (origin.host.as_str(), origin.port).to_socket_addrs();
    let addresses: Vec<_> = addresses.map_err(unresolved)?.collect();
    if addresses.is_empty() {
        return Err(unresolved(std::io::ErrorKind::NotFound.into()));
    }
    Ok(addresses)
}
