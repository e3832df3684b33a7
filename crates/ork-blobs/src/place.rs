//! What a URL of a place says.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// A place for bytes, as a URL names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// `file:PATH`, or a path.
    Folder(PathBuf),
    /// A store of objects.
    Objects(Bucket),
}

/// Part of a store of objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    /// Whose protocol it speaks.
    pub provider: Provider,
    /// The bucket, or the container.
    pub name: String,
    /// What stands before each key; empty, or without `/` at its ends.
    pub prefix: String,
    /// What is said after `?`, by the names of [`Provider::options`].
    pub options: Vec<(String, String)>,
}

/// Who keeps objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provider {
    /// Amazon S3, and whoever speaks its protocol.
    S3,
    /// Cloudflare R2.
    R2,
    /// Google Cloud Storage.
    Google,
    /// Azure Blob Storage.
    Azure,
}

/// Forms, for whoever wrote another.
const FORMS: &str = "file:PATH, s3://BUCKET/PREFIX, r2://BUCKET/PREFIX, gs://BUCKET/PREFIX or az://CONTAINER/PREFIX";

impl Provider {
    const ALL: [(&'static str, Self); 4] =
        [("s3", Self::S3), ("r2", Self::R2), ("gs", Self::Google), ("az", Self::Azure)];

    /// What may be said after `?`.
    const fn options(self) -> &'static [&'static str] {
        match self {
            Self::S3 => &["endpoint", "region", "path_style", "checksum"],
            Self::R2 => &["account", "endpoint"],
            Self::Google => &["endpoint"],
            Self::Azure => &["account", "endpoint"],
        }
    }

    /// Where credentials come from.
    pub(crate) const fn credentials(self) -> &'static str {
        match self {
            Self::S3 | Self::R2 => {
                "credentials come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or from the role of the machine"
            }
            Self::Google => "credentials come from GOOGLE_APPLICATION_CREDENTIALS, or from the role of the machine",
            Self::Azure => {
                "credentials come from AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY, or from the role of the machine"
            }
        }
    }
}

impl Bucket {
    /// What was said of an option.
    pub(crate) fn option(&self, name: &str) -> Option<&str> {
        self.options.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }
}

/// Without options, which say nothing of where.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path) => write!(f, "file:{}", path.display()),
            Self::Objects(bucket) => {
                let scheme = Provider::ALL
                    .iter()
                    .find(|(_, provider)| *provider == bucket.provider)
                    .map_or("", |(name, _)| name);
                write!(f, "{scheme}://{}", bucket.name)?;
                if bucket.prefix.is_empty() { Ok(()) } else { write!(f, "/{}", bucket.prefix) }
            }
        }
    }
}

impl FromStr for Place {
    type Err = String;

    fn from_str(url: &str) -> Result<Self, String> {
        if url.chars().any(char::is_control) {
            return Err("the URL of the artifact store holds a control character".into());
        }
        if let Some((scheme, rest)) = url.split_once("://").filter(|(scheme, _)| *scheme != "file") {
            let known = Provider::ALL.iter().find(|(name, _)| *name == scheme);
            let Some((_, provider)) = known else {
                // Whatever else stands there may be a secret.
                return Err(format!("`{scheme}://` is not where artifacts can be kept: it is {FORMS}"));
            };
            return bucket(*provider, scheme, rest).map(Self::Objects);
        }
        let path = url.strip_prefix("file:").unwrap_or(url);
        let path = path.strip_prefix("//").unwrap_or(path);
        let has_scheme = path == url
            && !url.starts_with(['/', '.', '~'])
            && url.split('/').next().is_some_and(|first| first.contains(':'));
        if path.is_empty() || has_scheme {
            return Err(format!("the URL of the artifact store names no place: it is {FORMS}"));
        }
        let path = std::path::absolute(path).map_err(|error| format!("`{path}`: {error}"))?;
        Ok(Self::Folder(path))
    }
}

