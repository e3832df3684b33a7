//! Artifacts in a store that gives addresses of its own, that fails, or that is not there.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::Request;
use ork_core::access::Role;
use ork_core::blobs::{BlobError, BlobKey, BlobResult, Blobs, ByteSource, Expected, LinkUse, Written};
use ork_core::checksum::Checksum;
use serde_json::{Value, json};
use tower_service::Service;

use super::{PLAIN, Stage};
use crate::listen::Peer;

/// Bytes in memory, which are given in pieces of a few.
#[derive(Default)]
struct Memory {
    kept: Mutex<BTreeMap<String, Vec<u8>>>,
    links: bool,
    is_down: Mutex<bool>,
}

struct Slices(Vec<Vec<u8>>);

#[async_trait]
impl ByteSource for Slices {
    async fn next(&mut self) -> BlobResult<Option<Vec<u8>>> {
        Ok(self.0.pop())
    }
}

impl Memory {
    fn check_up(&self) -> BlobResult<()> {
        if *self.is_down.lock().unwrap() { Err(BlobError::Unavailable("it is away".into())) } else { Ok(()) }
    }

    /// Changes the bytes of everything that is kept.
    fn spoil(&self, change: impl Fn(&mut Vec<u8>)) {
        self.kept.lock().unwrap().values_mut().for_each(change);
    }
}

#[async_trait]
impl Blobs for Memory {
    async fn put(&self, key: &BlobKey, bytes: &mut dyn ByteSource, expected: &Expected) -> BlobResult<Written> {
        self.check_up()?;
        let mut all = Vec::new();
        while let Some(piece) = bytes.next().await? {
            all.extend(piece);
        }
        let written = Written { size: all.len() as u64, checksum: Checksum::of(&all) };
        if expected.checksum.as_ref().is_some_and(|checksum| *checksum != written.checksum) {
            return Err(BlobError::Refused("another checksum".into()));
        }
        self.kept.lock().unwrap().insert(key.to_string(), all);
        Ok(written)
    }

    async fn get(&self, key: &BlobKey, range: Option<Range<u64>>) -> BlobResult<Box<dyn ByteSource>> {
        self.check_up()?;
        let kept = self.kept.lock().unwrap();
        let all = kept.get(key.as_str()).ok_or_else(|| BlobError::NotFound(key.to_string()))?;
        let range = range.map_or(0..all.len(), |range| range.start as usize..range.end as usize);
        Ok(Box::new(Slices(all[range].chunks(4).rev().map(<[u8]>::to_vec).collect())))
    }

    async fn size(&self, key: &BlobKey) -> BlobResult<Option<u64>> {
        Ok(self.kept.lock().unwrap().get(key.as_str()).map(|bytes| bytes.len() as u64))
    }

    async fn remove(&self, key: &BlobKey) -> BlobResult<()> {
        self.kept.lock().unwrap().remove(key.as_str());
        Ok(())
    }

    async fn link(&self, key: &BlobKey, use_: LinkUse, seconds: u64) -> BlobResult<Option<String>> {
        assert_eq!(use_, LinkUse::Put);
        Ok(self.links.then(|| format!("https://store.example/{key}?seconds={seconds}")))
    }

    async fn check(&self) -> BlobResult<()> {
        self.check_up()
    }
}

type Change = fn(&mut Vec<u8>);

fn wish(text: &str) -> Value {
    json!({"name": "a.txt", "size": text.len(), "checksum": Checksum::of(text.as_bytes()), "expires_in_ms": 60_000})
}

#[tokio::test]
async fn without_a_store_only_addresses_are_kept() {
    let stage = Stage::new().await;
    let ada = stage.token("ada", Role::User).await;
    let (run, _) = stage.gate(PLAIN).await;
    let route = format!("POST /api/v1/runs/{run}/artifacts");
    let far = stage.ask(&ada, &route, json!({"name": "far", "url": "gs://b/far"})).await;
    assert_eq!(far.status, 201, "{}", far.body);
    let id = far.json()["id"].as_str().unwrap().to_owned();
    let bearer = format!("Bearer {ada}");
    let bytes = stage
        .send(&format!("{route}?name=a"), &[("authorization", &bearer), ("content-length", "3")], "one".into())
        .await;
    let prepared = stage.ask(&ada, &format!("{route}/presign"), wish("one")).await;
    let verified = stage.ask(&ada, &format!("{route}/verify"), Value::Null).await;
    for refused in [bytes, prepared, verified] {
        assert_eq!((refused.status, &refused.json()["code"]), (503, &json!("no-artifact-store")), "{}", refused.body);
    }
    for route in [format!("GET /api/v1/artifacts/{id}/content"), format!("POST /api/v1/artifacts/{id}/verify")] {
        assert_eq!(stage.ask(&ada, &route, Value::Null).await.status, if route.starts_with("GET") { 409 } else { 503 });
    }
}

