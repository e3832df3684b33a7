//! What happens, as it happens: the stream of a server as a source for [`Following`].

use http_body_util::BodyExt;
use hyper::body::Incoming;

use crate::error::ClientError;
use crate::stream::{Body, Failure, Following, Source};
use crate::wire::{Ask, Client, root_cause};

/// A stream of some topics.
#[derive(Debug)]
pub struct Live {
    client: Client,
    topics: String,
}

/// The bytes of one, while it is open.
#[derive(Debug)]
pub struct Bytes(Incoming);

impl Client {
    /// Follows topics, such as `runs` or `run:ID`, from now on or from a cursor on, for as long as it is asked. `random` is
    /// for the waits between attempts.
    #[must_use]
    pub fn follow<R: FnMut() -> u64>(&self, topics: &str, after: Option<&str>, random: R) -> Following<Live, R> {
        Following::new(Live { client: self.clone(), topics: topics.to_owned() }, after, random)
    }
}

impl Source for Live {
    type Body = Bytes;
    type Error = ClientError;

    async fn open(&mut self, after: Option<&str>) -> Result<Bytes, Failure<ClientError>> {
        let mut query = vec![("topics", self.topics.clone())];
        query.extend(after.map(|after| ("after", after.to_owned())));
        match self.client.open(Ask { query, ..Ask::get("/events/stream") }).await {
            Ok(response) => Ok(Bytes(response.into_body())),
            Err(error) if error.is_transient() => Err(Failure::Again(error.to_string(), None)),
            Err(error) => Err(Failure::Final(error)),
        }
    }
}

impl Body for Bytes {
    async fn next(&mut self) -> Result<Option<Vec<u8>>, String> {
        loop {
            match self.0.frame().await {
                None => return Ok(None),
                Some(Err(error)) => return Err(root_cause(&error)),
                Some(Ok(frame)) => {
                    if let Ok(bytes) = frame.into_data() {
                        return Ok(Some(bytes.to_vec()));
                    }
                }
            }
        }
    }
}
