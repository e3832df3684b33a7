//! Which media type a file has, by the end of its name. Nobody looks into it: a type says what whoever made a file says it is.

use crate::artifact::OCTETS;

/// Ends of names, in lower case, and what they stand for.
const TYPES: &[(&str, &str)] = &[
    ("aac", "audio/aac"),
    ("avi", "video/x-msvideo"),
    ("avif", "image/avif"),
    ("bmp", "image/bmp"),
    ("bz2", "application/x-bzip2"),
    ("css", "text/css; charset=utf-8"),
    ("csv", "text/csv; charset=utf-8"),
    ("flac", "audio/flac"),
    ("gif", "image/gif"),
    ("gz", "application/gzip"),
    ("htm", "text/html; charset=utf-8"),
    ("html", "text/html; charset=utf-8"),
    ("ico", "image/vnd.microsoft.icon"),
    ("ics", "text/calendar; charset=utf-8"),
    ("jpeg", "image/jpeg"),
    ("jpg", "image/jpeg"),
    ("js", "text/javascript; charset=utf-8"),
    ("json", "application/json"),
    ("jsonl", "application/jsonl"),
    ("log", "text/plain; charset=utf-8"),
    ("m3u8", "application/vnd.apple.mpegurl"),
    ("m4a", "audio/mp4"),
    ("m4v", "video/mp4"),
    ("md", "text/markdown; charset=utf-8"),
    ("mkv", "video/matroska"),
    ("mov", "video/quicktime"),
    ("mp3", "audio/mpeg"),
    ("mp4", "video/mp4"),
    ("mpg", "video/mpeg"),
    ("ogg", "audio/ogg"),
    ("opus", "audio/ogg"),
    ("parquet", "application/vnd.apache.parquet"),
    ("pdf", "application/pdf"),
    ("png", "image/png"),
    ("srt", "application/x-subrip"),
    ("svg", "image/svg+xml"),
    ("tar", "application/x-tar"),
    ("tgz", "application/gzip"),
    ("tif", "image/tiff"),
    ("tiff", "image/tiff"),
    ("ts", "video/mp2t"),
    ("tsv", "text/tab-separated-values; charset=utf-8"),
    ("txt", "text/plain; charset=utf-8"),
    ("vtt", "text/vtt; charset=utf-8"),
    ("wasm", "application/wasm"),
    ("wav", "audio/wav"),
    ("webm", "video/webm"),
    ("webp", "image/webp"),
    ("xml", "application/xml"),
    ("xz", "application/x-xz"),
    ("yaml", "application/yaml"),
    ("yml", "application/yaml"),
    ("zip", "application/zip"),
    ("zst", "application/zstd"),
];

/// The media type of a file of this name.
#[must_use]
pub fn of_name(name: &str) -> &'static str {
    let base = name.rsplit('/').next().unwrap_or(name);
    // What only begins with a dot has no end: `.gz` is a name.
    let end = base.rsplit_once('.').filter(|(start, _)| !start.is_empty()).map(|(_, end)| end.to_ascii_lowercase());
    let found = end.and_then(|end| TYPES.binary_search_by(|(known, _)| (*known).cmp(&end)).ok());
    found.map_or(OCTETS, |at| TYPES[at].1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::is_content_type;

    #[test]
    fn ends_of_names() {
        for (name, expected) in [
            ("a.MP4", "video/mp4"),
            ("out.d/a.tar.gz", "application/gzip"),
            ("a.svg", "image/svg+xml"),
            (".gz", OCTETS),
            ("a", OCTETS),
            ("a.", OCTETS),
            ("a.mp4/b", OCTETS),
            ("a.unknown", OCTETS),
        ] {
            assert_eq!(of_name(name), expected, "{name}");
        }
        assert!(TYPES.is_sorted_by(|a, b| a.0 < b.0), "they are found by halving");
        assert!(TYPES.iter().all(|(_, media)| is_content_type(media)));
    }
}
