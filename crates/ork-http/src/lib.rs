//! The HTTP client of the house, for everything that goes out.
//!
//! What it asks others for is bounded, however they behave: each call has a deadline, each answer a limit. No redirect is
//! followed, no proxy is used that a variable names, and no answer is decompressed. Where the one who says the address is not the
//! one who runs Ork (a webhook, a task), it is guarded by [`Egress`]: the name is resolved, all of its addresses are checked, and
//! only a checked one is connected to, so that no name can mean one thing to the check and another to the connection.
//!
//! It stands on hyper rather than on reqwest, which brings a certificate verifier for platforms that Ork does not run on.
#![deny(missing_docs)]

mod address;
mod call;
mod connect;
mod egress;
mod relay;
mod roots;
pub mod sse;
mod stream;
mod transport;
mod url;

pub use address::danger;
pub use call::{Answer, Call, CallError, Limits};
pub use connect::{Resolve, Resolving, SystemResolver};
pub use egress::{Egress, EgressError};
pub use hyper::Method;
pub use hyper::body::Bytes;
pub use relay::Relayed;
pub use roots::RootsError;
pub use stream::{StreamError, StreamLimits, Streaming};
pub use transport::{BoxError, Reach, Transport, TransportError, root_cause};
pub use url::{Refused, Target};