fn bucket(provider: Provider, scheme: &str, rest: &str) -> Result<Bucket, String> {
    let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
    let hint = provider.credentials();
    if place.contains('@') {
        return Err(format!(
            "the URL of an artifact store is shown and logged, so it holds no name and no password; {hint}"
        ));
    }
    let (name, prefix) = place.split_once('/').unwrap_or((place, ""));
    let is_fine = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    if name.is_empty() || !is_fine(name) || name.starts_with('.') {
        return Err(format!("`{scheme}://` is followed by the name of a bucket: {scheme}://BUCKET/PREFIX"));
    }
    let prefix = prefix.trim_end_matches('/');
    let is_path =
        |text: &str| text.split('/').all(|part| !part.is_empty() && !matches!(part, "." | "..") && is_fine(part));
    if !prefix.is_empty() && !is_path(prefix) {
        return Err(format!(
            "the prefix `{prefix}` is made of names with letters, digits, `.`, `_` and `-`, and `/` between them"
        ));
    }
    let mut options = Vec::new();
    for (option, value) in
        query.split('&').filter(|pair| !pair.is_empty()).map(|pair| pair.split_once('=').unwrap_or((pair, "")))
    {
        let known = provider.options();
        if !known.contains(&option) {
            let secret = ["key", "secret", "token", "password", "sig", "sas", "credential"];
            return Err(match secret.iter().any(|word| option.to_ascii_lowercase().contains(word)) {
                true => format!("the URL of an artifact store is shown and logged, so it holds no secrets; {hint}"),
                false => format!("`{option}` is not an option of {scheme}://: they are {}", known.join(", ")),
            });
        }
        options.push((option.to_owned(), decoded(value)?));
    }
    Ok(Bucket { provider, name: name.into(), prefix: prefix.into(), options })
}

/// A value with its `%XX`.
fn decoded(value: &str) -> Result<String, String> {
    let mut bytes = Vec::new();
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = [rest.next(), rest.next()].map(|digit| digit.and_then(|digit| char::from(digit).to_digit(16)));
        let [Some(high), Some(low)] = digits else { return Err(format!("`{value}` holds a `%` without two digits")) };
        bytes.push(u8::try_from(high * 16 + low).unwrap_or_default());
    }
    let text = String::from_utf8(bytes).ok().filter(|text| !text.chars().any(char::is_control));
    text.ok_or_else(|| format!("`{value}` is not text"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str, expected: Result<&str, &str>) {
        let read = url.parse::<Place>();
        match (&read, expected) {
            (Ok(place), Ok(shown)) => assert_eq!(place.to_string(), shown, "{url}"),
            (Err(error), Err(words)) => assert!(error.contains(words), "{url}: {error}"),
            _ => panic!("{url}: {read:?}"),
        }
    }

    #[test]
    fn urls_name_places() {
        check("file:/a/b", Ok("file:/a/b"));
        check("file:///a/b", Ok("file:/a/b"));
        check("/a/b", Ok("file:/a/b"));
        check("s3://bucket", Ok("s3://bucket"));
        check("s3://bucket/", Ok("s3://bucket"));
        check("s3://bucket/a/b/?region=eu-1&endpoint=http%3A//127.0.0.1:9000", Ok("s3://bucket/a/b"));
        check("r2://bucket/a?account=0123", Ok("r2://bucket/a"));
        check("gs://bucket/a", Ok("gs://bucket/a"));
        check("az://container/a?account=ada", Ok("az://container/a"));
    }

    #[test]
    fn what_names_none_is_refused() {
        check("", Err("names no place"));
        check("file:", Err("names no place"));
        check("ftp://host/a", Err("`ftp://` is not where artifacts can be kept"));
        check("https://ada:secret@host/a", Err("`https://` is not"));
        check("s3:bucket", Err("names no place"));
        check("s3://", Err("the name of a bucket"));
        check("s3:///a", Err("the name of a bucket"));
        check("s3://../a", Err("the name of a bucket"));
        check("s3://bucket/../a", Err("the prefix"));
        check("s3://bucket/a//b", Err("the prefix"));
        check("s3://bucket/a b", Err("the prefix"));
        check("s3://bucket?colour=red", Err("`colour` is not an option of s3://: they are endpoint, region"));
        check("s3://bucket?endpoint=%zz", Err("without two digits"));
        check("s3://bucket?endpoint=%00", Err("is not text"));
        check("s3://a\nb", Err("control character"));
    }

    #[test]
    fn credentials_in_a_url_are_refused_and_not_repeated() {
        for url in [
            "s3://AKIA:hunter2hunter2@bucket/a",
            "s3://bucket?aws_secret_access_key=hunter2hunter2",
            "s3://bucket?token=hunter2hunter2",
            "az://container?sig=hunter2hunter2",
            "gs://bucket?service_account_key=hunter2hunter2",
            "https://ada:hunter2hunter2@host",
        ] {
            let error = url.parse::<Place>().unwrap_err();
            assert!(!error.contains("hunter2"), "{error}");
            assert!(url.starts_with("https") || error.contains("credentials come from"), "{error}");
        }
    }
}