#[tokio::test]
async fn bytes_go_right_into_a_store_that_has_addresses() {
    let memory = Arc::new(Memory { links: true, ..Memory::default() });
    let stage = Stage::keeping(Some(Arc::clone(&memory) as _), |_| {}).await;
    let ada = stage.token("ada", Role::User).await;
    let (run, _) = stage.gate(PLAIN).await;
    let prepare =
        async || stage.ask(&ada, &format!("POST /api/v1/runs/{run}/artifacts/presign"), wish("one")).await.json();
    let complete = async |prepared: &Value| {
        let route = format!("POST /api/v1/artifacts/{}/complete", prepared["artifact_id"].as_str().unwrap());
        stage.ask(&ada, &route, json!({"token": prepared["token"]})).await
    };
    let send = |prepared: &Value, text: &str| {
        let (key, seconds) = prepared["url"].as_str().unwrap().rsplit_once("?seconds=").unwrap();
        assert_eq!(seconds, "60");
        let key = key.strip_prefix("https://store.example/").unwrap().to_owned();
        memory.kept.lock().unwrap().insert(key, text.into());
    };
    let (good, bad, late) = (prepare().await, prepare().await, prepare().await);
    assert_eq!(complete(&good).await.status, 409, "nothing came");
    send(&good, "one");
    send(&bad, "two");
    send(&late, "one");
    let wrong = complete(&bad).await;
    let detail = wrong.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains(&Checksum::of(b"one")) && detail.contains(&Checksum::of(b"two")), "{detail}");
    assert_eq!(wrong.status, 422);
    *memory.is_down.lock().unwrap() = true;
    let down = complete(&good).await;
    assert_eq!(
        (down.status, &down.json()["code"], down.header("retry-after")),
        (503, &json!("artifact-store-down"), "1")
    );
    *memory.is_down.lock().unwrap() = false;
    let kept = complete(&good).await;
    assert_eq!((kept.status, &kept.json()["size"]), (201, &json!(3)), "{}", kept.body);
    // Only whoever the run is for completes it.
    let other = stage.token("bob", Role::Viewer).await;
    let route = format!("POST /api/v1/artifacts/{}/complete", late["artifact_id"].as_str().unwrap());
    assert_eq!(stage.ask(&other, &route, json!({"token": late["token"]})).await.status, 403);
    // Their time is over: the janitor has the first word.
    stage.pass(24 * 3_600_000);
    let store = &stage.server.store;
    let doomed = store.doom_blobs(stage.server.clock.now(), 100).await.unwrap();
    assert_eq!(doomed.len(), 2, "{doomed:?}");
    assert_eq!(complete(&late).await.status, 409);
    assert_eq!(complete(&good).await.status, 201, "what has a name keeps it");
}

#[tokio::test]
async fn nobody_sees_a_clean_end_of_wrong_bytes() {
    let (memory, heard) = (Arc::new(Memory::default()), Arc::new(Mutex::new(Vec::new())));
    let ear = Arc::clone(&heard);
    let alarm = move |what: &str| ear.lock().unwrap().push(what.to_owned());
    let stage = Stage::keeping(Some(Arc::clone(&memory) as _), alarm).await;
    let ada = stage.token("ada", Role::User).await;
    let (run, _) = stage.gate(PLAIN).await;
    let bearer = format!("Bearer {ada}");
    let headers = [("authorization", bearer.as_str()), ("content-length", "10")];
    let kept =
        stage.send(&format!("POST /api/v1/runs/{run}/artifacts?name=a.txt"), &headers, "0123456789".into()).await;
    let id = kept.json()["id"].as_str().unwrap().to_owned();
    let get = async |range: Option<&str>| {
        let mut request =
            Request::get(format!("/api/v1/artifacts/{id}/content")).header("authorization", format!("Bearer {ada}"));
        if let Some(range) = range {
            request = request.header("range", range);
        }
        let mut request = request.body(Body::empty()).unwrap();
        request.extensions_mut().insert(ConnectInfo(Peer([127, 0, 0, 1].into())));
        let response = stage.router.clone().call(request).await.unwrap();
        to_bytes(response.into_body(), usize::MAX).await.map(|bytes| String::from_utf8(bytes.to_vec()).unwrap()).ok()
    };
    assert_eq!(get(None).await.as_deref(), Some("0123456789"));
    assert_eq!(heard.lock().unwrap().len(), 0);
    let changes: [Change; 4] = [|b| b[9] ^= 1, |b| b[0] ^= 3, |b| b.push(b'x'), |b| b.truncate(8)];
    for change in changes {
        let whole = memory.kept.lock().unwrap().clone();
        memory.spoil(change);
        assert_eq!(get(None).await, None, "it is cut");
        *memory.kept.lock().unwrap() = whole;
    }
    let alarms = heard.lock().unwrap().clone();
    assert!(alarms.len() == 4 && alarms.iter().all(|what| what.contains(&id) && what.contains("a.txt")), "{alarms:?}");
    assert_eq!(get(Some("bytes=2-6")).await.as_deref(), Some("23456"));
}

#[tokio::test]
async fn a_body_that_breaks_off_creates_nothing() {
    let memory = Arc::new(Memory::default());
    let stage = Stage::keeping(Some(Arc::clone(&memory) as _), |_| {}).await;
    let ada = stage.token("ada", Role::User).await;
    let (run, _) = stage.gate(PLAIN).await;
    let pieces = [Ok("some".to_owned()), Err(std::io::Error::other("gone"))];
    let request = Request::post(format!("/api/v1/runs/{run}/artifacts?name=a.txt"))
        .header("authorization", format!("Bearer {ada}"))
        .header("transfer-encoding", "chunked");
    let mut request = request.body(Body::from_stream(futures_util::stream::iter(pieces))).unwrap();
    request.extensions_mut().insert(ConnectInfo(Peer([127, 0, 0, 1].into())));
    let response = stage.router.clone().call(request).await.unwrap();
    assert_eq!(response.status(), 400);
    let listed = stage.ask(&ada, &format!("GET /api/v1/runs/{run}/artifacts"), Value::Null).await.json();
    assert_eq!((listed["items"].as_array().unwrap().len(), memory.kept.lock().unwrap().len()), (0, 0));
}
