//! Who keeps the objects, as the URL and the variables say.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey, Checksum};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::multipart::MultipartStore;
use object_store::signer::Signer;
use object_store::{BackoffConfig, ObjectStore, RetryConfig};
use ork_http::Transport;

use super::reason;
use super::wire::Wire;
use crate::Variables;
use crate::place::{Bucket, Provider};

/// All that is asked of a provider.
pub trait Remote: ObjectStore + MultipartStore + Signer {}

impl<T: ObjectStore + MultipartStore + Signer> Remote for T {}

/// How often a request is repeated that got no answer, or 429 or 5xx.
const RETRIES_MAX: usize = 3;

fn retries() -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig {
            init_backoff: Duration::from_millis(100),
            max_backoff: Duration::from_secs(1),
            base: 2.0,
        },
        max_retries: RETRIES_MAX,
        retry_timeout: Duration::from_secs(60),
    }
}

/// Makes what speaks to a provider. Nothing is asked yet.
///
/// # Errors
/// When options and variables do not go together.
pub fn connect(bucket: &Bucket, variables: &Variables, http: &Transport) -> Result<Arc<dyn Remote>, String> {
    match bucket.provider {
        Provider::S3 => s3(bucket, variables, http),
        Provider::R2 => r2(bucket, variables, http),
        Provider::Google => google(bucket, variables, http),
        Provider::Azure => azure(bucket, variables, http),
    }
}

/// Variables of the environment that begin like this and that a builder knows, by its keys.
fn known<'v, K: FromStr>(variables: &'v Variables, begin: &str) -> impl Iterator<Item = (K, &'v str)> {
    let own = variables.iter().filter(move |(name, _)| name.starts_with(begin));
    own.filter_map(|(name, value)| Some((name.to_ascii_lowercase().parse().ok()?, value.as_str())))
}

fn amazon_of(variables: &Variables) -> AmazonS3Builder {
    known(variables, "AWS_").fold(AmazonS3Builder::new(), |builder, (key, value)| builder.with_config(key, value))
}

/// Whether somebody who runs Ork named an address without encryption.
fn is_plain(endpoint: &str) -> bool {
    endpoint.starts_with("http://")
}

fn endpoint(bucket: &Bucket) -> Result<Option<&str>, String> {
    match bucket.option("endpoint") {
        Some(url) if !url.starts_with("https://") && !is_plain(url) => {
            Err(format!("the endpoint `{url}` begins with neither `https://` nor `http://`"))
        }
        found => Ok(found),
    }
}

fn told<T>(bucket: &Bucket, built: object_store::Result<T>) -> Result<T, String> {
    built.map_err(|error| {
        format!("the artifact store `{}`: {} ({})", bucket.name, reason(&error), bucket.provider.credentials())
    })
}

fn s3(bucket: &Bucket, variables: &Variables, http: &Transport) -> Result<Arc<dyn Remote>, String> {
    let mut builder = amazon_of(variables);
    if let Some(region) = bucket.option("region") {
        builder = builder.with_region(region);
    }
    match bucket.option("path_style").unwrap_or("true") {
        "true" => {}
        "false" => builder = builder.with_virtual_hosted_style_request(true),
        other => return Err(format!("`path_style` is true or false, and not `{other}`")),
    }
    let has_own = builder.get_config_value(&AmazonS3ConfigKey::Checksum).is_some();
    match bucket.option("checksum").unwrap_or("sha256") {
        "sha256" if has_own => {}
        "sha256" => builder = builder.with_checksum_algorithm(Checksum::SHA256),
        "none" => {}
        other => return Err(format!("`checksum` is sha256 or none, and not `{other}`")),
    }
    if let Some(url) = endpoint(bucket)? {
        builder = builder.with_config(AmazonS3ConfigKey::S3Endpoint, url);
    }
    let named = [AmazonS3ConfigKey::S3Endpoint, AmazonS3ConfigKey::Endpoint];
    let named = named.iter().find_map(|key| builder.get_config_value(key));
    amazon(bucket, builder, http, named.as_deref().is_some_and(is_plain))
}

fn r2(bucket: &Bucket, variables: &Variables, http: &Transport) -> Result<Arc<dyn Remote>, String> {
    let url = match (endpoint(bucket)?, bucket.option("account")) {
        (Some(url), None) => url.to_owned(),
        (None, Some(account)) if !account.is_empty() && account.bytes().all(|b| b.is_ascii_alphanumeric()) => {
            format!("https://{account}.r2.cloudflarestorage.com")
        }
        _ => return Err("r2:// needs the account, by its id: r2://BUCKET/PREFIX?account=ID".into()),
    };
    let is_plain = is_plain(&url);
    // Its parts are signed with their SHA-256, which it compares.
    let builder = amazon_of(variables).with_region("auto").with_config(AmazonS3ConfigKey::S3Endpoint, url);
    amazon(bucket, builder, http, is_plain)
}

fn amazon(
    bucket: &Bucket,
    builder: AmazonS3Builder,
    http: &Transport,
    is_plain: bool,
) -> Result<Arc<dyn Remote>, String> {
    let mut builder = builder
        .with_bucket_name(&bucket.name)
        .with_retry(retries())
        // One request an object: not everybody who speaks the protocol knows the other.
        .with_disable_bulk_delete(true)
        .with_http_connector(Wire(http.clone()));
    if is_plain {
        builder = builder.with_allow_http(true);
    }
    Ok(Arc::new(told(bucket, builder.build())?))
}

fn google(bucket: &Bucket, variables: &Variables, http: &Transport) -> Result<Arc<dyn Remote>, String> {
    let own = known(variables, "GOOGLE_");
    let mut builder = own
        .fold(GoogleCloudStorageBuilder::new(), |builder, (key, value)| builder.with_config(key, value))
        .with_bucket_name(&bucket.name)
        .with_retry(retries())
        .with_http_connector(Wire(http.clone()));
    if let Some(url) = endpoint(bucket)? {
        builder = builder.with_base_url(url);
        if is_plain(url) {
            builder = builder.with_client_options(object_store::ClientOptions::new().with_allow_http(true));
        }
    }
    Ok(Arc::new(told(bucket, builder.build())?))
}

fn azure(bucket: &Bucket, variables: &Variables, http: &Transport) -> Result<Arc<dyn Remote>, String> {
    let own = known(variables, "AZURE_").chain(known(variables, "IDENTITY_ENDPOINT"));
    let mut builder = own
        .fold(MicrosoftAzureBuilder::new(), |builder, (key, value)| builder.with_config(key, value))
        .with_container_name(&bucket.name)
        .with_retry(retries())
        .with_http_connector(Wire(http.clone()));
    if let Some(account) = bucket.option("account") {
        builder = builder.with_account(account);
    }
    if let Some(url) = endpoint(bucket)? {
        builder = builder.with_endpoint(url.to_owned());
    }
    if builder.get_config_value(&AzureConfigKey::Endpoint).as_deref().is_some_and(is_plain) {
        builder = builder.with_allow_http(true);
    }
    Ok(Arc::new(told(bucket, builder.build())?))
}
