//! Uploads that were begun under a key and are not over: what a process leaves that dies.
//!
//! Only S3's protocol lists them. Google removes them by a rule of the bucket, Azure by itself after a week.

use std::time::Duration;

use object_store::path::Path;
use object_store::signer::SignedUrlOptions;
use ork_core::blobs::{BlobError, BlobKey, BlobResult};
use ork_http::{Call, Limits, Method};

use super::Objects;
use crate::place::Provider;

/// How long a request is good for, which is sent at once.
const LIFE: Duration = Duration::from_secs(60);
const LIMITS: Limits = Limits { time: Duration::from_secs(30), bytes: 1 << 20 };

/// Gives up all uploads under a key.
///
/// # Errors
/// `Unavailable` when one cannot be. Who may not list them, or asks somebody who cannot, has none.
pub async fn abort(own: &Objects, key: &BlobKey) -> BlobResult<()> {
    if !matches!(own.provider, Provider::S3 | Provider::R2) {
        return Ok(());
    }
    let path = own.path(key);
    let asked = SignedUrlOptions::default().with_query([("uploads", ""), ("prefix", path.as_ref())]);
    let url = own.remote.signed_url_opts(Method::GET, &Path::from(""), LIFE, &asked).await;
    let Ok(url) = url else { return Ok(()) };
    let call = Call { method: "GET".into(), url: url.into(), headers: Vec::new(), body: Vec::new() };
    let answer = own.http.call(call, LIMITS).await.map_err(|error| BlobError::Unavailable(error.to_string()))?;
    if answer.status != 200 || answer.is_cut {
        return Ok(());
    }
    for id in ids(&String::from_utf8_lossy(&answer.body), path.as_ref()) {
        match own.remote.abort_multipart(&path, &id).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
            Err(error) => return Err(own.failed(key, &error)),
        }
    }
    Ok(())
}

/// The ids of the uploads of exactly this key, in a list of S3's.
fn ids(list: &str, key: &str) -> Vec<String> {
    let uploads = list.split("<Upload>").skip(1).filter_map(|upload| upload.split("</Upload>").next());
    let own = uploads.filter(|upload| held(upload, "Key").is_some_and(|found| found == key));
    own.filter_map(|upload| held(upload, "UploadId")).collect()
}

/// The text of the first element of this name.
fn held(xml: &str, name: &str) -> Option<String> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    let plain = text.trim().replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&apos;", "'");
    Some(plain.replace("&amp;", "&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uploads_of_one_key_are_found() {
        let list = "<?xml version=\"1.0\"?><ListMultipartUploadsResult><Bucket>b</Bucket><Prefix>a/b/c</Prefix>\
            <Upload><Key>a/b/c</Key><UploadId>one</UploadId></Upload>\
            <Upload>\n <Key>a/b/c-2</Key>\n <UploadId>two</UploadId>\n</Upload>\
            <Upload>\n <Key>a/b/c</Key>\n <UploadId>th&amp;lt;ree</UploadId>\n</Upload></ListMultipartUploadsResult>";
        assert_eq!(ids(list, "a/b/c"), ["one", "th&lt;ree"]);
        assert_eq!(ids(list, "a/b/d"), Vec::<String>::new());
        assert_eq!(ids("<Upload><Key>a</Key>", "a"), Vec::<String>::new());
    }
}
